//! The snapshots of computations, one file beside each derived log.
//!
//! `derived/<incarnation>/snapshot`, numbers little-endian:
//!
//! ```text
//!  0  4  magic "dagP"
//!  4  2  version, 2; 1 where a content lacks its last field, the mark
//!  6  2  zero
//!  8  4  CRC-32 of the content
//! 12  n  content: dag_flow::Snapshot in postcard (fields in order, integers as varints)
//! ```
//!
//! A snapshot is written under another name, made durable and renamed, and all that only once the output before it is durable: until
//! then the old one counts. A few threads do that, one snapshot of a run after the other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dag_flow::{Place, Snapshot};
use dag_lock::{Condvar, Guard, Mutex};
use dag_log::{Claim, Committer, Log};
use dag_model::{Digest, IncarnationId};
use serde::Deserialize;

use crate::computations::logs::Logs;
use crate::layout::Layout;
use crate::metadata::Metadata;

const MAGIC: &[u8; 4] = b"dagP";
const HEADER: usize = 12;

/// What a snapshot takes besides what its operators hold, but for many inputs.
const REST: usize = 4 << 10;

/// How much of a file is read to learn where its run goes on.
const HEAD: u64 = 64 << 10;

/// Why a snapshot can't be had.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Its file can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what was written.
    #[error("{}: damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// A newer node wrote it.
    #[error(
        "{} was written by a newer dag: its format is {found}, and this dag reads up to {}; start the dag that wrote it, or a newer \
         one, on this data",
        path.display(),
        dag_flow::snapshot::VERSION
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u16,
    },
}

/// How many snapshots are written at a time. One whose disk hangs holds up the others of its run.
const WRITERS: usize = 4;

/// The snapshots of all runs.
pub struct Snapshots {
    shelf: Arc<Shelf>,
    writers: Mutex<Vec<std::thread::JoinHandle<()>>>,
}

struct Shelf {
    layout: Layout,
    committer: Committer,
    meta: Arc<Metadata>,
    /// Taken, but not on disk yet.
    fresh: Mutex<BTreeMap<IncarnationId, Arc<Snapshot>>>,
    /// Which mark's takeover the plan has on the disk, by run.
    told: Mutex<BTreeMap<IncarnationId, u64>>,
    desk: Mutex<Desk>,
    /// Something has changed on the desk.
    moved: Condvar,
}

/// What is to be written, and what is being written.
#[derive(Default)]
struct Desk {
    /// At most one of a run, the newest.
    orders: VecDeque<Order>,
    /// The runs of which one is being written: they share a name until they are whole.
    writing: BTreeSet<IncarnationId>,
    closed: bool,
}

struct Order {
    id: IncarnationId,
    snapshot: Arc<Snapshot>,
    output: Log,
}

/// The beginning of a snapshot's content.
#[derive(Deserialize)]
struct Head {
    _digest: Digest,
    _state: u32,
    places: Vec<Place>,
}

impl Snapshots {
    /// Those in that data folder.
    pub fn new(
        layout: Layout,
        committer: Committer,
        meta: Arc<Metadata>,
        logs: Arc<Logs>,
    ) -> Result<Snapshots, io::Error> {
        let fresh = Mutex::new("snapshots", BTreeMap::new());
        let desk = Mutex::new("snapshots to be written", Desk::default());
        let told = Mutex::new("marks in the plan", BTreeMap::new());
        let shelf = Arc::new(Shelf { layout, committer, meta, fresh, told, desk, moved: Condvar::new() });
        let start = |_| {
            let (shelf, logs) = (shelf.clone(), logs.clone());
            dag_alarm::thread("snapshots", move || shelf.write_all(&logs))
        };
        let writers = (0..WRITERS).map(start).collect::<io::Result<_>>()?;
        Ok(Snapshots { shelf, writers: Mutex::new("writers of snapshots", writers) })
    }

    /// Takes one in. It is the run's from now on, and on disk some time later.
    pub fn put(&self, id: IncarnationId, snapshot: Snapshot, output: Log) {
        let snapshot = Arc::new(snapshot);
        self.shelf.fresh.lock().insert(id, snapshot.clone());
        let mut desk = self.shelf.desk();
        if !desk.closed {
            desk.orders.retain(|order| order.id != id);
            desk.orders.push_back(Order { id, snapshot, output });
        }
        drop(desk);
        self.shelf.moved.notify_all();
    }

    /// Waits until a run's last one is on disk, and the output before it.
    pub fn keep(&self, id: IncarnationId, output: &Log) -> io::Result<()> {
        output.sync().wait().map_err(io::Error::other)?;
        let fresh = self.shelf.fresh.lock().get(&id).cloned();
        fresh.map_or(Ok(()), |snapshot| {
            let mut desk = self.shelf.moved.wait_while(self.shelf.desk(), |desk| desk.writing.contains(&id));
            desk.writing.insert(id);
            drop(desk);
            let written = self.shelf.write(id, &snapshot);
            self.shelf.written(id);
            written
        })
    }

    /// A run's last one.
    pub fn get(&self, id: IncarnationId) -> Result<Option<Arc<Snapshot>>, SnapshotError> {
        let fresh = self.shelf.fresh.lock().get(&id).cloned();
        match fresh {
            Some(snapshot) => Ok(Some(snapshot)),
            None => self.shelf.read(id, None, decode).map(|read| read.map(Arc::new)),
        }
    }

    /// Where a run's last one goes on, in each input.
    pub fn places(&self, id: IncarnationId) -> Result<Option<Vec<Place>>, SnapshotError> {
        if let Some(fresh) = self.shelf.fresh.lock().get(&id) {
            return Ok(Some(fresh.places.clone()));
        }
        self.shelf.read(id, Some(HEAD), |_, content| Ok(postcard::take_from_bytes::<Head>(content)?.0.places))
    }

    /// Forgets a run's.
    pub fn remove(&self, id: IncarnationId) -> io::Result<()> {
        self.shelf.fresh.lock().remove(&id);
        self.shelf.told.lock().remove(&id);
        let path = self.shelf.layout.snapshot(id);
        self.shelf.remove(&path)?;
        self.shelf.remove(&path.with_extension("new"))
    }

    /// Waits until all are on disk, and takes in no more.
    pub fn close(&self) {
        self.shelf.desk().closed = true;
        self.shelf.moved.notify_all();
        let writers = std::mem::take(&mut *self.writers.lock());
        for writer in writers {
            // They end by themselves only, or with the process.
            let _ = writer.join();
        }
    }
}

/// What was read of a run's snapshot: one that is damaged is as good as none.
///
/// # Errors
/// If it may be there but cannot be read now, as when too many files are open: to go on without it might mean to begin anew, or not at all
/// where the inputs have been trimmed.
pub(crate) fn usable<T>(id: IncarnationId, read: Result<Option<T>, SnapshotError>) -> Result<Option<T>, String> {
    match read {
        Err(error @ SnapshotError::Io { .. }) => Err(error.to_string()),
        Err(error) => {
            tracing::warn!(incarnation = %id, %error, "going on without the snapshot");
            Ok(None)
        }
        Ok(snapshot) => Ok(snapshot),
    }
}

/// The snapshot that a file of that version has.
fn decode(version: u16, content: &[u8]) -> postcard::Result<Snapshot> {
    match version {
        // Before marks were noted, none had been come to.
        1 => postcard::from_bytes(&[content, &[0]].concat()),
        _ => postcard::from_bytes(content),
    }
}

/// Refuses a snapshot, if there is one, that a newer node wrote.
pub(crate) fn check_version(path: &Path) -> Result<(), SnapshotError> {
    let failed = |source| SnapshotError::Io { path: path.to_owned(), source };
    let mut beginning = [0; 6];
    let read = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file.map_err(failed)?.read(&mut beginning).map_err(failed)?,
    };
    let found = u16::from_le_bytes([beginning[4], beginning[5]]);
    match read == beginning.len() && beginning[..4] == MAGIC[..] && found > dag_flow::snapshot::VERSION {
        true => Err(SnapshotError::Newer { path: path.to_owned(), found }),
        false => Ok(()),
    }
}

impl Shelf {
    fn desk(&self) -> Guard<'_, Desk> {
        self.desk.lock()
    }

    /// The next order of a run of which none is being written; none once there are none and none will come.
    fn next(&self) -> Option<Order> {
        let free = |desk: &Desk| desk.orders.iter().position(|order| !desk.writing.contains(&order.id));
        let waits = |desk: &mut Desk| free(desk).is_none() && !(desk.closed && desk.orders.is_empty());
        let mut desk = self.moved.wait_while(self.desk(), waits);
        let at = free(&desk)?;
        let order = desk.orders.remove(at)?;
        desk.writing.insert(order.id);
        Some(order)
    }

    /// One of that run is no longer being written.
    fn written(&self, id: IncarnationId) {
        self.desk().writing.remove(&id);
        self.moved.notify_all();
    }

    /// Removes a file that may be there.
    fn remove(&self, path: &Path) -> io::Result<()> {
        match self.committer.storage().remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn write_all(&self, logs: &Logs) {
        while let Some(order) = self.next() {
            let id = order.id;
            self.carry_out(order);
            self.written(id);
            // The logs of runs that have stopped are not needed any more.
            logs.close_unused();
        }
    }

    fn carry_out(&self, Order { id, snapshot, output }: Order) {
        let current =
            |fresh: &BTreeMap<_, Arc<Snapshot>>| fresh.get(&id).is_some_and(|newest| Arc::ptr_eq(newest, &snapshot));
        // One that has been overtaken, or whose run is forgotten, need not be written.
        if !current(&self.fresh.lock()) {
            return;
        }
        let durable = output.sync().wait().map_err(io::Error::other).and_then(|()| self.know_of(id, &snapshot));
        if let Err(error) = durable.and_then(|()| self.write(id, &snapshot)) {
            tracing::warn!(incarnation = %id, %error, "cannot keep a snapshot; the one before it stays");
            return;
        }
        let mut fresh = self.fresh.lock();
        if current(&fresh) {
            fresh.remove(&id);
        }
    }

    /// Waits until the plan has on the disk by which version a snapshot was taken: a version that takes over waits for no disk.
    fn know_of(&self, id: IncarnationId, snapshot: &Snapshot) -> io::Result<()> {
        let plan = self.meta.plan();
        let ran = plan.incarnation(id).and_then(|course| course.record.ran.last());
        let mark = ran.and_then(|ran| ran.mark).map_or(0, |mark| mark.0);
        if mark > snapshot.mark || self.told.lock().get(&id).copied().unwrap_or(0) >= mark {
            return Ok(());
        }
        self.meta.keep().map_err(io::Error::other)?;
        self.told.lock().insert(id, mark);
        Ok(())
    }

    fn write(&self, id: IncarnationId, snapshot: &Snapshot) -> io::Result<()> {
        let _copy = snapshot.held.again();
        let bytes = encode(snapshot)?;
        let path = self.layout.snapshot(id);
        self.committer.admit(Claim::Kept, &self.layout.incarnation(id), bytes.len() as u64)?;
        self.committer.storage().replace(&path, &bytes)?;
        Ok(())
    }

    /// Reads a run's file, or its first bytes.
    fn read<T>(
        &self,
        id: IncarnationId,
        most: Option<u64>,
        decode: impl FnOnce(u16, &[u8]) -> postcard::Result<T>,
    ) -> Result<Option<T>, SnapshotError> {
        let path = self.layout.snapshot(id);
        let failed = |source| SnapshotError::Io { path: path.clone(), source };
        let damaged = |what: String| SnapshotError::Damaged { path: path.clone(), what };
        let file = match self.committer.storage().open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(failed)?,
        };
        let length = file.length().map_err(failed)?;
        let wanted = most.map_or(length, |most| most.min(length));
        let mut bytes = vec![0; usize::try_from(wanted).unwrap_or(usize::MAX)];
        file.read_at(&mut bytes, 0).map_err(failed)?;
        if bytes.len() < HEADER || bytes[..4] != MAGIC[..] {
            return Err(damaged("it does not begin as a snapshot does".to_owned()));
        }
        let version = u16::from_le_bytes([bytes[4], bytes[5]]);
        if version > dag_flow::snapshot::VERSION {
            return Err(SnapshotError::Newer { path, found: version });
        }
        let checksum = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
        if wanted == length && crc32fast::hash(&bytes[HEADER..]) != checksum {
            return Err(damaged("its checksum does not fit".to_owned()));
        }
        decode(version, &bytes[HEADER..]).map(Some).map_err(|error| damaged(error.to_string()))
    }
}

fn encode(snapshot: &Snapshot) -> io::Result<Vec<u8>> {
    // As large as it gets: growing would take twice as much.
    let mut bytes = Vec::with_capacity(usize::try_from(snapshot.bytes()).unwrap_or_default() + HEADER + REST);
    bytes.resize(HEADER, 0);
    bytes[..4].copy_from_slice(MAGIC);
    bytes[4..6].copy_from_slice(&dag_flow::snapshot::VERSION.to_le_bytes());
    let mut bytes = postcard::to_extend(snapshot, bytes).map_err(io::Error::other)?;
    let checksum = crc32fast::hash(&bytes[HEADER..]);
    bytes[8..12].copy_from_slice(&checksum.to_le_bytes());
    Ok(bytes)
}
