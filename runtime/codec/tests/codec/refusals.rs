use std::fmt::Write;

use dag_codec::{Decoder, Format, MAX_COLUMNS, MAX_LINE, MAX_LISTED, MAX_LISTED_BYTES, TimeColumn};
use dag_model::{Field, Schema, Type};

use crate::{decode, every_type};

/// What is said of each line that is refused.
fn refused(format: Format, body: impl AsRef<[u8]>) -> Vec<String> {
    let decoded = decode(format, &every_type(), body).unwrap();
    assert_eq!(decoded.refused_count(), decoded.refused.len() as u64);
    decoded.refused.iter().map(ToString::to_string).collect()
}

/// What is said of one line of JSON or one field of CSV.
fn refusal(format: Format, line: &str) -> String {
    let [refusal] = refused(format, line).try_into().expect("one refusal");
    refusal
}

fn body_error(format: Format, body: &str) -> String {
    decode(format, &every_type(), body).unwrap_err().to_string()
}

#[test]
fn a_bad_line_is_refused_and_the_rest_is_kept() {
    let body = "{\"time\":1,\"value\":1}\n\n{\"time\":2,\"value\":\"abc\"}\r\n{\"time\":3,\"value\":3}";
    let decoded = decode(Format::Json, &every_type(), body).unwrap();
    assert_eq!((decoded.records, decoded.refused_count()), (3, 1));
    assert_eq!(decoded.rows, [1, 4]);
    assert_eq!(decoded.refused[0].line, 3);
    assert_eq!(decoded.refused[0].column.as_deref(), Some("value"));
    assert_eq!(decoded.refused[0].reason, "expected float64, found `abc`");

    let body = "time,count,value\r\n1,1,1\r\n2,x,2\r\n3,3,3\r\n";
    let decoded = decode(Format::Csv, &every_type(), body).unwrap();
    assert_eq!((decoded.records, decoded.rows), (3, vec![2, 4]));
    assert_eq!(decoded.refused[0].to_string(), "line 3: column `count`: expected int64, found `x`");
}

#[test]
fn lines_are_counted_from_the_first_line_given() {
    let decode = |format, body: &str| {
        let (schema, time) = (every_type(), TimeColumn::default());
        Decoder::new(&schema, &time).decode(format, body.as_bytes(), 98).unwrap()
    };
    let decoded = decode(Format::Csv, "time,host\n1,\"a\nb\"\nx,c\n");
    assert_eq!((decoded.rows, decoded.refused[0].line), (vec![99], 101));
    let decoded = decode(Format::Json, "{\"time\":1}\n{}\n");
    assert_eq!((decoded.rows, decoded.refused[0].line), (vec![98], 99));
}

#[test]
fn a_json_line_is_refused_in_words() {
    for (line, reason) in [
        (r#"{"time":1,"value":1"#, "malformed JSON: it ends early (EOF while parsing an object)"),
        (r#"{"time":1,"value":tru}"#, "malformed JSON: expected ident at character 22"),
        (r#"{"time":1} x"#, "malformed JSON: trailing characters at character 12"),
        (
            "[1]",
            "invalid type: sequence, expected a JSON object such as {\"time\": \"2014-02-14T14:00:00Z\", \"value\": 1.5}",
        ),
        (r#"{"value":1}"#, "no time; expected one in `time`, `timestamp` or `ts`"),
        (r#"{"time":null}"#, "no time; expected one in `time`, `timestamp` or `ts`"),
        (r#"{"time":1,"ts":1}"#, "column `time`: the record has a time already"),
        (r#"{"time":1,"value":1,"value":1}"#, "column `value`: the key is there twice"),
        (r#"{"time":1,"vlaue":1}"#, "unknown column `vlaue`; the stream has ok, count, value, host, raw, seen"),
        (r#"{"time":1,"ok":1}"#, "column `ok`: expected boolean, found `1`"),
        (r#"{"time":1,"ok":"true"}"#, "column `ok`: expected boolean, found `true`"),
        (r#"{"time":1,"count":1.5}"#, "column `count`: expected int64, found `1.5`"),
        (r#"{"time":1,"count":true}"#, "column `count`: expected int64, found `true`"),
        (
            r#"{"time":1,"count":9223372036854775808}"#,
            "column `count`: 9.223372036854776e18 is out of the range of int64 or not an exact number",
        ),
        (r#"{"time":1,"value":"1"}"#, "column `value`: expected float64, found `1`"),
        (r#"{"time":1,"value":[1]}"#, "column `value`: expected float64, found a list"),
        (r#"{"time":1,"value":{"a":1}}"#, "column `value`: expected float64, found an object"),
        (r#"{"time":1,"host":5}"#, "column `host`: expected utf8, found `5`"),
        (r#"{"time":1,"raw":"?"}"#, "column `raw`: expected binary as base64, found `?`"),
        (r#"{"time":"soon"}"#, "column `time`: expected a time in RFC 3339 or an integer in s, found `soon`"),
        (r#"{"time":1.5}"#, "column `time`: expected a time in RFC 3339 or an integer in s, found `1.5`"),
        (r#"{"time":"2014-02-30"}"#, "column `time`: `2014-02-30` is no such day or time of day"),
        (r#"{"time":99999999999}"#, "column `time`: 99999999999 s since 1970 is beyond the times that can be told"),
        (r#"{"time":1,"seen":true}"#, "column `seen`: expected a time in RFC 3339 or an integer in s, found `true`"),
    ] {
        assert_eq!(refusal(Format::Json, line), format!("line 1: {reason}"), "of {line}");
    }
    assert_eq!(refused(Format::Json, b"{\"time\":1,\"host\":\"\xff\"}"), ["line 1: not UTF-8 after 18 bytes"]);
}

#[test]
fn a_csv_line_is_refused_in_words() {
    for (header, line, reason) in [
        ("time,value", "1", "expected 2 fields as in the header, found 1"),
        ("time,value", "1,2,3", "expected 2 fields as in the header, found 3"),
        ("time,value", "x,2,3", "expected 2 fields as in the header, found 3"),
        ("time,value", ",1", "no time; expected one in `time`, `timestamp` or `ts`"),
        ("ts,value", "soon,1", "column `ts`: expected a time in RFC 3339 or an integer in s, found `soon`"),
        ("time,ok", "1,1", "column `ok`: expected boolean, found `1`"),
        ("time,count", "1,1.5", "column `count`: expected int64, found `1.5`"),
        ("time,count", "1,nan", "column `count`: expected int64, found `NaN`"),
        ("time,value", "1,1 2", "column `value`: expected float64, found `1 2`"),
        ("time,raw", "1,?", "column `raw`: expected binary as base64, found `?`"),
        ("time,host", "1,\"a", "a quote opens a field and does not close within 1048576 bytes or before the end"),
    ] {
        assert_eq!(refusal(Format::Csv, &format!("{header}\n{line}\n")), format!("line 2: {reason}"), "of {line}");
    }
    assert_eq!(refused(Format::Csv, b"time,host\n1,\xff"), ["line 2: column `host`: not UTF-8"]);
    assert_eq!(refused(Format::Csv, b"time,host,value\n1,\xc3,\xa9"), ["line 2: column `host`: not UTF-8"]);
}

#[test]
fn what_was_found_is_shown_shortened_and_harmless() {
    let line = format!("{{\"time\":1,\"value\":\"\\u001b{}\"}}", "x".repeat(100));
    let shown = format!("line 1: column `value`: expected float64, found `\\u{{1b}}{}...`", "x".repeat(39));
    assert_eq!(refusal(Format::Json, &line), shown);
}

#[test]
fn a_line_beyond_the_limit_is_refused() {
    let line = |length: usize| {
        let frame = "{\"time\":1,\"host\":\"\"}".len();
        format!("{{\"time\":1,\"host\":\"{}\"}}\n", "x".repeat(length - frame))
    };
    assert!(refused(Format::Json, line(MAX_LINE)).is_empty());
    let two = line(MAX_LINE + 1) + &line(100);
    assert_eq!(refused(Format::Json, two), ["line 1: the line is longer than 1048576 bytes"]);
}

#[test]
fn only_so_many_refusals_are_listed_but_all_are_counted() {
    let decoded = decode(Format::Json, &every_type(), "x\n".repeat(MAX_LISTED + 5)).unwrap();
    assert_eq!((decoded.refused.len(), decoded.refused_count()), (MAX_LISTED, MAX_LISTED as u64 + 5));
}

#[test]
fn refusals_are_listed_up_to_so_much_text() {
    let schema = Schema::new(
        (0..12).map(|index| Field::new(format!("c{index}{}", "x".repeat(1 << 20)), Type::Boolean)).collect(),
    );
    let decoded = decode(Format::Json, &schema, "{\"b\":1}\n".repeat(1_000)).unwrap();
    let text: usize = decoded.refused.iter().map(|refusal| refusal.reason.len()).sum();
    assert!(text < MAX_LISTED_BYTES + 1_000, "{text} bytes in {} refusals", decoded.refused.len());
    assert_eq!(decoded.refused_count(), 1_000);

    let line = format!("\"{}\"\n", "x".repeat(100_000));
    let decoded = decode(Format::Json, &every_type(), line.repeat(3)).unwrap();
    assert!(decoded.refused.iter().all(|refusal| refusal.reason.len() < 500), "a line is not repeated as a whole");
}

#[test]
fn a_csv_body_as_a_whole_is_refused_in_words() {
    for (body, reason) in [
        ("", "the body is empty; expected a CSV header line such as `time,ok,count,value,host,raw,seen`"),
        ("\n\n", "the body is empty; expected a CSV header line such as `time,ok,count,value,host,raw,seen`"),
        ("host,value\n", "no time column: expected `time`, `timestamp` or `ts`, found host, value"),
        ("time,vlaue\n", "unknown column `vlaue`; the stream has ok, count, value, host, raw, seen"),
        ("time,value,value\n", "column `value` is there twice"),
        ("time,time\n", "column `time` is there twice"),
        ("time,ts\n", "both `time` and `ts` could be the time column; name the one that is"),
        (
            "\"time\n",
            "the CSV header cannot be read: a quote opens a field and does not close within 1048576 bytes or before the end",
        ),
    ] {
        assert_eq!(body_error(Format::Csv, body), reason, "of {body:?}");
    }
    let mut header = String::from("time");
    (0..MAX_COLUMNS).for_each(|index| write!(header, ",c{index}").unwrap());
    assert_eq!(body_error(Format::Csv, &header), "1001 columns; at most 1000 are taken");
}
