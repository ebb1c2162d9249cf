//! Aligned columns for a terminal.

use arrow_array::RecordBatch;
use dag_model::{Position, Schema};

use crate::EncodeOptions;

/// Writes records as aligned columns, numbers to the right. Widths come from the first batch and grow when a value needs it.
pub struct Table {
    options: EncodeOptions,
}

impl Table {
    /// A writer of batches with these columns.
    pub fn new(schema: &Schema, options: EncodeOptions) -> Table {
        let _ = schema;
        Table { options }
    }

    /// The records of a batch, after the header if it is the first.
    ///
    /// # Panics
    /// As [`crate::Encoder::encode`].
    pub fn encode(&mut self, batch: &RecordBatch, positions: Option<&[Position]>, out: &mut Vec<u8>) {
        let _ = (self.options, batch, positions, out);
        unimplemented!()
    }

    /// The header, if no batch came.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let _ = out;
        unimplemented!()
    }
}
