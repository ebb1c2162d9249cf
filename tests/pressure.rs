//! Readers and streams that fall behind cost neither memory nor anybody else's speed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use dag_tests::wait::fastest;
use dag_tests::{Http, Node, crew, while_it_moves};

/// How many records are published.
const RECORDS: usize = 1_000_000;

/// In how many requests.
const BATCHES: usize = 10;

/// By how much the node's resident memory may grow.
const MAX_GROWTH: u64 = 64 << 20;

/// Held by the test that measures: the other would take its processor time.
static MEASURING: Mutex<()> = Mutex::new(());

/// A million records a millisecond apart, as the bodies of requests. Their times are integers in milliseconds.
fn bodies() -> Vec<String> {
    let record = |i: usize| format!("{{\"time\":{i},\"value\":{i}}}\n");
    let each = RECORDS / BATCHES;
    (0..BATCHES).map(|batch| (batch * each..(batch + 1) * each).map(record).collect()).collect()
}

/// Publishes the million to a stream; seals it where that is asked for.
fn publish(http: &Http, stream: &str, bodies: &[String], seal: bool) {
    for (index, body) in bodies.iter().enumerate() {
        let batch = (index + 1).to_string();
        let seal = if seal && index + 1 == bodies.len() { "true" } else { "false" };
        let answer = http.publish(stream, &[("publisher", "p"), ("batch", &batch), ("seal", seal)], body);
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// Publishes the million to a new stream while one subscriber reads all of it; how long that took the subscriber.
fn time_of_a_subscriber(node: &Node, stream: &str, bodies: &[String]) -> Duration {
    let start = Instant::now();
    let lines = node.http().lines("subscribe", &[("expr", &passing(stream)), ("from", "earliest")]);
    let reader = crew::spawn("the subscriber", move || (lines.count(), start.elapsed()));
    publish(node.http(), stream, bodies, true);
    let (lines, took) = reader.join();
    assert_eq!(lines, RECORDS);
    took
}

/// An expression that lets all records pass, computed for its subscribers.
fn passing(stream: &str) -> String {
    format!("filter({stream}, value >= 0)")
}

const SETTINGS: [&str; 6] = ["--unit", "ms", "--durability", "os", "--out-of-order", "30min"];

#[test]
fn a_slow_subscriber_costs_no_memory_slows_nobody_and_gets_all() {
    let _alone = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let node = Node::start();
    let bodies = bodies();
    node.create("alone", "value int64", &SETTINGS);
    let alone = time_of_a_subscriber(&node, "alone", &bodies);
    let mut tries = 0;
    fastest("reading beside a slow subscriber", alone * 2 + Duration::from_millis(250), || {
        tries += 1;
        beside_a_slow_subscriber(&node, &format!("x{tries}"), &bodies)
    });
}

/// How long a subscriber to a new stream takes beside a slow one, who gets all of it, too.
fn beside_a_slow_subscriber(node: &Node, stream: &str, bodies: &[String]) -> Duration {
    node.create(stream, "value int64", &SETTINGS);
    let slow = node.http().lines("subscribe", &[("expr", &passing(stream)), ("from", "earliest")]);
    let hurry = Arc::new(AtomicBool::new(false));
    let told = hurry.clone();
    let slow = crew::spawn("the slow subscriber", move || {
        slow.inspect(|_| {
            // One record a second is what is tested; after the measurement it may take the rest as fast as it can.
            let next = Instant::now() + Duration::from_secs(1);
            while !told.load(Ordering::Relaxed) && Instant::now() < next {
                thread::sleep(Duration::from_millis(20));
            }
        })
        .count()
    });
    let before = node.rss();
    let beside = time_of_a_subscriber(node, stream, bodies);
    let grown = node.rss().saturating_sub(before);
    assert!(grown < MAX_GROWTH, "resident memory grew by {} MiB", grown >> 20);
    hurry.store(true, Ordering::Relaxed);
    assert_eq!(slow.join(), RECORDS);
    beside
}

#[test]
fn a_join_whose_one_stream_is_far_ahead_waits_without_filling_memory() {
    let _alone = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
    let node = Node::start();
    for stream in ["ahead", "behind"] {
        node.create(stream, "value int64", &SETTINGS);
    }
    let bodies = bodies();
    // Also what it takes to publish is in memory before the measurement.
    node.create("warm", "value int64", &SETTINGS);
    publish(node.http(), "warm", &bodies, true);

    let expression = "join(ahead as l, behind as r, on=value, within=1s)";
    let results = node.http().lines("subscribe", &[("expr", expression), ("from", "earliest")]);
    node.http().publish("behind", &[("publisher", "q"), ("heartbeat", "1970-01-01T00:00:00Z")], "");
    let before = node.rss();
    publish(node.http(), "ahead", &bodies, false);
    let stream = || node.http().get("streams/ahead", &[]).json();
    while_it_moves("all is kept", || match stream()["records"].clone() {
        records if records == RECORDS => Ok(()),
        records => Err(records),
    });
    let grown = node.rss().saturating_sub(before);
    assert!(grown < MAX_GROWTH, "resident memory grew by {} MiB", grown >> 20);

    // The other one catches up: a record of every second.
    let records: String = (0..1_000).map(|i| format!("{{\"time\":{0},\"value\":{0}}}\n", i * 1_000)).collect();
    let answer = node.http().publish("behind", &[("publisher", "q"), ("batch", "1"), ("seal", "true")], &records);
    assert_eq!(answer.status, 200, "{answer:?}");
    node.http().publish("ahead", &[("publisher", "p"), ("seal", "true")], "");
    assert_eq!(results.count(), 1_000);
    let grown = node.rss().saturating_sub(before);
    assert!(grown < MAX_GROWTH, "resident memory grew by {} MiB while it caught up", grown >> 20);
}
