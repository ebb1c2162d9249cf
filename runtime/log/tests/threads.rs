//! A system that has no more threads. Alone in its process, whose memory it limits.

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

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

/// Whether all threads but this one have got as far as to wait.
fn threads_sleep() -> bool {
    let sleep = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let awake = tasks.filter(|task| {
            let stat = std::fs::read_to_string(task.as_ref().unwrap().path().join("stat")).unwrap_or_default();
            !stat.rsplit(") ").next().unwrap_or_default().starts_with('S')
        });
        awake.count() <= 1
    };
    // One that has just been made sleeps for a moment, too.
    (0..20).all(|_| {
        std::thread::sleep(Duration::from_millis(1));
        sleep()
    })
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
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
    until("the committer's threads have started", threads_sleep);
    let before = getrlimit(Resource::As);
    let limited = Rlimit { current: Some(address_space() + (1 << 20)), maximum: before.maximum };
    setrlimit(Resource::As, limited).unwrap();
    assert!(std::thread::Builder::new().spawn(|| {}).is_err(), "there are no more threads");
    for log in &logs[1..] {
        log.append(&at([1]), Frontier::START, NOW).unwrap();
    }
    until("the committer goes on", || logs[1..].iter().all(|log| log.visible().end == 1));
    held.release();
    until("what stood is committed, too", || logs[0].visible().end == 1);
    setrlimit(Resource::As, before).unwrap();
}
