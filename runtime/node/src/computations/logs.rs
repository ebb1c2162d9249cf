//! The logs of derived streams, opened when they are first looked at, and closed when nobody has used them for some time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use dag_lock::Mutex;
use dag_log::{Committer, Durability, Earliest, Log, OpenError, Options, Retention, Visible};
use dag_model::{IncarnationId, Schema};
use dag_plan::LogId;

use crate::layout::{Layout, number_of};

/// How many logs that nobody uses stay open for those who come back.
const SPARE: usize = 64;

/// The logs of derived streams.
pub struct Logs {
    layout: Layout,
    committer: Committer,
    /// A slot for each log that is open, or being opened.
    slots: Mutex<BTreeMap<IncarnationId, Arc<Slot>>>,
    /// What those had that are closed.
    seen: Mutex<BTreeMap<IncarnationId, Arc<Seen>>>,
    /// Where tests ask for it: all logs are read through mirrors of them.
    #[cfg(feature = "armed")]
    mirrors: Option<dag_mirror::Through>,
}

/// One log. Whoever opens it holds it meanwhile, and is waited for by those who want the same log.
#[derive(Default)]
struct Slot(RwLock<Option<Log>>);

/// What a log had when it was looked at last.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its columns.
    pub schema: Schema,
    /// What readers see of it.
    pub visible: Visible,
    /// What is left at its front.
    pub earliest: Earliest,
    /// Its size.
    pub bytes: u64,
}

impl Seen {
    fn of(log: &Log) -> Seen {
        let schema = log.schema().clone();
        Seen { schema, visible: log.visible(), earliest: log.earliest(), bytes: log.bytes() }
    }
}

impl Slot {
    fn wait(&self) -> RwLockWriteGuard<'_, Option<Log>> {
        dag_lock::may_wait("a log that is being opened");
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The log, if it is open.
    fn log(&self) -> Option<Log> {
        self.0.try_read().ok()?.clone()
    }

    /// Whether nobody has the log but this slot.
    fn is_unused(self: &Arc<Self>) -> bool {
        let is_unused = |log: &Log| log.handles() == 1;
        Arc::strong_count(self) == 1 && self.0.try_read().is_ok_and(|log| log.as_ref().is_none_or(is_unused))
    }
}

impl Logs {
    /// The logs in that data folder.
    pub fn new(layout: Layout, committer: Committer) -> Logs {
        let (slots, seen) = (Mutex::new("logs", BTreeMap::new()), Mutex::new("logs seen", BTreeMap::new()));
        #[cfg(feature = "armed")]
        let mirrors = mirrors(&layout, &committer);
        Logs {
            layout,
            committer,
            slots,
            seen,
            #[cfg(feature = "armed")]
            mirrors,
        }
    }

    /// A log as it is read from that sequence on.
    pub fn to_read(&self, id: &LogId, log: Log, sequence: u64) -> Result<Log, OpenError> {
        #[cfg(feature = "armed")]
        if let Some(mirrors) = &self.mirrors {
            return mirrors.read(&format!("{id:?}"), &log, sequence);
        }
        let _ = (id, sequence);
        Ok(log)
    }

    /// Removes the logs of incarnations that no record tells of: a crash came between the two. The numbers of such
    /// incarnations are given again, and their logs must not be.
    pub fn remove_unknown(&self, known: &BTreeSet<IncarnationId>) {
        let entries = std::fs::read_dir(self.layout.derived()).into_iter().flatten().filter_map(Result::ok);
        for entry in entries {
            let unknown = number_of(&entry.path()).is_some_and(|number| !known.contains(&IncarnationId(number)));
            if unknown && let Err(error) = std::fs::remove_dir_all(entry.path()) {
                tracing::warn!(path = %entry.path().display(), %error, "a log that no record tells of cannot be removed");
            }
        }
    }

    /// A log that is there. Waits for as long as it is opened.
    pub fn get(&self, id: IncarnationId) -> Result<Log, OpenError> {
        self.get_or(id, Err)
    }

    /// A log, made where it is missing.
    pub fn get_or_create(&self, id: IncarnationId, schema: &Schema) -> Result<Log, OpenError> {
        self.get_or(id, |_| Log::create(&self.layout.incarnation(id), schema, options(), &self.committer))
    }

    fn get_or(
        &self,
        id: IncarnationId,
        missing: impl FnOnce(OpenError) -> Result<Log, OpenError>,
    ) -> Result<Log, OpenError> {
        let slot = self.slots.lock().entry(id).or_default().clone();
        if let Some(log) = slot.log() {
            return Ok(log);
        }
        let mut open = slot.wait();
        if let Some(log) = &*open {
            return Ok(log.clone());
        }
        let log = match Log::open(&self.layout.incarnation(id), options(), &self.committer) {
            Err(error @ OpenError::Missing(_)) => missing(error)?,
            opened => opened?,
        };
        if let Some(cut) = log.cut() {
            tracing::warn!(incarnation = %id, %cut, "a crash left what is computed again");
        }
        Ok(open.insert(log).clone())
    }

    /// A log, if it is open. Waits for nothing.
    pub fn if_open(&self, id: IncarnationId) -> Option<Log> {
        self.slots.lock().get(&id)?.log()
    }

    /// What a log has, or had when it was closed; none of one that has not been open since the node was started. Waits for nothing.
    pub fn seen(&self, id: IncarnationId) -> Option<Arc<Seen>> {
        match self.if_open(id) {
            Some(log) => Some(Arc::new(Seen::of(&log))),
            None => self.seen.lock().get(&id).cloned(),
        }
    }

    /// What readers see of a log, or saw when it was closed, as [`seen`](Logs::seen).
    pub fn visible(&self, id: IncarnationId) -> Option<Visible> {
        match self.if_open(id) {
            Some(log) => Some(log.visible()),
            None => self.seen.lock().get(&id).map(|seen| seen.visible),
        }
    }

    /// Looks at a log that has not been open since the node was started.
    pub fn look(&self, id: IncarnationId) {
        if self.seen(id).is_none() && self.get(id).is_ok() {
            self.close_unused();
        }
    }

    /// Closes the oldest of those that nobody uses, if there are many.
    pub fn close_unused(&self) {
        let mut slots = self.slots.lock();
        // Slots are handed out under this lock only, so nobody comes for one of these meanwhile.
        let unused: Vec<IncarnationId> = slots.iter().filter(|(_, slot)| slot.is_unused()).map(|(id, _)| *id).collect();
        let surplus = unused.len().saturating_sub(SPARE);
        let closed: Vec<_> = unused.into_iter().take(surplus).filter_map(|id| slots.remove_entry(&id)).collect();
        let mut seen = self.seen.lock();
        for (id, slot) in &closed {
            seen.extend(slot.log().map(|log| (*id, Arc::new(Seen::of(&log)))));
        }
        drop((slots, seen));
        drop(closed);
    }

    /// Removes a log that nobody writes.
    pub fn remove(&self, id: IncarnationId) -> std::io::Result<()> {
        let slot = self.slots.lock().remove(&id);
        self.seen.lock().remove(&id);
        let log = slot.and_then(|slot| slot.wait().take());
        match log {
            Some(log) => log.remove(),
            None => std::fs::remove_dir_all(self.layout.incarnation(id)),
        }
    }
}

#[cfg(feature = "armed")]
fn mirrors(layout: &Layout, committer: &Committer) -> Option<dag_mirror::Through> {
    let through = dag_mirror::Through::start(&layout.mirrors(), committer.clone(), crate::armed::mirrors()?);
    Some(through.expect("the folder of mirrors can be made"))
}

/// Derived logs are a cache: nothing waits for their bytes to be on the disk.
pub(crate) fn options() -> Options {
    Options {
        segment_bytes: 16 << 20,
        durability: Durability::Derived,
        retention: Retention { age: None, bytes: None },
    }
}
