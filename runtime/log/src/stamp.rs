//! Giving records the time of their arrival.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, TimestampNanosecondArray};
use dag_model::Timestamp;

/// The records with that time in place of what their first column says.
pub(crate) fn stamped(batch: &RecordBatch, time: Timestamp) -> RecordBatch {
    let times = TimestampNanosecondArray::from_value(time.0, batch.num_rows()).with_timezone("UTC");
    let times = Arc::new(times) as ArrayRef;
    let columns = std::iter::once(times).chain(batch.columns().iter().skip(1).cloned());
    RecordBatch::try_new(batch.schema(), columns.collect()).expect("its other columns are as they were")
}
