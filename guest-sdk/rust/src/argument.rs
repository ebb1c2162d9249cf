//! One argument: the Rust types that canonical text is read into.

use crate::{ParameterKind, Result};

/// A Rust type that an argument can be read into.
///
/// `Option` of one need not be given, `Vec` of one takes all positional arguments that remain, at least one.
pub trait Argument: Sized {
    /// What the parameter takes.
    const KIND: ParameterKind;
    /// Whether it may be left out with no default.
    const OPTIONAL: bool = false;
    /// Whether it takes several arguments.
    const REPEATED: bool = false;

    /// Reads the canonical texts that were given: exactly one, unless optional or repeated.
    ///
    /// # Errors
    /// If they are not what the parameter takes.
    fn read(texts: &[&str]) -> Result<Self>;
}

impl<T: Argument> Argument for Option<T> {
    const KIND: ParameterKind = T::KIND;
    const OPTIONAL: bool = true;

    fn read(texts: &[&str]) -> Result<Option<T>> {
        if texts.is_empty() { Ok(None) } else { T::read(texts).map(Some) }
    }
}

impl<T: Argument> Argument for Vec<T> {
    const KIND: ParameterKind = T::KIND;
    const REPEATED: bool = true;

    fn read(texts: &[&str]) -> Result<Vec<T>> {
        if texts.is_empty() {
            Err("at least one is needed".to_owned())
        } else {
            texts.iter().map(|text| T::read(&[text])).collect()
        }
    }
}

/// The one text of an argument that is neither optional nor repeated.
fn only<'a>(texts: &[&'a str]) -> Result<&'a str> {
    match texts {
        [text] => Ok(text),
        texts => Err(format!("one argument is expected, {} were given", texts.len())),
    }
}

/// The name of a column of the first input, as the schema has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnName(pub String);

/// Names of columns of the first input, as the schema has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns(pub Vec<String>);

impl Argument for ColumnName {
    const KIND: ParameterKind = ParameterKind::Column;

    fn read(texts: &[&str]) -> Result<ColumnName> {
        Ok(ColumnName(only(texts)?.to_owned()))
    }
}

impl Argument for Columns {
    const KIND: ParameterKind = ParameterKind::Columns;

    fn read(texts: &[&str]) -> Result<Columns> {
        let text = only(texts)?.trim_start_matches('(').trim_end_matches(')');
        Ok(Columns(text.split(',').map(str::to_owned).collect()))
    }
}

impl Argument for i64 {
    const KIND: ParameterKind = ParameterKind::Integer;

    fn read(texts: &[&str]) -> Result<i64> {
        only(texts)?.parse().map_err(|_| format!("expected a whole number, found {}", texts[0]))
    }
}

impl Argument for f64 {
    const KIND: ParameterKind = ParameterKind::Number;

    fn read(texts: &[&str]) -> Result<f64> {
        only(texts)?.parse().map_err(|_| format!("expected a number, found {}", texts[0]))
    }
}
