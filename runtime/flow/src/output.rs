//! From results to batches.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, TimestampNanosecondArray, UInt32Array};
use arrow_schema::SchemaRef;
use arrow_select::filter::filter_record_batch;
use arrow_select::take::take as take_one;

use crate::error::ComputeError;
use crate::window::Results;

/// The rows with these indexes of all columns.
pub fn take(columns: &[ArrayRef], rows: &[u32]) -> Result<Vec<ArrayRef>, ComputeError> {
    let indices = UInt32Array::from(rows.to_vec());
    columns.iter().map(|column| Ok(take_one(column, &indices, None)?)).collect()
}

/// Times as a column.
pub fn time_column(times: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC"))
}

/// What an aggregate's output looks like: time, key columns, a session's bounds, value.
#[derive(Clone)]
pub struct Shape {
    schema: SchemaRef,
}

impl Shape {
    /// Output of this Arrow schema.
    pub fn new(schema: SchemaRef) -> Shape {
        Shape { schema }
    }

    /// The results whose value is not null, as a batch. `columns` are the key columns.
    pub fn batch(
        &self,
        results: Results,
        columns: Vec<ArrayRef>,
        values: ArrayRef,
    ) -> Result<RecordBatch, ComputeError> {
        let present = values.nulls().map(|nulls| nulls.inner().clone());
        let mut all = Vec::with_capacity(columns.len() + 4);
        all.push(time_column(results.times));
        all.extend(columns);
        if let Some((starts, ends)) = results.bounds {
            all.push(time_column(starts));
            all.push(time_column(ends));
        }
        all.push(values);
        let batch = RecordBatch::try_new(self.schema.clone(), all)?;
        match present {
            Some(present) => Ok(filter_record_batch(&batch, &present.into())?),
            None => Ok(batch),
        }
    }
}
