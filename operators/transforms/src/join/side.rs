//! What is kept of one input.

use std::collections::VecDeque;
use std::ops::Range;

use dag_guest::{AlignedBytes, Batch, Column, ColumnRef, FixedMap, Frame, Result, Schema, Timestamp, Type, Value};
use dag_guest::{append_key, encode};

/// A key as bytes; none for one that equals nothing: null and NaN do not.
pub(super) type Key = Option<Box<[u8]>>;

/// The records of one input that may still meet others, in time order. Row numbers are those of the kept columns and change in
/// [`forget`](Side::forget).
#[derive(Debug)]
pub(super) struct Side {
    /// `time`, then the schema's columns.
    columns: Vec<Column>,
    /// The key's columns, by index in the schema.
    key: Vec<usize>,
    /// Rows before this are forgotten, though not yet removed.
    first: usize,
    /// Rows from this on wait for their time to be complete.
    pending: usize,
    /// Rows from `first` to `pending` by key, in order.
    rows_by_key: FixedMap<Box<[u8]>, VecDeque<u32>>,
}

impl Side {
    pub(super) fn new(schema: &Schema, key: Vec<usize>) -> Side {
        let types = std::iter::once(Type::Timestamp).chain(schema.fields.iter().map(|field| field.ty));
        let columns = types.map(Column::empty).collect();
        Side { columns, key, first: 0, pending: 0, rows_by_key: FixedMap::default() }
    }

    /// Takes records, which wait.
    pub(super) fn append(&mut self, batch: &Batch<'_>) {
        self.columns.iter_mut().zip(batch.columns()).for_each(|(own, column)| own.append(column));
    }

    /// All columns.
    pub(super) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The event times of all rows.
    pub(super) fn times(&self) -> &[i64] {
        self.columns[0].view().as_timestamp().expect("time comes first")
    }

    /// The time of the first record that waits.
    pub(super) fn next_time(&self) -> Option<Timestamp> {
        self.times().get(self.pending).copied().map(Timestamp)
    }

    /// The time of the last record that came and is not forgotten.
    pub(super) fn last_time(&self) -> Option<Timestamp> {
        self.times().last().copied().map(Timestamp)
    }

    /// How many records are kept that do not wait.
    pub(super) fn pending(&self) -> usize {
        self.pending - self.first
    }

    /// Lets the waiting records of that time wait no more; their rows and keys.
    pub(super) fn take_pending(&mut self, time: Timestamp) -> (Range<usize>, Vec<Key>) {
        let count = self.times()[self.pending..].iter().take_while(|other| **other == time.0).count();
        let rows = self.pending..self.pending + count;
        let keys = rows.clone().map(|row| self.index(row)).collect();
        self.pending = rows.end;
        (rows, keys)
    }

    /// The first row that is not earlier than this.
    pub(super) fn row_at(&self, earliest: Timestamp) -> u32 {
        self.times().partition_point(|time| *time < earliest.0) as u32
    }

    /// The rows with that key from `first` on, in order.
    pub(super) fn rows(&self, key: &[u8], first: u32) -> impl Iterator<Item = u32> + '_ {
        let rows = self.rows_by_key.get(key).into_iter();
        rows.flat_map(move |rows| rows.range(rows.partition_point(|row| *row < first)..).copied())
    }

    /// Forgets records earlier than this, except those that wait.
    pub(super) fn forget(&mut self, horizon: Timestamp) {
        let old = self.times()[self.first..self.pending].partition_point(|time| *time < horizon.0);
        self.first += old;
        // Removing moves all others: once in a while, so that each record pays for a few moves at most.
        if self.first > 1024.max(self.columns[0].len / 2) {
            self.remove_forgotten();
        }
    }

    fn remove_forgotten(&mut self) {
        let first = self.first as u32;
        let rest: Vec<_> = (first..self.columns[0].len as u32).collect();
        self.columns.iter_mut().for_each(|column| *column = column.view().take(&rest));
        self.rows_by_key.retain(|_, rows| {
            let old = rows.partition_point(|row| *row < first);
            rows.drain(..old);
            rows.iter_mut().for_each(|row| *row -= first);
            !rows.is_empty()
        });
        self.pending -= self.first;
        self.first = 0;
    }

    /// The records that are kept, for a snapshot.
    pub(super) fn save(&self) -> Vec<u8> {
        let rows: Vec<_> = (self.first as u32..self.columns[0].len as u32).collect();
        let columns: Vec<_> = self.columns.iter().map(|column| column.view().take(&rows)).collect();
        encode(rows.len(), &columns.iter().map(Column::view).collect::<Vec<_>>())
    }

    /// Reads what [`save`](Side::save) wrote; rows from `pending` on wait.
    pub(super) fn load(&mut self, saved: &[u8], pending: usize) -> Result {
        let bytes = AlignedBytes::copy(saved);
        let frame = Frame::parse(&bytes).map_err(|error| error.to_string())?;
        let found: Vec<_> = frame.columns().iter().map(ColumnRef::ty).collect();
        let expected: Vec<_> = self.columns.iter().map(Column::ty).collect();
        if found != expected || pending > frame.rows() {
            return Err(format!("saved records have columns {found:?}, expected {expected:?}"));
        }
        self.columns = frame.columns().iter().map(|column| column.to_column()).collect();
        (0..pending).for_each(|row| drop(self.index(row)));
        self.pending = pending;
        Ok(())
    }

    /// Puts a row where its key is looked up.
    fn index(&mut self, row: usize) -> Key {
        let mut key = Vec::new();
        for column in &self.key {
            let value = self.columns[column + 1].view().value(row);
            if matches!(value, Value::Null) || matches!(value, Value::Float64(number) if number.is_nan()) {
                return None;
            }
            append_key(&mut key, value);
        }
        let key = key.into_boxed_slice();
        self.rows_by_key.entry(key.clone()).or_default().push_back(row as u32);
        Some(key)
    }
}
