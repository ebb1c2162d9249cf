//! The HTTP API for programs that know nothing of dag: curl, browsers, readers of Arrow.

use std::io::{Cursor, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampNanosecondType};
use arrow_array::{ArrayRef, Float64Array, RecordBatch, TimestampNanosecondArray};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use dag_tests::records::{counting, seconds_and_values};
use dag_tests::{Node, Process};

/// A node with a stream `x`.
fn node() -> Node {
    let node = Node::start();
    node.create("x", "value float64", &[]);
    node
}

/// Starts curl, if this machine has it.
fn curl(arguments: &[&str]) -> Option<Process> {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: curl is missing");
        return None;
    }
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--no-buffer"]).args(arguments);
    Some(Process::start(command))
}

#[test]
fn curl_alone_publishes_and_subscribes_and_closing_it_ends_the_subscription() {
    let node = Node::start();
    let url = |path: &str| format!("{}/v1/{path}", node.url());
    let schema = r#"{"name": "x", "schema": [{"name": "value", "type": "float64"}]}"#;
    let Some(created) = curl(&["--data", schema, &url("streams")]) else { return };
    assert!(created.finish().success().contains("\"name\":\"x\""));

    let subscribe = ["--get", &url("subscribe"), "--data-urlencode", "expr=filter(x, value > 1)"];
    let mut subscriber = curl(&subscribe).expect("curl was there");
    node.until_computing(&["filter(x,value>1)"], dag_tests::DEADLINE);
    let records = "{\"time\":1,\"value\":1}\n{\"time\":2,\"value\":2}\n";
    let published = curl(&["--data-binary", records, &url("streams/x/records")]).expect("curl was there");
    assert!(published.finish().success().contains("\"accepted\":2"));
    assert_eq!(subscriber.line().text, r#"{"time":"1970-01-01T00:00:02Z","value":2.0}"#);

    drop(subscriber);
    node.until_subscribers(0);
    node.until_computing(&[], dag_tests::DEADLINE);
}

#[test]
fn browsers_get_events_with_positions_and_a_last_one_at_the_end() {
    let node = node();
    node.publish("x", &counting(0..2), &["--seal"]);
    let parameters = [("expr", "x"), ("from", "earliest"), ("format", "sse")];
    let events: Vec<_> = node.http().lines("subscribe", &parameters).filter(|line| !line.is_empty()).collect();
    assert_eq!(
        events,
        [
            "event: record",
            "id: 1:0",
            r#"data: {"time":"1970-01-01T00:00:00Z","value":0.0}"#,
            "event: record",
            "id: 1:1",
            r#"data: {"time":"1970-01-01T00:00:01Z","value":1.0}"#,
            "event: end",
            r#"data: {"end":"sealed"}"#,
        ]
    );
}

#[test]
fn arrow_goes_in_and_comes_out_as_an_ipc_stream() {
    let node = node();
    let times: ArrayRef = Arc::new(TimestampNanosecondArray::from_iter_values((0..1_000).map(|i| i * 1_000_000_000)));
    let values: ArrayRef = Arc::new(Float64Array::from_iter_values((0..1_000).map(|i| i as f64)));
    let batch = RecordBatch::try_from_iter([("time", times), ("value", values)]).expect("the columns are as long");
    let mut writer = StreamWriter::try_new(Vec::new(), batch.schema_ref()).expect("it is a schema");
    writer.write(&batch).expect("writing to memory does not fail");
    let bytes = writer.into_inner().expect("writing to memory does not fail");
    let media = "application/vnd.apache.arrow.stream";
    let answer = node.http().post("streams/x/records", &[("seal", "true")], media, &bytes);
    assert_eq!((answer.status, &answer.json()["accepted"]), (200, &1_000.into()), "{answer:?}");

    let found = node.http().bytes("subscribe", &[("expr", "avg(x, 10s)"), ("from", "earliest"), ("format", "arrow")]);
    let reader = StreamReader::try_new(Cursor::new(found), None).expect("it begins with a schema");
    let mut records = Vec::new();
    for batch in reader {
        let batch = batch.expect("it is a stream of batches");
        let times = batch.column_by_name("time").expect("there is a time");
        let times = times.as_primitive::<TimestampNanosecondType>().values().to_vec();
        let values = batch.column_by_name("value").expect("there is a value").as_primitive::<Float64Type>().clone();
        records.extend(times.iter().map(|time| time / 1_000_000_000).zip(values.values().to_vec()));
    }
    assert_eq!(records, seconds_and_values(&node.csv("avg(x, 10s)")));
    assert_eq!((records.len(), records[99]), (100, (990, 994.5)));
}

/// Sends the head of a request as it is, and returns the status of the answer.
fn status_of(node: &Node, head: &str) -> u16 {
    let address = node.url().strip_prefix("http://").expect("it is an HTTP URL");
    let mut connection = TcpStream::connect(address).expect("the node listens");
    connection.set_read_timeout(Some(Duration::from_secs(20))).expect("it is not zero");
    connection.write_all(head.as_bytes()).expect("the node reads");
    let mut status = [0; 12];
    connection.read_exact(&mut status).expect("the node answers");
    String::from_utf8_lossy(&status[9..]).parse().expect("a status has three digits")
}

#[test]
fn other_names_and_other_pages_are_refused() {
    let node = node();
    let get = |headers: &str| status_of(&node, &format!("GET /v1/streams HTTP/1.1\r\n{headers}\r\n"));
    assert_eq!(get("Host: localhost\r\n"), 200);
    assert_eq!(get("Host: evil.example\r\n"), 403, "DNS rebinding");
    assert_eq!(get("Host: localhost\r\nOrigin: https://evil.example\r\n"), 403);
    assert_eq!(get("Host: localhost\r\nOrigin: null\r\n"), 403, "a sandboxed page");
    let deploy =
        "POST /v1/components HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(status_of(&node, deploy), 403);
}

#[test]
fn bodies_and_lines_have_limits() {
    let node = node();
    let post = |length: usize| {
        let head = "POST /v1/streams/x/records HTTP/1.1\r\nHost: localhost\r\nContent-Length: ";
        status_of(&node, &format!("{head}{length}\r\n\r\n"))
    };
    assert_eq!(post((64 << 20) + 1), 413);
    let long = format!("{{\"time\":1,\"value\":1,\"x\":\"{}\"}}\n{{\"time\":1,\"value\":1}}\n", "x".repeat(2 << 20));
    let answer = node.http().publish("x", &[], &long);
    let body = answer.json();
    assert_eq!((answer.status, &body["accepted"], &body["refused"]), (400, &1.into(), &1.into()), "{body}");
    let deep = format!("{}x{}", "avg(".repeat(10_000), ")".repeat(10_000));
    assert_eq!(node.http().get("explain", &[("expr", &deep)]).status, 400);
    assert_eq!(status_of(&node, "GET /v1/streams HTTP/1.1\r\nHost: localhost\r\n\r\n"), 200, "it goes on");
}
