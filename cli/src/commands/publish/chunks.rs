//! Records cut into the bodies of requests.

use std::io;

use anyhow::Context;
use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
pub use dag_codec::Chunk;
use dag_codec::{Format, Splitter};

use super::input::{Bytes, ReadSome};

/// An input of a known format, in [`Chunk`]s of a fixed number of records: the same input is always cut in the same way.
pub enum Chunks {
    /// Lines.
    Text {
        /// Where they come from.
        input: Bytes,
        /// Finds where records end.
        splitter: Splitter,
    },
    /// An Arrow IPC stream.
    Arrow {
        /// Reads its batches.
        batches: Box<StreamReader<Bytes>>,
        /// What was read and not yet taken.
        rest: Option<RecordBatch>,
        /// The number of the next record, from 1.
        next: u64,
    },
}

impl Chunks {
    /// Begins to read; an Arrow stream's schema is read at once.
    pub fn new(format: Format, input: Bytes) -> anyhow::Result<Chunks> {
        match splitter(format) {
            Some(splitter) => Ok(Chunks::Text { input, splitter }),
            None => {
                let batches = StreamReader::try_new(input, None).context("cannot read the Arrow stream")?;
                Ok(Chunks::Arrow { batches: Box::new(batches), rest: None, next: 1 })
            }
        }
    }

    /// The next `rows` records, or the fewer that are left; none at the end.
    pub fn next(&mut self, rows: u64) -> anyhow::Result<Option<Chunk>> {
        match self {
            Chunks::Text { input, splitter } => Ok(next_text(input, splitter, rows)?),
            Chunks::Arrow { batches, rest, next } => next_arrow(batches, rest, next, rows),
        }
    }
}

/// What finds the records of a text format.
pub fn splitter(format: Format) -> Option<Splitter> {
    match format {
        Format::Json => Some(Splitter::ndjson()),
        Format::Csv => Some(Splitter::csv()),
        Format::Arrow => None,
    }
}

fn next_text(input: &mut Bytes, splitter: &mut Splitter, rows: u64) -> io::Result<Option<Chunk>> {
    let mut text = Vec::new();
    while splitter.ready() < rows {
        text.clear();
        if input.read_some(&mut text)? == 0 {
            splitter.finish();
            break;
        }
        splitter.push(&text);
    }
    Ok(splitter.next_chunk(rows))
}

fn next_arrow(
    batches: &mut StreamReader<Bytes>,
    rest: &mut Option<RecordBatch>,
    next: &mut u64,
    rows: u64,
) -> anyhow::Result<Option<Chunk>> {
    let batch = loop {
        match rest.take().map(Ok).or_else(|| batches.next()).transpose()? {
            None => return Ok(None),
            Some(batch) if batch.num_rows() == 0 => continue,
            Some(batch) => break batch,
        }
    };
    let taken = batch.num_rows().min(usize::try_from(rows).unwrap_or(usize::MAX));
    if taken < batch.num_rows() {
        *rest = Some(batch.slice(taken, batch.num_rows() - taken));
    }
    let mut writer = StreamWriter::try_new(Vec::new(), batch.schema_ref())?;
    writer.write(&batch.slice(0, taken))?;
    let first_line = *next;
    *next += taken as u64;
    Ok(Some(Chunk { bytes: writer.into_inner()?, first_line, records: taken as u64 }))
}
