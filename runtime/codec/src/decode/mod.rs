//! Bodies into batches.
//!
//! [`Decoder`] is the door; `names` tells which column a name means, `columns` holds the values, `rows` the records taken and
//! refused; `json`, `csv` and `arrow` each read a format.
//!
//! What a column takes:
//!
//! | type | JSON | CSV |
//! |---|---|---|
//! | boolean | `true`, `false` | the same, also `True` and `TRUE` |
//! | int64 | an integer, or a float such as `3.0` that is one | the same |
//! | float64 | a number | the same, also `NaN`, `inf`, `-inf` |
//! | utf8 | text | anything |
//! | binary | base64 | base64 |
//! | timestamp | RFC 3339 text, or an integer in the stream's unit | the same |
//!
//! A column that is not there is null, and so is an empty CSV field, unless it is in quotes (`""`) and its column is utf8 or
//! binary: then it is empty text. Blanks around a CSV value of another type than utf8 do not count. Any NaN, whatever its sign and
//! payload, becomes the one whose bits are those of [`f64::NAN`]: what is one value to a reader is one key to a window.
//!
//! A body is worth no more memory than [`most_decoded`] says of its length: a short line can stand for a thousand nulls. What it takes
//! is asked of a [`Room`], if there is one, before it is taken.

pub(crate) mod arrow;
mod columns;
pub(crate) mod csv;
mod json;
mod names;
mod rows;
mod size;

use std::fmt;

use arrow_array::RecordBatch;
use dag_model::Schema;

pub use size::most_decoded;

use crate::{BodyError, Format, Refusal, TimeColumn};

/// Memory for what bodies come to, shared by those that are decoded at one time.
pub trait Room: fmt::Debug {
    /// Takes so many bytes more, or nothing where there are not as many.
    fn take(&self, bytes: u64) -> bool;
}

/// Reads bodies of records of one stream.
#[derive(Clone, Copy, Debug)]
pub struct Decoder<'a> {
    schema: &'a Schema,
    time: &'a TimeColumn,
    room: Option<&'a dyn Room>,
}

/// What a body came to.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The records that are taken, in the body's order, with the columns of [`dag_model::arrow_schema`].
    pub batch: RecordBatch,
    /// For each record of the batch the line that it begins on.
    pub rows: Vec<u64>,
    /// How many records the body holds, refused ones included; blank lines and a header are none.
    pub records: u64,
    /// The first records that are not taken, and why: up to [`crate::MAX_LISTED`], and [`crate::MAX_LISTED_BYTES`] of text.
    pub refused: Vec<Refusal>,
}

impl Decoded {
    /// How many records are not taken, listed or not.
    pub fn refused_count(&self) -> u64 {
        self.records - self.rows.len() as u64
    }
}

impl<'a> Decoder<'a> {
    /// A reader of bodies of records with these columns and this time.
    pub fn new(schema: &'a Schema, time: &'a TimeColumn) -> Decoder<'a> {
        Decoder { schema, time, room: None }
    }

    /// The same reader, which asks `room` for the memory that the records take.
    pub fn within(self, room: &'a dyn Room) -> Decoder<'a> {
        Decoder { room: Some(room), ..self }
    }

    /// The records of a body whose first line has the number `first_line`, 1 for a body of its own.
    ///
    /// # Errors
    /// If the body as a whole cannot be read as records of the stream: see [`BodyError`].
    pub fn decode(&self, format: Format, bytes: &[u8], first_line: u64) -> Result<Decoded, BodyError> {
        if bytes.len() > i32::MAX as usize {
            return Err(BodyError::TooLong { found: bytes.len() });
        }
        match format {
            Format::Json => json::decode(*self, bytes, first_line),
            Format::Csv => csv::decode(*self, bytes, first_line),
            Format::Arrow => arrow::decode(*self, bytes, first_line),
        }
    }
}

/// The value, or the NaN that stands for all.
fn canonical(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value }
}
