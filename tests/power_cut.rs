//! Killing the node is cutting its power: what was not synced is gone. What was acknowledged is not.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dag_tests::records::csv;
use dag_tests::{DEADLINE, Node, Options, crew, until, while_it_moves};

/// Kills after which a bug that loses what was acknowledged has shown itself.
const KILLS: usize = 40;

/// Publishes record by record and kills the node while that goes on, again and again, with these faults on top of that; says
/// whether a record that was acknowledged is gone.
fn loses(faults: &[(&'static str, &str)], kills: usize) -> bool {
    let faults = [&[("DAG_FAULT_POWER", "kill")], faults].concat();
    let environment = faults.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
    let mut node = Node::with(Options { environment, ..Options::default() });
    node.create("x", "value float64", &["--out-of-order", "1h"]);
    let mut there = 0;
    for _ in 0..kills {
        let acknowledged = Arc::new(AtomicU64::new(0));
        let (http, count) = (node.http().clone(), acknowledged.clone());
        let publisher = crew::spawn("the publisher", move || {
            let record = b"{\"time\":1,\"value\":1}\n";
            while let Ok(answer) = http.try_post("streams/x/records", &[], "application/x-ndjson", record) {
                assert_eq!(answer.status, 200, "{}", answer.body);
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        while_it_moves("records are acknowledged", || match acknowledged.load(Ordering::SeqCst) {
            20.. => Ok(()),
            some => Err(some),
        });
        node.crash();
        publisher.join();
        let promised = there + acknowledged.load(Ordering::SeqCst);
        there = node.http().get("streams/x", &[]).json()["records"].as_u64().expect("a stream counts its records");
        if there < promised {
            return true;
        }
    }
    false
}

/// Under `os` a power cut may take what was shown, and computed with.
#[test]
fn what_has_read_records_that_a_power_cut_took_ends_and_readers_are_told() {
    let environment = vec![("DAG_FAULT_POWER", "noted".to_owned())];
    let arguments = ["--snapshot-interval", "50ms"].map(str::to_owned).to_vec();
    let mut node = Node::with(Options { environment, arguments, ..Options::default() });
    node.create("x", "value float64", &["--durability", "os"]);
    let rows = |range: std::ops::Range<i64>| csv(range.map(|i| (i, 1.0)));
    node.publish("x", &rows(0..100), &[]);
    node.restart();
    let count = |node: &Node, from: &str, records: &str| {
        node.dag(&["subscribe", "count(x)", "--from", from, "-n", records, "--format", "csv"])
    };
    let reader = node.spawn(&["subscribe", "count(x)", "--from", "earliest", "--cursor", "c", "--format", "csv"]);
    let out = || node.http().get("streams/count(x)", &[]).json()["records"].as_u64().unwrap_or(0);
    until("it runs", DEADLINE, || (out() >= 99).then_some(()));
    let stream = node.http().get("streams/count(x)", &[]).json();
    let id = stream["earliest"].as_str().and_then(|position| position.split(':').next());
    let id = id.expect("it has a position").to_owned();
    // The first is durable, since the log was opened anew; of what follows the computation's snapshot says that it has been read.
    for part in 1..3 {
        node.publish("x", &rows(part * 100..(part + 1) * 100), &[]);
    }
    until("it has read all", DEADLINE, || (out() >= 299).then_some(()));
    // One snapshot may have been taken before that; each later one is of more than is durable.
    let snapshot = node.data().join(format!("derived/{id}/snapshot"));
    let (time, seen) = (Cell::new(300), RefCell::new(BTreeSet::new()));
    until("it is written down", DEADLINE, || {
        node.publish("x", &csv([(time.replace(time.get() + 1), 1.0)]), &[]);
        seen.borrow_mut().insert(snapshot.metadata().ok()?.modified().ok()?);
        (seen.borrow().len() > 3).then_some(())
    });
    drop(reader);
    node.cut_power(&["sources"]);

    let left = node.http().get("streams/x", &[]).json()["records"].as_u64().expect("a stream counts its records");
    assert!((100..300).contains(&left), "{left} are left");
    for read in ["98", "150"] {
        let told = count(&node, &format!("{id}:{read}"), "1").code(1).stderr;
        assert!(told.contains("its input `x` has lost records in a crash"), "{told}");
    }
    let told = node.dag(&["subscribe", "count(x)", "--cursor", "c"]).code(1).stderr;
    assert!(told.contains("its input `x` has lost records in a crash"), "{told}");
    for place in [("from", &*format!("{id}:98")), ("cursor", "c")] {
        let answer = node.http().get("subscribe", &[("expr", "count(x)"), place]);
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (410, Some("trimmed")), "{place:?}");
    }
    node.restart();
    let told = count(&node, &format!("{id}:98"), "1").code(1).stderr;
    assert!(told.contains("its input `x` has lost records in a crash"), "after another start, too: {told}");
    // New demand counts what there is, and what comes in place of what was lost.
    node.publish("x", &rows(1_000..1_002), &["--seal"]);
    let all = node.dag(&["subscribe", "count(x)", "--from", "earliest", "--format", "csv"]).success();
    let expected = format!(",{}", left + 2);
    assert!(all.lines().last().is_some_and(|last| last.ends_with(&expected)), "{left}: {:?}", all.lines().last());
}

#[test]
fn what_was_acknowledged_survives_a_kill_that_cuts_the_power() {
    assert!(!loses(&[], 8));
}

#[test]
fn a_node_that_acknowledges_before_it_syncs_is_found_out() {
    assert!(loses(&[("DAG_FAULT_SYNC", "late")], KILLS));
}
