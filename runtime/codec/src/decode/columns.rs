//! The batch in the making: typed columns that a record is appended to, and taken back from if it turns out to be refused.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, StringArray, TimestampNanosecondArray,
    new_null_array,
};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use base64::Engine;
use dag_frame::time;
use dag_model::batch::arrow_type;
use dag_model::{Timestamp, Type};

use super::canonical;
use crate::TimeUnit;
use crate::binary::BASE64;
use crate::refusal::quoted;

/// One column.
pub(crate) struct Column {
    ty: Type,
    /// What integers count in a timestamp column.
    unit: TimeUnit,
    valid: Vec<bool>,
    values: Values,
}

/// Values, with a default at each null's place.
enum Values {
    Boolean(Vec<bool>),
    /// Integers and timestamps.
    Int64(Vec<i64>),
    Float64(Vec<f64>),
    /// Text and binary: offsets, one more than there are values, and bytes.
    Bytes(Vec<i32>, Vec<u8>),
}

/// Why a value does not fit its column; a reason for a [`crate::Refusal`].
pub(crate) type Misfit = String;

impl Column {
    pub fn new(ty: Type, unit: TimeUnit) -> Column {
        let values = match ty {
            Type::Boolean => Values::Boolean(Vec::new()),
            Type::Int64 | Type::Timestamp => Values::Int64(Vec::new()),
            Type::Float64 => Values::Float64(Vec::new()),
            Type::Utf8 | Type::Binary => Values::Bytes(vec![0], Vec::new()),
        };
        Column { ty, unit, valid: Vec::new(), values }
    }

    pub fn len(&self) -> usize {
        self.valid.len()
    }

    /// How many bytes a value takes while the column is made, besides text and binary: its place, and whether it is null.
    pub const fn width(ty: Type) -> u64 {
        1 + match ty {
            Type::Boolean => 1,
            Type::Int64 | Type::Float64 | Type::Timestamp => 8,
            Type::Utf8 | Type::Binary => 4,
        }
    }

    /// Fills up with nulls to `len` values.
    pub fn fill(&mut self, len: usize) {
        if self.valid.len() >= len {
            return;
        }
        self.valid.resize(len, false);
        match &mut self.values {
            Values::Boolean(values) => values.resize(len, false),
            Values::Int64(values) => values.resize(len, 0),
            Values::Float64(values) => values.resize(len, 0.0),
            Values::Bytes(offsets, bytes) => offsets.resize(len + 1, bytes.len() as i32),
        }
    }

    /// Takes back the values from `len` on.
    pub fn truncate(&mut self, len: usize) {
        self.valid.truncate(len);
        match &mut self.values {
            Values::Boolean(values) => values.truncate(len),
            Values::Int64(values) => values.truncate(len),
            Values::Float64(values) => values.truncate(len),
            Values::Bytes(offsets, bytes) => {
                offsets.truncate(len + 1);
                bytes.truncate(offsets.last().map_or(0, |end| *end as usize));
            }
        }
    }

    /// Whether the last value is null.
    pub fn ends_in_null(&self) -> bool {
        self.valid.last() == Some(&false)
    }

    /// A time, in a timestamp column.
    pub fn push_time(&mut self, time: Timestamp) {
        if let Values::Int64(values) = &mut self.values {
            values.push(time.0);
            self.valid.push(true);
        }
    }

    pub fn push_null(&mut self) {
        self.valid.push(false);
        match &mut self.values {
            Values::Boolean(values) => values.push(false),
            Values::Int64(values) => values.push(0),
            Values::Float64(values) => values.push(0.0),
            Values::Bytes(offsets, bytes) => offsets.push(bytes.len() as i32),
        }
    }

    pub fn push_boolean(&mut self, value: bool) -> Result<(), Misfit> {
        match &mut self.values {
            Values::Boolean(values) => values.push(value),
            _ => return Err(self.misfit(&format!("`{value}`"))),
        }
        self.valid.push(true);
        Ok(())
    }

    /// An integer: as such, as a float, or as a time in the column's unit.
    pub fn push_integer(&mut self, value: i64) -> Result<(), Misfit> {
        match (&mut self.values, self.ty) {
            (Values::Int64(values), Type::Timestamp) => match self.unit.time(value) {
                Some(time) => values.push(time.0),
                None => return Err(format!("{value} {} since 1970 is beyond the times that can be told", self.unit)),
            },
            (Values::Int64(values), _) => values.push(value),
            (Values::Float64(values), _) => values.push(value as f64),
            _ => return Err(self.misfit(&format!("`{value}`"))),
        }
        self.valid.push(true);
        Ok(())
    }

    /// A float: as such, or as the integer that it is.
    pub fn push_float(&mut self, value: f64) -> Result<(), Misfit> {
        /// Beyond, a float stands for several integers.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match &mut self.values {
            Values::Float64(values) => values.push(canonical(value)),
            Values::Int64(_) if value.fract() == 0.0 && value.abs() <= EXACT => return self.push_integer(value as i64),
            Values::Int64(_) if value.fract() == 0.0 && self.ty == Type::Int64 => {
                return Err(format!("{value:?} is out of the range of int64 or not an exact number"));
            }
            _ => return Err(self.misfit(&format!("`{value:?}`"))),
        }
        self.valid.push(true);
        Ok(())
    }

    /// Text where only text can be: as such, as base64, or as an RFC 3339 time.
    pub fn push_text(&mut self, text: &str) -> Result<(), Misfit> {
        match (&mut self.values, self.ty) {
            (Values::Bytes(offsets, bytes), Type::Utf8) => {
                bytes.extend_from_slice(text.as_bytes());
                offsets.push(bytes.len() as i32);
            }
            (Values::Bytes(offsets, bytes), _) => match BASE64.decode_vec(text, bytes) {
                Ok(()) => offsets.push(bytes.len() as i32),
                Err(_) => {
                    bytes.truncate(offsets.last().map_or(0, |end| *end as usize));
                    return Err(format!("expected binary as base64, found {}", quoted(text)));
                }
            },
            (Values::Int64(values), Type::Timestamp) => match time::parse(text) {
                Ok(ns) => values.push(ns),
                Err(time::TimeError::Form) => return Err(self.misfit(&quoted(text))),
                Err(error) => return Err(format!("{} is {error}", quoted(text))),
            },
            _ => return Err(self.misfit(&quoted(text))),
        }
        self.valid.push(true);
        Ok(())
    }

    /// A value of any type, written as text. Empty text is null, but for text in quotes where the column takes text or bytes;
    /// blanks around other values than text do not count.
    pub fn push_field(&mut self, field: &str, in_quotes: bool) -> Result<(), Misfit> {
        let trimmed = if self.ty == Type::Utf8 { field } else { field.trim_ascii() };
        let is_text = matches!(self.ty, Type::Utf8 | Type::Binary);
        if trimmed.is_empty() && !(is_text && in_quotes) {
            self.push_null();
            return Ok(());
        }
        match self.ty {
            Type::Utf8 | Type::Binary => self.push_text(trimmed),
            Type::Boolean => match parse_boolean(trimmed) {
                Some(value) => self.push_boolean(value),
                None => Err(self.misfit(&quoted(trimmed))),
            },
            Type::Float64 => match trimmed.parse() {
                Ok(value) => self.push_float(value),
                Err(_) => Err(self.misfit(&quoted(trimmed))),
            },
            Type::Int64 | Type::Timestamp => match trimmed.parse() {
                Ok(value) => self.push_integer(value),
                Err(_) => match trimmed.parse() {
                    Ok(value) => self.push_float(value),
                    Err(_) => self.push_text(trimmed),
                },
            },
        }
    }

    /// A value that no column of this type takes.
    pub fn misfit(&self, found: &str) -> Misfit {
        let expected = match self.ty {
            Type::Timestamp => format!("a time in RFC 3339 or an integer in {}", self.unit),
            ty => ty.to_string(),
        };
        format!("expected {expected}, found {found}")
    }

    /// The values as an Arrow array, filled up with nulls to `len`.
    pub fn finish(mut self, len: usize) -> ArrayRef {
        if self.valid.is_empty() {
            // Pages of zeros, which take no memory until they are written to.
            return new_null_array(&arrow_type(self.ty), len);
        }
        self.fill(len);
        let nulls = self.valid.contains(&false).then(|| NullBuffer::from(self.valid));
        match (self.values, self.ty) {
            (Values::Boolean(values), _) => Arc::new(BooleanArray::new(BooleanBuffer::from(values), nulls)),
            (Values::Int64(values), Type::Timestamp) => {
                Arc::new(TimestampNanosecondArray::new(values.into(), nulls).with_timezone("UTC"))
            }
            (Values::Int64(values), _) => Arc::new(Int64Array::new(values.into(), nulls)),
            (Values::Float64(values), _) => Arc::new(Float64Array::new(values.into(), nulls)),
            (Values::Bytes(offsets, bytes), Type::Utf8) => {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                Arc::new(StringArray::new(offsets, bytes.into(), nulls))
            }
            (Values::Bytes(offsets, bytes), _) => {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                Arc::new(BinaryArray::new(offsets, bytes.into(), nulls))
            }
        }
    }
}

/// `true` and `false` as programs write them.
pub(crate) fn parse_boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}
