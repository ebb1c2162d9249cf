//! A node opens what older ones wrote, and leaves alone what newer ones did.

use dag_tests::{Node, Options, fixture};
use serde_json::{Value, json};

/// The first moment of the records of the fixture, in seconds.
const START: i64 = 1_767_225_600;

fn ndjson(records: &[Value]) -> String {
    records.iter().map(|record| record.to_string() + "\n").collect()
}

/// So many records of a stream with their positions.
fn records(node: &Node, expression: &str, from: &str, count: usize) -> Vec<Value> {
    let limit = count.to_string();
    let parameters = [("expr", expression), ("from", from), ("positions", "true"), ("limit", &limit)];
    let answer = node.http().get("subscribe", &parameters);
    assert_eq!(answer.status, 200, "{expression}: {}", answer.body);
    answer.body.lines().map(|line| serde_json::from_str(line).expect("records are JSON")).collect()
}

/// All that the first version said of its data is still so.
fn is_as_it_was(node: &Node, expected: &Value) {
    for (expression, expected) in expected["streams"].as_object().expect("there are streams") {
        let expected = expected.as_array().expect("they have records");
        assert_eq!(&records(node, expression, "earliest", expected.len()), expected, "{expression}");
    }
}

#[test]
fn the_data_of_the_first_version_is_all_there_and_goes_on() {
    let expected = fixture::json("data-1/expected.json");
    let mut node = Node::on(fixture::data("data-1/data"), Options::default());
    is_as_it_was(&node, &expected);
    for (name, progress) in expected["publishers"].as_object().expect("there are publishers") {
        let stream = if name == "counter" { "steps" } else { "readings" };
        let found = node.http().get(&format!("streams/{stream}/publishers/{name}"), &[]).json();
        assert_eq!(&found, progress, "{name}");
    }

    // The last batch again is a repeat, and the one after it goes on.
    let publish = |name: &str, session: &str, batch: &str, records: &[Value]| {
        let parameters = [("publisher", name), ("session", session), ("batch", batch)];
        let answer = node.http().publish("readings", &parameters, &ndjson(records));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    let record = |host: &str, i: i64| json!({"time": START + i, "host": host, "value": i});
    assert_eq!(publish("north", "7", "112", &[record("north", 109)])["repeat"], true);
    let next = |host: &str| (110..=125).map(|i| record(host, i)).collect::<Vec<_>>();
    assert_eq!(publish("north", "7", "113", &next("north"))["first"], "1:224");
    assert_eq!(publish("south", "9", "111", &next("south"))["end"], "1:256");

    // Stored runs go on where they stopped, in the same incarnation.
    let sums = records(&node, "sum(readings, 10s, by=host)", "3:20", 4);
    let values: Vec<_> = sums.iter().map(|sum| (&sum["position"], &sum["host"], &sum["value"])).collect();
    let expected_sums = [
        (json!("3:20"), json!("north"), json!(1045.0)),
        (json!("3:21"), json!("south"), json!(1050.0)),
        (json!("3:22"), json!("north"), json!(1145.0)),
        (json!("3:23"), json!("south"), json!(1145.0)),
    ];
    assert_eq!(values, expected_sums.iter().map(|(at, host, sum)| (at, host, sum)).collect::<Vec<_>>());
    let rms = records(&node, "rms(readings, 10s)", "4:10", 2);
    assert_eq!(rms[1]["time"], "2026-01-01T00:01:50Z");
    let squares: f64 = (110..120).map(|i| f64::from(i * i)).sum();
    assert_eq!(rms[1]["value"], (2.0 * squares / 20.0).sqrt());

    // Rewritten in the present formats, it is the same.
    node.restart();
    is_as_it_was(&node, &expected);
    assert_eq!(records(&node, "sum(readings, 10s, by=host)", "3:20", 4), sums);
}
