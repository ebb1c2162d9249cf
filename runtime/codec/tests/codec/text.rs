use dag_codec::{EncodeOptions, Encoder, Events, Format, Table};
use dag_model::{Field, Schema, Type};

use crate::{Row, batch, encoded, every_type, positions};

fn rows() -> Vec<Row> {
    vec![
        Row {
            time: 1_392_386_400_000_000_000,
            ok: Some(true),
            count: Some(-3),
            value: Some(2.0),
            host: Some("a \"b\",\n".into()),
            raw: Some(vec![0, 255]),
            seen: Some(1_000_000),
        },
        Row { time: -1, ok: None, count: None, value: None, host: None, raw: None, seen: None },
        Row {
            time: 0,
            ok: Some(false),
            count: Some(i64::MIN),
            value: Some(f64::NAN),
            host: Some(String::new()),
            raw: Some(vec![]),
            seen: Some(0),
        },
    ]
}

#[test]
fn json_is_one_object_a_line_with_the_time_first() {
    let text = String::from_utf8(encoded(Format::Json, &every_type(), &[batch(&rows())])).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            r#"{"time":"2014-02-14T14:00:00Z","ok":true,"count":-3,"value":2.0,"host":"a \"b\",\n","raw":"AP8=","seen":"1970-01-01T00:00:00.001Z"}"#,
            r#"{"time":"1969-12-31T23:59:59.999999999Z","ok":null,"count":null,"value":null,"host":null,"raw":null,"seen":null}"#,
            r#"{"time":"1970-01-01T00:00:00Z","ok":false,"count":-9223372036854775808,"value":null,"host":"","raw":"","seen":"1970-01-01T00:00:00Z"}"#,
        ]
    );
}

#[test]
fn csv_tells_null_from_empty_text() {
    let text = String::from_utf8(encoded(Format::Csv, &every_type(), &[batch(&rows())])).unwrap();
    assert_eq!(
        text,
        "time,ok,count,value,host,raw,seen\n\
         2014-02-14T14:00:00Z,true,-3,2.0,\"a \"\"b\"\",\n\",AP8=,1970-01-01T00:00:00.001Z\n\
         1969-12-31T23:59:59.999999999Z,,,,,,\n\
         1970-01-01T00:00:00Z,false,-9223372036854775808,NaN,\"\",\"\",1970-01-01T00:00:00Z\n"
    );
}

#[test]
fn a_position_comes_last_under_a_name_of_its_own() {
    let schema = Schema::new(vec![Field::new("position", Type::Float64)]);
    let batch = batch(&rows()).project(&[0, 3]).unwrap();
    let options = EncodeOptions { positions: true };
    let lines = |format| {
        let mut encoder = Encoder::new(format, &schema, options);
        let mut out = Vec::new();
        encoder.begin(&mut out);
        encoder.encode(&batch, Some(&positions(3)), &mut out);
        String::from_utf8(out).unwrap()
    };
    assert!(lines(Format::Csv).starts_with("time,position,_position\n2014-02-14T14:00:00Z,2.0,3:0\n"));
    assert!(
        lines(Format::Json).contains("{\"time\":\"1970-01-01T00:00:00Z\",\"position\":null,\"_position\":\"3:2\"}\n")
    );
}

#[test]
fn an_event_has_its_position_as_id() {
    let mut events = Events::new(&every_type(), EncodeOptions::default(), None);
    let mut out = Vec::new();
    events.encode(&batch(&rows()[1..2]), &positions(1), &mut out);
    Events::event("error", "one\ntwo", &mut out);
    let text = String::from_utf8(out).unwrap();
    let (record, error) = text.split_once("\n\n").unwrap();
    assert!(
        record.starts_with("event: record\nid: 3:0\ndata: {\"time\":\"1969-12-31T23:59:59.999999999Z\",\"ok\":null")
    );
    assert_eq!(error, "event: error\ndata: one\ndata: two\n\n");

    let mut events = Events::new(&every_type(), EncodeOptions::default(), Some(17));
    let mut out = Vec::new();
    events.encode(&batch(&rows()[1..2]), &positions(1), &mut out);
    assert!(String::from_utf8(out).unwrap().starts_with("event: record\nid: 3:0@17\n"), "a reader of a cursor");
}

#[test]
fn a_table_is_aligned_and_grows_with_its_values() {
    let schema = Schema::new(vec![Field::new("host", Type::Utf8), Field::new("value", Type::Float64)]);
    let rows = |hosts: &[&str], value: f64| {
        let row = |host: &&str| Row {
            time: 0,
            ok: None,
            count: None,
            value: Some(value),
            host: Some((*host).into()),
            raw: None,
            seen: None,
        };
        batch(&hosts.iter().map(row).collect::<Vec<_>>()).project(&[0, 4, 3]).unwrap()
    };
    let batches = [rows(&["a", "web-1"], 1.5), rows(&["\u{1b}[2Jé"], 10000.0)];
    let mut table = Table::new(&schema, EncodeOptions::default());
    let mut out = Vec::new();
    batches.iter().for_each(|batch| table.encode(batch, None, &mut out));
    table.finish(&mut out);
    let expected = [
        "time                  host   value",
        "1970-01-01T00:00:00Z  a        1.5",
        "1970-01-01T00:00:00Z  web-1    1.5",
        "1970-01-01T00:00:00Z  \\u{1b}[2Jé  10000.0",
    ];
    assert_eq!(String::from_utf8(out).unwrap().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn an_empty_table_still_shows_its_header() {
    let mut out = Vec::new();
    Table::new(&every_type(), EncodeOptions { positions: true }).finish(&mut out);
    assert_eq!(out, b"time  ok  count  value  host  raw  seen  position\n");
}
