//! Records to work on: CPU loads of a hundred hosts.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use dag_log::{Committer, Durability, Log, Options};
use dag_model::{Field, Frontier, Schema, Timestamp, Type, arrow_schema, times};

/// How many records there are in a batch, as in one that a publisher sends.
pub const BATCH: usize = 4_096;

/// How many hosts take turns.
const HOSTS: usize = 100;

/// Between two records, in nanoseconds: a window of five minutes holds 30,000.
const STEP: i64 = 10_000_000;

/// Host and value.
pub fn schema() -> Schema {
    Schema::new(vec![Field::new("host", Type::Utf8), Field::new("value", Type::Float64)])
}

/// So many batches, in time order. The values are those of a linear congruential generator (Knuth's MMIX).
pub fn batches(count: usize) -> Vec<RecordBatch> {
    let hosts: Vec<String> = (0..HOSTS).map(|host| format!("web-{host:03}.example.net")).collect();
    let mut state = 1_u64;
    let mut load = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1 << 24) as f64 * 100.0
    };
    let batch = |number: usize| {
        let rows = number * BATCH..(number + 1) * BATCH;
        let times = TimestampNanosecondArray::from_iter_values(rows.clone().map(|row| row as i64 * STEP));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(times.with_timezone("UTC")),
            Arc::new(StringArray::from_iter_values(rows.clone().map(|row| &hosts[row % HOSTS]))),
            Arc::new(Float64Array::from_iter_values(rows.map(|_| load()))),
        ];
        RecordBatch::try_new(arrow_schema(&schema()), columns).expect("the columns are those of the schema")
    };
    (0..count).map(batch).collect()
}

/// An empty log for records of that schema.
///
/// # Panics
/// If there is one already, or the folder cannot be written.
pub fn log(folder: &Path, schema: &Schema, durability: Durability) -> Log {
    let options = Options { durability, ..Options::default() };
    Log::create(folder, schema, options, &Committer::new()).expect("the folder is new")
}

/// Appends a batch, and a frontier that says that the times go up.
///
/// # Panics
/// If the disk does not take it.
pub fn append(log: &Log, batch: &RecordBatch) {
    let last = times(batch).last().copied().unwrap_or_default();
    log.append(batch, Frontier::At(Timestamp(last)), Timestamp(0)).expect("the disk takes it");
}
