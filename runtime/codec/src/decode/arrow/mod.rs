//! Arrow IPC streams. Columns go by name, in any order, and may have other types whose values the stream's types can hold.

pub(crate) mod messages;
pub(crate) mod widen;

use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch, TimestampNanosecondArray, new_null_array};
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter;
use dag_model::batch::arrow_type;
use dag_model::{Schema, Type, arrow_schema};

use super::Decoded;
use super::names::Names;
use crate::{BodyError, MAX_LISTED, Refusal, TimeColumn};
use messages::Messages;
use widen::Widen;

pub(super) fn decode(schema: &Schema, time: &TimeColumn, bytes: &[u8], first_row: u64) -> Result<Decoded, BodyError> {
    let names = Names::new(schema, time);
    let mut messages = Messages::new(bytes, schema.fields.len() + 1)?;
    let sources = Source::resolve(&names, schema, messages.schema())?;
    let mut reader = Reader { names, schema, time, sources, tally: Tally::from(first_row) };
    let mut batches = Vec::new();
    while let Some(batch) = messages.next_batch()? {
        batches.push(reader.take(&batch).map_err(unreadable)?);
    }
    let batch = concat_batches(&arrow_schema(schema), &batches).map_err(unreadable)?;
    let Tally { next_row, rows, mut refused } = reader.tally;
    refused.sort_by_key(|refusal| refusal.line);
    Ok(Decoded { batch, rows, records: next_row - first_row, refused })
}

fn unreadable(error: impl ToString) -> BodyError {
    BodyError::Arrow { problem: error.to_string() }
}

/// Where a column of the batch comes from.
struct Source {
    /// Which column of the body, and how its values become the stream's; none if the body does not have it.
    from: Option<(usize, Widen)>,
    ty: Type,
}

impl Source {
    /// For the time and each column of the stream.
    fn resolve(names: &Names<'_>, schema: &Schema, found: &SchemaRef) -> Result<Vec<Source>, BodyError> {
        let columns: Vec<&str> = found.fields().iter().map(|field| field.name().as_str()).collect();
        let types = std::iter::once(Type::Timestamp).chain(schema.fields.iter().map(|field| field.ty));
        let mut sources: Vec<Source> = types.map(|ty| Source { from: None, ty }).collect();
        for (index, column) in names.resolve(&columns)?.into_iter().enumerate() {
            let (field, source) = (found.field(index), &mut sources[column]);
            let widen = widen::to(source.ty, field.data_type()).ok_or_else(|| BodyError::ArrowType {
                column: field.name().clone(),
                expected: source.ty.name(),
                found: field.data_type().to_string(),
            })?;
            source.from = Some((index, widen));
        }
        Ok(sources)
    }
}

/// Turns the body's batches into the stream's.
struct Reader<'a> {
    names: Names<'a>,
    schema: &'a Schema,
    time: &'a TimeColumn,
    sources: Vec<Source>,
    tally: Tally,
}

impl Reader<'_> {
    fn take(&mut self, found: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let count = found.num_rows();
        let mut keep = vec![true; count];
        let mut columns = Vec::with_capacity(self.sources.len());
        for source in &self.sources {
            let Some((at, widen)) = source.from else {
                columns.push(new_null_array(&arrow_type(source.ty), count));
                continue;
            };
            let (before, after) = (found.column(at), widen(found.column(at), self.time.unit));
            if after.null_count() > before.null_count() {
                let lost = (0..count).filter(|row| after.is_null(*row) && before.is_valid(*row));
                let column = found.schema_ref().field(at).name();
                self.tally.refuse(&mut keep, lost, Some(column), &format!("out of the range of {}", source.ty));
            }
            columns.push(after);
        }
        if let Some(arrival) = self.time.arrival {
            columns[0] = Arc::new(TimestampNanosecondArray::from_value(arrival.0, count).with_timezone("UTC"));
        }
        if columns[0].null_count() > 0 {
            let untimed = (0..count).filter(|row| columns[0].is_null(*row));
            let reason = format!("no time; expected one in {}", self.names.times());
            self.tally.refuse(&mut keep, untimed, None, &reason);
        }
        self.tally.pass(&keep);
        let keep = BooleanArray::from(keep);
        let columns = columns.iter().map(|column| filter(column, &keep)).collect::<Result<_, _>>()?;
        RecordBatch::try_new(arrow_schema(self.schema), columns)
    }
}

/// Which rows are taken and which refused.
struct Tally {
    /// The number of the batch's first row.
    next_row: u64,
    rows: Vec<u64>,
    refused: Vec<Refusal>,
}

impl Tally {
    fn from(first_row: u64) -> Tally {
        Tally { next_row: first_row, rows: Vec::new(), refused: Vec::new() }
    }

    /// Refuses these rows of the batch, but for those that are refused already.
    fn refuse(&mut self, keep: &mut [bool], rows: impl Iterator<Item = usize>, column: Option<&str>, reason: &str) {
        for row in rows {
            if std::mem::replace(&mut keep[row], false) && self.refused.len() < MAX_LISTED {
                let line = self.next_row + row as u64;
                self.refused.push(Refusal { line, column: column.map(Into::into), reason: reason.into() });
            }
        }
    }

    /// Goes on to the next batch.
    fn pass(&mut self, keep: &[bool]) {
        let kept = (self.next_row..).zip(keep).filter(|(_, keep)| **keep);
        self.rows.extend(kept.map(|(row, _)| row));
        self.next_row += keep.len() as u64;
    }
}
