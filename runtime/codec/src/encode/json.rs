//! NDJSON.

use arrow_array::RecordBatch;
use base64::display::Base64Display;
use dag_frame::time;
use dag_model::Position;

use super::values::{Values, float, integer, text};
use crate::binary::BASE64;

/// Writes records as JSON objects.
pub(super) struct Json {
    /// For each column what comes before its value: `{"time":`, then `,"value":`.
    keys: Vec<Vec<u8>>,
}

impl Json {
    pub fn new(names: &[String]) -> Json {
        let key = |(index, name)| {
            let mut key = vec![if index == 0 { b'{' } else { b',' }];
            string(&mut key, name);
            key.push(b':');
            key
        };
        Json { keys: names.iter().map(String::as_str).enumerate().map(key).collect() }
    }

    /// One object a line.
    pub fn batch(&self, batch: &RecordBatch, positions: Option<&[Position]>, out: &mut Vec<u8>) {
        let columns = Values::of(batch);
        for row in 0..batch.num_rows() {
            self.record(&columns, row, positions.map(|positions| positions[row]), out);
            out.push(b'\n');
        }
    }

    /// One object.
    pub fn record(&self, columns: &[Values<'_>], row: usize, position: Option<Position>, out: &mut Vec<u8>) {
        assert_eq!(
            columns.len() + usize::from(position.is_some()),
            self.keys.len(),
            "a batch with the schema's columns"
        );
        for (key, column) in self.keys.iter().zip(columns) {
            out.extend_from_slice(key);
            value(out, column, row);
        }
        if let (Some(position), Some(key)) = (position, self.keys.last()) {
            out.extend_from_slice(key);
            text(out, format_args!("\"{position}\""));
        }
        out.push(b'}');
    }
}

fn value(out: &mut Vec<u8>, column: &Values<'_>, row: usize) {
    match column {
        column if column.is_null(row) => out.extend_from_slice(b"null"),
        Values::Boolean(array) => out.extend_from_slice(if array.value(row) { b"true" } else { b"false" }),
        Values::Int64(array) => integer(out, array.value(row)),
        Values::Float64(array) => match array.value(row) {
            value if value.is_finite() => float(out, value),
            _ => out.extend_from_slice(b"null"),
        },
        Values::Utf8(array) => string(out, array.value(row)),
        Values::Binary(array) => text(out, format_args!("\"{}\"", Base64Display::new(array.value(row), &BASE64))),
        Values::Timestamp(array) => {
            out.push(b'"');
            time::append(out, array.value(row));
            out.push(b'"');
        }
    }
}

fn string(out: &mut Vec<u8>, value: &str) {
    serde_json::to_writer(out, value).expect("a vector takes all bytes");
}
