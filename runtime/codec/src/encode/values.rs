//! The columns of a batch by type.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampNanosecondType};
use arrow_array::{
    Array, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use arrow_schema::DataType;

/// A column.
pub(super) enum Values<'a> {
    Boolean(&'a BooleanArray),
    Int64(&'a Int64Array),
    Float64(&'a Float64Array),
    Utf8(&'a StringArray),
    Binary(&'a BinaryArray),
    Timestamp(&'a TimestampNanosecondArray),
}

impl<'a> Values<'a> {
    /// All columns of a batch.
    ///
    /// # Panics
    /// If one has a type that no stream's column has.
    pub fn of(batch: &'a RecordBatch) -> Vec<Values<'a>> {
        let values = |array: &'a arrow_array::ArrayRef| match array.data_type() {
            DataType::Boolean => Values::Boolean(array.as_boolean()),
            DataType::Int64 => Values::Int64(array.as_primitive::<Int64Type>()),
            DataType::Float64 => Values::Float64(array.as_primitive::<Float64Type>()),
            DataType::Utf8 => Values::Utf8(array.as_string()),
            DataType::Binary => Values::Binary(array.as_binary()),
            DataType::Timestamp(..) => Values::Timestamp(array.as_primitive::<TimestampNanosecondType>()),
            other => panic!("a batch with a column of type {other}"),
        };
        batch.columns().iter().map(values).collect()
    }

    pub fn is_null(&self, row: usize) -> bool {
        match self {
            Values::Boolean(array) => array.is_null(row),
            Values::Int64(array) => array.is_null(row),
            Values::Float64(array) => array.is_null(row),
            Values::Utf8(array) => array.is_null(row),
            Values::Binary(array) => array.is_null(row),
            Values::Timestamp(array) => array.is_null(row),
        }
    }
}

/// Appends a finite float: the shortest text that reads back as it.
pub(super) fn float(out: &mut Vec<u8>, value: f64) {
    debug_assert!(value.is_finite());
    serde_json::to_writer(out, &value).expect("a vector takes all bytes");
}

pub(super) fn integer(out: &mut Vec<u8>, value: i64) {
    serde_json::to_writer(out, &value).expect("a vector takes all bytes");
}

/// Appends anything that can be displayed.
pub(super) fn text(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    write!(out, "{value}").expect("a vector takes all bytes");
}
