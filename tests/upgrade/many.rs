//! Many computations use a component that changes: all of them move at one place, and nobody waits.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dag_tests::crew::{self, Hand};
use dag_tests::{Http, Node, Process};
use serde_json::Value;

use crate::kit::*;

/// How often another version becomes current.
const TURNS: usize = 4;

/// Publishes ten records to `x` and to `y` each, whose value is their second.
fn publish(http: &Http, first: i64) {
    let record = |second: i64| format!("{{\"time\":{second},\"value\":{second}}}\n");
    let records: String = (first..first + 10).map(record).collect();
    for stream in ["x", "y"] {
        let answer = http.publish(stream, &[], &records);
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// Publishes from that second on until told to stop; answers the next second.
fn load_both(node: &Node, first: i64) -> (Hand<i64>, Arc<AtomicBool>) {
    let (http, stop) = (node.http().clone(), Arc::new(AtomicBool::new(false)));
    let stopped = stop.clone();
    let publisher = crew::spawn("the publisher", move || {
        let mut next = first;
        while !stopped.load(Ordering::Relaxed) {
            publish(&http, next);
            next += 10;
        }
        next
    });
    (publisher, stop)
}

/// How many marks lie in the log of a source.
pub fn marks(node: &Node, source: u64) -> usize {
    let folder = node.data().join("sources").join(source.to_string());
    let files = fs::read_dir(folder).expect("it is there").map(|file| file.expect("it can be listed").path());
    let segments = files.filter(|path| path.extension().is_some_and(|extension| extension == "seg"));
    // What an entry begins with, its version, and what it is.
    let marks = |path| fs::read(path).expect("it can be read").windows(6).filter(|six| six == b"dagE\x02\x06").count();
    segments.map(marks).sum()
}

/// An expression over a source: how often `mark` adds its version's offset to each value.
struct Use {
    expression: String,
    source: &'static str,
    depth: i64,
}

fn uses() -> Vec<Use> {
    let filters = (1..6).map(|least| {
        let between = format!("filter(mark(x), value > -{least})");
        [
            (format!("mark(filter(x, value > -{least}))"), "x", 1),
            (format!("mark({between})"), "x", 2),
            (between, "x", 1),
        ]
    });
    let nested = [("mark(x)", "x", 1), ("mark(mark(x))", "x", 2), ("mark(mark(mark(x)))", "x", 3)];
    let nested = nested.into_iter().chain([("mark(y)", "y", 1), ("mark(mark(y))", "y", 2)]);
    let nested = nested.map(|(expression, source, depth)| (expression.to_owned(), source, depth));
    let uses = nested.chain(filters.flatten());
    uses.map(|(expression, source, depth)| Use { expression, source, depth }).collect()
}

#[test]
fn all_that_use_a_component_move_at_one_mark_under_load_also_what_reads_one_another() {
    let (one, two) = (ONE.steps(BY, "value"), TWO.steps(BY, "value"));
    let node = Node::start();
    ["x", "y"].iter().for_each(|stream| node.create(stream, "value int64", &[]));
    node.dag(&["deploy", &one]).success();
    let uses = uses();
    let mut readers: Vec<Process> = uses.iter().map(|one| read(&node, &one.expression, "earliest")).collect();
    publish(node.http(), 0);
    let (mut records, mut next) = (vec![Vec::<Record>::new(); readers.len()], 10);
    for turn in 0..TURNS {
        let command: &[&str] = if turn % 2 == 0 { &["deploy", &two] } else { &["rollback", "walk.mark"] };
        let (publisher, stop) = load_both(&node, next);
        let answer = node.dag(&[command, &["--json"]].concat()).success();
        stop.store(true, Ordering::Relaxed);
        next = publisher.join();
        publish(node.http(), next);
        next += 10;
        let answer: Value = serde_json::from_str(&answer).expect("it is JSON");
        let moves = answer["moves"].as_array().expect("it lists what moved");
        // Each application of `mark` once, however many read it.
        assert_eq!(moves.len(), 5 + 2 * 5, "{answer}");
        for one in moves {
            assert_eq!((&one["by"], &one["error"]), (&"state".into(), &Value::Null), "{one}");
        }
        let longest = moves.iter().filter_map(|one| one["took"].as_f64()).fold(0.0, f64::max);
        eprintln!("turn {turn}: the longest move took {longest:.3} s");
        // Each version has been at work before the next one comes.
        for (reader, records) in readers.iter_mut().zip(&mut records) {
            while (records.len() as i64) < next {
                records.push(record(&reader.line().text));
            }
        }
    }
    for stream in ["x", "y"] {
        assert_eq!(node.http().publish(stream, &[("seal", "true")], "").status, 200);
    }
    assert_eq!([1, 2].map(|source| marks(&node, source)), [TURNS; 2], "one for all that a deployment moves");
    // By which version each second was seen, in each source.
    let mut versions: BTreeMap<(&str, i64), i64> = BTreeMap::new();
    for ((Use { expression, source, depth }, reader), mut records) in uses.iter().zip(readers).zip(records) {
        records.extend(reader.finish().success().lines().map(record));
        let mut changes = 0;
        for (place, record) in records.iter().enumerate() {
            let (second, offsets) = (record.value % 1_000_000, record.value / 1_000_000);
            assert_eq!((record.position, second), (place as u64, place as i64), "{expression}: {record:?}");
            assert!(offsets == 0 || offsets == *depth, "{expression}: {record:?} is of two versions");
            let version = offsets / depth;
            let known = *versions.entry((source, second)).or_insert(version);
            assert_eq!(version, known, "{expression}: {record:?} is not of the version that others are of");
            changes += usize::from(place > 0 && records[place - 1].value / 1_000_000 != offsets);
        }
        assert_eq!(changes, TURNS, "{expression}");
    }
}
