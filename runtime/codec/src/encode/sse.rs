//! Server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use arrow_array::RecordBatch;
use dag_model::{Position, Schema};

use super::json::Json;
use super::values::{Values, text};
use super::{EncodeOptions, expected, names};

/// Writes each record as a `record` event: its position as `id`, its JSON as `data`.
///
/// ```text
/// event: record
/// id: 3:1201
/// data: {"time":"2014-02-14T14:00:00Z","value":1.5}
/// ```
///
/// For a reader of a cursor, the `id` tells its number, too: `3:1201@17`.
pub struct Events {
    json: Json,
    positions: bool,
    /// What follows the position in an `id`.
    reader: String,
}

impl Events {
    /// A writer of batches with these columns, for that reader of a cursor. The options tell whether the JSON has the position, too.
    pub fn new(schema: &Schema, options: EncodeOptions, reader: Option<u64>) -> Events {
        let reader = reader.map_or_else(String::new, |reader| format!("@{reader}"));
        Events { json: Json::new(&names(schema, options)), positions: options.positions, reader }
    }

    /// The records of a batch, one event each.
    ///
    /// # Panics
    /// If the batch has other columns than the schema or not as many records as there are positions.
    pub fn encode(&mut self, batch: &RecordBatch, positions: &[Position], out: &mut Vec<u8>) {
        let positions = expected(Some(positions), batch, true).unwrap_or_default();
        let columns = Values::of(batch);
        for (row, position) in positions.iter().enumerate() {
            text(out, format_args!("event: record\nid: {position}{}\ndata: ", self.reader));
            self.json.record(&columns, row, self.positions.then_some(*position), out);
            out.extend_from_slice(b"\n\n");
        }
    }

    /// Another event, such as `end` or `error`; `data` may have several lines.
    pub fn event(name: &str, data: &str, out: &mut Vec<u8>) {
        text(out, format_args!("event: {name}\n"));
        for line in data.split(['\n', '\r']) {
            text(out, format_args!("data: {line}\n"));
        }
        out.push(b'\n');
    }
}
