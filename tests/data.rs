//! Real data: what pandas makes of it, the CLI alone makes of it, however it comes in.

use std::sync::LazyLock;

use dag_tests::data::{assert_same_records, shared, shuffled_within_half_an_hour};
use dag_tests::records::first_records;
use dag_tests::{Node, Options, dag_with_input};
use serde_json::Value;

/// The expected files, and what gives them, with `SOURCE` for the source stream.
const EXPECTED: [(&str, &str); 5] = [
    ("cpu_util.avg_1h_by_host.csv", "avg(SOURCE, 1h, by=host)"),
    ("cpu_util.max_30min_by_host.csv", "max(SOURCE, 30min, by=host)"),
    ("cpu_util.count_1d_by_host.csv", "count(SOURCE, 1d, by=host)"),
    ("cpu_util.avg_5min.csv", "avg(SOURCE, 5min)"),
    ("cpu_util.avg_1h_every_15min_by_host.csv", "avg(SOURCE, 1h, every=15min, by=host)"),
];

const SCHEMA: &str = "host utf8, value float64";

/// How many of the first records also come one by one.
const ONE_BY_ONE: usize = 1_000;

/// The input and what a pipe makes of it, by expression.
struct Data {
    input: String,
    /// Its first [`ONE_BY_ONE`] records.
    first: String,
    results: Vec<Results>,
}

struct Results {
    expression: &'static str,
    expected: String,
    piped: String,
    /// What a pipe makes of the first records alone.
    piped_first: String,
}

/// Computed once for all tests; none where the data is missing.
static DATA: LazyLock<Option<Data>> = LazyLock::new(|| {
    let input = shared("cpu_util.csv")?;
    let first = first_records(&input, ONE_BY_ONE);
    let results = EXPECTED.iter().map(|&(file, expression)| {
        let expected = shared(file)?;
        Some(Results { expression, expected, piped: pipe(expression, &input), piped_first: pipe(expression, &first) })
    });
    Some(Data { results: results.collect::<Option<_>>()?, first, input })
});

/// What a pipe gives.
fn pipe(expression: &str, input: &str) -> String {
    dag_with_input(&["pipe", &expression.replace("SOURCE", "cpu_util")], input.as_bytes()).success()
}

/// All records of what the expression makes of that source.
fn subscribed(node: &Node, expression: &str, source: &str) -> String {
    node.csv(&expression.replace("SOURCE", source))
}

/// Publishes and seals, and checks that every line is accounted for and none late or refused.
fn publish(node: &Node, stream: &str, csv: &str, create: &[&str], batch_rows: &str) {
    node.create(stream, SCHEMA, create);
    let summary = node.publish(stream, csv, &["--seal", "--batch-rows", batch_rows]);
    let count = |name: &str| summary[name].as_u64().expect("a summary counts");
    let lines = csv.lines().count() as u64 - 1;
    assert_eq!(count("accepted") + count("late") + count("refused"), lines, "{summary}");
    assert_eq!((count("accepted"), count("sent")), (lines, lines), "{summary}");
}

#[test]
fn a_pipe_gives_what_is_expected() {
    let Some(data) = &*DATA else { return };
    for Results { expression, expected, piped, .. } in &data.results {
        assert_same_records(piped, expected, expression);
    }
}

/// Whatever the workers and batches, a node gives what a pipe gives, to the byte; and of shuffled records the same but for the last
/// digits.
fn a_node_gives_what_is_expected(workers: usize) {
    let Some(Data { input, first, results }) = &*DATA else { return };
    let node = Node::with(Options { workers, ..Options::default() });
    assert_eq!(node.status()["workers"], workers);
    publish(&node, "by_97", input, &[], "97");
    publish(&node, "by_4096", input, &[], "4096");
    publish(&node, "one_by_one", first, &[], "1");
    publish(&node, "shuffled", &shuffled_within_half_an_hour(input), &["--out-of-order", "30min"], "97");
    for Results { expression, expected, piped, piped_first } in results {
        let by_97 = subscribed(&node, expression, "by_97");
        assert_same_records(&by_97, expected, expression);
        assert!(by_97 == *piped, "{expression}: batches of 97 give what a pipe gives");
        assert!(subscribed(&node, expression, "by_4096") == *piped, "{expression}: batches of 4,096 give the same");
        assert!(subscribed(&node, expression, "one_by_one") == *piped_first, "{expression}: so do single records");
        assert_same_records(&subscribed(&node, expression, "shuffled"), expected, expression);
    }
}

#[test]
fn one_worker_gives_what_is_expected() {
    a_node_gives_what_is_expected(1);
}

#[test]
fn two_workers_give_what_is_expected() {
    a_node_gives_what_is_expected(2);
}

#[test]
fn four_workers_give_what_is_expected() {
    a_node_gives_what_is_expected(4);
}

#[test]
fn late_records_are_counted_beside_the_others() {
    let Some(input) = shared("cpu_util.csv") else { return };
    let shuffled = shuffled_within_half_an_hour(&first_records(&input, 4_000));
    let node = Node::start();
    node.create("x", SCHEMA, &[]);
    let summary = node.publish("x", &(shuffled + "2014-02-20T00:00:00Z,a,high\n"), &["--seal", "--batch-rows", "97"]);
    let count = |summary: &Value, name: &str| summary[name].as_u64().expect("a summary counts");
    assert!(count(&summary, "late") > 0, "without an allowance, shuffled records come late");
    assert_eq!(count(&summary, "accepted") + count(&summary, "late"), 4_000);
    assert_eq!(count(&summary, "refused"), 1);
}
