use std::sync::Arc;

use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, Int8Array, Int64Array, LargeStringArray, RecordBatch, StringArray, TimestampMillisecondArray,
    UInt64Array, cast::AsArray,
};
use arrow_ipc::CompressionType;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use dag_codec::{Decoder, EncodeOptions, Encoder, Format, TimeColumn};
use dag_model::{Field, Schema, Timestamp, Type, times};

use crate::{Row, batch, decode, every_type, positions};

/// A stream of one batch, as a client would write it.
fn written(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)));
    written_with(&batch.unwrap(), IpcWriteOptions::default())
}

fn written_with(batch: &RecordBatch, options: IpcWriteOptions) -> Vec<u8> {
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

fn refusal(columns: Vec<(&str, ArrayRef)>) -> String {
    decode(Format::Arrow, &every_type(), written(columns)).unwrap_err().to_string()
}

#[test]
fn the_arrow_crate_reads_what_is_written() {
    let row = Row { time: 5, ok: None, count: Some(1), value: None, host: None, raw: None, seen: None };
    let batch = batch(&[row.clone(), row]);
    let mut encoder = Encoder::new(Format::Arrow, &every_type(), EncodeOptions { positions: true });
    let mut out = Vec::new();
    encoder.begin(&mut out);
    assert!(!out.is_empty(), "the schema is sent before there are records");
    encoder.encode(&batch, Some(&positions(2)), &mut out);
    encoder.encode(&batch.slice(0, 0), Some(&[]), &mut out);
    encoder.finish(&mut out);
    let batches: Vec<RecordBatch> = StreamReader::try_new(&out[..], None).unwrap().map(Result::unwrap).collect();
    assert_eq!(batches[0].project(&[0, 1, 2, 3, 4, 5, 6]).unwrap().columns(), batch.columns());
    assert_eq!(batches[0].column(7).as_string::<i32>(), &StringArray::from(vec!["3:0", "3:1"]));
    assert_eq!((batches.len(), batches[1].num_rows()), (2, 0));
}

#[test]
fn other_types_become_the_stream_s_where_no_value_changes() {
    let body = written(vec![
        ("value", Arc::new(Int8Array::from(vec![Some(1), None]))),
        ("ts", Arc::new(TimestampMillisecondArray::from(vec![1, 2]))),
        ("host", Arc::new(LargeStringArray::from(vec![Some("a"), None]))),
        ("count", Arc::new(UInt64Array::from(vec![7, 8]))),
    ]);
    let decoded = decode(Format::Arrow, &every_type(), body).unwrap();
    assert_eq!((times(&decoded.batch), &decoded.refused), (&[1_000_000, 2_000_000][..], &vec![]));
    assert_eq!(decoded.batch.column(3).as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), [Some(1.0), None]);
    assert_eq!(decoded.batch.column(4).as_string::<i32>(), &StringArray::from(vec![Some("a"), None]));
    assert_eq!(decoded.batch.column(2).as_primitive::<Int64Type>().values(), &[7, 8]);
}

#[test]
fn a_row_that_does_not_fit_is_refused_by_its_number() {
    let body = written(vec![
        ("time", Arc::new(Int64Array::from(vec![Some(1), None, Some(3), Some(i64::MAX), Some(5)]))),
        ("count", Arc::new(UInt64Array::from(vec![1, 2, u64::MAX, u64::MAX, 5]))),
    ]);
    let decoded = decode(Format::Arrow, &every_type(), body).unwrap();
    assert_eq!((decoded.rows, decoded.records), (vec![1, 5], 5));
    assert_eq!(times(&decoded.batch), [1_000_000_000, 5_000_000_000]);
    let refused: Vec<String> = decoded.refused.iter().map(ToString::to_string).collect();
    assert_eq!(
        refused,
        [
            "line 2: no time; expected one in `time`, `timestamp` or `ts`",
            "line 3: column `count`: out of the range of int64",
            "line 4: column `time`: out of the range of timestamp",
        ]
    );
}

#[test]
fn rows_get_the_time_of_arrival_where_there_is_no_time_column() {
    let time = TimeColumn { arrival: Some(Timestamp(7)), ..Default::default() };
    let body = written(vec![("count", Arc::new(Int64Array::from(vec![1, 2])))]);
    let decoded = Decoder::new(&every_type(), &time).decode(Format::Arrow, &body, 1).unwrap();
    assert_eq!(times(&decoded.batch), [7, 7]);
}

#[test]
fn a_schema_that_does_not_fit_is_refused_in_words() {
    let time: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
    assert_eq!(
        refusal(vec![("time", time.clone()), ("value", text.clone())]),
        "column `value`: expected float64, found Arrow type Utf8"
    );
    assert_eq!(
        refusal(vec![("time", time.clone()), ("vlaue", text)]),
        "unknown column `vlaue`; the stream has ok, count, value, host, raw, seen"
    );
    assert_eq!(refusal(vec![("count", time)]), "no time column: expected `time`, `timestamp` or `ts`, found count");
}

#[test]
fn what_is_no_stream_is_refused_in_words() {
    let error = |body: &[u8]| decode(Format::Arrow, &every_type(), body).unwrap_err().to_string();
    assert_eq!(error(b""), "the Arrow stream cannot be read: it is empty; a schema was expected");
    assert_eq!(error(b"ARROW1"), "the Arrow stream cannot be read: it ends in the middle of a message");
    let whole = written(vec![("time", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]);
    assert_eq!(
        error(&whole[..whole.len() - 40]),
        "the Arrow stream cannot be read: it ends in the middle of a message"
    );
}

#[test]
fn compressed_batches_are_refused() {
    let batch = RecordBatch::try_from_iter([("time", Arc::new(Int64Array::from(vec![1; 1000])) as ArrayRef)]).unwrap();
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME)).unwrap();
    assert_eq!(
        decode(Format::Arrow, &every_type(), written_with(&batch, options)).unwrap_err().to_string(),
        "the Arrow stream cannot be read: its batches are compressed; send them uncompressed"
    );
}

#[test]
fn batches_without_records_cost_nothing_in_columns_that_they_do_not_have() {
    let schema = Schema::new((0..999).map(|index| Field::new(format!("c{index}"), Type::Float64)).collect());
    let batch = |times: Vec<i64>| {
        RecordBatch::try_from_iter([("time", Arc::new(Int64Array::from(times)) as ArrayRef)]).unwrap()
    };
    let mut writer = StreamWriter::try_new(Vec::new(), &batch(vec![]).schema()).unwrap();
    writer.write(&batch(vec![1])).unwrap();
    (0..50_000).for_each(|_| writer.write(&batch(vec![])).unwrap());
    writer.write(&batch(vec![2])).unwrap();
    let decoded = decode(Format::Arrow, &schema, writer.into_inner().unwrap()).unwrap();
    assert_eq!((decoded.rows, decoded.batch.num_columns()), (vec![1, 2], 1_000));
    assert_eq!(decoded.batch.column(999).null_count(), 2);
}

#[test]
fn metadata_that_unfolds_is_refused() {
    let mut nested = arrow_schema::DataType::Int64;
    for _ in 0..30 {
        nested = arrow_schema::DataType::List(Arc::new(arrow_schema::Field::new("i", nested, true)));
    }
    let schema = arrow_schema::Schema::new(vec![arrow_schema::Field::new("time", nested, true)]);
    let body = StreamWriter::try_new(Vec::new(), &schema).unwrap().into_inner().unwrap();
    let error = decode(Format::Arrow, &every_type(), body).unwrap_err().to_string();
    assert!(error.contains("a message's metadata is damaged"), "{error}");

    let fields =
        (0..1_001).map(|index| arrow_schema::Field::new(format!("c{index}"), arrow_schema::DataType::Int64, true));
    let schema = arrow_schema::Schema::new(fields.collect::<Vec<_>>());
    let body = StreamWriter::try_new(Vec::new(), &schema).unwrap().into_inner().unwrap();
    let error = decode(Format::Arrow, &every_type(), body).unwrap_err().to_string();
    assert_eq!(error, "1001 columns; at most 1000 are taken");
}
