//! How a test deploys and reads what shows by which version it was made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dag_tests::crew::{self, Hand};
use dag_tests::records::counting;
pub use dag_tests::version::*;
use dag_tests::{DEADLINE, Node, Process, until};
use serde_json::Value;

/// A node with a sealed stream `x` of ten values, one a second.
pub fn node() -> Node {
    let node = Node::start();
    node.create("x", "value float64", &[]);
    node.publish("x", &counting(0..10), &["--seal"]);
    node
}

/// The versions of the component that exports an operator: number, how it became current, and whether it is.
pub fn versions(node: &Node, operator: &str) -> Vec<(String, String, bool)> {
    let answer = node.http().get(&format!("operators/{operator}"), &[]).json();
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    let versions = answer["versions"].as_array().expect("an operator has versions");
    let version = |one: &Value| (text(&one["version"]), text(&one["how"]), one["current"] == true);
    versions.iter().map(version).collect()
}

pub fn deployed(number: &str, current: bool) -> (String, String, bool) {
    (number.to_owned(), "deployed".to_owned(), current)
}

/// The last value of `tally(x)`, which is how many there were and the version's offset.
pub fn last_tally(node: &Node) -> i64 {
    let csv = node.csv("tally(x)");
    let value = csv.lines().last().and_then(|line| line.rsplit(',').next()).and_then(|value| value.parse().ok());
    value.unwrap_or_else(|| panic!("expected records, found {csv}"))
}

/// A node with an open stream `x` of ten values, one a second, and a subscriber to this expression over it that has read what there is.
pub fn reading(component: &str, expression: &str) -> (Node, Process) {
    let node = Node::start();
    node.create("x", "value float64", &[]);
    node.publish("x", &counting(0..10), &[]);
    node.dag(&["deploy", component]).success();
    let mut reader = node.spawn(&["subscribe", expression, "--from", "earliest", "--format", "csv"]);
    assert!(reader.line().text.starts_with("time,"));
    (node, reader)
}

/// A record of a subscription with positions.
#[derive(Clone, Debug)]
pub struct Record {
    pub position: u64,
    pub time: String,
    pub value: i64,
}

pub fn record(line: &str) -> Record {
    let json: Value = serde_json::from_str(line).expect("a record is JSON");
    let text = |name: &str| json[name].as_str().expect("it is text").to_owned();
    Record {
        position: sequence(&text("position")),
        time: text("time"),
        value: json["value"].as_i64().expect("a count"),
    }
}

pub fn sequence(position: &str) -> u64 {
    position.split(':').nth(1).and_then(|number| number.parse().ok()).expect("a position is a run and a number")
}

/// A subscriber to everything of a stream, with positions.
pub fn read(node: &Node, expression: &str, from: &str) -> Process {
    node.spawn(&["subscribe", expression, "--from", from, "--with-position", "--format", "json"])
}

/// Waits until the second version of what exports an operator runs the first incarnation.
#[track_caller]
pub fn has_moved(node: &Node, operator: &str) {
    let moved = || {
        let answer = node.http().get(&format!("operators/{operator}"), &[]).json();
        (answer["versions"][1]["runs"][0]["incarnation"] == 1).then_some(())
    };
    until("it has moved", DEADLINE, moved);
}

/// Waits until the current version of what exports an operator is the one that runs it as these incarnations.
#[track_caller]
pub fn has_moved_of(node: &Node, operator: &str, incarnations: &[u64]) {
    let moved = || {
        let answer = node.http().get(&format!("operators/{operator}"), &[]).json();
        let versions = answer["versions"].as_array().expect("it has versions");
        let current = versions.iter().find(|one| one["current"] == true).expect("one is current");
        let runs = current["runs"].as_array().expect("it lists what it runs");
        let mut runs: Vec<u64> = runs.iter().filter_map(|run| run["incarnation"].as_u64()).collect();
        runs.sort_unstable();
        (runs == incarnations).then_some(())
    };
    until("they have moved", DEADLINE, moved);
}

/// What a command that makes another version current says of a stream that moved.
pub fn moved(node: &Node, command: &[&str], stream: &str) -> Value {
    let answer = node.dag(&[command, &["--json"]].concat()).success();
    let answer: Value = serde_json::from_str(&answer).expect("it is JSON");
    let moves = answer["moves"].as_array().expect("it lists what moved");
    moves
        .iter()
        .find(|one| one["stream"] == stream)
        .unwrap_or_else(|| panic!("{stream} did not move: {answer}"))
        .clone()
}

/// Publishes one record a second of event time, fifty at once, until told to stop; answers how many.
pub fn load(node: &Node) -> (Hand<u64>, Arc<AtomicBool>) {
    let (http, stop) = (node.http().clone(), Arc::new(AtomicBool::new(false)));
    let stopped = stop.clone();
    let publisher = crew::spawn("the publisher", move || {
        let mut count = 0;
        while !stopped.load(Ordering::Relaxed) {
            let records: String =
                (count..count + 50).map(|second| format!("{{\"time\":{second},\"value\":1}}\n")).collect();
            let answer = http.publish("x", &[], &records);
            assert_eq!(answer.status, 200, "{answer:?}");
            count += 50;
        }
        count
    });
    (publisher, stop)
}

/// The offset of the version that made a result.
pub fn offset(value: i64) -> i64 {
    value / 1_000_000 * 1_000_000
}

/// Checks that each record is from the version that the moves say, with nothing missing between, and returns what was counted.
pub fn judge(records: &[Record], moves: &[(Value, i64)]) -> Vec<i64> {
    for (place, record) in records.iter().enumerate() {
        assert_eq!(record.position, place as u64, "{record:?}");
        let text = |one: &Value, name: &str| one[name].as_str().expect("it moved").to_owned();
        let by_position = moves.iter().rfind(|(one, _)| sequence(&text(one, "position")) <= record.position);
        // Without their Z, times with and without fractions are in the order of their text.
        let by_frontier =
            moves.iter().rfind(|(one, _)| text(one, "at").trim_end_matches('Z') <= record.time.trim_end_matches('Z'));
        let expected = by_position.map_or(0, |(_, offset)| *offset);
        assert_eq!(offset(record.value), expected, "{record:?}");
        assert_eq!(by_frontier.map_or(0, |(_, offset)| *offset), expected, "{record:?} and its frontier");
    }
    records.iter().map(|record| record.value % 1_000_000).collect()
}

/// Publishes records of a kilobyte that does not compress, one a second.
pub fn fill(node: &Node, count: u64) {
    let text = |second: u64| -> String {
        let mixed = |part: u64| (second * 64 + part).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29) | 1;
        (0..64).map(|part| format!("{:016x}", mixed(part).wrapping_mul(0xD134_2543_DE82_EF95))).collect()
    };
    for part in 0..count / 100 {
        let records: String = (part * 100..part * 100 + 100)
            .map(|second| format!("{{\"time\":{second},\"value\":\"{}\"}}\n", text(second)))
            .collect();
        assert_eq!(node.http().publish("x", &[], &records).status, 200);
    }
}

/// Lets retention take what it does not keep of `x`.
pub fn trim(node: &mut Node) {
    // A node looks at what it keeps when it starts, and then once a minute.
    node.restart();
    dag_tests::until("old records are gone", dag_tests::DEADLINE, || {
        let stream = node.http().get("streams/x", &[]).json();
        (!stream["earliest"].as_str().expect("something is kept").ends_with(":0")).then_some(())
    });
}
