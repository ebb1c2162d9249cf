//! Memory that all computations have together: who finds none waits for it, by name, and nobody beside notices.

use std::fmt::Write as _;

use dag_tests::beside::Beside;
use dag_tests::{DEADLINE, Feed, Node, Options, until};
use serde_json::Value;

const MIB: u64 = 1 << 20;

/// The first record's time.
const START: i64 = 1_700_000_000;

/// How many keys there are, of 200 KB each.
const KEYS: i64 = 100;

/// How many computations want to remember them.
const COMPUTATIONS: usize = 6;

/// What the node says of the memory of all computations: bytes, and the limit.
fn held(node: &Node) -> (u64, u64) {
    let memory = &node.status()["computation_memory"];
    let number = |name: &str| memory[name].as_u64().unwrap_or_else(|| panic!("{memory}"));
    (number("taken"), number("limit"))
}

/// How many computations wait for memory, and how many remember all keys.
fn counts(node: &Node) -> (usize, usize) {
    let status = node.status();
    let all = status["computations"].as_array().expect("a list");
    let short = |one: &&Value| one["error"].as_str().is_some_and(|why| why.contains("(dag serve --memory)"));
    let waits = |one: &&Value| one["state"] == "restarting" && short(one);
    let has_all = |one: &&Value| one["state"] == "running" && one["memory"]["bytes"].as_u64() > Some(19 * MIB);
    (all.iter().filter(waits).count(), all.iter().filter(has_all).count())
}

fn expression(number: usize) -> String {
    format!("count(texts, {}d, by=k)", number + 1)
}

/// A subscription that is open.
fn subscription(node: &Node, expression: &str) -> Feed {
    let opened = Feed::open(node.url(), &[("expr", expression), ("from", "earliest")]);
    opened.expect("the node answers").unwrap_or_else(|answer| panic!("{answer:?}"))
}

#[test]
fn computations_share_memory_and_who_finds_none_goes_on_once_others_are_gone() {
    let options = ["--memory", "96MiB", "--computation-memory", "256MiB"];
    let node =
        Node::with(Options { arguments: options.map(str::to_owned).to_vec(), linger: "0s", ..Options::default() });
    node.create("texts", "k utf8", &[]);
    let beside = Beside::start(&node);
    beside.until_more(1);
    // The least that an instance of an operator has.
    until("its operator's instance counts", DEADLINE, || (held(&node).0 >= MIB).then_some(()));
    let mut csv = String::from("time,k\n");
    let text = "long".repeat(50_000);
    (0..KEYS).for_each(|key| writeln!(csv, "{START},{key}{text}").expect("writing to text does not fail"));
    node.publish("texts", &csv, &["--batch-rows", "10"]);

    // 20 MB for each of them, and three quarters of 96 MiB for those that hold much.
    let mut open: Vec<_> = (0..COMPUTATIONS).map(|number| subscription(&node, &expression(number))).collect();
    until("some have theirs and some find none", DEADLINE, || {
        let (wait, have) = counts(&node);
        (wait >= 2 && have >= 2).then_some(())
    });
    beside.until_more(100);
    let (bytes, limit) = held(&node);
    assert_eq!(limit, 96 * MIB);
    assert!((40 * MIB..=limit).contains(&bytes), "{bytes}");
    // Those that have what they need go on having it.
    assert!(counts(&node).1 >= 2, "{}", node.status());

    // Whoever waited goes on as others leave.
    let mut last = open.pop().expect("there are some");
    drop(open);
    until("the last has its memory, and nobody else any", DEADLINE, || {
        (counts(&node) == (0, 1) && held(&node).0 < 40 * MIB).then_some(())
    });
    node.publish("texts", "time,k\n", &["--seal"]);
    let mut lines = Vec::new();
    while let Some(line) = last.line(DEADLINE) {
        lines.push(line);
    }
    assert_eq!(i64::try_from(lines.len()), Ok(KEYS), "{:?}", last.end());
    assert!(lines.iter().all(|line| line.ends_with("\"value\":1}")), "each key is counted once");
    assert!(beside.finish().count() > 100);
    assert!(node.memory_peak() < 512 * MIB, "{} MiB", node.memory_peak() >> 20);
    until("all of it is given back", DEADLINE, || (held(&node).0 == 0).then_some(()));
}

#[test]
fn a_reader_in_time_order_takes_its_memory_from_there_and_is_told_where_there_is_none() {
    let options = ["--memory", "64MiB", "--computation-memory", "256MiB"];
    let node = Node::with(Options { arguments: options.map(str::to_owned).to_vec(), ..Options::default() });
    node.create("texts", "k utf8", &[]);
    let mut csv = String::from("time,k\n");
    let text = "long".repeat(125_000);
    // 60 MB of one moment, which have to be put in order together.
    (0..120).for_each(|key| writeln!(csv, "{START},{key}{text}").expect("writing to text does not fail"));
    node.publish("texts", &csv, &["--batch-rows", "12", "--seal"]);
    assert_eq!(node.csv("count(texts, 1d)").lines().count(), 2, "what flows through waits for room");
    let told = node.dag(&["subscribe", "texts", "--from", "earliest", "--ordered"]).code(1).stderr;
    assert!(told.contains("of the 64 MiB that they may have (dag serve --memory)"), "{told}");
    until("all of it is given back", DEADLINE, || (held(&node).0 < 4 * MIB).then_some(()));
}
