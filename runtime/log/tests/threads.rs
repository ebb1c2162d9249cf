//! A system that has no more threads. Alone in its process, whose memory it limits.

mod common;

use std::sync::{Arc, mpsc};
use std::time::Duration;

use common::*;
use dag_log::{Committer, Durability, Log, OsStorage};
use dag_model::Frontier;
use dag_storage_faults::{Failing, Operation};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The bytes of address space that the process has.
fn address_space() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).expect("the kernel tells it");
    size.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
fn several_logs_are_committed_where_no_thread_can_be_had() {
    let failing = Failing::over(Arc::new(OsStorage));
    let committer = Committer::over(Arc::new(failing.clone()));
    let dirs: Vec<_> = (0..5).map(|_| tempfile::tempdir().unwrap()).collect();
    let create = |dir: &tempfile::TempDir| {
        Log::create(dir.path(), &schema(), options(Durability::Fsync, 1 << 20), &committer).unwrap()
    };
    let logs: Vec<Log> = dirs.iter().map(create).collect();
    let held = failing.hold_next(Operation::Sync);
    logs[0].append(&at([1]), Frontier::START, NOW).unwrap();
    held.arrived();
    let (done, told) = mpsc::channel();
    // Whoever waits has a thread by now; the committer finds the others in one group.
    for log in &logs[1..] {
        log.append(&at([1]), Frontier::START, NOW).unwrap();
        let (commit, done) = (log.sync(), done.clone());
        std::thread::spawn(move || done.send(commit.wait()).unwrap());
    }
    let before = getrlimit(Resource::As);
    let limited = Rlimit { current: Some(address_space() + (1 << 20)), maximum: before.maximum };
    setrlimit(Resource::As, limited).unwrap();
    assert!(std::thread::Builder::new().spawn(|| {}).is_err(), "there are no more threads");
    held.release();
    for _ in 1..logs.len() {
        told.recv_timeout(Duration::from_secs(60)).expect("the committer goes on").unwrap();
    }
    setrlimit(Resource::As, before).unwrap();
    assert!(logs.iter().all(|log| log.visible().end == 1));
}
