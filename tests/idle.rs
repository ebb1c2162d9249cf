//! What is idle costs nothing.

use std::time::Duration;
use std::{env, thread};

use dag_tests::{DEADLINE, Node, until};

/// How long after the last records a computation is written down, unless a flag says otherwise.
const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(5);

/// How long the node is watched; `DAG_TESTS_IDLE=60` for the whole minute.
fn span() -> Duration {
    let given =
        env::var("DAG_TESTS_IDLE").ok().map(|text| text.parse().expect("DAG_TESTS_IDLE is a number of seconds"));
    Duration::from_secs(given.unwrap_or(15))
}

/// The processor time that a node takes while nothing happens, for the measured span.
fn cpu_while_idle(node: &Node) -> Duration {
    // What was started has come to rest once a look at it shows no more use, the snapshot after its last records included.
    let mut last = node.cpu_time();
    until("the node has come to rest", DEADLINE, || {
        thread::sleep(SNAPSHOT_INTERVAL + Duration::from_secs(1));
        let now = node.cpu_time();
        let rests = now - last < Duration::from_millis(10);
        last = now;
        rests.then_some(())
    });
    let before = node.cpu_time();
    thread::sleep(span());
    node.cpu_time() - before
}

#[test]
fn a_hundred_idle_subscriptions_take_less_than_a_hundredth_of_a_core() {
    let node = Node::start();
    node.create("x", "value float64", &[]);
    node.http().publish("x", &[("publisher", "p"), ("batch", "1")], "{\"time\":1,\"value\":1}\n");
    let expression = |i: usize| match i % 4 {
        0 => format!("filter(x, value > {i})"),
        1 => format!("avg(x, {i}s)"),
        2 => format!("union(x, map(x, value + {i} as value))"),
        _ => format!("sum(x, session={i}s)"),
    };
    let subscriptions: Vec<_> =
        (1..=100).map(|i| node.http().lines("subscribe", &[("expr", &expression(i))])).collect();
    node.until_subscribers(100);
    let used = cpu_while_idle(&node);
    // 0.6 CPU-seconds a minute.
    assert!(used < span() / 100, "{used:?} of processor time in {:?}", span());
    assert_eq!(node.status()["subscribers"], 100, "they were there all the time");
    drop(subscriptions);
}

#[test]
fn a_node_that_does_nothing_takes_no_processor_time() {
    let node = Node::start();
    let used = cpu_while_idle(&node);
    assert!(used <= span() / 500, "{used:?} of processor time in {:?}", span());
}
