//! Records that an operator cannot take: it stops there, or they are found by halving and skipped, for good.

use std::fs;

use dag_tests::hostile::{aggregates, transforms};
use dag_tests::records::csv;
use dag_tests::{DEADLINE, Node, Options, until};
use serde_json::Value;

/// A record with which, after the greatest integer, `sum` overflows.
const POISON: i64 = 617;

/// A thousand integers within one window of an hour, of which all but two are 0.
fn integers() -> String {
    let value = |i| match i {
        300 => i64::MAX,
        POISON => 1,
        _ => 0,
    };
    let rows: Vec<String> =
        (0..1_000).map(|i| format!("1970-01-01T00:{:02}:{:02}Z,{}", i / 60, i % 60, value(i))).collect();
    format!("time,value\n{}\n", rows.join("\n"))
}

/// What a computation has skipped, once that is so many records: their streams and positions.
#[track_caller]
fn skipped(node: &Node, expression: &str, count: usize) -> Vec<(String, String)> {
    let text = |record: &Value, field: &str| record[field].as_str().unwrap_or_default().to_owned();
    // Each takes a dozen tries.
    until(&format!("{expression} skips {count}"), 3 * DEADLINE, || {
        let streams = node.http().get("explain", &[("expr", expression)]).json()["streams"].clone();
        let found = streams[0]["passed_over"].as_array()?;
        let found = found.iter().map(|record| (text(record, "stream"), text(record, "position"))).collect::<Vec<_>>();
        (found.len() == count).then_some(found)
    })
}

#[test]
fn a_record_that_fails_every_time_stops_its_stream_or_is_found_by_halving_and_skipped() {
    let mut node = Node::start();
    node.create("x", "value int64", &[]);
    node.publish("x", &integers(), &[]);
    let read = ["subscribe", "sum(x, 1h)", "--from", "earliest", "--format", "csv", "-n", "1"];
    let stopped = node.dag(&read).code(1).stderr;
    assert!(stopped.contains("overflow") && stopped.contains("aggregates") && stopped.contains("of x"), "{stopped}");

    node.dag(&["alter", "sum(x, 1h)", "--on-error", "skip"]).success();
    let mut reading = node.spawn(&read);
    assert_eq!(skipped(&node, "sum(x, 1h)", 1), [("x".to_owned(), format!("1:{POISON}"))]);
    node.dag(&["publish", "x", "--seal"]).success();
    let expected = format!("1970-01-01T00:00:00Z,{}", i64::MAX);
    assert_eq!(reading.take(2)[1], expected);
    node.crash();
    assert_eq!(node.csv("sum(x, 1h)").lines().nth(1), Some(expected.as_str()), "it is recorded");
}

/// An operator in time order that traps at the 13, which is in `a`.
struct Trapped {
    expression: &'static str,
    /// The same without that record: `clean` is `a` without it.
    without: &'static str,
    /// The inputs of which the record is.
    inputs: &'static [&'static str],
}

const TRAPPED: &[Trapped] = &[
    Trapped { expression: "traps(a, b)", without: "traps(clean, b)", inputs: &["a"] },
    Trapped { expression: "traps(b, a)", without: "traps(b, clean)", inputs: &["a"] },
    Trapped { expression: "traps(a as l, a as r)", without: "traps(clean as l, clean as r)", inputs: &["a", "a"] },
    Trapped {
        expression: "traps(b, filter(a, value > 0))",
        without: "traps(b, filter(clean, value > 0))",
        inputs: &["filter(a,value>0)"],
    },
    Trapped { expression: "fold_traps(a)", without: "fold_traps(clean)", inputs: &["a"] },
    Trapped { expression: "fold_traps(a, session=3s)", without: "fold_traps(clean, session=3s)", inputs: &["a"] },
];

/// Where the 13 is in `a`.
const THIRTEEN: i64 = 700;

/// Some records, a little out of order, with a pause after each fifty.
fn disordered(records: std::ops::Range<i64>) -> impl Iterator<Item = (i64, f64)> {
    records.map(|i| (i + i / 50 * 10 + (i * 7) % 11, if i == THIRTEEN { 13.0 } else { (i + 100) as f64 }))
}

/// How many computations have been written down.
fn snapshots(node: &Node) -> usize {
    let derived = fs::read_dir(node.data().join("derived")).expect("there are computations");
    derived.filter(|run| run.as_ref().is_ok_and(|run| run.path().join("snapshot").exists())).count()
}

#[test]
fn an_operator_in_time_order_stops_at_the_record_that_it_cannot_take_or_passes_over_it() {
    let arguments = ["--snapshot-interval", "50ms"].map(str::to_owned).to_vec();
    let mut node = Node::with(Options { arguments, ..Options::default() });
    for component in [transforms(), aggregates()] {
        node.dag(&["deploy", component.to_str().expect("it is UTF-8")]).success();
    }
    for stream in ["a", "b", "clean"] {
        node.create(stream, "value float64", &["--out-of-order", "1m"]);
    }
    let publish = |node: &Node, records: std::ops::Range<i64>, options: &[&str]| {
        let without = |(_, value): &(i64, f64)| *value != 13.0;
        node.publish("a", &csv(disordered(records.clone())), options);
        node.publish("b", &csv(disordered(records.clone()).filter(without)), options);
        node.publish("clean", &csv(disordered(records).filter(without)), options);
    };
    let read = |node: &Node, expression| node.spawn(&["subscribe", expression, "--from", "earliest"]);
    publish(&node, 0..500, &[]);
    let readers: Vec<_> = TRAPPED.iter().map(|trapped| read(&node, trapped.expression)).collect();
    // What is tried again begins somewhere in the middle.
    until("each is written down", 3 * DEADLINE, || (snapshots(&node) > TRAPPED.len()).then_some(()));
    publish(&node, 500..1_500, &[]);
    for (Trapped { expression, inputs, .. }, reader) in TRAPPED.iter().zip(readers) {
        let told = reader.finish().code(1).stderr;
        let at = format!(":{THIRTEEN} of {}: the operator trapped", inputs[0]);
        assert!(told.contains("at record ") && told.contains(&at), "{expression}: {told}");
        node.dag(&["alter", expression, "--on-error", "skip"]).success();
    }
    for Trapped { expression, inputs, .. } in TRAPPED {
        let _reading = read(&node, expression);
        let found = skipped(&node, expression, inputs.len());
        for ((stream, position), input) in found.iter().zip(*inputs) {
            assert_eq!(stream, input, "{expression}");
            assert!(position.ends_with(&format!(":{THIRTEEN}")), "{expression}: {position}");
        }
    }
    node.crash();
    publish(&node, 1_500..2_000, &["--seal"]);
    for Trapped { expression, without, inputs } in TRAPPED {
        assert_eq!(node.csv(expression), node.csv(without), "{expression}");
        assert_eq!(skipped(&node, expression, inputs.len()).len(), inputs.len(), "it is recorded");
    }
}
