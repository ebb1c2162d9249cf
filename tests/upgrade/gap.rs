//! A component that very much uses changes under load: one mark in each source, each record of one version, and how long results stand still.
//!
//! | variable | |
//! |---|---|
//! | `DAG_TESTS_UPGRADE=1000` | so many computations, and a record each 100 ms, instead of a hundred and as many records as there is time for |

use std::collections::BTreeMap;
use std::env;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dag_log::{Committer, Durability, Log, Retention, Start};
use dag_tests::crew::{self, Hand};
use dag_tests::{DEADLINE, Feed, Http, Node};
use serde_json::{Value, json};

use crate::kit::*;
use crate::many::marks;

/// How many sources there are, with as many computations over each.
const SOURCES: usize = 10;

/// How often another version becomes current.
const TURNS: usize = 2;

/// How many computations there are, and how long is between the records of a source.
fn size() -> (usize, Option<Duration>) {
    match env::var("DAG_TESTS_UPGRADE") {
        Ok(asked) => {
            (asked.parse().expect("DAG_TESTS_UPGRADE is a number of computations"), Some(Duration::from_millis(100)))
        }
        Err(_) => (100, None),
    }
}

/// Publishes the same second to each source, from that one on and until told to stop; answers the next one.
fn load(node: &Node, first: i64, every: Option<Duration>) -> (Hand<i64>, Arc<AtomicBool>) {
    let (http, stop) = (node.http().clone(), Arc::new(AtomicBool::new(false)));
    let stopped = stop.clone();
    let publisher = crew::spawn("the publisher", move || {
        let mut next = first;
        while !stopped.load(Ordering::Relaxed) {
            let begun = Instant::now();
            publish(&http, next);
            next += 1;
            // A load, not a moment to wait for.
            thread::sleep(every.unwrap_or_default().saturating_sub(begun.elapsed()));
        }
        next
    });
    (publisher, stop)
}

fn publish(http: &Http, second: i64) {
    for source in 0..SOURCES {
        let answer = http.publish(&format!("s{source}"), &[], &format!("{{\"time\":{second},\"value\":1}}\n"));
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// The computation of that number: its source, by how much it counts, and its expression.
fn computation(number: usize) -> (usize, i64, String) {
    let (source, by) = (number % SOURCES, (number / SOURCES + 1) as i64);
    (source, by, format!("steps(s{source}, by={by})"))
}

#[test]
fn all_that_use_a_component_move_at_one_mark_a_source_and_each_record_is_of_one_version() {
    let (computations, every) = size();
    let arguments = "/// Counted for each record.\nnamed by: i64 = \"1\",";
    let (one, two) = (ONE.steps(arguments, "value"), TWO.steps(arguments, "value"));
    let mut node = Node::start();
    for source in 0..SOURCES {
        let schema = json!([{"name": "value", "type": "int64"}]);
        let body = json!({"name": format!("s{source}"), "schema": schema, "idle": "1h"}).to_string();
        assert!(node.http().post("streams", &[], "application/json", body.as_bytes()).status < 300);
    }
    node.dag(&["deploy", &one]).success();
    (0..2).for_each(|second| publish(node.http(), second));
    let subscribe = |number| {
        let (_, _, expression) = computation(number);
        let parameters = [("expr", expression.as_str()), ("from", "earliest")];
        let mut feed = Feed::open(node.url(), &parameters).expect("the node is there").expect("it is subscribed to");
        (feed.line(DEADLINE).expect("there is a record before the frontier"), feed)
    };
    let feeds: Vec<(String, Feed)> = (0..computations).map(subscribe).collect();
    let mut next = 2;
    for turn in 0..TURNS {
        let command: &[&str] = if turn % 2 == 0 { &["deploy", &two] } else { &["rollback", "walk.steps"] };
        let (publisher, stop) = load(&node, next, every);
        if let Some(every) = every {
            // How it is before.
            thread::sleep(20 * every);
        }
        let begun = Instant::now();
        let answer = node.dag(&[command, &["--json"]].concat()).success();
        let all = begun.elapsed();
        if let Some(every) = every {
            thread::sleep(20 * every);
        }
        stop.store(true, Ordering::Relaxed);
        next = publisher.join();
        (next..next + 2).for_each(|second| publish(node.http(), second));
        next += 2;
        let answer: Value = serde_json::from_str(&answer).expect("it is JSON");
        let moves = answer["moves"].as_array().expect("it lists what moved");
        assert_eq!(moves.len(), computations);
        for one in moves {
            assert_eq!((&one["by"], &one["error"]), (&"state".into(), &Value::Null), "{one}");
        }
        let mut took: Vec<f64> = moves.iter().filter_map(|one| one["took"].as_f64()).collect();
        took.sort_by(f64::total_cmp);
        let (median, longest) = (took[took.len() / 2], took[took.len() - 1]);
        println!(
            "turn {turn}: all in {all:.1?}; a computation stood at its mark for {median:.3} s, the longest for {longest:.3} s"
        );
    }
    for source in 0..SOURCES {
        assert_eq!(node.http().publish(&format!("s{source}"), &[("seal", "true")], "").status, 200);
    }
    let mut places: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (number, (first, feed)) in feeds.into_iter().enumerate() {
        let (source, by, expression) = computation(number);
        let values = std::iter::once(first).chain(feed.lines()).map(|line| {
            let record: Value = serde_json::from_str(&line).expect("a record is JSON");
            record["value"].as_i64().expect("a count")
        });
        let values: Vec<i64> = values.collect();
        let counted: Vec<i64> = values.iter().map(|value| value % TWO.offset).collect();
        assert_eq!(counted, (1..=next).map(|record| record * by).collect::<Vec<_>>(), "{expression}");
        let changes: Vec<usize> =
            (1..values.len()).filter(|at| offset(values[*at]) != offset(values[*at - 1])).collect();
        assert_eq!(changes.len(), TURNS, "{expression}");
        assert_eq!(*places.entry(source).or_insert_with(|| changes.clone()), changes, "{expression}: another place");
    }
    for source in 0..SOURCES {
        assert_eq!(marks(&node, source as u64 + 1), TURNS, "one for all that a deployment moves");
    }
    node.stop().code(0);
    gaps(node.data(), computations);
}

/// Prints how long results waited: from when the record came that lets one be known until it was in its log.
fn gaps(data: &Path, computations: usize) {
    let read = |folder: &Path| -> Vec<i64> {
        let retention = Retention { age: None, bytes: None };
        let options = dag_log::Options { segment_bytes: 1 << 30, durability: Durability::Derived, retention };
        let log = Log::open(folder, options, &Committer::new()).expect("the node has stopped");
        let mut reader = log.reader(Start::Earliest).expect("nothing was removed");
        let mut appended = Vec::new();
        while let Some(entry) = reader.next().expect("it can be read") {
            appended.extend((0..entry.count).map(|_| entry.appended.0));
        }
        appended
    };
    let sources: Vec<Vec<i64>> = (1..=SOURCES).map(|source| read(&data.join(format!("sources/{source}")))).collect();
    let (mut waits, mut stands) = (Vec::new(), Vec::new());
    for number in 0..computations {
        let results = read(&data.join(format!("derived/{}", number + 1)));
        let (source, ..) = computation(number);
        // The first ones were there before the computation, the last one waited for the end.
        let caused = results.iter().zip(sources[source].iter().skip(1)).skip(1);
        waits.extend(caused.map(|(result, cause)| result - cause));
        stands.extend(results.windows(2).skip(1).map(|two| two[1] - two[0]).max());
    }
    for (what, mut times) in [("a result waited", waits), ("the longest pause of a computation", stands)] {
        times.sort_unstable();
        let at = |part: usize| times[(times.len() - 1) * part / 1000] as f64 / 1e9;
        let (median, most, longest) = (at(500), at(990), at(1000));
        println!("{what}: median {median:.3} s, p99 {most:.3} s, longest {longest:.3} s ({computations} computations)");
    }
}
