//! The bytes of a subscription, in the shape that its reader wants.

use arrow_array::RecordBatch;
use dag_api::{Failure, Notice};
use dag_codec::{EncodeOptions, Encoder, Events, Format};
use dag_model::{Position, Schema};
use serde_json::json;

use super::failure::Failed;
use super::media::Shape;

/// Writes the records of one stream. All methods append to `out`.
pub(super) enum Writer {
    /// One record after the other.
    Records(Format, Encoder),
    /// Server-sent events.
    Events(Events),
}

impl Writer {
    /// A writer of batches with these columns, for that reader of a cursor.
    pub fn new(shape: Shape, schema: &Schema, options: EncodeOptions, reader: Option<u64>) -> Writer {
        match shape {
            Shape::Records(format) => Writer::Records(format, Encoder::new(format, schema, options)),
            Shape::Events => Writer::Events(Events::new(schema, options, reader)),
        }
    }

    /// What comes before all records.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        match self {
            Writer::Records(_, encoder) => encoder.begin(out),
            Writer::Events(_) => {}
        }
    }

    /// The records of a batch, and the position of each.
    pub fn records(&mut self, batch: &RecordBatch, positions: &[Position], out: &mut Vec<u8>) {
        match self {
            Writer::Records(_, encoder) => encoder.encode(batch, Some(positions), out),
            Writer::Events(events) => events.encode(batch, positions, out),
        }
    }

    /// What comes after all records, where they are all that the reader wanted.
    pub fn finish(&mut self, end: &str, out: &mut Vec<u8>) {
        match self {
            Writer::Records(_, encoder) => encoder.finish(out),
            Writer::Events(_) => Events::event("end", &json!({ "end": end }).to_string(), out),
        }
    }

    /// Why no more records come, where the shape has a place for it.
    pub fn failure(&mut self, error: &Failed, out: &mut Vec<u8>) {
        let failure = serde_json::to_string(&Failure::from(error)).expect("text is JSON");
        match self {
            Writer::Records(Format::Json, _) => {
                out.extend_from_slice(failure.as_bytes());
                out.push(b'\n');
            }
            Writer::Records(Format::Csv | Format::Arrow, _) => {}
            Writer::Events(_) => Events::event("error", &failure, out),
        }
    }

    /// What the subscriber is told besides, where the shape has a place for it.
    pub fn notice(&self, notice: &Notice, out: &mut Vec<u8>) {
        if self.has_asides() {
            Events::event("notice", &serde_json::to_string(notice).expect("text is JSON"), out);
        }
    }

    /// Whether the shape has a place for what is no record.
    pub fn has_asides(&self) -> bool {
        matches!(self, Writer::Events(_))
    }

    /// Shows that the connection lives, where nothing else did for a while: proxies close silent streams of events, which is
    /// why their standard advises this.
    pub fn comment(&self, out: &mut Vec<u8>) {
        if self.has_asides() {
            out.extend_from_slice(b":\n\n");
        }
    }
}
