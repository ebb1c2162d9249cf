//! One argument: the Rust types that canonical text is read into.

use dag_expr::argument::{self, Match, Projection};
use dag_expr::{Error, Scalar};

use crate::{Input, ParameterKind, Result, Schema, Type};

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

/// Implements [`Argument`] for types that canonical text is read into at once.
macro_rules! arguments_of {
    ($($rust:ty = $kind:ident, |$text:ident| $read:expr;)*) => {$(
        impl Argument for $rust {
            const KIND: ParameterKind = ParameterKind::$kind;

            fn read(texts: &[&str]) -> Result<$rust> {
                let $text = only(texts)?;
                $read.map_err(|error: Error| error.to_string())
            }
        }
    )*};
}

arguments_of! {
    Duration = Duration, |text| argument::duration(text).map(Duration);
    i64 = Integer, |text| argument::integer(text);
    f64 = Number, |text| argument::number(text);
    String = Text, |text| argument::text(text);
    bool = Boolean, |text| argument::boolean(text);
    ColumnName = Column, |text| argument::column(text).map(ColumnName);
    Columns = Columns, |text| argument::columns(text).map(Columns);
    Expression = Scalar, |text| Ok(Expression(text.to_owned()));
    Predicate = Predicate, |text| Ok(Predicate(text.to_owned()));
    ProjectionText = Projection, |text| Ok(ProjectionText(text.to_owned()));
    MatchText = Match, |text| Ok(MatchText(text.to_owned()));
}

/// A span of time in nanoseconds. It may be negative: an operator that minds says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub i64);

/// The name of a column of the first input, as its schema has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnName(pub String);

/// Names of columns of the first input, as its schema has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns(pub Vec<String>);

/// A scalar expression over the columns of the first input, `time` among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression(String);

/// A scalar expression of type boolean over the columns of the first input, `time` among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predicate(String);

/// `*`, a scalar expression over the columns of the first input, or one with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectionText(String);

/// Names of columns that all inputs have, or a condition over columns that are qualified by their input's alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchText(String);

impl Expression {
    /// Looks its names up. The result is to be evaluated over [`Batch::columns`](crate::Batch::columns).
    ///
    /// # Errors
    /// If it names a column that is not there, or types do not fit.
    pub fn bind(&self, input: &Schema) -> Result<Scalar> {
        Scalar::bind(&self.0, &batch_columns(input)).map_err(|error| error.to_string())
    }
}

impl Predicate {
    /// As [`Expression::bind`].
    ///
    /// # Errors
    /// As there, and if it is not boolean.
    pub fn bind(&self, input: &Schema) -> Result<Scalar> {
        boolean(Expression(self.0.clone()).bind(input)?)
    }
}

impl ProjectionText {
    /// As [`Expression::bind`].
    ///
    /// # Errors
    /// As there.
    pub fn bind(&self, input: &Schema) -> Result<Projection> {
        Projection::bind(&self.0, &batch_columns(input)).map_err(|error| error.to_string())
    }
}

impl MatchText {
    /// Looks its names up. A condition is to be evaluated over the columns of all inputs, one input behind the other, `time`
    /// first in each.
    ///
    /// # Errors
    /// As [`Expression::bind`], and if a condition is not boolean.
    pub fn bind(&self, inputs: &[Input]) -> Result<Match> {
        let qualified = |input: &Input| {
            let columns = batch_columns(&input.schema).into_iter();
            columns.map(|(name, ty)| (format!("{}.{name}", input.alias), ty)).collect::<Vec<_>>()
        };
        let columns: Vec<_> = inputs.iter().flat_map(qualified).collect();
        match Match::bind(&self.0, &columns).map_err(|error| error.to_string())? {
            Match::Condition(condition) => boolean(condition).map(Match::Condition),
            columns => Ok(columns),
        }
    }
}

/// The names and types of a batch's columns: `time`, then the schema's.
fn batch_columns(input: &Schema) -> Vec<(String, Type)> {
    let columns = input.fields.iter().map(|field| (field.name.clone(), field.ty));
    std::iter::once(("time".to_owned(), Type::Timestamp)).chain(columns).collect()
}

/// The scalar, if it is boolean.
fn boolean(scalar: Scalar) -> Result<Scalar> {
    match scalar.ty() {
        Type::Boolean => Ok(scalar),
        ty => Err(format!("{scalar} is {ty}, expected a condition such as value > 90")),
    }
}
