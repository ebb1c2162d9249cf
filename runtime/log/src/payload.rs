//! Records as bytes: an Arrow IPC record batch message, compressed when it pays, and which of the records are late.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use arrow_buffer::{BooleanBuffer, Buffer};
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions, write_message};
use arrow_ipc::{CompressionType, MetadataVersion};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use arrow_select::filter::filter_record_batch;
use dag_model::{Timestamp, times};

use crate::AppendError;
use crate::framed::padded;

/// The most records that an entry holds.
pub(crate) const MAX_ROWS: usize = 65_536;
/// The most bytes that the records of an entry take in memory, unless it holds a single one.
const MAX_BYTES: usize = 8 << 20;
/// The most bytes that a record takes.
const MAX_RECORD: usize = 64 << 20;
/// Below this many bytes a frame header and its tables cost more than compression saves.
const COMPRESS_FROM: usize = 1024;
/// The bytes before an IPC message's metadata: a continuation mark and the metadata's length.
const MESSAGE_PREFIX: usize = 8;

/// The records of an entry.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// All of them, in sequence.
    pub batch: RecordBatch,
    /// Which of them are late; none when none is.
    pub late: Option<BooleanBuffer>,
    /// The frontier that each late record came behind, where the log's own frontier does not say it; all others are
    /// behind the frontier before their append.
    pub behind: Option<Arc<[Timestamp]>>,
}

impl Loaded {
    /// The records that are not late, in sequence. No copy where none or all are.
    pub fn on_time(&self) -> RecordBatch {
        match &self.late {
            None => self.batch.clone(),
            Some(late) => select(&self.batch, &!late),
        }
    }

    /// The late records, in sequence. No copy where none or all are.
    pub fn late(&self) -> RecordBatch {
        match &self.late {
            None => self.batch.slice(0, 0),
            Some(late) => select(&self.batch, late),
        }
    }
}

/// The rows of `batch` that are set in `rows`.
pub(crate) fn select(batch: &RecordBatch, rows: &BooleanBuffer) -> RecordBatch {
    match rows.count_set_bits() {
        0 => batch.slice(0, 0),
        all if all == batch.num_rows() => batch.clone(),
        _ => filter_record_batch(batch, &rows.clone().into()).expect("a mask as long as the batch"),
    }
}

/// The records of one entry, encoded.
pub(crate) struct Part {
    pub(crate) batch: RecordBatch,
    pub(crate) message: Vec<u8>,
    pub(crate) min_time: Timestamp,
    pub(crate) max_time: Timestamp,
}

/// Cuts a batch into parts no larger than an entry may be, and encodes them. No parts for no records.
pub(crate) fn encode(batch: &RecordBatch, schema: &SchemaRef) -> Result<Vec<Part>, AppendError> {
    check(batch, schema)?;
    let mut parts = Vec::new();
    split(batch, &mut parts)?;
    Ok(parts)
}

/// Whether a batch has the columns of the log, and a time in every record.
pub(crate) fn check(batch: &RecordBatch, schema: &SchemaRef) -> Result<(), AppendError> {
    let found = batch.schema_ref();
    let same =
        Arc::ptr_eq(found, schema)
            || found.fields().len() == schema.fields().len()
                && found.fields().iter().zip(schema.fields()).all(|(found, expected)| {
                    found.name() == expected.name() && found.data_type() == expected.data_type()
                });
    if !same {
        let columns = |schema: &SchemaRef| {
            let columns = schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type()));
            columns.collect::<Vec<_>>().join(", ")
        };
        return Err(AppendError::Schema { found: columns(found), expected: columns(schema) });
    }
    match batch.column(0).null_count() {
        0 => Ok(()),
        nulls => Err(AppendError::NoTime { records: nulls }),
    }
}

fn split(batch: &RecordBatch, parts: &mut Vec<Part>) -> Result<(), AppendError> {
    let rows = batch.num_rows();
    if rows == 0 {
        return Ok(());
    }
    let bytes = memory(batch);
    if rows > 1 && (rows > MAX_ROWS || bytes > MAX_BYTES) {
        let half = rows / 2;
        split(&batch.slice(0, half), parts)?;
        return split(&batch.slice(half, rows - half), parts);
    }
    if bytes > MAX_RECORD {
        return Err(AppendError::TooLarge { bytes, limit: MAX_RECORD });
    }
    let times = times(batch);
    let (min, max) = times.iter().fold((i64::MAX, i64::MIN), |(min, max), time| (min.min(*time), max.max(*time)));
    let message = message(batch, bytes >= COMPRESS_FROM).expect("plain columns encode");
    parts.push(Part { batch: batch.clone(), message, min_time: Timestamp(min), max_time: Timestamp(max) });
    Ok(())
}

fn memory(batch: &RecordBatch) -> usize {
    let size = |column: &Arc<dyn Array>| column.to_data().get_slice_memory_size().expect("a size that fits");
    batch.columns().iter().map(size).sum()
}

fn message(batch: &RecordBatch, compress: bool) -> Result<Vec<u8>, ArrowError> {
    let options = IpcWriteOptions::try_new(8, false, MetadataVersion::V5)?
        .try_with_compression(compress.then_some(CompressionType::LZ4_FRAME))?;
    let mut tracker = DictionaryTracker::new(false);
    let (_, encoded) = IpcDataGenerator::default().encode(batch, &mut tracker, &options, &mut Default::default())?;
    let mut message = Vec::with_capacity(MESSAGE_PREFIX + encoded.ipc_message.len() + 8 + encoded.arrow_data.len());
    write_message(&mut message, encoded, &options)?;
    debug_assert_eq!(message.len() % 8, 0);
    Ok(message)
}

/// The length of the late marks in an entry's body.
pub(crate) fn marks_length(count: u32, late: u32) -> usize {
    if late == 0 || late == count { 0 } else { padded((count as usize).div_ceil(8)) }
}

/// The late marks of an entry as they lie in its body, where not all records are.
pub(crate) fn marks(late: &BooleanBuffer) -> Vec<u8> {
    let mut bytes = late.sliced().as_slice().to_vec();
    if let (Some(last), used @ 1..) = (bytes.last_mut(), late.len() % 8) {
        *last &= (1 << used) - 1;
    }
    bytes.resize(padded(bytes.len()), 0);
    bytes
}

/// The records in the body of an entry whose checksum was found right; an error says what is wrong with it.
pub(crate) fn decode(body: Buffer, count: u32, late: u32, behind: bool, schema: &SchemaRef) -> Result<Loaded, String> {
    let marks = marks_length(count, late);
    let frontiers = if behind { late as usize * 8 } else { 0 };
    if body.len() < marks + frontiers + MESSAGE_PREFIX {
        return Err(format!("a body of {} bytes for {count} records", body.len()));
    }
    let behind = behind.then(|| {
        let frontiers = body[marks..marks + frontiers].as_chunks().0.iter();
        frontiers.map(|bytes| Timestamp(i64::from_le_bytes(*bytes))).collect()
    });
    let late = match late {
        0 => None,
        late if late == count => Some(BooleanBuffer::new_set(count as usize)),
        _ => Some(BooleanBuffer::new(body.slice(0), 0, count as usize)),
    };
    let marked = late.as_ref().map_or(0, BooleanBuffer::count_set_bits);
    if behind.as_ref().is_some_and(|behind: &Arc<[Timestamp]>| behind.len() != marked) {
        return Err(format!("{marked} records are marked late, {} say what they came behind", frontiers / 8));
    }
    let batch = batch(body.slice(marks + frontiers), schema).map_err(|error| error.to_string())?;
    match batch.num_rows() == count as usize {
        true => Ok(Loaded { batch, late, behind }),
        false => Err(format!("{} records where the header says {count}", batch.num_rows())),
    }
}

fn batch(message: Buffer, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let malformed = || ArrowError::IpcError("no record batch message".into());
    let metadata = u32::from_le_bytes(message[4..MESSAGE_PREFIX].try_into().expect("four bytes")) as usize;
    let end = MESSAGE_PREFIX + metadata;
    let header = message.get(MESSAGE_PREFIX..end).ok_or_else(malformed)?;
    let header = arrow_ipc::root_as_message(header).map_err(|error| ArrowError::IpcError(error.to_string()))?;
    let records = header.header_as_record_batch().filter(|records| fits(records, schema, &message[end..]));
    let records = records.ok_or_else(malformed)?;
    arrow_ipc::reader::read_record_batch(
        &message.slice(end),
        records,
        schema.clone(),
        &HashMap::new(),
        None,
        &header.version(),
    )
}

/// Bytes of all buffers when they are unpacked: those of the largest record, and room for offsets and bitmaps.
const MAX_UNPACKED: i64 = MAX_RECORD as i64 + (1 << 20);

/// Whether a batch says nothing of its body that is not so. Checksums are right before this is asked; but arrow panics on a buffer
/// that lies outside of its body, and on one that does not hold whole values, and
/// reserves what a compressed one claims to unpack to, which would end the node.
fn fits(records: &arrow_ipc::RecordBatch<'_>, schema: &SchemaRef, body: &[u8]) -> bool {
    let rows = records.length();
    let node_fits = |node: &arrow_ipc::FieldNode| node.length() == rows && (0..=rows).contains(&node.null_count());
    // What a buffer takes when it is unpacked, if it lies in the body and holds whole values.
    let unpacked = |place: &arrow_ipc::Buffer, width: i64| {
        let (offset, length) = (usize::try_from(place.offset()).ok()?, usize::try_from(place.length()).ok()?);
        let bytes = body.get(offset..)?.get(..length)?;
        // Compressed buffers begin with their length, or with -1 if they are not compressed after all.
        let unpacked = match (records.compression(), bytes.first_chunk().map(|unpacked| i64::from_le_bytes(*unpacked)))
        {
            (None, _) => length as i64,
            (Some(_), None) if bytes.is_empty() => 0,
            (Some(_), None) => return None,
            (Some(_), Some(-1)) => length as i64 - 8,
            (Some(_), Some(unpacked)) => unpacked,
        };
        (unpacked >= 0 && unpacked % width == 0).then_some(unpacked)
    };
    let within = |total: i64, unpacked: i64| total.checked_add(unpacked).filter(|total| *total <= MAX_UNPACKED);
    let nodes = records.nodes().into_iter().flatten();
    let buffers = records.buffers().into_iter().flatten();
    let widths: Vec<i64> = schema.fields().iter().flat_map(|field| widths(field.data_type())).copied().collect();
    (0..=MAX_ROWS as i64).contains(&rows)
        && nodes.clone().count() == schema.fields().len()
        && nodes.into_iter().all(node_fits)
        && buffers.clone().count() == widths.len()
        && buffers.zip(widths).try_fold(0, |total, (place, width)| within(total, unpacked(place, width)?)).is_some()
}

/// The bytes of a value in each buffer of a column, its bitmap of nulls first: a buffer is a whole number of them.
fn widths(ty: &DataType) -> &'static [i64] {
    match ty {
        DataType::Boolean => &[1, 1],
        DataType::Utf8 | DataType::Binary => &[1, 4, 1],
        _ => &[1, 8],
    }
}
