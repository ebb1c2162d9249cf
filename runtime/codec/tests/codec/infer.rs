use dag_codec::{Format, TimeColumn, infer};
use dag_model::{Field, Schema, Timestamp, Type};

use crate::{Row, batch, encoded, every_type};

fn named(name: &str) -> TimeColumn {
    TimeColumn { name: Some(name.into()), ..Default::default() }
}

fn schema(fields: &[(&str, Type)]) -> Schema {
    Schema::new(fields.iter().map(|(name, ty)| Field::new(*name, *ty)).collect())
}

#[test]
fn a_column_has_the_type_that_all_its_values_have() {
    let csv = "time,b,i,f,t,id,big,day,none\n\
               1,True,1,1,1,007,12345678901234567890,2014-02-14,\n\
               2,false,-2,nan,x,008,1,2014-02-15,\n\
               broken\n\
               3,,,1e3,,,,,\n";
    let inferred = infer(Format::Csv, csv.as_bytes(), &TimeColumn::default()).unwrap();
    let expected = schema(&[
        ("b", Type::Boolean),
        ("i", Type::Int64),
        ("f", Type::Float64),
        ("t", Type::Utf8),
        ("id", Type::Utf8),
        ("big", Type::Utf8),
        ("day", Type::Utf8),
        ("none", Type::Utf8),
    ]);
    assert_eq!(inferred, expected);
    let json = "{\"z\":1,\"ts\":1,\"a\":null}\n{\"a\":true,\"z\":1.5}\n{\"b\":\"x\"\n{\"c\":[1]}\n";
    let inferred = infer(Format::Json, json.as_bytes(), &TimeColumn::default()).unwrap();
    assert_eq!(inferred, schema(&[("z", Type::Float64), ("a", Type::Boolean), ("c", Type::Utf8)]));
}

#[test]
fn an_arrow_stream_says_its_types_itself() {
    let row = Row { time: 0, ok: None, count: None, value: None, host: None, raw: None, seen: None };
    let body = encoded(Format::Arrow, &every_type(), &[batch(&[row])]);
    assert_eq!(infer(Format::Arrow, &body, &TimeColumn::default()).unwrap(), every_type());
}

#[test]
fn the_time_is_no_column_of_the_stream() {
    let infer = |header: &str, time| {
        let sample = format!("{header}\n{}\n", "1,".repeat(header.split(',').count() - 1) + "1");
        infer(Format::Csv, sample.as_bytes(), &time).map_err(|error| error.to_string())
    };
    let columns = |names: &[&str]| Ok(schema(&names.iter().map(|name| (*name, Type::Int64)).collect::<Vec<_>>()));
    assert_eq!(infer("ts,v", TimeColumn::default()), columns(&["v"]));
    assert_eq!(infer("ts,time,v", TimeColumn::default()), columns(&["ts", "v"]));
    assert_eq!(infer("at,ts,v", named("at")), columns(&["ts", "v"]));
    assert_eq!(infer("v,w", TimeColumn { arrival: Some(Timestamp(0)), ..Default::default() }), columns(&["v", "w"]));
    assert_eq!(
        infer("at,v", TimeColumn::default()),
        Err("no time column: expected `time`, `timestamp` or `ts`, found at, v".into())
    );
    assert_eq!(
        infer("at,time", named("at")),
        Err("column `time` is not the time column, and no other may have that name; rename it".into())
    );
    assert_eq!(infer("time,v,v", TimeColumn::default()), Err("column `v` is there twice".into()));
}

#[test]
fn nothing_comes_of_no_records() {
    for (format, sample) in
        [(Format::Csv, ""), (Format::Csv, "time,v\n"), (Format::Json, "\n"), (Format::Json, "[1]\n")]
    {
        let error = infer(format, sample.as_bytes(), &TimeColumn::default()).unwrap_err();
        assert_eq!(error.to_string(), "no record to tell the columns by");
    }
}
