//! Each single operation of the storage fails in turn: what was promised is there, and the log opens and goes on.

mod common;

use std::io;
use std::sync::Arc;

use common::derived::Derived;
use common::workload::Workload;
use dag_log::Durability;
use dag_storage_faults::{Disk, Failing, Fault, How, Operation};

/// Calls `run` once per operation of these kinds that it takes and per way to fail, with storage in which that one fails. The disk below
/// it is healthy.
fn each_failure(kinds: impl Fn(Operation) -> bool, run: impl Fn(Failing, Disk)) {
    let over = |disk: &Disk| Failing::over(Arc::new(disk.clone()));
    let disk = Disk::new();
    let healthy = over(&disk);
    run(healthy.clone(), disk);
    let operations = healthy.operations();
    assert!(operations.len() > 500, "a few hundred requests take {} operations", operations.len());
    for (at, operation) in operations.into_iter().enumerate().filter(|(_, operation)| kinds(*operation)) {
        let ways = match operation {
            Operation::Write => &[How::Refused, How::Torn, How::Unheard][..],
            Operation::Read => &[How::Torn],
            // They change nothing, so it is the same whether they were done.
            Operation::Open | Operation::List | Operation::Length | Operation::Space => &[How::Refused],
            _ => &[How::Refused, How::Unheard],
        };
        for how in ways.iter().copied() {
            let disk = Disk::new();
            let storage = over(&disk);
            storage.set(Some(Fault { at, count: 1, how, kind: io::ErrorKind::Other }));
            run(storage, disk);
        }
    }
}

#[test]
fn a_source_goes_on_by_itself_whatever_single_operation_fails() {
    each_failure(
        |operation| !matches!(operation, Operation::Read | Operation::Space | Operation::Length),
        |failing, disk| {
            let mut workload = Workload::new(Arc::new(failing), Durability::Fsync, 1).patient();
            workload.run().expect("one failure is not a power cut");
            assert!(workload.promises.acknowledged() > 300, "it has gone on");
            workload.go_on(Arc::new(disk));
            workload.open().expect("healthy storage");
            workload.send_again();
            workload.open().expect("healthy storage");
        },
    );
}

fn source_survives(durability: Durability) {
    each_failure(
        |_| true,
        |failing, disk| {
            let mut workload = Workload::new(Arc::new(failing), durability, 1);
            workload.run().expect("one failure is not a power cut");
            workload.go_on(Arc::new(disk));
            workload.open().expect("healthy storage");
            workload.send_again();
            workload.open().expect("healthy storage");
            assert!(workload.promises.acknowledged() > 300);
        },
    );
}

#[test]
fn a_source_keeps_its_promises_whatever_single_operation_fails() {
    source_survives(Durability::Fsync);
}

#[test]
fn a_source_under_os_keeps_its_promises_whatever_single_operation_fails() {
    source_survives(Durability::Os);
}

#[test]
fn a_derived_log_opens_with_what_was_synced_whatever_single_operation_fails() {
    each_failure(
        |_| true,
        |failing, disk| {
            let mut derived = Derived::new(Arc::new(failing), 1);
            derived.run().expect("one failure is not a power cut");
            derived.go_on(Arc::new(disk));
            derived.open().expect("healthy storage");
        },
    );
}
