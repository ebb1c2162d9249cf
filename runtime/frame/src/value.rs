//! One value of a column, for code that works by row.

/// A value, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// A value of [`Type::Boolean`](crate::Type::Boolean)
    Boolean(bool),
    /// A value of [`Type::Int64`](crate::Type::Int64)
    Int64(i64),
    /// A value of [`Type::Float64`](crate::Type::Float64)
    Float64(f64),
    /// A value of [`Type::Utf8`](crate::Type::Utf8)
    Utf8(&'a str),
    /// A value of [`Type::Binary`](crate::Type::Binary)
    Binary(&'a [u8]),
    /// A value of [`Type::Timestamp`](crate::Type::Timestamp)
    Timestamp(i64),
}
