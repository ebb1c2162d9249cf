//! Records that come with their positions, from an Arrow IPC stream, shown in any format.

use std::io;
use std::ops::Range;

use anyhow::{Context, ensure};
use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, StringArray};
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use bytes::Bytes;
use dag_codec::{EncodeOptions, Encoder, Format, Table};
use dag_model::{Position, Schema};

/// Shows records as they come, over as many connections as it takes.
pub struct Positioned {
    /// None for a table.
    format: Option<Format>,
    options: EncodeOptions,
    /// Finds batches in the bytes of this connection.
    decoder: StreamDecoder,
    /// There once the columns are known.
    writer: Option<(Schema, Writer)>,
}

enum Writer {
    Table(Table),
    Encoded(Encoder),
}

/// What was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// How many records.
    pub records: u64,
    /// The position of the last one.
    pub last: Position,
}

impl Positioned {
    /// Records in that format, in a table where there is none; with their positions or without.
    pub fn new(format: Option<Format>, positions: bool) -> Positioned {
        Positioned { format, options: EncodeOptions { positions }, decoder: StreamDecoder::default(), writer: None }
    }

    /// What comes next is from a new connection.
    pub fn reconnected(&mut self) {
        self.decoder = StreamDecoder::default();
    }

    /// Shows what came. Returns what that was once all of it is written.
    pub fn show(&mut self, bytes: Bytes) -> anyhow::Result<Option<Shown>> {
        let mut buffer = Buffer::from(bytes);
        let mut text = Vec::new();
        let mut shown: Option<Shown> = None;
        while !buffer.is_empty() {
            let batch = self.decoder.decode(&mut buffer).context("cannot read the node's Arrow stream")?;
            self.begin(&mut text)?;
            let Some(batch) = batch.filter(|batch| batch.num_rows() > 0) else { continue };
            let records = shown.map_or(0, |shown| shown.records) + batch.num_rows() as u64;
            shown = Some(Shown { records, last: self.encode(&batch, &mut text)? });
        }
        super::write(&text)?;
        Ok(shown)
    }

    /// Shows what comes after all records, of a table that had none its heading.
    pub fn finish(&mut self) -> io::Result<()> {
        let mut text = Vec::new();
        match &mut self.writer {
            Some((_, Writer::Table(table))) => table.finish(&mut text),
            Some((_, Writer::Encoded(encoder))) => encoder.finish(&mut text),
            None => {}
        }
        super::write(&text)
    }

    /// Looks at the columns when they are known, and shows what comes before all records.
    fn begin(&mut self, text: &mut Vec<u8>) -> anyhow::Result<()> {
        let Some(schema) = self.decoder.schema() else { return Ok(()) };
        let stream = schema.project(&all_but_last(schema.fields().len()).collect::<Vec<_>>());
        let stream = stream.context("the node's Arrow stream has no columns")?;
        let schema = dag_model::schema_of(&stream).context("the node's Arrow stream is not one of records")?;
        if let Some((shown, _)) = &self.writer {
            ensure!(*shown == schema, "the stream has other columns now than those that were shown: subscribe again");
            return Ok(());
        }
        let writer = match self.format {
            Some(format) => {
                let mut encoder = Encoder::new(format, &schema, self.options);
                encoder.begin(text);
                Writer::Encoded(encoder)
            }
            None => Writer::Table(Table::new(&schema, self.options)),
        };
        self.writer = Some((schema, writer));
        Ok(())
    }

    /// Writes the records of a batch, and returns the position of the last one.
    fn encode(&mut self, batch: &RecordBatch, text: &mut Vec<u8>) -> anyhow::Result<Position> {
        let records = batch.project(&all_but_last(batch.num_columns()).collect::<Vec<_>>())?;
        let column = batch.columns().last().and_then(|column| column.as_string_opt::<i32>());
        let column = column.context("the node's records have no positions")?;
        let positions = self.options.positions.then(|| positions_of(column, 0..column.len())).transpose()?;
        match &mut self.writer.as_mut().context("the node's Arrow stream begins without a schema")?.1 {
            Writer::Table(table) => table.encode(&records, positions.as_deref(), text),
            Writer::Encoded(encoder) => encoder.encode(&records, positions.as_deref(), text),
        }
        Ok(positions_of(column, column.len() - 1..column.len())?[0])
    }
}

/// The columns of the stream itself: the last one has the positions.
fn all_but_last(columns: usize) -> Range<usize> {
    0..columns.saturating_sub(1)
}

fn positions_of(column: &StringArray, rows: Range<usize>) -> anyhow::Result<Vec<Position>> {
    rows.map(|row| column.value(row).parse().map_err(anyhow::Error::msg)).collect()
}
