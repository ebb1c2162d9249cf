//! The messages of an Arrow IPC stream (<https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format>), taken apart
//! here because the arrow crate trusts what they say of lengths: it would panic on a buffer that lies outside of its message,
//! and reserve what a compressed one claims to unpack to.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::read_record_batch;
use arrow_ipc::{FieldNode, Message, MessageHeader, root_as_message_with_opts};
use arrow_schema::{DataType, Schema, SchemaRef};
use flatbuffers::VerifierOptions;

use super::unreadable;
use crate::{BodyError, MAX_COLUMNS};

/// What a message's length comes after, in all but the oldest streams.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// The record batches of a stream.
pub(crate) struct Messages {
    rest: Buffer,
    schema: SchemaRef,
}

impl Messages {
    /// Reads the schema message.
    pub fn new(bytes: &[u8]) -> Result<Messages, BodyError> {
        let mut rest = Buffer::from(bytes);
        let (metadata, _) = next_message(&mut rest)?.ok_or_else(|| unreadable("it is empty; a schema was expected"))?;
        let message = parse(&metadata)?;
        let schema = message.header_as_schema().ok_or_else(|| unreadable("it does not begin with a schema"))?;
        let found = schema.fields().map_or(0, |fields| fields.len());
        if found > MAX_COLUMNS {
            return Err(BodyError::TooManyColumns { found });
        }
        let schema = Arc::new(try_fb_to_schema(schema).map_err(unreadable)?);
        Ok(Messages { rest, schema })
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next record batch, or none at the end. All types of the schema must be ones without children. `admit` is told how many
    /// records the batch claims to have, before anything is made of them.
    pub fn next_batch(
        &mut self,
        mut admit: impl FnMut(u64) -> Result<(), BodyError>,
    ) -> Result<Option<RecordBatch>, BodyError> {
        let Some((metadata, body)) = next_message(&mut self.rest)? else { return Ok(None) };
        let message = parse(&metadata)?;
        let batch = match message.header_type() {
            MessageHeader::RecordBatch => message.header_as_record_batch(),
            other => {
                return Err(unreadable(format!("it holds a message of another kind than record batch: {other:?}")));
            }
        };
        let batch = batch.ok_or_else(|| unreadable("a message does not hold the record batch that it announces"))?;
        check(&batch, &self.schema, body.len())?;
        admit(batch.length() as u64)?;
        let none = HashMap::new();
        let read = read_record_batch(&body, batch, self.schema.clone(), &none, None, &message.version());
        read.map(Some).map_err(unreadable)
    }
}

/// Metadata may refer to one part of itself many times over, and nest; what it comes to when each of them counts is bounded by what
/// [`MAX_COLUMNS`] columns need: a table each for the field, its type and a few entries of metadata.
fn parse(metadata: &[u8]) -> Result<Message<'_>, BodyError> {
    let options = VerifierOptions {
        max_depth: 16,
        max_tables: 8 * MAX_COLUMNS,
        max_apparent_size: 2 * metadata.len() + 64 * MAX_COLUMNS,
        ..VerifierOptions::default()
    };
    root_as_message_with_opts(&options, metadata)
        .map_err(|error| unreadable(format!("a message's metadata is damaged: {error}")))
}

/// Cuts off the next message: its metadata and its body. None at the end of the stream.
fn next_message(rest: &mut Buffer) -> Result<Option<(Buffer, Buffer)>, BodyError> {
    if rest.is_empty() {
        return Ok(None);
    }
    let mut length = cut(rest, 4)?;
    if *length == CONTINUATION {
        length = cut(rest, 4)?;
    }
    let length = u32::from_le_bytes(length.as_slice().try_into().expect("four bytes"));
    if length == 0 {
        return Ok(None);
    }
    let metadata = cut(rest, u64::from(length))?;
    let body =
        u64::try_from(parse(&metadata)?.bodyLength()).map_err(|_| unreadable("a message has a negative length"))?;
    let body = cut(rest, body)?;
    Ok(Some((metadata, body)))
}

/// Cuts off the first bytes.
fn cut(rest: &mut Buffer, length: u64) -> Result<Buffer, BodyError> {
    let length = usize::try_from(length).ok().filter(|length| *length <= rest.len());
    let length = length.ok_or_else(|| unreadable("it ends in the middle of a message"))?;
    let first = rest.slice_with_length(0, length);
    rest.advance(length);
    Ok(first)
}

/// Checks that a batch of such columns says nothing of its body that is not so.
fn check(batch: &arrow_ipc::RecordBatch<'_>, schema: &Schema, body: usize) -> Result<(), BodyError> {
    if batch.compression().is_some() {
        return Err(unreadable("its batches are compressed; send them uncompressed"));
    }
    let records = batch.length();
    let mut nodes = batch.nodes().into_iter().flatten();
    let node_fits = |node: &FieldNode| node.length() == records && (0..=records).contains(&node.null_count());
    let mut buffers = batch.buffers().into_iter().flatten();
    let buffer_fits = |place: &arrow_ipc::Buffer, width: usize| {
        let (offset, length) = (usize::try_from(place.offset()), usize::try_from(place.length()));
        let (Ok(offset), Ok(length)) = (offset, length) else { return false };
        offset.checked_add(length).is_some_and(|end| end <= body) && length.is_multiple_of(width)
    };
    let fits = records >= 0
        && schema.fields().iter().all(|field| {
            nodes.next().is_some_and(node_fits)
                && widths(field.data_type()).iter().all(|width| buffers.next().is_some_and(|b| buffer_fits(b, *width)))
        });
    if fits { Ok(()) } else { Err(unreadable("a batch's metadata does not fit its body")) }
}

/// Of a column's buffers, validity first, how many bytes their items take.
fn widths(column: &DataType) -> Vec<usize> {
    match column {
        DataType::Utf8 | DataType::Binary => vec![1, 4, 1],
        DataType::LargeUtf8 | DataType::LargeBinary => vec![1, 8, 1],
        fixed => vec![1, fixed.primitive_width().unwrap_or(1)],
    }
}
