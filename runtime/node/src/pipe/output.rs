//! Records as they are written.

use std::io::Write;

use arrow_array::RecordBatch;
use dag_codec::{EncodeOptions, Encoder, Format, Table};
use dag_model::Schema;

use super::PipeError;

/// Writes batches of one schema in one format.
pub(super) struct Output<W> {
    sink: W,
    form: Form,
    /// Encoded and not yet written.
    bytes: Vec<u8>,
}

enum Form {
    Bytes(Encoder),
    Table(Table),
}

impl<W: Write> Output<W> {
    /// Writes what comes before the first record. No format is a table.
    pub fn begin(sink: W, format: Option<Format>, schema: &Schema) -> Result<Output<W>, PipeError> {
        let mut bytes = Vec::new();
        let form = match format {
            Some(format) => {
                let mut encoder = Encoder::new(format, schema, EncodeOptions::default());
                encoder.begin(&mut bytes);
                Form::Bytes(encoder)
            }
            None => Form::Table(Table::new(schema, EncodeOptions::default())),
        };
        let mut output = Output { sink, form, bytes };
        output.write_out()?;
        Ok(output)
    }

    /// Writes the records of a batch.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), PipeError> {
        match &mut self.form {
            Form::Bytes(encoder) => encoder.encode(batch, None, &mut self.bytes),
            Form::Table(table) => table.encode(batch, None, &mut self.bytes),
        }
        self.write_out()
    }

    /// Writes what comes after the last record.
    pub fn finish(mut self) -> Result<(), PipeError> {
        match &mut self.form {
            Form::Bytes(encoder) => encoder.finish(&mut self.bytes),
            Form::Table(table) => table.finish(&mut self.bytes),
        }
        self.write_out()?;
        self.sink.flush().map_err(PipeError::Output)
    }

    fn write_out(&mut self) -> Result<(), PipeError> {
        self.sink.write_all(&self.bytes).map_err(PipeError::Output)?;
        self.bytes.clear();
        Ok(())
    }
}
