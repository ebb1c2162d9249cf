//! Where records are, carried along with them through a merge as three last columns: leg, run and sequence.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{RecordBatch, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use dag_model::{Position, Timestamp, times};

use crate::cursor::Loaded;
use crate::error::ComputeError;
use crate::search::Spot;

const COLUMNS: [&str; 3] = ["leg", "run", "sequence"];

/// The schema of such records with these columns.
pub(super) fn schema(own: &Schema) -> SchemaRef {
    let mut fields = own.fields().to_vec();
    fields.extend(COLUMNS.map(|name| Arc::new(Field::new(name, DataType::UInt64, false))));
    Arc::new(Schema::new(fields))
}

/// The records of a leg with these columns.
pub(super) fn number(loaded: &Loaded, leg: usize, schema: &SchemaRef) -> Result<RecordBatch, ComputeError> {
    let rows = loaded.batch.num_rows();
    let mut columns = loaded.batch.columns().to_vec();
    columns.push(Arc::new(UInt64Array::from_value(leg as u64, rows)));
    columns.push(Arc::new(UInt64Array::from_value(loaded.run, rows)));
    columns.push(Arc::new((0..rows).map(|row| loaded.sequences.get(row)).collect::<UInt64Array>()));
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}

/// The records of each input without these columns, and where each next one of their merge is.
pub(super) fn spots(batches: &[RecordBatch], order: &[u8]) -> Result<(Vec<RecordBatch>, Vec<Spot>), ComputeError> {
    let numbers = |batch: &RecordBatch| -> [Vec<u64>; 3] {
        let own = batch.num_columns() - COLUMNS.len();
        [0, 1, 2].map(|at| batch.column(own + at).as_primitive::<UInt64Type>().values().to_vec())
    };
    let numbers: Vec<_> = batches.iter().map(numbers).collect();
    let mut next = vec![0; batches.len()];
    let mut spot = |input: usize| {
        let (row, [legs, runs, sequences]) = (next[input], &numbers[input]);
        next[input] += 1;
        let position = Position { run: runs[row], sequence: sequences[row] };
        Spot { time: Timestamp(times(&batches[input])[row]), input, leg: legs[row] as usize, position }
    };
    let spots = match batches {
        [only] => (0..only.num_rows()).map(|_| spot(0)).collect(),
        _ => order.iter().map(|input| spot(usize::from(*input))).collect(),
    };
    let own = |batch: &RecordBatch| batch.project(&(0..batch.num_columns() - COLUMNS.len()).collect::<Vec<_>>());
    Ok((batches.iter().map(own).collect::<Result<_, _>>()?, spots))
}
