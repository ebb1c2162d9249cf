//! Bodies into batches.

use arrow_array::RecordBatch;
use dag_model::Schema;

use crate::{BodyError, Format, Refusal, TimeColumn};

/// Reads bodies of records of one stream.
pub struct Decoder<'a> {
    schema: &'a Schema,
    time: &'a TimeColumn,
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
    /// The first [`crate::MAX_LISTED`] records that are not taken, and why.
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
        Decoder { schema, time }
    }

    /// The records of a body whose first line has the number `first_line` (1 for a body of its own).
    ///
    /// # Errors
    /// If the body as a whole cannot be told: see [`BodyError`].
    pub fn decode(&self, format: Format, bytes: &[u8], first_line: u64) -> Result<Decoded, BodyError> {
        let _ = (self.schema, self.time, format, bytes, first_line);
        unimplemented!()
    }
}
