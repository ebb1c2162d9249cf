//! Batches into bytes.
//!
//! [`Encoder`] writes what the HTTP API sends, [`Events`] the same as server-sent events, [`Table`] what a person reads.
//! `values` looks at a batch's columns by type, once per batch; `json` and `csv` write records from that.
//!
//! In JSON and CSV times are RFC 3339 in UTC, floats the shortest text that reads back as the same float and as a float (`2.0`),
//! binary is base64. Null is `null` in JSON and nothing in CSV, where empty text is `""`. What JSON cannot tell, NaN and the
//! infinities, is `null` there and `NaN`, `inf` and `-inf` in CSV.

mod arrow;
mod csv;
mod json;
mod sse;
mod table;
mod values;

use arrow_array::RecordBatch;
use dag_model::{Position, Schema, TIME};

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
    writer: Writer,
    positions: bool,
}

enum Writer {
    Json(json::Json),
    Csv(csv::Csv),
    Arrow(Box<arrow::Arrow>),
}

impl Encoder {
    /// A writer of batches with these columns.
    pub fn new(format: Format, schema: &Schema, options: EncodeOptions) -> Encoder {
        let writer = match format {
            Format::Json => Writer::Json(json::Json::new(&names(schema, options))),
            Format::Csv => Writer::Csv(csv::Csv::new(names(schema, options))),
            Format::Arrow => Writer::Arrow(Box::new(arrow::Arrow::new(schema, options))),
        };
        Encoder { writer, positions: options.positions }
    }

    /// What comes before all records: the CSV header, the Arrow schema.
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        match &mut self.writer {
            Writer::Json(_) => {}
            Writer::Csv(csv) => csv.header(out),
            Writer::Arrow(arrow) => arrow.drain(out),
        }
    }

    /// The records of a batch. `positions`, one for each, are needed exactly if the options ask for them.
    ///
    /// # Panics
    /// If the batch has other columns than the schema, or positions are missing.
    pub fn encode(&mut self, batch: &RecordBatch, positions: Option<&[Position]>, out: &mut Vec<u8>) {
        let positions = expected(positions, batch, self.positions);
        match &mut self.writer {
            Writer::Json(json) => json.batch(batch, positions, out),
            Writer::Csv(csv) => csv.batch(batch, positions, out),
            Writer::Arrow(arrow) => arrow.batch(batch, positions, out),
        }
    }

    /// What comes after all records: the Arrow end of stream.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if let Writer::Arrow(arrow) = &mut self.writer {
            arrow.finish(out);
        }
    }
}

/// The positions, if they are to be written.
fn expected<'a>(positions: Option<&'a [Position]>, batch: &RecordBatch, wanted: bool) -> Option<&'a [Position]> {
    let positions = wanted.then(|| positions.expect("positions, which the options ask for"));
    assert!(positions.is_none_or(|positions| positions.len() == batch.num_rows()), "one position for each record");
    positions
}

/// The names of all columns that are written.
fn names(schema: &Schema, options: EncodeOptions) -> Vec<String> {
    let columns = schema.fields.iter().map(|field| field.name.clone());
    std::iter::once(TIME.to_owned()).chain(columns).chain(options.positions.then(|| position_name(schema))).collect()
}

fn position_name(schema: &Schema) -> String {
    let mut name = "position".to_owned();
    while schema.find(&name).is_some() {
        name.insert(0, '_');
    }
    name
}
