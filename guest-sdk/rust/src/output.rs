//! The records that a transform gives.

use crate::cell::canonical;
use crate::{Batch, Column, Data, Schema, Timestamp, Type, Value, encode};

/// Records to emit, and what is to be said of those that are not emitted yet.
#[derive(Debug)]
pub struct Output {
    /// `time`, then the columns of the opened schema.
    columns: Vec<Column>,
    hold: Option<Timestamp>,
    more: bool,
}

impl Output {
    /// Records that one call should not exceed by much, and so the bytes of all columns together: the host limits an output.
    const ROWS: usize = 8192;
    const BYTES: usize = 4 << 20;

    /// An empty output.
    pub(crate) fn new(schema: &Schema) -> Output {
        let types = std::iter::once(Type::Timestamp).chain(schema.fields.iter().map(|field| field.ty));
        Output { columns: types.map(Column::empty).collect(), hold: None, more: false }
    }

    /// How many records there are.
    pub fn rows(&self) -> usize {
        self.columns[0].len
    }

    /// Whether this is as much as one call should emit. An operator that may go far beyond its input asks, stops, and says
    /// that there is [`more`](Output::more).
    pub fn is_full(&self) -> bool {
        let bytes = |column: &Column| match &column.data {
            Data::Utf8(_, bytes) | Data::Binary(_, bytes) => bytes.len(),
            _ => column.len * 8,
        };
        self.rows() >= Output::ROWS || self.columns.iter().map(bytes).sum::<usize>() >= Output::BYTES
    }

    /// Emits these rows of a batch as they are.
    ///
    /// # Panics
    /// If the batch has not the output's columns.
    pub fn take(&mut self, batch: &Batch<'_>, rows: &[u32]) {
        self.append(batch.columns().iter().map(|column| column.take(rows)).collect());
    }

    /// Emits whole columns: `time`, then those of the opened schema.
    ///
    /// # Panics
    /// If their number, types or lengths are not right.
    pub fn append(&mut self, columns: Vec<Column>) {
        let types = |columns: &[Column]| columns.iter().map(Column::ty).collect::<Vec<_>>();
        assert_eq!(types(&columns), types(&self.columns), "time and the opened schema's columns");
        assert!(columns.iter().all(|column| column.len == columns[0].len), "columns of one length");
        if self.rows() == 0 {
            self.columns = columns;
        } else {
            self.columns.iter_mut().zip(&columns).for_each(|(own, column)| own.append(&column.view()));
        }
    }

    /// Emits one record.
    ///
    /// # Panics
    /// If the values are not of the opened schema's types.
    pub fn push<'a>(&mut self, time: Timestamp, values: impl IntoIterator<Item = Value<'a>>) {
        let mut columns = self.columns.iter_mut();
        columns.next().expect("time comes first").push(Value::Timestamp(time.0));
        let mut values = values.into_iter();
        for column in columns {
            column.push(values.next().expect("a value for every column"));
        }
        assert!(values.next().is_none(), "no more values than columns");
    }

    /// Says that records from `time` on may still be emitted though the input's frontier passes it. It must never go back.
    pub fn hold(&mut self, time: Timestamp) {
        self.hold = Some(time);
    }

    /// Says that there is more to emit for the same input: `advance` will be called again.
    pub fn more(&mut self) {
        self.more = true;
    }

    /// As what the world asks for: the frame, the hold, and whether there is more.
    pub(crate) fn finish(mut self) -> (Vec<u8>, Option<Timestamp>, bool) {
        for column in &mut self.columns {
            if let Data::Float64(values) = &mut column.data {
                values.iter_mut().for_each(|value| *value = canonical(*value));
            }
        }
        let views: Vec<_> = self.columns.iter().map(Column::view).collect();
        (encode(self.rows(), &views), self.hold, self.more)
    }
}
