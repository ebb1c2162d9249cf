//! Group commit: what is shown when, and what a failing disk does.

mod common;

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;

use common::*;
use dag_log::{AppendError, Committer, Durability, Log, OsStorage, Space, Start, Storage, StorageFile};
use dag_model::Frontier;
use dag_storage_faults::{Failing, Operation};

/// Files whose syncs wait for the gate, are counted, and fail on demand.
#[derive(Default)]
struct Gate {
    /// How many more syncs may pass.
    permits: Mutex<usize>,
    permitted: Condvar,
    /// How many syncs have come.
    syncs: AtomicUsize,
    arrived: Mutex<Option<mpsc::Sender<()>>>,
    fail_sync: AtomicBool,
    fail_write: AtomicBool,
}

impl Gate {
    fn permit(&self, syncs: usize) {
        *self.permits.lock().unwrap() = syncs;
        self.permitted.notify_all();
    }

    fn pass(&self) {
        let permits = self.permits.lock().unwrap();
        *self.permitted.wait_while(permits, |permits| *permits == 0).unwrap() -= 1;
    }
}

struct Gated(Arc<Gate>);
struct GatedFile(Arc<Gate>, Arc<dyn StorageFile>);

impl Storage for Gated {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        Ok(Arc::new(GatedFile(self.0.clone(), OsStorage.create(path)?)))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        Ok(Arc::new(GatedFile(self.0.clone(), OsStorage.open(path)?)))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsStorage.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        OsStorage.remove(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        OsStorage.list(dir)
    }
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        OsStorage.create_dir(dir)
    }
    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        OsStorage.remove_dir(dir)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        OsStorage.sync_dir(dir)
    }
    fn space(&self, dir: &Path) -> io::Result<Space> {
        OsStorage.space(dir)
    }
}

impl StorageFile for GatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.1.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.0.fail_write.load(Ordering::Relaxed) {
            self.1.write_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.1.write_at(bytes, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.0.syncs.fetch_add(1, Ordering::Relaxed);
        if let Some(arrived) = &*self.0.arrived.lock().unwrap() {
            arrived.send(()).unwrap();
        }
        self.0.pass();
        match self.0.fail_sync.load(Ordering::Relaxed) {
            true => Err(io::Error::other("the disk is gone")),
            false => self.1.sync_data(),
        }
    }
    fn length(&self) -> io::Result<u64> {
        self.1.length()
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        self.1.truncate(length)
    }
}

/// An open gate, a committer behind it, and where to hear of each sync that arrives.
fn gated() -> (Arc<Gate>, Committer, mpsc::Receiver<()>) {
    let gate = Arc::new(Gate::default());
    gate.permit(usize::MAX);
    let (sender, receiver) = mpsc::channel();
    (gate.clone(), Committer::over(Arc::new(Gated(gate.clone()))), {
        *gate.arrived.lock().unwrap() = Some(sender);
        receiver
    })
}

#[test]
fn appends_that_come_during_a_sync_share_the_next_one() {
    let (gate, committer, arrived) = gated();
    let dir = tempfile::tempdir().unwrap();
    let log = Log::create(dir.path(), &schema(), options(Durability::Fsync, 1 << 20), &committer).unwrap();
    while arrived.try_recv().is_ok() {}
    gate.permit(0);
    let before = gate.syncs.load(Ordering::Relaxed);
    log.append(&at([0]), frontier(0), NOW).unwrap();
    arrived.recv().unwrap();
    let mut reader = log.reader(Start::Earliest).unwrap();
    for index in 1..50 {
        log.append(&at([index]), frontier(index), NOW).unwrap();
    }
    assert!(reader.next().unwrap().is_none(), "nothing is shown before it is durable");
    assert_eq!(log.visible().end, 0);
    let commit = log.sync();
    gate.permit(usize::MAX);
    commit.wait().unwrap();
    assert_eq!(entries(&mut reader).unwrap().len(), 50);
    assert_eq!(gate.syncs.load(Ordering::Relaxed) - before, 2);
}

#[test]
fn several_logs_are_synced_at_the_same_time() {
    let (gate, committer, arrived) = gated();
    let dirs: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    let create = |dir: &tempfile::TempDir| {
        Log::create(dir.path(), &schema(), options(Durability::Fsync, 1 << 20), &committer).unwrap()
    };
    let logs: Vec<Log> = dirs.iter().map(create).collect();
    while arrived.try_recv().is_ok() {}
    gate.permit(0);
    logs[0].append(&at([1]), Frontier::START, NOW).unwrap();
    arrived.recv().unwrap();
    for log in &logs[1..] {
        log.append(&at([1]), Frontier::START, NOW).unwrap();
    }
    let commits: Vec<_> = logs.iter().map(Log::sync).collect();
    gate.permit(1);
    for _ in 1..logs.len() {
        arrived.recv_timeout(Duration::from_secs(60)).expect("none of them waits for another to end");
    }
    gate.permit(usize::MAX);
    commits.iter().for_each(|commit| commit.wait().unwrap());
    assert!(logs.iter().all(|log| log.visible().end == 1));
}

#[test]
fn derived_and_os_logs_are_shown_without_a_sync() {
    let (gate, committer, _arrived) = gated();
    for durability in [Durability::Derived, Durability::Os] {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::create(dir.path(), &schema(), options(durability, 1 << 20), &committer).unwrap();
        let before = gate.syncs.load(Ordering::Relaxed);
        log.append(&at([1]), frontier(1), NOW).unwrap();
        assert_eq!((log.visible().end, gate.syncs.load(Ordering::Relaxed)), (1, before));
        log.sync().wait().unwrap();
        assert_eq!(gate.syncs.load(Ordering::Relaxed), before + 1);
    }
}

#[test]
fn after_a_failed_sync_the_log_takes_nothing_more() {
    let (gate, committer, _arrived) = gated();
    let dir = tempfile::tempdir().unwrap();
    let log = Log::create(dir.path(), &schema(), options(Durability::Fsync, 1 << 20), &committer).unwrap();
    gate.fail_sync.store(true, Ordering::Relaxed);
    log.append(&at([1]), frontier(1), NOW).unwrap();
    let error = log.sync().wait().unwrap_err();
    assert!(error.to_string().contains("the disk is gone"), "{error}");
    gate.fail_sync.store(false, Ordering::Relaxed);
    assert!(matches!(log.append(&at([2]), frontier(2), NOW), Err(AppendError::Failed(_))));
    assert!(log.sync().wait().is_err());
    assert_eq!(log.visible().end, 0);
}

#[test]
fn a_full_disk_refuses_an_append_and_leaves_nothing_of_it() {
    let (gate, committer, _arrived) = gated();
    let dir = tempfile::tempdir().unwrap();
    let log = Log::create(dir.path(), &schema(), options(Durability::Os, 1 << 20), &committer).unwrap();
    log.append(&at([1]), frontier(1), NOW).unwrap();
    gate.fail_write.store(true, Ordering::Relaxed);
    assert!(matches!(log.append(&at(2..200_000), frontier(2), NOW), Err(AppendError::Full(_))));
    gate.fail_write.store(false, Ordering::Relaxed);
    log.append(&at([2]), frontier(2), NOW).unwrap();
    drop(log);
    let log = Log::open(dir.path(), options(Durability::Os, 1 << 20), &committer).unwrap();
    assert_eq!(all(&log).unwrap(), records(&at([1, 2])));
}

#[test]
fn a_commit_is_told_once_it_is_durable_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::create(dir.path(), &schema(), options(Durability::Fsync, 1 << 20), &Committer::new()).unwrap();
    log.append(&at([1]), frontier(1), NOW).unwrap();
    log.sync().wait().unwrap();
    assert_eq!(log.visible().end, 1);
}

#[test]
fn logs_whose_disks_hang_hold_up_no_other() {
    let failing = Failing::over(Arc::new(OsStorage));
    let committer = Committer::over(Arc::new(failing.clone()));
    let dirs: Vec<_> = (0..12).map(|_| tempfile::tempdir().unwrap()).collect();
    let create = |dir: &tempfile::TempDir| {
        Log::create(dir.path(), &schema(), options(Durability::Fsync, 1 << 20), &committer).unwrap()
    };
    let mut logs: Vec<Log> = dirs.iter().map(create).collect();
    let healthy = logs.pop().expect("there are some");
    let hang = |log: &Log| {
        let held = failing.hold_next(Operation::Sync);
        log.append(&at([1]), frontier(1), NOW).unwrap();
        held.arrived();
        held
    };
    let held: Vec<_> = logs.iter().map(hang).collect();
    // What they are asked for meanwhile waits for their own disk only.
    for log in &logs {
        log.append(&at([2]), frontier(2), NOW).unwrap();
    }
    for time in 1..50 {
        healthy.append(&at([time]), frontier(time), NOW).unwrap();
        let (commit, (done, told)) = (healthy.sync(), mpsc::channel());
        std::thread::spawn(move || done.send(commit.wait()).unwrap());
        told.recv_timeout(Duration::from_secs(60)).expect("it waits for nobody").unwrap();
    }
    assert!(logs.iter().all(|log| log.visible().end == 0));
    let commits: Vec<_> = logs.iter().map(Log::sync).collect();
    held.into_iter().for_each(dag_storage_faults::Held::release);
    commits.iter().for_each(|commit| commit.wait().unwrap());
    assert!(logs.iter().all(|log| log.visible().end == 2));
}
