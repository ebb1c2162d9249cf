//! CSV (RFC 4180), lines ending in `\n`.

use arrow_array::RecordBatch;
use base64::display::Base64Display;
use dag_frame::time;
use dag_model::Position;

use super::values::{Values, float, integer, text};
use crate::binary::BASE64;

/// Writes records as lines of fields.
pub(super) struct Csv {
    names: Vec<String>,
}

impl Csv {
    pub fn new(names: Vec<String>) -> Csv {
        Csv { names }
    }

    pub fn header(&self, out: &mut Vec<u8>) {
        for (index, name) in self.names.iter().enumerate() {
            separate(out, index);
            string(out, name);
        }
        out.push(b'\n');
    }

    pub fn batch(&self, batch: &RecordBatch, positions: Option<&[Position]>, out: &mut Vec<u8>) {
        let columns = Values::of(batch);
        assert_eq!(
            columns.len() + usize::from(positions.is_some()),
            self.names.len(),
            "a batch with the schema's columns"
        );
        for row in 0..batch.num_rows() {
            for (index, column) in columns.iter().enumerate() {
                separate(out, index);
                value(out, column, row);
            }
            if let Some(positions) = positions {
                text(out, format_args!(",{}", positions[row]));
            }
            out.push(b'\n');
        }
    }
}

fn separate(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        out.push(b',');
    }
}

/// Appends a value; null is nothing.
fn value(out: &mut Vec<u8>, column: &Values<'_>, row: usize) {
    match column {
        column if column.is_null(row) => {}
        Values::Boolean(array) => text(out, array.value(row)),
        Values::Int64(array) => integer(out, array.value(row)),
        Values::Float64(array) => match array.value(row) {
            value if value.is_finite() => float(out, value),
            // `NaN`, `inf`, `-inf`
            value => text(out, value),
        },
        Values::Utf8(array) => string(out, array.value(row)),
        Values::Binary(array) if array.value(row).is_empty() => out.extend_from_slice(b"\"\""),
        Values::Binary(array) => text(out, Base64Display::new(array.value(row), &BASE64)),
        Values::Timestamp(array) => time::append(out, array.value(row)),
    }
}

/// Appends text, in quotes where it would be taken for something else without.
fn string(out: &mut Vec<u8>, value: &str) {
    if !value.is_empty() && !value.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        out.extend_from_slice(value.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in value.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}
