//! Computations go on from snapshots after a crash.

use std::fs;
use std::time::SystemTime;

use dag_tests::records::{counting, csv};
use dag_tests::{DEADLINE, Node, Options, until, while_it_moves};

#[test]
fn a_computation_goes_on_from_its_snapshot_though_the_input_before_it_is_gone() {
    let arguments = ["--snapshot-interval", "50ms"].map(str::to_owned).to_vec();
    let mut node = Node::with(Options { arguments, ..Options::default() });
    // Segments are 64 KiB: most of what is published goes at once.
    node.create("x", "value float64", &["--retention-bytes", "300000", "--durability", "os"]);
    let rows = |part: i64| csv((part * 20_000..(part + 1) * 20_000).map(|i| (i, ((i * 7919) % 10_007) as f64)));
    node.publish("x", &rows(0), &[]);
    let reader = node.spawn(&["subscribe", "count(x)", "--from", "earliest", "--cursor", "c", "--format", "csv"]);
    let out = |node: &Node| node.http().get("streams/count(x)", &[]).json()["records"].as_u64().unwrap_or(0);
    for part in 0..5 {
        if part > 0 {
            node.publish("x", &rows(part), &[]);
        }
        // The last one may be followed by another of its time.
        let there = (part as u64 + 1) * 20_000 - 1;
        while_it_moves("it keeps up", || match out(&node) {
            counted if counted >= there => Ok(()),
            counted => Err(counted),
        });
    }
    // With a record that nobody has counted yet, what is written down from now on has more than all that was.
    let (counted, snapshot) = (SystemTime::now(), node.data().join("derived/1/snapshot"));
    node.publish("x", &csv([(100_000, 0.0)]), &[]);
    let written = || snapshot.metadata().ok()?.modified().ok();
    until("it is written down", DEADLINE, || (written()? > counted).then_some(()));
    let earliest = |node: &Node| {
        let stream = node.http().get("streams/x", &[]).json();
        stream["earliest"].as_str().and_then(|at| at.split(':').nth(1)?.parse::<u64>().ok()).expect("a position")
    };
    drop(reader);
    node.crash();
    until("the beginning is gone", DEADLINE, || (earliest(&node) > 0).then_some(()));
    node.publish("x", &rows(5), &["--seal"]);
    let rest = node.dag(&["subscribe", "count(x)", "--cursor", "c", "--format", "csv"]).success();
    assert!(rest.lines().last().is_some_and(|last| last.ends_with(",120001")), "{:?}", rest.lines().last());
}

#[test]
fn a_snapshot_that_cannot_be_opened_is_tried_again_and_not_taken_for_none() {
    let mut node = Node::start();
    node.create("x", "value float64", &["--retention-bytes", "300000", "--durability", "os"]);
    let rows = |part: i64| csv((part * 20_000..(part + 1) * 20_000).map(|i| (i, ((i * 7919) % 10_007) as f64)));
    (0..5).for_each(|part| drop(node.publish("x", &rows(part), &[])));
    node.dag(&["subscribe", "count(x)", "--from", "earliest", "-n", "99999", "--cursor", "c", "--format", "csv"])
        .success();
    // When it stops it leaves a snapshot, in whose place something lies that cannot be opened as a file.
    node.restart_after(|data| {
        let snapshot = data.join("derived/1/snapshot");
        fs::rename(&snapshot, data.join("aside")).unwrap();
        fs::create_dir(snapshot).unwrap();
    });
    node.publish("x", &rows(5), &["--seal"]);
    let rest = node.spawn(&["subscribe", "count(x)", "--cursor", "c", "--format", "csv"]);
    let restarts = || node.status()["computations"][0]["state"] == "restarting";
    until("it is tried again", DEADLINE, || restarts().then_some(()));
    let snapshot = node.data().join("derived/1/snapshot");
    fs::remove_dir(&snapshot).unwrap();
    fs::rename(node.data().join("aside"), snapshot).unwrap();
    let rest = rest.finish().success();
    assert!(rest.lines().last().is_some_and(|last| last.ends_with(",120000")), "{:?}", rest.lines().last());
}

#[test]
fn a_computation_that_does_not_repeat_itself_is_quarantined_through_restarts_and_others_take_its_place() {
    let mut node = Node::start();
    node.create("x", "value float64", &["--idle", "1h"]);
    node.publish("x", &counting(0..100), &[]);
    let read = |node: &Node, expression: &str| {
        node.dag(&["subscribe", expression, "--from", "earliest", "-n", "9", "--format", "csv"]).success()
    };
    let [sums, _] = ["sum(x, 10s)", "max(x, 10s)"].map(|expression| read(&node, expression));
    // Each finds the other's results where it has left its own, and nothing that says how to go on.
    node.restart_after(|data| {
        let file = |run: u64, name: &str| data.join(format!("derived/{run}/{name}"));
        let [one, other] = [1, 2].map(|run| file(run, "00000000000000000000.seg"));
        for (from, to) in [(&one, &data.join("aside")), (&other, &one), (&data.join("aside"), &other)] {
            fs::rename(from, to).expect("files can be renamed");
        }
        [1, 2].into_iter().for_each(|run| fs::remove_file(file(run, "snapshot")).expect("it was left at the stop"));
    });
    let refused = |node: &Node| {
        let error = node.dag(&["subscribe", "sum(x, 10s)", "--from", "1:0"]).code(1).stderr;
        assert!(error.contains("quarantined"), "{error}");
    };
    refused(&node);
    node.crash();
    assert_eq!(node.computations(), ["sum(x,10s)"], "the status shows it, though nobody has asked");
    assert_eq!(node.status()["computations"][0]["state"], "quarantined");
    refused(&node);
    assert_eq!(read(&node, "sum(x, 10s)"), sums, "a run of its own");
    node.crash();
    assert_eq!(read(&node, "sum(x, 10s)"), sums);
    refused(&node);
}

#[test]
fn what_has_finished_is_whole_after_a_power_cut() {
    let environment = vec![("DAG_FAULT_POWER", "noted".to_owned())];
    let mut node = Node::with(Options { environment, ..Options::default() });
    node.create("x", "value float64", &[]);
    node.publish("x", &csv((0..60).map(|i| (i, 1.0))), &["--seal"]);
    let counted = node.csv("count(x, 5s)");
    assert_eq!(counted.lines().count(), 13);
    let state = || node.http().get("streams/count(x,5s)", &[]).json()["state"].clone();
    until("it has finished", DEADLINE, || (state() == "finished").then_some(()));
    node.cut_power(&["derived"]);
    assert_eq!(node.csv("count(x, 5s)"), counted);
}
