//! `errors(X)`: what the derived stream `X` has skipped is a stream like any other, with each record in it once.

use std::fs;

use dag_tests::{DEADLINE, Node, Options, data_folder, until};
use serde_json::{Value, json};

const SUM: &str = "sum(x,1h)";
const ERRORS: &str = "errors(sum(x,1h))";

/// Integers of the seconds from `first` to `last` in one window of an hour: the greatest at second 300, 0 else, but for those seconds
/// with which the sum overflows.
fn integers(first: i64, last: i64, poison: &[i64]) -> String {
    let value = |second| if second == 300 { i64::MAX } else { i64::from(poison.contains(&second)) };
    (first..=last).map(|second| format!("{}\n", json!({"time": second, "value": value(second)}))).collect()
}

#[track_caller]
fn publish(node: &Node, batch: &str, ndjson: &str) {
    let parameters = [("publisher", "p"), ("session", "1"), ("batch", batch)];
    let answer = node.http().publish("x", &parameters, ndjson);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// The first records of a stream that has so many.
#[track_caller]
fn read(node: &Node, expression: &str, from: &str, count: usize) -> Vec<Value> {
    let arguments = ["subscribe", expression, "--from", from, "-n", &count.to_string(), "--format", "json"];
    let records = node.dag(&arguments).success();
    records.lines().map(|line| serde_json::from_str(line).expect("records are JSON")).collect()
}

/// That records are those of these seconds, in this order, with all that is told of them.
#[track_caller]
fn assert_skipped(records: &[Value], seconds: &[i64]) {
    let texts =
        |name: &str| records.iter().map(|record| record[name].as_str().expect(name).to_owned()).collect::<Vec<_>>();
    assert_eq!(texts("position"), seconds.iter().map(|second| format!("1:{second}")).collect::<Vec<_>>());
    let time = |second: &i64| format!("1970-01-01T00:{:02}:{:02}Z", second / 60, second % 60);
    let json = |second: &i64| format!("{{\"time\":\"{}\",\"value\":1}}", time(second));
    assert_eq!(texts("record"), seconds.iter().map(json).collect::<Vec<_>>());
    assert!(
        texts("error").iter().all(|error| error.contains("overflow") && error.contains("aggregates")),
        "{records:?}"
    );
    assert!(records.iter().all(|record| record["incarnation"] == 1 && record["input"] == "x"), "{records:?}");
    assert!(texts("time").is_sorted(), "{records:?}");
}

#[test]
fn each_record_that_is_skipped_is_in_the_errors_of_its_stream_once_through_crashes() {
    // The second one is recorded, and the node dies before it is in the stream, whose disk hangs.
    let orders = data_folder();
    let file = orders.path().join("orders");
    let environment = vec![("DAG_FAULT_DISK", file.to_str().expect("it is UTF-8").to_owned())];
    let mut node = Node::with(Options { environment, ..Options::default() });
    node.create("x", "value int64", &["--idle", "1h"]);
    publish(&node, "1", &integers(0, 650, &[617]));
    let altered = node.dag(&["alter", SUM, "--on-error", "skip"]).success();
    assert!(altered.contains(ERRORS), "{altered}");
    let reader = node.spawn(&["subscribe", SUM, "--from", "earliest"]);
    let kept = || node.http().get(&format!("streams/{ERRORS}"), &[]).json()["records"] == 1;
    until("the first is in the stream", DEADLINE, || kept().then_some(()));
    fs::write(&file, "hang sources/2/\n").expect("it can be written");
    publish(&node, "2", &integers(651, 899, &[700, 800]));
    let recorded = || node.http().get("explain", &[("expr", SUM)]).json()["streams"][0]["passed_over"].clone();
    until("the second is recorded", DEADLINE, || (recorded().as_array()?.len() >= 2).then_some(()));
    assert!(kept());
    drop(reader);

    node.crash_into(Options::default());
    assert_skipped(&read(&node, ERRORS, "earliest", 2), &[617, 700]);
    let reader = node.spawn(&["subscribe", SUM, "--from", "earliest"]);
    assert_skipped(&read(&node, ERRORS, "earliest", 3), &[617, 700, 800]);

    node.crash();
    publish(&node, "3", &integers(900, 999, &[950]));
    drop(reader);
    let _reader = node.spawn(&["subscribe", SUM, "--from", "earliest"]);
    assert_skipped(&read(&node, ERRORS, "earliest", 4), &[617, 700, 800, 950]);
    let shown = node.http().get(&format!("streams/{ERRORS}"), &[]).json();
    assert_eq!((&shown["records"], &shown["late"], &shown["kind"]), (&4.into(), &0.into(), &"errors".into()));
}

#[test]
fn errors_exist_once_records_are_skipped_and_are_rewound_counted_and_derived_from() {
    let node = Node::start();
    node.create("x", "value int64", &["--idle", "1h"]);
    publish(&node, "1", &integers(0, 899, &[617, 700, 800]));
    let refused = node.dag(&["subscribe", ERRORS]).code(1).stderr;
    assert!(refused.contains("column 1: `sum(x,1h)` stops at a record that its operator cannot take"), "{refused}");
    assert!(refused.contains("help: `dag alter \"sum(x,1h)\" --on-error skip`"), "{refused}");
    let mut waiting = node.spawn(&["subscribe", "errors(sum(x, 60min))", "--wait", "--format", "csv"]);
    until("it waits", DEADLINE, || (node.computations() == ["errors(sum(x, 60min))"]).then_some(()));

    node.dag(&["alter", SUM, "--on-error", "skip"]).success();
    until("it reads", DEADLINE, || node.computations().is_empty().then_some(()));
    let _reader = node.spawn(&["subscribe", SUM, "--from", "earliest"]);
    assert_eq!(waiting.take(4)[0], "time,incarnation,input,position,error,record");
    assert_skipped(&read(&node, ERRORS, "earliest", 3), &[617, 700, 800]);
    assert_skipped(&read(&node, ERRORS, "1:1", 2), &[700, 800]);
    let ordered = node.dag(&["subscribe", ERRORS, "--from", "earliest", "--ordered", "-n", "3"]).success();
    assert_eq!(ordered.lines().count(), 3, "the last one is not waited with");

    let filtered = read(&node, "filter(errors(sum(x, 1h)), position = '1:700')", "earliest", 1);
    assert_skipped(&filtered, &[700]);
    let mut counts =
        node.spawn(&["subscribe", "count(errors(sum(x, 1h)), 1s)", "--from", "earliest", "--format", "json"]);
    let (mut counted, mut windows) = (0, 0);
    while counted < 3 {
        let window: Value = serde_json::from_str(&counts.take(1)[0]).expect("records are JSON");
        counted += window["value"].as_u64().expect("a count");
        windows += 1;
    }
    assert_eq!(counted, 3, "in {windows} windows that the node's clock closed");
}

#[test]
fn errors_tell_which_derived_input_a_record_came_from() {
    let node = Node::start();
    node.create("x", "value int64", &["--idle", "1h"]);
    publish(&node, "1", &integers(0, 899, &[617]));
    let stream = "sum(filter(x,value>0),1h)";
    node.dag(&["alter", stream, "--on-error", "skip"]).success();
    let _reader = node.spawn(&["subscribe", stream, "--from", "earliest"]);
    let found = read(&node, &format!("errors({stream})"), "earliest", 1).remove(0);
    assert_eq!(
        (&found["input"], &found["record"]),
        (&"filter(x,value>0)".into(), &r#"{"time":"1970-01-01T00:10:17Z","value":1}"#.into())
    );
    let shown = &node.http().get("explain", &[("expr", stream)]).json()["streams"][0]["passed_over"][0];
    assert_eq!((&shown["stream"], &shown["position"]), (&found["input"], &found["position"]));
}

#[test]
fn a_backup_has_what_was_skipped_and_what_follows_comes_once() {
    let node = Node::start();
    node.create("x", "value int64", &["--idle", "1h"]);
    publish(&node, "1", &integers(0, 899, &[617]));
    node.dag(&["alter", SUM, "--on-error", "skip"]).success();
    let reader = node.spawn(&["subscribe", SUM, "--from", "earliest"]);
    assert_skipped(&read(&node, ERRORS, "earliest", 1), &[617]);
    let copy = data_folder();
    node.dag(&["backup", copy.path().to_str().expect("it is UTF-8")]).success();
    drop((reader, node));

    let served = Node::on(copy, Options::default());
    publish(&served, "2", &integers(900, 999, &[950]));
    let _reader = served.spawn(&["subscribe", SUM, "--from", "earliest"]);
    let found = read(&served, ERRORS, "earliest", 2);
    assert_skipped(&found[..1], &[617]);
    let position = found[1]["position"].as_str().expect("it has one");
    assert!(position.ends_with(":950") && !position.starts_with("1:"), "{position} is in an epoch of the copy");
}

#[test]
fn errors_are_written_by_the_node_alone() {
    let node = Node::start();
    node.create("x", "value int64", &[]);
    node.dag(&["alter", SUM, "--on-error", "skip"]).success();
    let refused = |arguments: &[&str], why: &str| {
        let stderr = node.dag(arguments).code(2).stderr;
        assert!(stderr.contains(why), "{arguments:?}: {stderr}");
    };
    refused(&["publish", ERRORS, "--seal"], "the node writes it, with what `sum(x,1h)` skips");
    refused(&["create", ERRORS, "--schema", "value int64"], "streams that the node writes");
    refused(&["create", "errors(y)", "--schema", "value int64"], "streams that the node writes");
    refused(&["alter", ERRORS, "--retention", "1h"], "is as the node makes it");
    let quoted = node.dag(&["subscribe", "\"errors(sum(x,1h))\""]).code(1).stderr;
    assert!(quoted.contains("there is no stream"), "{quoted}");
    let explained = node.http().get("explain", &[("expr", ERRORS)]).json()["streams"][0].clone();
    assert_eq!(
        (&explained["kind"], &explained["cause"]),
        (&"errors".into(), &"`sum(x,1h)` has skipped nothing yet".into())
    );
    let listed = node.dag(&["streams"]).success();
    assert!(listed.lines().any(|line| line.starts_with("errors(sum(x,1h))  errors")), "{listed}");
}
