//! One argument as its parameter's kind wants it, to canonical text.

use dag_frame::{Schema, Type};

use crate::TIME;
use crate::argument::{boolean_of, column_of, columns_of, duration_of, integer_of, number_of, text_of};
use crate::column;
use crate::error::{Error, Span};
use crate::scalar::{Scalar, quote};
use crate::signature::ParameterKind;
use crate::stream::Input;
use crate::syntax::ast::{Argument, Expr, Node};
use crate::syntax::name::Quoted;
use crate::syntax::{duration, number};

/// What arguments may speak of.
pub(crate) struct Scope<'i> {
    inputs: &'i [Input],
    /// `time` and the columns of the first input.
    columns: Vec<(String, Type)>,
    /// The names that make `name = value` a named argument.
    declared: Vec<&'i str>,
}

impl<'i> Scope<'i> {
    pub fn new(inputs: &'i [Input], declared: Vec<&'i str>) -> Scope<'i> {
        let columns = inputs.first().map_or(Vec::new(), |input| columns(input.stream.schema(), |name| name.to_owned()));
        Scope { inputs, columns, declared }
    }

    /// The columns of the first input, without `time`.
    pub fn columns(&self) -> &[(String, Type)] {
        self.columns.get(1..).unwrap_or_default()
    }

    /// Canonical text of an argument.
    pub fn canonical(&self, kind: ParameterKind, argument: &Argument) -> Result<String, Error> {
        let named = argument.name.as_ref().is_some_and(|name| self.declared.contains(&name.text.as_str()));
        let value = if named { argument.value.clone() } else { argument.equality()? };
        if let (Some(alias), true) = (&argument.alias, kind != ParameterKind::Projection) {
            return Err(Error::new(alias.span.clone(), "`as` names streams and computed columns, not this"));
        }
        match kind {
            ParameterKind::Duration => match duration_of(&value)? {
                ns @ 0.. => Ok(duration::canonical(ns)),
                _ => Err(Error::new(value.span, "this duration must not be negative")),
            },
            ParameterKind::Integer => Ok(integer_of(&value)?.to_string()),
            ParameterKind::Number => canonical_number(&value),
            ParameterKind::Text => Ok(quote(&text_of(&value)?)),
            ParameterKind::Boolean => Ok(boolean_of(&value)?.to_string()),
            ParameterKind::Column => {
                let name = column_of(&value)?;
                column::find(self.columns(), &name, &value.span)?;
                Ok(Quoted(&name).to_string())
            }
            ParameterKind::Columns => Ok(canonical_columns(&self.names(&value)?)),
            ParameterKind::Scalar => Ok(self.guarded(Scalar::bind_expr(&value, &self.columns)?)),
            ParameterKind::Predicate => Ok(self.guarded(predicate(&value, &self.columns)?)),
            ParameterKind::Projection => self.projection(&value, argument),
            ParameterKind::Match => self.matching(&value),
        }
    }

    /// Names of different columns of the first input.
    pub fn names(&self, value: &Expr) -> Result<Vec<String>, Error> {
        let names = columns_of(value)?;
        for (index, name) in names.iter().enumerate() {
            column::find(self.columns(), name, &span_of(value, index))?;
            if names[..index].contains(name) {
                return Err(Error::new(span_of(value, index), format!("the column `{}` is named twice", Quoted(name))));
            }
        }
        Ok(names)
    }

    /// Parentheses keep an equality from being read as a named argument.
    fn guarded(&self, scalar: Scalar) -> String {
        let text = scalar.to_string();
        match text.split_once('=') {
            Some((name, _)) if self.declared.contains(&name) => format!("({text})"),
            _ => text,
        }
    }

    fn projection(&self, value: &Expr, argument: &Argument) -> Result<String, Error> {
        if value.node == Node::Star {
            return match &argument.alias {
                None => Ok("*".to_owned()),
                Some(alias) => {
                    Err(Error::new(alias.span.clone(), "`*` stands for all columns, which keep their names"))
                }
            };
        }
        let scalar = Scalar::bind_expr(value, &self.columns)?;
        let own = scalar.as_column().map(|index| self.columns[index].0.clone());
        let text = self.guarded(scalar);
        match &argument.alias {
            Some(alias) if own.as_ref() != Some(&alias.text) => Ok(format!("{text} as {}", Quoted(&alias.text))),
            _ => Ok(text),
        }
    }

    fn matching(&self, value: &Expr) -> Result<String, Error> {
        if columns_of(value).is_ok() {
            let names = self.names(value)?;
            for (index, name) in names.iter().enumerate() {
                self.check_common(name, &span_of(value, index))?;
            }
            return Ok(canonical_columns(&names));
        }
        let qualified = self
            .inputs
            .iter()
            .flat_map(|input| columns(input.stream.schema(), |name| format!("{}.{name}", input.alias)));
        Ok(self.guarded(predicate(value, &qualified.collect::<Vec<_>>())?))
    }

    /// Whether every input has this column, with one type.
    fn check_common(&self, name: &str, span: &Span) -> Result<(), Error> {
        let (_, ty) = column::find(self.columns(), name, span)?;
        for input in &self.inputs[1..] {
            let alias = Quoted(&input.alias);
            match input.stream.schema().find(name) {
                Some((_, found)) if found == ty => {}
                Some((_, found)) => {
                    let message = format!("`{}` is {ty}, but in {alias} it is {found}", Quoted(name));
                    return Err(Error::new(span.clone(), message));
                }
                None => {
                    let message = format!("there is no column `{}` in {alias}", Quoted(name));
                    let columns = columns(input.stream.schema(), |name| name.to_owned());
                    return Err(Error::new(span.clone(), message).help(column::list(&columns[1..])));
                }
            }
        }
        Ok(())
    }
}

/// `time` and the columns of a schema, by the names that `rename` gives them.
fn columns(schema: &Schema, rename: impl Fn(&str) -> String) -> Vec<(String, Type)> {
    let fields = schema.fields.iter().map(|field| (rename(&field.name), field.ty));
    std::iter::once((rename(TIME), Type::Timestamp)).chain(fields).collect()
}

fn predicate(value: &Expr, columns: &[(String, Type)]) -> Result<Scalar, Error> {
    let scalar = Scalar::bind_expr(value, columns)?;
    if scalar.ty() == Type::Boolean {
        return Ok(scalar);
    }
    let message = format!("expected a condition, found a value of type {}", scalar.ty());
    Err(Error::new(value.span.clone(), message).help("a condition is true or false: value > 90"))
}

fn canonical_number(value: &Expr) -> Result<String, Error> {
    if let Ok(integer) = integer_of(value) {
        return Ok(integer.to_string());
    }
    // Adding zero takes the sign from a zero.
    Ok(number::canonical(number_of(value)? + 0.0))
}

/// `host` or `(host,zone)`
pub(crate) fn canonical_columns(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| Quoted(name).to_string()).collect();
    match quoted.as_slice() {
        [one] => one.clone(),
        more => format!("({})", more.join(",")),
    }
}

/// Where the name at `index` of a list stands.
fn span_of(value: &Expr, index: usize) -> Span {
    match &value.bare().node {
        Node::List(items) => items[index].span.clone(),
        _ => value.bare().span.clone(),
    }
}
