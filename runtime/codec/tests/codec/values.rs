use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, BinaryArray, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_ipc::writer::StreamWriter;
use dag_codec::{Decoder, Format, TimeColumn, TimeUnit};
use dag_model::{Timestamp, times};

use crate::{decode, every_type};

#[test]
fn columns_come_in_any_order_and_missing_ones_are_null() {
    let bodies = [
        (Format::Json, "{\"value\":1,\"count\":3.0,\"time\":0}\n{\"time\":0,\"host\":null}\n"),
        (Format::Csv, "\u{feff}value, count,time,host\n1,3.0,0,\n,,0,\n"),
    ];
    for (format, body) in bodies {
        let batch = decode(format, &every_type(), body).unwrap().batch;
        assert_eq!(batch.column(3).as_primitive::<Float64Type>(), &Float64Array::from(vec![Some(1.0), None]));
        assert_eq!(batch.column(2).as_primitive::<Int64Type>(), &Int64Array::from(vec![Some(3), None]));
        assert_eq!(batch.column(4).null_count(), 2);
    }
}

#[test]
fn an_empty_csv_field_is_null_but_in_quotes_it_is_empty_text() {
    let body = "time,host,raw,value\n0,,,\n0,\"\",\"\",\"\"\n0, ,YQ, 1 \n";
    let decoded = decode(Format::Csv, &every_type(), body).unwrap();
    assert_eq!(decoded.refused, []);
    assert_eq!(decoded.batch.column(4).as_string::<i32>(), &StringArray::from(vec![None, Some(""), Some(" ")]));
    let raw: [Option<&[u8]>; 3] = [None, Some(b""), Some(b"a")];
    assert_eq!(decoded.batch.column(5).as_binary::<i32>(), &BinaryArray::from_iter(raw));
    let values = Float64Array::from(vec![None, None, Some(1.0)]);
    assert_eq!(decoded.batch.column(3).as_primitive::<Float64Type>(), &values);
}

#[test]
fn a_csv_field_may_hold_quotes_commas_and_line_ends() {
    let body = "host,time\r\n\"a,\"\"b\"\"\r\nc\",0\r\nd\"e\",1\r\n";
    let decoded = decode(Format::Csv, &every_type(), body).unwrap();
    let hosts = StringArray::from(vec!["a,\"b\"\r\nc", "d\"e\""]);
    assert_eq!((decoded.batch.column(4).as_string::<i32>(), decoded.rows), (&hosts, vec![2, 4]));
}

#[test]
fn csv_knows_the_floats_that_json_does_not() {
    let decoded = decode(Format::Csv, &every_type(), "time,value\n0,NaN\n0,inf\n0,-inf\n0,1e-7\n").unwrap();
    let values = decoded.batch.column(3).as_primitive::<Float64Type>().values();
    assert!(values[0].is_nan());
    assert_eq!(values[1..], [f64::INFINITY, f64::NEG_INFINITY, 1e-7]);
}

#[test]
fn a_nan_is_one_value_whatever_its_sign_and_payload() {
    let payload = f64::from_bits(f64::NAN.to_bits() | 0x8000_0000_0000_1234);
    let body = "time,value\n0,NaN\n0,-NaN\n0,nan\n";
    let csv = decode(Format::Csv, &every_type(), body).unwrap();
    let column = |array: ArrayRef| {
        let time = Arc::new(Int64Array::from(vec![0; array.len()])) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("time", time), ("value", array)]).unwrap();
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        decode(Format::Arrow, &every_type(), writer.into_inner().unwrap()).unwrap()
    };
    let doubles = column(Arc::new(Float64Array::from(vec![payload, -f64::NAN])));
    let floats = column(Arc::new(Float32Array::from(vec![f32::from_bits(0xffc0_1234)])));
    for decoded in [csv, doubles, floats] {
        let values = decoded.batch.column(3).as_primitive::<Float64Type>().values().clone();
        assert!(values.iter().all(|value| value.to_bits() == f64::NAN.to_bits()), "{values:?}");
    }
}

#[test]
fn integers_are_times_in_the_unit_and_text_is_rfc_3339() {
    let time = TimeColumn { name: Some("at".into()), unit: TimeUnit::Ms, arrival: None };
    let expected = [1_392_386_400_000_000_000, 1_392_386_400_000_000_000, -1_000_000];
    for (format, body) in [
        (Format::Json, "{\"at\":1392386400000}\n{\"at\":\"2014-02-14T15:00:00+01:00\"}\n{\"at\":-1.0}\n"),
        (Format::Csv, "at\n1392386400000\n2014-02-14 14:00:00\n-1.0\n"),
    ] {
        let decoded = Decoder::new(&every_type(), &time).decode(format, body.as_bytes(), 1).unwrap();
        assert_eq!(times(&decoded.batch), expected);
    }
}

#[test]
fn records_of_a_stream_without_time_column_have_the_time_of_arrival() {
    let (schema, time) = (every_type(), TimeColumn { arrival: Some(Timestamp(7)), ..Default::default() });
    let decoder = Decoder::new(&schema, &time);
    for (format, body) in [(Format::Json, "{\"count\":1}\n{}\n"), (Format::Csv, "count\n1\n2\n")] {
        let decoded = decoder.decode(format, body.as_bytes(), 1).unwrap();
        assert_eq!((times(&decoded.batch), decoded.refused), (&[7, 7][..], vec![]));
    }
    let decoded = decoder.decode(Format::Json, b"{\"time\":1}", 1).unwrap();
    assert_eq!(decoded.refused[0].reason, "unknown column `time`; the stream has ok, count, value, host, raw, seen");
}
