//! The power goes off at any moment, and of what was not synced any part may be lost, in any order.

mod common;

use std::env;
use std::process::Command;
use std::sync::Arc;

use common::derived::Derived;
use common::workload::Workload;
use dag_log::{Durability, Storage};
use dag_storage_faults::{Disk, Operation, Random};

/// Cuts at random operations; each sync has two more.
const CUTS: usize = 300;

/// Calls `run` with a disk whose power goes off at some operation and then `after` with what is left, again and again:
/// before and after every sync, and at random.
fn each_cut<T>(run: impl Fn(Disk) -> T, after: impl Fn(T, Arc<dyn Storage>, Random)) {
    let disk = Disk::new();
    run(disk.clone());
    let operations = disk.operations();
    assert!(operations.len() > 500, "a few hundred requests take {} operations", operations.len());
    let syncs = operations
        .iter()
        .enumerate()
        .filter(|(_, operation)| matches!(operation, Operation::Sync | Operation::SyncDir | Operation::Rename));
    let mut random = Random::new(1);
    let mut cuts: Vec<usize> = syncs.flat_map(|(at, _)| [at, at + 1]).collect();
    cuts.extend((0..CUTS).map(|_| random.below(operations.len())));
    for (seed, at) in cuts.into_iter().enumerate() {
        let disk = Disk::new();
        disk.power_off_at(at);
        let left_behind = run(disk.clone());
        let mut random = Random::new(seed as u64);
        let left = match seed % 4 {
            0 => disk.cut_power(|_| 0),
            1 => disk.cut_power(|possibilities| possibilities - 1),
            _ => disk.cut_power(|possibilities| random.below(possibilities)),
        };
        after(left_behind, Arc::new(left), random);
    }
}

fn source_survives(durability: Durability) {
    let run = |disk: Disk| {
        let mut workload = Workload::new(Arc::new(disk), durability, 2);
        // An error is the power cut.
        let _ = workload.run();
        let _ = workload.settle();
        workload
    };
    each_cut(run, |mut workload, left, random| {
        workload.go_on(left);
        workload.open().expect("the power is back");
        workload.send_again();
        workload.more(random).expect("the power is back");
        workload.open().expect("the power is back");
    });
}

#[test]
fn what_was_acknowledged_survives_a_power_cut() {
    source_survives(Durability::Fsync);
}

#[test]
fn a_power_cut_under_os_leaves_a_prefix_and_no_position_is_used_twice() {
    source_survives(Durability::Os);
}

#[test]
fn what_is_acknowledged_after_a_failed_sync_was_written_again_and_survives_a_power_cut() {
    let run = |disk: Disk| {
        let mut workload = Workload::new(Arc::new(disk), Durability::Fsync, 3).patient();
        // An error is the power cut, or a source that was never made.
        let _ = workload.run();
        let _ = workload.settle();
        workload
    };
    let healthy = Disk::new();
    run(healthy.clone());
    let operations = healthy.operations();
    let syncs = operations.iter().enumerate().filter(|(_, operation)| **operation == Operation::Sync);
    let mut random = Random::new(4);
    let mut gone_on = 0;
    for (sync, _) in syncs {
        let disk = Disk::new();
        disk.forget_at(sync);
        disk.power_off_at(sync + 1 + random.below(operations.len() - sync));
        let mut workload = run(disk.clone());
        gone_on += usize::from(workload.promises.acknowledged() > 300);
        workload.go_on(Arc::new(disk.cut_power(|_| 0)));
        workload.open().expect("the power is back");
        workload.send_again();
    }
    assert!(gone_on > 10, "some have gone on");
}

#[test]
fn a_power_cut_leaves_a_derived_log_with_a_prefix_that_has_all_that_was_synced() {
    let run = |disk: Disk| {
        let mut derived = Derived::new(Arc::new(disk), 2);
        // An error is the power cut.
        let _ = derived.run();
        derived
    };
    each_cut(run, |mut derived, left, _| {
        derived.go_on(left);
        derived.run().expect("the power is back");
        derived.open().expect("the power is back");
    });
}

/// Runs a test of this file in a process of its own with a bug planted; returns whether it passed, and what it said.
fn with_bug(test: &str, bug: &str) -> (bool, String) {
    let this = env::current_exe().expect("a test has a path");
    let output = Command::new(this).args(["--exact", test]).env("DAG_FAULT_BUG", bug).output().expect("it runs");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_log_that_does_not_sync_is_found_out() {
    let (passed, said) = with_bug("what_was_acknowledged_survives_a_power_cut", "no-fsync");
    assert!(!passed && (said.contains("lost") || said.contains("does not open")), "{said}");
    let (passed, said) =
        with_bug("a_power_cut_leaves_a_derived_log_with_a_prefix_that_has_all_that_was_synced", "no-fsync");
    assert!(!passed && said.contains("panicked"), "{said}");
}

#[test]
fn a_log_that_acknowledges_before_it_syncs_is_found_out() {
    let (passed, said) = with_bug("what_was_acknowledged_survives_a_power_cut", "ack-before-fsync");
    assert!(!passed && said.contains("lost"), "{said}");
}
