//! Arguments as they reach an operator: canonical text, read back into values.
//!
//! Every function refuses text that is not of its kind.

use dag_frame::Type;

use crate::error::Error;
use crate::scalar::Scalar;
use crate::syntax::ast::{Expr, Node};
use crate::syntax::name::Quoted;
use crate::syntax::parser::{parse, parse_argument};

/// The nanoseconds of `1h30m` or `-5m`.
pub fn duration(text: &str) -> Result<i64, Error> {
    duration_of(&parse(text)?)
}

/// A whole number.
pub fn integer(text: &str) -> Result<i64, Error> {
    integer_of(&parse(text)?)
}

/// A number, whole or not.
pub fn number(text: &str) -> Result<f64, Error> {
    number_of(&parse(text)?)
}

/// What stands in single quotes.
pub fn text(text: &str) -> Result<String, Error> {
    text_of(&parse(text)?)
}

/// `true` or `false`.
pub fn boolean(text: &str) -> Result<bool, Error> {
    boolean_of(&parse(text)?)
}

/// A column's name, without quotes.
pub fn column(text: &str) -> Result<String, Error> {
    column_of(&parse(text)?)
}

/// Columns' names, of `host` or `(host,region)`.
pub fn columns(text: &str) -> Result<Vec<String>, Error> {
    columns_of(&parse(text)?)
}

/// What a projection gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Projection {
    /// `*`: all columns.
    All,
    /// `value*8 as bits`
    Computed {
        /// The computation.
        scalar: Scalar,
        /// The name behind `as`, or that of the column that it is; none where there is neither.
        name: Option<String>,
    },
}

impl Projection {
    /// Reads `*`, a scalar expression over `columns`, or one with a name.
    pub fn bind(text: &str, columns: &[(String, Type)]) -> Result<Projection, Error> {
        let argument = parse_argument(text)?;
        if argument.value.node == Node::Star {
            return Ok(Projection::All);
        }
        let scalar = Scalar::bind_expr(&argument.value, columns)?;
        let own = scalar.as_column().map(|index| columns[index].0.clone());
        Ok(Projection::Computed { scalar, name: argument.alias.map(|alias| alias.text).or(own) })
    }
}

/// How records of several inputs meet.
#[derive(Clone, Debug, PartialEq)]
pub enum Match {
    /// `host`, `(host,region)`: where these columns of all inputs are equal.
    Columns(Vec<String>),
    /// `l.host=r.node`: where this holds.
    Condition(Scalar),
}

impl Match {
    /// Reads names of columns, or a condition over `columns`, whose names are qualified by their input's alias.
    pub fn bind(text: &str, columns: &[(String, Type)]) -> Result<Match, Error> {
        let expr = parse(text)?;
        match columns_of(&expr) {
            Ok(columns) => Ok(Match::Columns(columns)),
            Err(_) => Ok(Match::Condition(Scalar::bind_expr(&expr, columns)?)),
        }
    }
}

pub(crate) fn duration_of(expr: &Expr) -> Result<i64, Error> {
    match &expr.bare().node {
        Node::Duration(ns) => Ok(*ns),
        Node::Neg(inner) => Ok(-duration_of(inner)?),
        Node::Integer(0) => Ok(0),
        _ => Err(expected(expr, "a duration such as 5min")),
    }
}

pub(crate) fn integer_of(expr: &Expr) -> Result<i64, Error> {
    let (negative, magnitude) = match &expr.bare().node {
        Node::Neg(inner) => (true, &inner.bare().node),
        node => (false, node),
    };
    match magnitude {
        Node::Integer(number) => {
            let signed = if negative { -i128::from(*number) } else { i128::from(*number) };
            i64::try_from(signed).map_err(|_| Error::new(expr.span.clone(), "this number does not fit into int64"))
        }
        _ => Err(expected(expr, "a whole number")),
    }
}

pub(crate) fn number_of(expr: &Expr) -> Result<f64, Error> {
    match &expr.bare().node {
        Node::Integer(number) => Ok(*number as f64),
        Node::Float(number) => Ok(*number),
        Node::Neg(inner) => Ok(-number_of(inner)?),
        _ => Err(expected(expr, "a number")),
    }
}

pub(crate) fn text_of(expr: &Expr) -> Result<String, Error> {
    match &expr.bare().node {
        Node::Text(text) => Ok(text.clone()),
        _ => Err(expected(expr, "text in single quotes")),
    }
}

pub(crate) fn boolean_of(expr: &Expr) -> Result<bool, Error> {
    match &expr.bare().node {
        Node::Boolean(value) => Ok(*value),
        _ => Err(expected(expr, "true or false")),
    }
}

pub(crate) fn column_of(expr: &Expr) -> Result<String, Error> {
    match &expr.bare().node {
        Node::Name(name) => Ok(name.clone()),
        _ => Err(expected(expr, "a column's name")),
    }
}

pub(crate) fn columns_of(expr: &Expr) -> Result<Vec<String>, Error> {
    let names = match &expr.bare().node {
        Node::List(items) => items.iter().map(column_of).collect(),
        _ => column_of(expr).map(|name| vec![name]),
    };
    names.map_err(|error| Error {
        message: "expected columns' names, such as host or (host, region)".to_owned(),
        ..error
    })
}

fn expected(expr: &Expr, what: &str) -> Error {
    let error = Error::new(expr.span.clone(), format!("expected {what}, found {}", found(&expr.bare().node)));
    match expr.dashed() {
        Some(name) if name.contains('-') => error.help(format!("a name with a dash is written {}", Quoted(&name))),
        _ => error,
    }
}

/// What this is, for messages.
pub(crate) fn found(node: &Node) -> String {
    match node {
        Node::Name(name) => format!("the name `{}`", Quoted(name)),
        Node::Integer(_) | Node::Float(_) => "a number".to_owned(),
        Node::Text(_) => "a text".to_owned(),
        Node::Boolean(value) => value.to_string(),
        Node::Null => "null".to_owned(),
        Node::Duration(_) => "a duration".to_owned(),
        Node::Star => "`*`".to_owned(),
        Node::List(_) => "a list".to_owned(),
        Node::Call { name, .. } => format!("`{}(...)`", Quoted(&name.text)),
        _ => "a computation".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_text_reads_back() {
        assert_eq!(duration("1h30m"), Ok(5_400_000_000_000));
        assert_eq!(duration("-5m"), Ok(-300_000_000_000));
        assert_eq!(integer("-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(number("-2.5"), Ok(-2.5));
        assert_eq!(text("'it''s'"), Ok("it's".to_owned()));
        assert_eq!(boolean("true"), Ok(true));
        assert_eq!(column("\"cpu-util\""), Ok("cpu-util".to_owned()));
        assert_eq!(columns("(host,\"the zone\")"), Ok(vec!["host".to_owned(), "the zone".to_owned()]));
        assert_eq!(columns("host"), Ok(vec!["host".to_owned()]));
    }

    #[test]
    fn text_of_another_kind_is_refused() {
        assert!(duration("5").is_err());
        assert!(integer("1.5").is_err());
        assert!(number("5m").is_err());
        assert!(text("host").is_err());
        assert!(column("host+1").is_err());
        assert!(columns("(host,1)").is_err());
        let help = columns("cpu-util").unwrap_err().help.unwrap();
        assert_eq!(help, "a name with a dash is written \"cpu-util\"");
    }

    #[test]
    fn a_projection_is_named_by_as_or_by_its_column() {
        let columns = [("value".to_owned(), Type::Float64)];
        let name = |text| match Projection::bind(text, &columns).unwrap() {
            Projection::All => Some("*".to_owned()),
            Projection::Computed { name, .. } => name,
        };
        assert_eq!(name("*").unwrap(), "*");
        assert_eq!(name("value").unwrap(), "value");
        assert_eq!(name("value*2 as twice").unwrap(), "twice");
        assert_eq!(name("value*2"), None);
    }

    #[test]
    fn a_match_is_columns_or_a_condition() {
        let columns = [("l.host".to_owned(), Type::Utf8), ("r.node".to_owned(), Type::Utf8)];
        assert_eq!(
            Match::bind("(host,zone)", &columns),
            Ok(Match::Columns(vec!["host".to_owned(), "zone".to_owned()]))
        );
        let Ok(Match::Condition(scalar)) = Match::bind("(l.host = r.node)", &columns) else { panic!() };
        assert_eq!(scalar.to_string(), "l.host=r.node");
        assert_eq!(scalar.equalities(), (vec![(0, 1)], true));
    }
}
