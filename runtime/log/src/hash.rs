//! The running hash over canonical records: the same for the same records, however they are cut into entries.
//!
//! Each column has two CRC-32 streams: one over the bytes of its values, nulls left out, and one over what the first cannot
//! tell: the lengths of texts, and where the nulls are. One more pair is over the sequences of late records and the frontiers that
//! they came behind. It finds a computation that does not repeat itself; it is no defence against somebody who wants two logs to look alike.

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_buffer::{BooleanBuffer, OffsetBuffer};
use arrow_schema::DataType;
use crc32fast::Hasher;
use dag_model::Timestamp;
use serde::{Deserialize, Serialize};

/// A hash over all records of a log in sequence, whatever the cuts between its entries. The order of its fields is
/// persisted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningHash {
    /// How many records it covers.
    pub sequence: u64,
    /// One number for the late marks, then one per column, `time` first.
    pub streams: Vec<u64>,
}

impl RunningHash {
    /// Of no records, in that many columns, `time` among them.
    pub fn empty(columns: usize) -> RunningHash {
        RunningHash { sequence: 0, streams: vec![0; columns + 1] }
    }

    /// Takes in the next records, and which of them are late.
    ///
    /// # Panics
    /// If the batch has other columns than the log.
    pub fn update(&mut self, batch: &RecordBatch, late: Option<&BooleanBuffer>) {
        self.update_behind(batch, late, None);
    }

    /// The same where each late record says which frontier it came behind.
    pub(crate) fn update_behind(
        &mut self,
        batch: &RecordBatch,
        late: Option<&BooleanBuffer>,
        behind: Option<&[Timestamp]>,
    ) {
        assert_eq!(self.streams.len(), batch.num_columns() + 1, "a batch has the log's columns");
        if let Some(late) = late {
            let mut marks = Hasher::new_with_initial(self.streams[0] as u32);
            let mut frontiers = Hasher::new_with_initial((self.streams[0] >> 32) as u32);
            late.set_indices().for_each(|row| marks.update(&(self.sequence + row as u64).to_le_bytes()));
            behind.unwrap_or_default().iter().for_each(|frontier| frontiers.update(&frontier.0.to_le_bytes()));
            self.streams[0] = u64::from(marks.finalize()) | u64::from(frontiers.finalize()) << 32;
        }
        for (stream, column) in self.streams[1..].iter_mut().zip(batch.columns()) {
            let values = Hasher::new_with_initial(*stream as u32);
            let shape = Hasher::new_with_initial((*stream >> 32) as u32);
            let mut hash = ColumnHash { values, shape, first: self.sequence };
            hash.update(column.as_ref());
            *stream = u64::from(hash.values.finalize()) | u64::from(hash.shape.finalize()) << 32;
        }
        self.sequence += batch.num_rows() as u64;
    }
}

struct ColumnHash {
    values: Hasher,
    shape: Hasher,
    /// The sequence of row 0.
    first: u64,
}

impl ColumnHash {
    fn update(&mut self, column: &dyn Array) {
        match column.data_type() {
            DataType::Boolean => self.booleans(column),
            DataType::Utf8 => {
                let texts = column.as_string::<i32>();
                self.variable(column, texts.offsets(), texts.value_data());
            }
            DataType::Binary => {
                let bytes = column.as_binary::<i32>();
                self.variable(column, bytes.offsets(), bytes.value_data());
            }
            _ => self.fixed(column),
        }
    }

    /// 64-bit values, as they lie in memory: little-endian, like everything Arrow.
    fn fixed(&mut self, column: &dyn Array) {
        let data = column.to_data();
        let bytes = &data.buffers()[0].as_slice()[data.offset() * 8..(data.offset() + data.len()) * 8];
        runs(column, |start, end| self.values.update(&bytes[start * 8..end * 8]));
        self.nulls(column);
    }

    fn booleans(&mut self, column: &dyn Array) {
        let values = column.as_boolean().values();
        let bytes: Vec<u8> = values.iter().map(u8::from).collect();
        runs(column, |start, end| self.values.update(&bytes[start..end]));
        self.nulls(column);
    }

    fn variable(&mut self, column: &dyn Array, offsets: &OffsetBuffer<i32>, bytes: &[u8]) {
        runs(column, |start, end| self.values.update(&bytes[offsets[start] as usize..offsets[end] as usize]));
        let length = |row: usize| if column.is_null(row) { -1 } else { offsets[row + 1] - offsets[row] };
        let lengths: Vec<u8> = (0..column.len()).flat_map(|row| length(row).to_le_bytes()).collect();
        self.shape.update(&lengths);
    }

    fn nulls(&mut self, column: &dyn Array) {
        if let Some(nulls) = column.nulls().filter(|nulls| nulls.null_count() > 0) {
            let missing = !nulls.inner();
            missing.set_indices().for_each(|row| self.shape.update(&(self.first + row as u64).to_le_bytes()));
        }
    }
}

/// Calls `run` with the start and end of every stretch of values that are not null.
fn runs(column: &dyn Array, mut run: impl FnMut(usize, usize)) {
    match column.nulls() {
        Some(nulls) => nulls.valid_slices().for_each(|(start, end)| run(start, end)),
        None => run(0, column.len()),
    }
}
