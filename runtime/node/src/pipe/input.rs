//! The input, cut into bodies that the engine takes.

use std::io::{ErrorKind, Read};

use bytes::Bytes;
use dag_api::{Column, CreateStream};
use dag_codec::{Format, Splitter, TimeColumn};

use super::PipeError;

/// How many bytes are read at once.
const READ: usize = 64 << 10;

/// What is read of.
pub(super) struct Input<R> {
    reader: R,
    pub format: Format,
    /// None for Arrow, which is one body.
    splitter: Option<Splitter>,
}

/// A part of the input that is a whole body.
pub(super) struct Body {
    pub bytes: Bytes,
    /// The number of its first line.
    pub line: u64,
}

impl<R: Read> Input<R> {
    pub fn new(reader: R, format: Format) -> Input<R> {
        let splitter = match format {
            Format::Json => Some(Splitter::ndjson()),
            Format::Csv => Some(Splitter::csv()),
            Format::Arrow => None,
        };
        Input { reader, format, splitter }
    }

    /// The next body, of so many records where there are as many; none at the end.
    pub fn next(&mut self, records: u64) -> Result<Option<Body>, PipeError> {
        let Some(splitter) = &mut self.splitter else {
            let mut all = Vec::new();
            self.reader.read_to_end(&mut all).map_err(PipeError::Input)?;
            return Ok((!all.is_empty()).then(|| Body { bytes: all.into(), line: 1 }));
        };
        let mut buffer = vec![0; READ];
        while splitter.ready() < records {
            match self.reader.read(&mut buffer) {
                Ok(0) => {
                    splitter.finish();
                    break;
                }
                Ok(read) => splitter.push(&buffer[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(PipeError::Input(error)),
            }
        }
        Ok(splitter.next_chunk(records).map(|chunk| Body { bytes: chunk.bytes.into(), line: chunk.first_line }))
    }
}

/// The columns of a stream with these settings that a sample of the input shows.
pub(super) fn columns(
    format: Format,
    sample: Option<&Body>,
    settings: &CreateStream,
) -> Result<Vec<Column>, PipeError> {
    let time = settings.time.clone().unwrap_or_default();
    let time = TimeColumn { name: time.column, unit: time.unit, arrival: None };
    let schema = dag_codec::infer(format, sample.map_or(&[], |body| &body.bytes), &time)?;
    let column = |field: &dag_model::Field| Column { name: field.name.clone(), ty: field.ty.name().to_owned() };
    Ok(schema.fields.iter().map(column).collect())
}
