//! Batches into bytes.

mod sse;
mod table;

use arrow_array::RecordBatch;
use dag_model::{Position, Schema};

use crate::Format;
pub use sse::Events;
pub use table::Table;

/// What is written besides the stream's columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EncodeOptions {
    /// A last column `position`, such as `3:1201`. If the stream has a column of that name, underscores go before it.
    pub positions: bool,
}

/// Writes the records of one stream in one format: [`begin`](Encoder::begin) once, [`encode`](Encoder::encode) per batch,
/// [`finish`](Encoder::finish) once. All append to `out`.
pub struct Encoder {
    format: Format,
}

impl Encoder {
    /// A writer of batches with these columns.
    pub fn new(format: Format, schema: &Schema, options: EncodeOptions) -> Encoder {
        let _ = (schema, options);
        Encoder { format }
    }

    /// What comes before all records: the CSV header, the Arrow schema.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        let _ = (self.format, out);
        unimplemented!()
    }

    /// The records of a batch. `positions`, one for each, are needed exactly if the options ask for them.
    ///
    /// # Panics
    /// If the batch has other columns than the schema, or positions are missing.
    pub fn encode(&mut self, batch: &RecordBatch, positions: Option<&[Position]>, out: &mut Vec<u8>) {
        let _ = (batch, positions, out);
        unimplemented!()
    }

    /// What comes after all records: the Arrow end of stream.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let _ = out;
        unimplemented!()
    }
}
