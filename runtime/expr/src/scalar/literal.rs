//! Constants.

use std::fmt;

use dag_frame::{Column, Type, time};

use crate::syntax::number;

/// A constant value. A time is written as text, which binding reads as a time where one is needed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Null,
    Boolean(bool),
    Int64(i64),
    Float64(f64),
    Utf8(String),
    Timestamp(i64),
}

/// Integers up to this size are doubles too, exactly.
const EXACT: f64 = (1_i64 << 53) as f64;

impl Literal {
    pub fn ty(&self) -> Option<Type> {
        Some(match self {
            Literal::Null => return None,
            Literal::Boolean(_) => Type::Boolean,
            Literal::Int64(_) => Type::Int64,
            Literal::Float64(_) => Type::Float64,
            Literal::Utf8(_) => Type::Utf8,
            Literal::Timestamp(_) => Type::Timestamp,
        })
    }

    /// The integer that a double is, so that `90.0` where a double is needed anyhow is written as `90`.
    pub fn whole(&self) -> Option<i64> {
        match *self {
            Literal::Float64(number)
                if number.trunc() == number && number.abs() <= EXACT && !is_negative_zero(number) =>
            {
                Some(number as i64)
            }
            _ => None,
        }
    }

    /// A column of this one value; a null has the type `ty`.
    pub fn column(&self, ty: Type) -> Column {
        match self {
            Literal::Null => Column::nulls(ty, 1),
            Literal::Boolean(value) => Column::boolean([Some(*value)]),
            Literal::Int64(value) => Column::int64([Some(*value)]),
            Literal::Float64(value) => Column::float64([Some(*value)]),
            Literal::Utf8(value) => Column::utf8([Some(value)]),
            Literal::Timestamp(value) => Column::timestamp([Some(*value)]),
        }
    }
}

fn is_negative_zero(number: f64) -> bool {
    number == 0.0 && number.is_sign_negative()
}

/// `text` in single quotes.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Null => f.write_str("null"),
            Literal::Boolean(value) => value.fmt(f),
            Literal::Int64(value) => value.fmt(f),
            Literal::Float64(value) => {
                let text = number::canonical(*value);
                // Without a point it would be an integer.
                let point = if text.contains(['.', 'e']) { "" } else { ".0" };
                write!(f, "{text}{point}")
            }
            Literal::Utf8(value) => f.write_str(&quote(value)),
            Literal::Timestamp(value) => f.write_str(&quote(&time::format(*value))),
        }
    }
}
