//! The power goes off at any moment, and of what was not synced any part may be lost, in any order.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use common::derived::Derived;
use common::workload::Workload;
use dag_log::{Durability, Storage};
use dag_storage_faults::{Disk, Lie, Lying, Operation, Random};

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

/// That disk, or one that lies about it.
fn over(disk: Disk, lie: Option<Lie>) -> Arc<dyn Storage> {
    match lie {
        Some(lie) => Arc::new(Lying::over(Arc::new(disk), lie)),
        None => Arc::new(disk),
    }
}

fn source_survives(durability: Durability, lie: Option<Lie>) {
    let run = |disk: Disk| {
        let mut workload = Workload::new(over(disk, lie), durability, 2);
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
    source_survives(Durability::Fsync, None);
}

#[test]
fn a_power_cut_under_os_leaves_a_prefix_and_no_position_is_used_twice() {
    source_survives(Durability::Os, None);
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

fn derived_survives(lie: Option<Lie>) {
    let run = |disk: Disk| {
        let mut derived = Derived::new(over(disk, lie), 2);
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

#[test]
fn a_power_cut_leaves_a_derived_log_with_a_prefix_that_has_all_that_was_synced() {
    derived_survives(None);
}

/// What that says when it panics.
#[track_caller]
fn is_found_out(what: impl FnOnce()) -> String {
    let panicked = catch_unwind(AssertUnwindSafe(what)).expect_err("this test would see it");
    let said = panicked.downcast_ref::<String>().cloned();
    said.or_else(|| panicked.downcast_ref::<&str>().map(|said| (*said).to_owned())).expect("a panic has a message")
}

#[test]
fn a_log_that_does_not_sync_is_found_out() {
    let said = is_found_out(|| source_survives(Durability::Fsync, Some(Lie::Never)));
    assert!(said.contains("lost") || said.contains("does not open"), "{said}");
    is_found_out(|| derived_survives(Some(Lie::Never)));
}

#[test]
fn a_log_that_acknowledges_before_it_syncs_is_found_out() {
    let said = is_found_out(|| source_survives(Durability::Fsync, Some(Lie::Late)));
    assert!(said.contains("lost") || said.contains("does not open"), "{said}");
}
