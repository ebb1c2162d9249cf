//! What crosses the HTTP API, from outside of the crate.

mod arrow;
mod hostile;
mod infer;
mod refusals;
mod room;
mod round_trips;
mod splitting;
mod text;
mod values;

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use dag_codec::{BodyError, Decoded, Decoder, EncodeOptions, Encoder, Format, TimeColumn};
use dag_model::{Field, Position, Schema, Type, arrow_schema};

/// A column of every type.
fn every_type() -> Schema {
    Schema::new(vec![
        Field::new("ok", Type::Boolean),
        Field::new("count", Type::Int64),
        Field::new("value", Type::Float64),
        Field::new("host", Type::Utf8),
        Field::new("raw", Type::Binary),
        Field::new("seen", Type::Timestamp),
    ])
}

/// What a record of [`every_type`] holds.
#[derive(Clone, Debug)]
struct Row {
    time: i64,
    ok: Option<bool>,
    count: Option<i64>,
    value: Option<f64>,
    host: Option<String>,
    raw: Option<Vec<u8>>,
    seen: Option<i64>,
}

fn batch(rows: &[Row]) -> RecordBatch {
    let times = TimestampNanosecondArray::from_iter_values(rows.iter().map(|row| row.time)).with_timezone("UTC");
    let seen = TimestampNanosecondArray::from_iter(rows.iter().map(|row| row.seen)).with_timezone("UTC");
    let columns: Vec<ArrayRef> = vec![
        Arc::new(times),
        Arc::new(BooleanArray::from_iter(rows.iter().map(|row| row.ok))),
        Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.count))),
        Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.value))),
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.host.as_deref()))),
        Arc::new(BinaryArray::from_iter(rows.iter().map(|row| row.raw.as_deref()))),
        Arc::new(seen),
    ];
    RecordBatch::try_new(arrow_schema(&every_type()), columns).unwrap()
}

/// All of a stream as bytes.
fn encoded(format: Format, schema: &Schema, batches: &[RecordBatch]) -> Vec<u8> {
    let mut encoder = Encoder::new(format, schema, EncodeOptions::default());
    let mut out = Vec::new();
    encoder.begin(&mut out);
    batches.iter().for_each(|batch| encoder.encode(batch, None, &mut out));
    encoder.finish(&mut out);
    out
}

fn decode(format: Format, schema: &Schema, body: impl AsRef<[u8]>) -> Result<Decoded, BodyError> {
    Decoder::new(schema, &TimeColumn::default()).decode(format, body.as_ref(), 1)
}

fn positions(count: usize) -> Vec<Position> {
    (0..count as u64).map(|sequence| Position { run: 3, sequence }).collect()
}
