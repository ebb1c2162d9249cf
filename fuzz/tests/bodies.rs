//! Bodies of requests, in all formats.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use dag_codec::{Decoded, Decoder, EncodeOptions, Encoder, Format, Splitter, TimeColumn, infer};
use dag_fuzz::fuzz;
use dag_fuzz::mutation::{mutated, mutations};
use dag_model::{Field, Schema, Type, arrow_schema};
use proptest::prelude::*;

/// A column of every type.
fn schema() -> Schema {
    Schema::new(Type::ALL.into_iter().map(|ty| Field::new(ty.name(), ty)).collect())
}

/// Some records with values and without.
fn batch() -> RecordBatch {
    let some = |row: i64| (row % 3 != 0).then_some(row);
    let rows = || (0..7).map(some);
    let times = |times: Vec<Option<i64>>| Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC"));
    let column = |ty: Type| -> ArrayRef {
        match ty {
            Type::Boolean => Arc::new(rows().map(|row| row.map(|row| row % 2 == 0)).collect::<BooleanArray>()),
            Type::Int64 => Arc::new(rows().collect::<Int64Array>()),
            Type::Float64 => Arc::new(rows().map(|row| row.map(|row| row as f64 / 3.0)).collect::<Float64Array>()),
            Type::Utf8 => Arc::new(rows().map(|row| row.map(|row| format!("é,\"\n{row}"))).collect::<StringArray>()),
            Type::Binary => Arc::new(rows().map(|row| row.map(|row| row.to_be_bytes())).collect::<BinaryArray>()),
            Type::Timestamp => times(rows().collect()),
        }
    };
    let columns =
        std::iter::once(times((0..7).map(Some).collect()) as ArrayRef).chain(Type::ALL.into_iter().map(column));
    RecordBatch::try_new(arrow_schema(&schema()), columns.collect()).expect("seven rows of each type")
}

fn encoded(format: Format, batch: &RecordBatch) -> Vec<u8> {
    let mut encoder = Encoder::new(format, &schema(), EncodeOptions::default());
    let mut out = Vec::new();
    encoder.begin(&mut out);
    encoder.encode(batch, None, &mut out);
    encoder.finish(&mut out);
    out
}

fn decode(format: Format, body: &[u8]) -> Option<Decoded> {
    Decoder::new(&schema(), &TimeColumn::default()).decode(format, body, 1).ok()
}

/// What must hold for any body.
fn check(format: Format, body: &[u8]) {
    let _ = infer(format, body, &TimeColumn::default());
    let Some(decoded) = decode(format, body) else { return };
    let accepted = decoded.batch.num_rows() as u64;
    assert_eq!(accepted, decoded.rows.len() as u64);
    assert_eq!(accepted + decoded.refused_count(), decoded.records);
    let told: usize = decoded.refused.iter().map(|refusal| refusal.reason.len()).sum();
    if decoded.records <= dag_codec::MAX_LISTED as u64 && told < dag_codec::MAX_LISTED_BYTES {
        assert_eq!(decoded.refused.len() as u64, decoded.refused_count());
    }
    if format == Format::Json {
        let blank = |line: &&[u8]| line.iter().all(u8::is_ascii_whitespace);
        let lines = body.split(|byte| *byte == b'\n').filter(|line| !blank(line)).count();
        assert_eq!(decoded.records, lines as u64, "accepted and refused are all lines");
    }
    // What was taken is written so that it is taken again.
    let again = decode(format, &encoded(format, &decoded.batch)).expect("the node reads what it writes");
    assert_eq!(format!("{:?}", again.batch), format!("{:?}", decoded.batch));
    assert_eq!(again.refused_count(), 0);
    split(format, body, &decoded);
}

/// A body in parts comes to the same as the whole.
fn split(format: Format, body: &[u8], whole: &Decoded) {
    let mut splitter = match format {
        Format::Json => Splitter::ndjson(),
        Format::Csv => Splitter::csv(),
        Format::Arrow => return,
    };
    body.chunks(7).for_each(|piece| splitter.push(piece));
    splitter.finish();
    let (schema, time, mut records, mut rows) = (schema(), TimeColumn::default(), 0, Vec::new());
    while let Some(chunk) = splitter.next_chunk(2) {
        let part = Decoder::new(&schema, &time).decode(format, &chunk.bytes, chunk.first_line);
        let part = part.expect("a part of a body that is one is one");
        assert_eq!(part.records, chunk.records);
        records += part.records;
        rows.extend(part.rows);
    }
    assert_eq!((records, &rows), (whole.records, &whole.rows));
}

#[test]
fn every_line_of_a_damaged_body_is_accepted_or_refused() {
    let seeds: Vec<_> = Format::ALL.into_iter().map(|format| (format, encoded(format, &batch()))).collect();
    fuzz((0..seeds.len(), mutations()), |(seed, mutations)| {
        let (format, seed) = &seeds[seed];
        check(*format, &mutated(seed, &mutations));
    });
}

#[test]
fn every_line_of_any_bytes_is_accepted_or_refused() {
    fuzz((0..Format::ALL.len(), any::<Vec<u8>>()), |(format, bytes)| {
        check(Format::ALL[format], &bytes);
    });
}
