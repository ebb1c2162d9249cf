//! Conversions by `cast(x as type)`. What cannot be converted is null, and counted.

use dag_frame::{Column, Type, Value, time};

use crate::scalar::vector::Vector;
use crate::syntax::number;

/// Whether values of one type can become values of another, as far as each single one allows.
pub(crate) const fn exists(from: Type, to: Type) -> bool {
    match (from, to) {
        (Type::Binary, to) => matches!(to, Type::Utf8),
        (Type::Utf8, _) | (_, Type::Utf8) => true,
        (Type::Boolean | Type::Int64 | Type::Float64, Type::Int64 | Type::Float64) => true,
        (Type::Int64, Type::Boolean | Type::Timestamp) => true,
        (Type::Timestamp, Type::Int64) => true,
        _ => false,
    }
}

/// The values of `vector` as `to`.
pub(crate) fn cast(vector: &Vector, to: Type, failures: &mut u64) -> Column {
    let view = vector.view();
    let column = match to {
        Type::Boolean => Column::boolean(view.iter().map(boolean)),
        Type::Int64 => Column::int64(view.iter().map(int64)),
        Type::Float64 => Column::float64(view.iter().map(float64)),
        Type::Timestamp => Column::timestamp(view.iter().map(timestamp)),
        Type::Binary => Column::binary(view.iter().map(|value| text(value).map(String::into_bytes))),
        Type::Utf8 if view.ty() == Type::Binary => {
            let bytes = view.as_bytes().expect("binary");
            let text = |row| std::str::from_utf8(bytes.get(row)).ok().filter(|_| view.is_valid(row));
            Column::utf8((0..view.len).map(text))
        }
        Type::Utf8 => Column::utf8(view.iter().map(text)),
    };
    *failures += (column.view().null_count() - view.null_count()) as u64;
    column
}

fn boolean(value: Value) -> Option<bool> {
    match value {
        Value::Int64(number) => Some(number != 0),
        Value::Utf8(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::Utf8(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Doubles lose their fraction.
fn int64(value: Value) -> Option<i64> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    match value {
        Value::Boolean(value) => Some(i64::from(value)),
        Value::Timestamp(number) => Some(number),
        Value::Float64(number) => (-END..END).contains(&number).then_some(number as i64),
        Value::Utf8(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn float64(value: Value) -> Option<f64> {
    match value {
        Value::Boolean(value) => Some(f64::from(u8::from(value))),
        Value::Int64(number) => Some(number as f64),
        Value::Utf8(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Integers are nanoseconds since the epoch.
fn timestamp(value: Value) -> Option<i64> {
    match value {
        Value::Int64(number) => Some(number),
        Value::Utf8(text) => time::parse(text.trim()).ok(),
        _ => None,
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::Boolean(value) => Some(value.to_string()),
        Value::Int64(number) => Some(number.to_string()),
        Value::Float64(number) => Some(number::canonical(number)),
        Value::Timestamp(ns) => Some(time::format(ns)),
        Value::Utf8(text) => Some(text.to_owned()),
        Value::Binary(_) | Value::Null => None,
    }
}
