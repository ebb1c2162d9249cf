//! Arrow IPC streams. Columns go by name, in any order, and may have other types whose values the stream's types can hold.

pub(crate) mod messages;
pub(crate) mod widen;

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, TimestampNanosecondArray, new_null_array};
use arrow_schema::{ArrowError, SchemaRef};
use arrow_select::concat::concat;
use arrow_select::filter::filter;
use dag_model::batch::arrow_type;
use dag_model::text::{MAX_NAME, shortened};
use dag_model::{Schema, Type, arrow_schema};

use super::names::Names;
use super::size::Size;
use super::{Decoded, Decoder};
use crate::refusal::{Refusals, told};
use crate::{BodyError, Refusal, TimeColumn};
use messages::Messages;
use widen::Widen;

pub(super) fn decode(decoder: Decoder<'_>, bytes: &[u8], first_row: u64) -> Result<Decoded, BodyError> {
    let Decoder { schema, time, .. } = decoder;
    let names = Names::new(schema, time);
    let mut size = Size::new(decoder, bytes.len());
    // The arrays lie in a copy of the body, and are copied once more as one batch.
    size.take(2 * bytes.len() as u64)?;
    let mut messages = Messages::new(bytes)?;
    let sources = Source::resolve(&names, schema, messages.schema())?;
    let mut reader = Reader { names, time, sources, tally: Tally::from(first_row) };
    while let Some(batch) = messages.next_batch(|records| size.add(records))? {
        reader.take(&batch).map_err(unreadable)?;
    }
    reader.finish(schema, first_row)
}

fn unreadable(error: impl ToString) -> BodyError {
    BodyError::Arrow { problem: error.to_string() }
}

/// Where a column of the batch comes from.
struct Source {
    /// Which column of the body, and how its values become the stream's; none if the body does not have it.
    from: Option<(usize, Widen)>,
    ty: Type,
    /// What each batch of the body came to.
    arrays: Vec<ArrayRef>,
}

impl Source {
    /// For the time and each column of the stream.
    fn resolve(names: &Names<'_>, schema: &Schema, found: &SchemaRef) -> Result<Vec<Source>, BodyError> {
        let columns: Vec<&str> = found.fields().iter().map(|field| field.name().as_str()).collect();
        let types = std::iter::once(Type::Timestamp).chain(schema.fields.iter().map(|field| field.ty));
        let mut sources: Vec<Source> = types.map(|ty| Source { from: None, ty, arrays: Vec::new() }).collect();
        for (index, column) in names.resolve(&columns)?.into_iter().enumerate() {
            let (field, source) = (found.field(index), &mut sources[column]);
            let widen = widen::to(source.ty, field.data_type()).ok_or_else(|| BodyError::ArrowType {
                column: told(field.name()),
                expected: source.ty.name(),
                found: told(&field.data_type().to_string()),
            })?;
            source.from = Some((index, widen));
        }
        Ok(sources)
    }

    /// All values as one array; nulls if the body does not have the column.
    fn finish(self, rows: usize) -> Result<ArrayRef, ArrowError> {
        match self.arrays.as_slice() {
            [] => Ok(new_null_array(&arrow_type(self.ty), rows)),
            [array] => Ok(array.clone()),
            arrays => concat(&arrays.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>()),
        }
    }
}

/// Turns the body's batches into one of the stream's. What a batch costs depends on its own columns, not on the stream's: a body
/// may hold many that are small.
struct Reader<'a> {
    names: Names<'a>,
    time: &'a TimeColumn,
    sources: Vec<Source>,
    tally: Tally,
}

impl Reader<'_> {
    fn take(&mut self, found: &RecordBatch) -> Result<(), ArrowError> {
        let count = found.num_rows();
        if count == 0 {
            return Ok(());
        }
        let mut keep = vec![true; count];
        let mut columns = Vec::with_capacity(found.num_columns());
        for (column, source) in self.sources.iter().enumerate() {
            let Some((at, widen)) = source.from else { continue };
            let (before, after) = (found.column(at), widen(found.column(at), self.time.unit));
            if after.null_count() > before.null_count() {
                let lost = (0..count).filter(|row| after.is_null(*row) && before.is_valid(*row));
                let column = found.schema_ref().field(at).name();
                self.tally.refuse(&mut keep, lost, Some(column), &format!("out of the range of {}", source.ty));
            }
            columns.push((column, after));
        }
        if self.time.arrival.is_none() {
            // The time is the first column, and no body is without it.
            let untimed = columns.first().filter(|(_, times)| times.null_count() > 0);
            if let Some((_, times)) = untimed {
                let rows = (0..count).filter(|row| times.is_null(*row));
                let reason = format!("no time; expected one in {}", self.names.times());
                self.tally.refuse(&mut keep, rows, None, &reason);
            }
        }
        self.tally.pass(&keep);
        let keep = BooleanArray::from(keep);
        for (column, array) in columns {
            self.sources[column].arrays.push(filter(&array, &keep)?);
        }
        Ok(())
    }

    fn finish(self, schema: &Schema, first_row: u64) -> Result<Decoded, BodyError> {
        let Tally { next_row, rows, refused } = self.tally;
        let columns = self.sources.into_iter().map(|source| source.finish(rows.len()));
        let mut columns = columns.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        if let Some(arrival) = self.time.arrival {
            columns[0] = Arc::new(TimestampNanosecondArray::from_value(arrival.0, rows.len()).with_timezone("UTC"));
        }
        let batch = RecordBatch::try_new(arrow_schema(schema), columns).map_err(unreadable)?;
        let mut refused = Vec::from(refused);
        refused.sort_by_key(|refusal: &Refusal| refusal.line);
        Ok(Decoded { batch, rows, records: next_row - first_row, refused })
    }
}

/// Which rows are taken and which refused.
struct Tally {
    /// The number of the batch's first row.
    next_row: u64,
    rows: Vec<u64>,
    refused: Refusals,
}

impl Tally {
    fn from(first_row: u64) -> Tally {
        Tally { next_row: first_row, rows: Vec::new(), refused: Refusals::default() }
    }

    /// Refuses these rows of the batch, but for those that are refused already.
    fn refuse(&mut self, keep: &mut [bool], rows: impl Iterator<Item = usize>, column: Option<&str>, reason: &str) {
        for row in rows {
            if std::mem::replace(&mut keep[row], false) && !self.refused.is_full() {
                let line = self.next_row + row as u64;
                let column = column.map(|column| shortened(column, MAX_NAME).into_owned());
                self.refused.push(Refusal { line, column, reason: reason.into() });
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
