//! The records of a body so far: those taken, as columns, and those refused.

use arrow_array::RecordBatch;
use dag_model::text::{MAX_NAME, shortened};
use dag_model::{Schema, Timestamp, Type, arrow_schema};

use super::columns::{Column, Misfit};
use super::names::Names;
use super::size::Size;
use super::{Decoded, Decoder};
use crate::refusal::Refusals;
use crate::{BodyError, Refusal};

/// Why a record is refused.
pub(crate) struct Problem {
    pub column: Option<String>,
    pub reason: String,
}

impl Problem {
    pub fn of_record(reason: impl Into<String>) -> Problem {
        Problem { column: None, reason: reason.into() }
    }

    pub fn of_column(column: &str, reason: Misfit) -> Problem {
        Problem { column: Some(shortened(column, MAX_NAME).into_owned()), reason }
    }
}

/// Takes records one after another. What a record costs depends on the values that it has, not on the columns of the stream.
pub(crate) struct Rows<'a> {
    schema: &'a Schema,
    arrival: Option<Timestamp>,
    /// The time, then the schema's columns. One that later records left out is shorter than there are rows.
    columns: Vec<Column>,
    /// The columns that the record at hand has put a value into, or tried to.
    touched: Vec<usize>,
    rows: Vec<u64>,
    records: u64,
    refused: Refusals,
    size: Size<'a>,
}

/// The record that is being read.
pub(crate) struct Record<'r> {
    columns: &'r mut [Column],
    touched: &'r mut Vec<usize>,
    row: usize,
    /// Whether what is wrong with it will be told: words cost more than the record.
    pub told: bool,
}

impl Record<'_> {
    /// Whether it has a value in that column.
    pub fn has(&self, column: usize) -> bool {
        self.columns[column].len() > self.row
    }

    /// A column that it has no value in, to append one.
    pub fn column(&mut self, column: usize) -> &mut Column {
        self.touched.push(column);
        let column = &mut self.columns[column];
        column.fill(self.row);
        column
    }

    /// A problem with the record as a whole.
    pub fn problem(&self, reason: impl FnOnce() -> String) -> Problem {
        Problem::of_record(if self.told { reason() } else { String::new() })
    }
}

impl<'a> Rows<'a> {
    /// No rows yet, of a body of so many bytes.
    pub fn new(decoder: Decoder<'a>, body: usize) -> Result<Rows<'a>, BodyError> {
        let Decoder { schema, time, .. } = decoder;
        let mut size = Size::new(decoder, body);
        // Text and binary come to no more than what they were written as.
        size.take(body as u64)?;
        let columns = schema.fields.iter().map(|field| Column::new(field.ty, time.unit));
        let columns = std::iter::once(Column::new(Type::Timestamp, time.unit)).chain(columns).collect();
        Ok(Rows {
            schema,
            arrival: time.arrival,
            columns,
            touched: Vec::new(),
            rows: Vec::new(),
            records: 0,
            refused: Refusals::default(),
            size,
        })
    }

    /// The next record. `read` appends at most one value to each column; those that it leaves out become null. If it finds a
    /// problem, the record leaves no trace but its refusal.
    pub fn record(
        &mut self,
        line: u64,
        names: &Names<'_>,
        read: impl FnOnce(&mut Record<'_>) -> Result<(), Problem>,
    ) -> Result<(), BodyError> {
        self.records += 1;
        let row = self.rows.len();
        self.touched.clear();
        let told = !self.refused.is_full();
        let mut record = Record { columns: &mut self.columns, touched: &mut self.touched, row, told };
        match read(&mut record).and_then(|()| time(&mut record, self.arrival, names)) {
            Ok(()) => {
                self.size.add(1)?;
                self.rows.push(line);
            }
            Err(Problem { column, reason }) => {
                self.touched.iter().for_each(|column| self.columns[*column].truncate(row));
                self.refused.push(Refusal { line, column, reason });
            }
        }
        Ok(())
    }

    pub fn finish(self) -> Decoded {
        let Rows { schema, columns, rows, records, refused, .. } = self;
        let arrays = columns.into_iter().map(|column| column.finish(rows.len())).collect();
        let batch =
            RecordBatch::try_new(arrow_schema(schema), arrays).expect("columns of one length and the schema's types");
        Decoded { batch, rows, records, refused: refused.into() }
    }
}

/// Sees to a record's time.
fn time(record: &mut Record<'_>, arrival: Option<Timestamp>, names: &Names<'_>) -> Result<(), Problem> {
    match arrival {
        Some(arrival) => {
            record.column(0).push_time(arrival);
            Ok(())
        }
        None if record.has(0) && !record.columns[0].ends_in_null() => Ok(()),
        None => Err(record.problem(|| format!("no time; expected one in {}", names.times()))),
    }
}
