//! Killing the node is cutting its power: what was not synced is gone. What was acknowledged is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dag_tests::{Node, Options, crew, while_it_moves};

/// Kills after which a bug that loses what was acknowledged has shown itself.
const KILLS: usize = 40;

/// Publishes record by record and kills the node while that goes on, again and again, with these bugs planted; says whether a
/// record that was acknowledged is gone.
fn loses(bug: &str, kills: usize) -> bool {
    let environment = vec![("DAG_FAULT_BUG", bug.to_owned())];
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

#[test]
fn what_was_acknowledged_survives_a_kill_that_cuts_the_power() {
    assert!(!loses("kill-cuts-power", 8));
}

#[test]
fn a_node_that_acknowledges_before_it_syncs_is_found_out() {
    assert!(loses("ack-before-fsync", KILLS));
}
