//! What nobody reads any more stops, whatever it is doing, and is shown until it is gone.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use dag_tests::hostile::transforms;
use dag_tests::{DEADLINE, Node, Options, Process, until};
use serde_json::Value;

/// A year of windows that start each second: hours of work that comes of a single record.
const ENDLESS: &str = "count(one,365d,every=1s)";

/// How long a node is looked at to see whether it rests.
const LOOK: Duration = Duration::from_secs(1);

/// What a node may do in that time that does nothing for anybody.
const REST: Duration = Duration::from_millis(50);

const MIB: u64 = 1 << 20;

/// A node whose stream `one` has one record, which is all that it will ever have or is followed by a word that a year has passed.
fn node(sealed: bool) -> Node {
    let node = Node::start();
    node.create("one", "value int64", &[]);
    let mut parameters = vec![("history", "true")];
    parameters.push(if sealed { ("seal", "true") } else { ("heartbeat", "2026-01-31T00:00:00Z") });
    let answer = node.http().publish("one", &parameters, "{\"time\":\"2024-01-31T00:00:00Z\",\"value\":1}\n");
    assert_eq!(answer.status, 200, "{answer:?}");
    node
}

fn subscriber(node: &Node, expression: &str) -> Process {
    node.spawn(&["subscribe", expression, "--from", "earliest"])
}

/// What the status says of a computation.
fn computation(node: &Node, stream: &str) -> Option<Value> {
    let status = node.status();
    status["computations"].as_array().expect("a status lists them").iter().find(|it| it["stream"] == stream).cloned()
}

/// Waits until a computation has read so many records.
#[track_caller]
fn until_it_has_read(node: &Node, stream: &str, records: u64) {
    until(&format!("{stream} has read {records} records"), DEADLINE, || {
        computation(node, stream).filter(|it| it["records_in"].as_u64() >= Some(records)).map(drop)
    });
}

/// The bytes below a folder. What goes while it is looked at does not count.
fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => bytes(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

/// Waits until nothing is in the status, and neither processor nor disk has anything to do.
#[track_caller]
fn comes_to_rest(node: &Node) {
    node.until_computing(&[], DEADLINE);
    until("the node has come to rest", DEADLINE, || {
        let before = (node.cpu_time(), bytes(node.data()));
        thread::sleep(LOOK);
        let rests = node.cpu_time() - before.0 < REST && bytes(node.data()) == before.1;
        rests.then_some(())
    });
    assert_eq!(node.computations(), [""; 0]);
}

#[test]
fn what_would_take_hours_is_gone_when_its_last_reader_is() {
    for sealed in [true, false] {
        let node = node(sealed);
        let mut reader = subscriber(&node, ENDLESS);
        assert_eq!(reader.take(2).len(), 2);
        drop(reader);
        comes_to_rest(&node);
    }
}

#[test]
fn so_is_whatever_is_computed_of_it() {
    let of = [
        ("filter({},value > 0)", 1),
        ("union({},one)", 1),
        ("delta({},of=value)", 1),
        ("sum({})", 1),
        ("count({},session=2s)", 100_000),
        ("avg({},1h)", 1),
        ("join({} as a,{} as b,on=value,within=1s)", 1),
    ];
    for sealed in [true, false] {
        let node = node(sealed);
        for (expression, records) in of {
            let expression = expression.replace("{}", ENDLESS);
            let reader = subscriber(&node, &expression);
            let known = until(&format!("{expression} is computed"), DEADLINE, || {
                node.computations().into_iter().find(|stream| stream != ENDLESS)
            });
            until_it_has_read(&node, &known, records);
            drop(reader);
            comes_to_rest(&node);
        }
    }
}

#[test]
fn a_node_that_is_busy_stops_without_waiting_for_the_end_of_what_it_is_doing() {
    for sealed in [true, false] {
        let mut node = node(sealed);
        let mut reader = subscriber(&node, ENDLESS);
        assert_eq!(reader.take(2).len(), 2);
        let stopped = node.stop().code(0);
        assert!(!stopped.stderr.contains("long calls"), "{}", stopped.stderr);
    }
}

fn deployed(arguments: &[&str]) -> Node {
    let node =
        Node::with(Options { arguments: arguments.iter().map(|&it| it.to_owned()).collect(), ..Options::default() });
    let component = fs::read(transforms()).expect("it was built");
    assert_eq!(node.http().post("components", &[], "application/wasm", &component).status, 200);
    node.create("x", "value float64", &[]);
    node
}

#[test]
fn a_call_that_outlasts_its_readers_is_shown_as_stopping_until_it_ends() {
    let node = deployed(&["--operator-time", "8s"]);
    let mut reader = subscriber(&node, "loops(x)");
    assert_eq!(node.http().publish("x", &[], "{\"time\":1,\"value\":1}\n").status, 200);
    assert_eq!(reader.take(1).len(), 1);
    assert_eq!(node.http().publish("x", &[], "{\"time\":2,\"value\":13}\n").status, 200);
    until_it_has_read(&node, "loops(x)", 2);
    drop(reader);
    until("it is stopping", DEADLINE, || computation(&node, "loops(x)").filter(|it| it["state"] == "stopping"));
    comes_to_rest(&node);
}

#[test]
fn an_operator_that_says_more_without_end_takes_no_memory_of_the_nodes_and_ends_with_its_reader() {
    // A mebibyte each time, over and over.
    const EMITTED: u64 = 100;
    let node = deployed(&["--computation-memory", "64MiB"]);
    let before = node.rss();
    let reader = subscriber(&node, "swells(x)");
    assert_eq!(node.http().publish("x", &[], "{\"time\":1,\"value\":13}\n").status, 200);
    let records = until("it has emitted a hundred mebibytes", DEADLINE * 3, || {
        let swells = computation(&node, "swells(x)")?;
        assert!(node.rss() < before + 192 * MIB, "{} MiB, before {} MiB", node.rss() / MIB, before / MIB);
        swells["records_out"].as_u64().filter(|out| *out >= EMITTED * 65_536)
    });
    let memory = &computation(&node, "swells(x)").expect("somebody reads it")["memory"];
    assert_eq!(memory["budget"], 64 * MIB, "{memory} after {records} records");
    let limits = memory["limits"].as_array().expect("they are listed");
    assert!(limits.iter().any(|limit| limit["name"] == memory["nearest"]), "{memory}");
    let instance = limits.iter().find(|limit| limit["name"] == "an instance of its operator").expect("it is listed");
    assert!(instance["bytes"].as_u64() > Some(MIB) && instance["limit"] == 256 * MIB, "{instance}");
    let shown = node.dag(&["status"]).success();
    assert!(shown.contains("NEAREST LIMIT") && shown.contains("of 64.0 MiB"), "{shown}");
    drop(reader);
    comes_to_rest(&node);
}

#[test]
fn the_longest_window_over_the_nodes_own_clock_leaves_its_timers_alone() {
    let node = Node::start();
    node.create("x", "value float64", &["--clock", "node"]);
    assert_eq!(node.http().publish("x", &[], "{\"time\":1,\"value\":1}\n").status, 200);
    let longest = "count(x,106751d23h47m16s854ms775us807ns)";
    let reader = subscriber(&node, longest);
    until_it_has_read(&node, longest, 1);
    drop(reader);
    // Lingering ends by the timers.
    comes_to_rest(&node);
}
