//! The records of a body so far: those taken, as columns, and those refused.

use arrow_array::RecordBatch;
use dag_model::{Schema, Timestamp, Type, arrow_schema};

use super::Decoded;
use super::columns::{Column, Misfit};
use super::names::Names;
use crate::{BodyError, MAX_LISTED, MAX_VALUES, Refusal, TimeColumn};

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
        Problem { column: Some(column.into()), reason }
    }
}

/// Takes records one after another.
pub(crate) struct Rows<'a> {
    schema: &'a Schema,
    arrival: Option<Timestamp>,
    /// The time, then the schema's columns.
    columns: Vec<Column>,
    rows: Vec<u64>,
    records: u64,
    refused: Vec<Refusal>,
}

impl<'a> Rows<'a> {
    pub fn new(schema: &'a Schema, time: &TimeColumn) -> Rows<'a> {
        let columns = schema.fields.iter().map(|field| Column::new(field.ty, time.unit));
        let columns = std::iter::once(Column::new(Type::Timestamp, time.unit)).chain(columns).collect();
        Rows { schema, arrival: time.arrival, columns, rows: Vec::new(), records: 0, refused: Vec::new() }
    }

    /// The next record. `read` appends at most one value to each column; those that it leaves out become null. If it finds a
    /// problem, the record leaves no trace but its refusal.
    pub fn record(
        &mut self,
        line: u64,
        names: &Names<'_>,
        read: impl FnOnce(&mut [Column]) -> Result<(), Problem>,
    ) -> Result<(), BodyError> {
        let row = self.rows.len();
        if (row + 1) * self.columns.len() > MAX_VALUES {
            return Err(BodyError::TooManyValues { columns: self.columns.len() });
        }
        self.records += 1;
        match read(&mut self.columns).and_then(|()| self.complete(row, names)) {
            Ok(()) => self.rows.push(line),
            Err(problem) => {
                self.columns.iter_mut().for_each(|column| column.truncate(row));
                if self.refused.len() < MAX_LISTED {
                    self.refused.push(Refusal { line, column: problem.column, reason: problem.reason });
                }
            }
        }
        Ok(())
    }

    /// Fills in what the record at `row` leaves out.
    fn complete(&mut self, row: usize, names: &Names<'_>) -> Result<(), Problem> {
        self.columns.iter_mut().filter(|column| column.len() == row).for_each(Column::push_null);
        let time = &mut self.columns[0];
        match self.arrival {
            Some(arrival) => time.set_last_time(arrival),
            None if time.ends_in_null() => {
                return Err(Problem::of_record(format!("no time; expected one in {}", names.times())));
            }
            None => {}
        }
        Ok(())
    }

    pub fn finish(self) -> Decoded {
        let Rows { schema, columns, rows, records, refused, .. } = self;
        let arrays = columns.into_iter().map(Column::finish).collect();
        let batch =
            RecordBatch::try_new(arrow_schema(schema), arrays).expect("columns of one length and the schema's types");
        Decoded { batch, rows, records, refused }
    }
}
