//! Inputs that are not as far as a deployment, or do not get there: nobody waits for them, and who deploys is told.

use std::fs;

use dag_tests::{Node, Options, data_folder};
use serde_json::Value;

use crate::kit::*;

fn publish(node: &Node, stream: &str, first: i64) {
    let record = |second: i64| format!("{{\"time\":{second},\"value\":{second}}}\n");
    let records: String = (first..first + 10).map(record).collect();
    let answer = node.http().publish(stream, &[], &records);
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn seal(node: &Node, stream: &str) {
    assert_eq!(node.http().publish(stream, &[("seal", "true")], "").status, 200);
}

/// The records of what applies `mark` to this, of which the later ones are of the second version.
#[track_caller]
fn is_of_both(records: &[Record], first: usize, all: usize) {
    let offsets: Vec<i64> = records.iter().map(|record| offset(record.value)).collect();
    let expected: Vec<i64> = (0..all).map(|place| if place < first { ONE.offset } else { TWO.offset }).collect();
    assert_eq!(offsets, expected, "{records:?}");
}

#[test]
fn who_deploys_is_told_which_input_what_is_behind_waits_for() {
    let orders = data_folder();
    let file = orders.path().join("orders");
    let environment = vec![("DAG_FAULT_DISK", file.to_str().expect("it is UTF-8").to_owned())];
    let node = Node::with(Options { environment, ..Options::default() });
    node.create("x", "value int64", &[]);
    let (one, two) = (ONE.steps(BY, "value"), TWO.steps(BY, "value"));
    node.dag(&["deploy", &one]).success();
    publish(&node, "x", 0);
    let mut reader = read(&node, "mark(x)", "earliest");
    let mut records: Vec<Record> = reader.take(10).iter().map(|line| record(line)).collect();
    let behind = |command: &[&str], hung: &str| {
        fs::write(&file, format!("hang {hung}\n")).expect("a test's file");
        let answer = node.dag(&[command, &["--wait", "300ms", "--json"]].concat()).code(1);
        fs::remove_file(&file).expect("it is there");
        let answer: Value = serde_json::from_str(&answer.stdout).expect("it is JSON");
        answer["moves"][0]["error"].as_str().unwrap_or_else(|| panic!("it is not behind: {answer}")).to_owned()
    };
    let told = behind(&["deploy", &two], "sources/1/");
    let expected = "it is behind, its output is at 1970-01-01T00:00:09Z, its input `x` at 1970-01-01T00:00:09Z, which has not taken \
                    the mark yet: it moves once it has come to its mark";
    assert_eq!(told, expected);
    has_moved(&node, "mark");
    publish(&node, "x", 10);
    records.extend(reader.take(10).iter().map(|line| record(line)));
    is_of_both(&records, 10, 20);
    // Its own disk hangs, not that of what it reads.
    fs::write(&file, "hang derived/1/\n").expect("a test's file");
    publish(&node, "x", 20);
    let told = behind(&["rollback", "walk.mark"], "derived/1/");
    // The frontier is written behind the records, and may have found the disk hanging.
    let [begins, ends] = [
        "it is behind, its output is at 1970-01-01T00:00:",
        ", its input `x` at 1970-01-01T00:00:29Z: it moves once it has come to its mark",
    ];
    assert!(told.starts_with(begins) && told.ends_with(ends), "{told}");
    seal(&node, "x");
    let rest: Vec<Record> = reader.finish().success().lines().map(record).collect();
    assert!(rest.iter().all(|record| offset(record.value) == TWO.offset), "they lie before the mark: {rest:?}");
}

#[test]
fn a_sealed_input_counts_as_marked_at_its_end() {
    let (one, two) = (ONE.steps(BY, "value"), TWO.steps(BY, "value"));
    let node = Node::start();
    ["x", "y"].iter().for_each(|stream| node.create(stream, "value int64", &[]));
    node.dag(&["deploy", &one]).success();
    ["x", "y"].iter().for_each(|stream| publish(&node, stream, 0));
    seal(&node, "x");
    let mut reader = read(&node, "mark(union(x, y))", "earliest");
    // What lies before the frontier of the one that goes on.
    let mut records: Vec<Record> = reader.take(18).iter().map(|line| record(line)).collect();
    let one = moved(&node, &["deploy", &two], "mark(union(x,y))");
    assert_eq!((&one["by"], &one["error"]), (&"state".into(), &Value::Null), "{one}");
    publish(&node, "y", 10);
    seal(&node, "y");
    records.extend(reader.finish().success().lines().map(record));
    is_of_both(&records, 18, 30);
}

#[test]
fn a_missing_input_keeps_nobody_else_and_gets_the_mark_once_it_is_there_again() {
    let (one, two) = (ONE.steps(BY, "value"), TWO.steps(BY, "value"));
    let orders = data_folder();
    let file = orders.path().join("orders");
    let environment = vec![("DAG_FAULT_DISK", file.to_str().expect("it is UTF-8").to_owned())];
    let mut node = Node::with(Options { environment, ..Options::default() });
    ["x", "y"].iter().for_each(|stream| node.create(stream, "value int64", &[]));
    node.dag(&["deploy", &one]).success();
    ["x", "y"].iter().for_each(|stream| publish(&node, stream, 0));
    // One after the other, so that their numbers are known.
    let mut begun = ["mark(x)", "mark(y)"].map(|stream| {
        let mut reader = read(&node, stream, "earliest");
        let records: Vec<Record> = reader.take(10).iter().map(|line| record(line)).collect();
        (reader, records)
    });
    // The turns come into the plan, the mark into no source.
    fs::write(&file, "hang sources/\n").expect("a test's file");
    node.dag(&["deploy", &two, "--wait", "300ms"]).code(1);
    let mut records = begun.each_mut().map(|(_, records)| std::mem::take(records));
    drop(begun);
    let (log, aside) = (node.data().join("sources/1"), node.data().join("aside"));
    fs::rename(&log, &aside).expect("the node hangs, and dies of it");
    node.crash_into(Options::default());
    let y = read(&node, "mark(y)", "2:10");
    has_moved_of(&node, "mark", &[2]);
    publish(&node, "y", 10);
    seal(&node, "y");
    records[1].extend(y.finish().success().lines().map(record));
    is_of_both(&records[1], 10, 20);
    node.restart_after(|_| fs::rename(&aside, &log).expect("it is there"));
    let x = read(&node, "mark(x)", "1:10");
    has_moved_of(&node, "mark", &[1, 2]);
    publish(&node, "x", 10);
    seal(&node, "x");
    records[0].extend(x.finish().success().lines().map(record));
    is_of_both(&records[0], 10, 20);
}
