//! Aligned columns for a terminal.

use std::fmt::Write;

use arrow_array::RecordBatch;
use base64::display::Base64Display;
use dag_frame::time;
use dag_model::text::printable;
use dag_model::{Position, Schema};

use super::values::Values;
use super::{EncodeOptions, expected, names};
use crate::binary::BASE64;

/// No column is padded beyond this: one long text should not spread the whole table.
const MAX_WIDTH: usize = 48;

/// Writes records as aligned columns, numbers to the right. Widths come from the first batch and grow where a value needs it.
pub struct Table {
    columns: Vec<Column>,
    positions: bool,
    header_shown: bool,
}

struct Column {
    name: String,
    to_the_right: bool,
    width: usize,
}

impl Table {
    /// A writer of batches with these columns.
    pub fn new(schema: &Schema, options: EncodeOptions) -> Table {
        let numeric =
            std::iter::once(false).chain(schema.fields.iter().map(|field| field.ty.is_numeric())).chain([false]);
        let names = names(schema, options).into_iter().map(|name| printable(&name).into_owned());
        let column = |(name, to_the_right): (String, bool)| Column { width: width(&name), name, to_the_right };
        let columns = names.zip(numeric).map(column).collect();
        Table { columns, positions: options.positions, header_shown: false }
    }

    /// The records of a batch, after the header if it is the first.
    ///
    /// # Panics
    /// As [`crate::Encoder::encode`].
    pub fn encode(&mut self, batch: &RecordBatch, positions: Option<&[Position]>, out: &mut Vec<u8>) {
        let positions = expected(positions, batch, self.positions);
        let values = Values::of(batch);
        assert_eq!(values.len() + usize::from(self.positions), self.columns.len(), "a batch with the schema's columns");
        let rows: Vec<Vec<String>> = (0..batch.num_rows())
            .map(|row| {
                let cells = values.iter().map(|column| cell(column, row));
                cells.chain(positions.map(|positions| positions[row].to_string())).collect()
            })
            .collect();
        for row in &rows {
            for (column, cell) in self.columns.iter_mut().zip(row) {
                column.width = column.width.max(width(cell));
            }
        }
        self.header(out);
        for row in &rows {
            self.line(row.iter().map(String::as_str), out);
        }
    }

    /// The header, if no batch has come.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.header(out);
    }

    fn header(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.header_shown, true) {
            self.line(self.columns.iter().map(|column| column.name.as_str()), out);
        }
    }

    fn line<'a>(&self, cells: impl Iterator<Item = &'a str>, out: &mut Vec<u8>) {
        let mut line = String::new();
        for (index, (column, cell)) in self.columns.iter().zip(cells).enumerate() {
            let gap = if index == 0 { "" } else { "  " };
            let width = column.width;
            let written = match column.to_the_right {
                true => write!(line, "{gap}{cell:>width$}"),
                false => write!(line, "{gap}{cell:<width$}"),
            };
            written.expect("a string takes all text");
        }
        out.extend_from_slice(line.trim_end().as_bytes());
        out.push(b'\n');
    }
}

/// How many places text takes up, as far as the column follows it.
fn width(text: &str) -> usize {
    text.chars().count().min(MAX_WIDTH)
}

/// A value for people: null is `-`, and no text can move the cursor.
fn cell(column: &Values<'_>, row: usize) -> String {
    match column {
        column if column.is_null(row) => "-".into(),
        Values::Boolean(array) => array.value(row).to_string(),
        Values::Int64(array) => array.value(row).to_string(),
        Values::Float64(array) => format!("{:?}", array.value(row)),
        Values::Utf8(array) => printable(array.value(row)).into_owned(),
        Values::Binary(array) => Base64Display::new(array.value(row), &BASE64).to_string(),
        Values::Timestamp(array) => time::format(array.value(row)),
    }
}
