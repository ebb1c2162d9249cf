//! Records in tests.

use std::fmt;

use crate::{Cell, Column, ColumnRef, Field, Frame, Schema, Timestamp, Type, Value, encode};

/// A second, in the nanoseconds that event times are in.
pub const SECOND: i64 = 1_000_000_000;

/// Some records of one stream, in the order of its log.
#[derive(Clone, PartialEq)]
pub struct Records {
    schema: Schema,
    /// `time`, then the schema's columns.
    columns: Vec<Column>,
}

impl Records {
    /// No records of a stream with these columns.
    pub fn new(columns: &[(&str, Type)]) -> Records {
        Records::of(Schema::new(columns.iter().map(|(name, ty)| Field::new(*name, *ty)).collect()))
    }

    /// No records of that schema.
    pub fn of(schema: Schema) -> Records {
        let types = std::iter::once(Type::Timestamp).chain(schema.fields.iter().map(|field| field.ty));
        let columns = types.map(Column::empty).collect();
        Records { schema, columns }
    }

    /// Values at 0 s, 1 s, 2 s, ... in a column called `value`.
    pub fn each_second<C: Cell>(values: impl IntoIterator<Item = C>) -> Records {
        let times = (0..).map(|second| second * SECOND);
        times
            .zip(values)
            .fold(Records::new(&[("value", C::TYPE)]), |records, (time, value)| records.with(time, &[value.to_value()]))
    }

    /// These and one more.
    ///
    /// # Panics
    /// If the values are not of the schema's types.
    #[must_use]
    pub fn with(mut self, time: i64, values: &[Value<'_>]) -> Records {
        assert_eq!(values.len() + 1, self.columns.len(), "a value for every column");
        let values = std::iter::once(Value::Timestamp(time)).chain(values.iter().copied());
        self.columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
        self
    }

    /// The columns' names and types.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// How many there are.
    pub fn rows(&self) -> usize {
        self.columns[0].len
    }

    /// The event times in nanoseconds.
    pub fn times(&self) -> Vec<i64> {
        self.columns[0].view().as_timestamp().expect("time comes first").to_vec()
    }

    /// The values of the column of that name, as Rust has them.
    ///
    /// # Panics
    /// If there is no such column, or it has another type.
    pub fn values<C: Cell>(&self, name: &str) -> Vec<C> {
        let (index, ty) = self.schema.find(name).unwrap_or_else(|| panic!("a column `{name}`"));
        let value = |value| C::from_value(value).unwrap_or_else(|| panic!("`{name}` is {ty}, and may be null"));
        self.columns[index + 1].view().iter().map(value).collect()
    }

    /// The columns: `time`, then the schema's.
    pub(super) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Some rows as a frame.
    pub fn frame(&self, rows: &[u32]) -> Vec<u8> {
        let columns: Vec<_> = self.columns.iter().map(|column| column.view().take(rows)).collect();
        encode(rows.len(), &columns.iter().map(Column::view).collect::<Vec<_>>())
    }

    /// Appends the records of a frame.
    pub(super) fn append(&mut self, frame: &Frame<'_>) {
        let types = |columns: &[ColumnRef<'_>]| columns.iter().map(ColumnRef::ty).collect::<Vec<_>>();
        let own: Vec<_> = self.columns.iter().map(Column::ty).collect();
        assert_eq!(types(frame.columns()), own, "an output frame has time and the opened schema's columns");
        self.columns.iter_mut().zip(frame.columns()).for_each(|(own, column)| own.append(column));
    }

    /// The time of a row.
    pub(super) fn time(&self, row: usize) -> Timestamp {
        let Value::Timestamp(time) = self.columns[0].view().value(row) else { unreachable!("time comes first") };
        Timestamp(time)
    }
}

/// One line per record, as a failing test shows it.
impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.schema.fields.iter().map(|field| format!("{}: {}", field.name, field.ty)).collect();
        writeln!(f, "time, {}", names.join(", "))?;
        (0..self.rows()).try_for_each(|row| {
            let values: Vec<_> = self.columns.iter().map(|column| format!("{:?}", column.view().value(row))).collect();
            writeln!(f, "{}", values.join(", "))
        })
    }
}
