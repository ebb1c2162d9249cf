//! Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use arrow_array::RecordBatch;
use dag_model::{Position, Schema};

/// Writes each record as a `record` event: its position as `id`, its JSON as `data`.
pub struct Events {
    _columns: usize,
}

impl Events {
    /// A writer of batches with these columns.
    pub fn new(schema: &Schema) -> Events {
        Events { _columns: schema.fields.len() }
    }

    /// The records of a batch, one event each.
    ///
    /// # Panics
    /// If the batch has other columns than the schema or not as many records as there are positions.
    pub fn encode(&mut self, batch: &RecordBatch, positions: &[Position], out: &mut Vec<u8>) {
        let _ = (batch, positions, out);
        unimplemented!()
    }

    /// Another event, such as `end` or `error`; `data` may have several lines.
    pub fn event(name: &str, data: &str, out: &mut Vec<u8>) {
        let _ = (name, data, out);
        unimplemented!()
    }
}
