//! The logs of derived streams, opened when they are first looked at, and closed when nobody has used them for some time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use dag_log::{Committer, Durability, Log, OpenError, Options, Retention};
use dag_model::{IncarnationId, Schema};

use crate::layout::{Layout, number_of};

/// How many logs that nobody uses stay open for those who come back.
const SPARE: usize = 64;

/// The logs of derived streams.
pub struct Logs {
    layout: Layout,
    committer: Committer,
    open: Mutex<BTreeMap<IncarnationId, Log>>,
}

impl Logs {
    /// The logs in that data folder.
    pub fn new(layout: Layout, committer: Committer) -> Logs {
        Logs { layout, committer, open: Mutex::new(BTreeMap::new()) }
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

    /// A log that is there.
    pub fn get(&self, id: IncarnationId) -> Result<Log, OpenError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(log) = open.get(&id) {
            return Ok(log.clone());
        }
        let log = Log::open(&self.layout.incarnation(id), options(), &self.committer)?;
        if let Some(cut) = log.cut() {
            tracing::warn!(incarnation = %id, %cut, "a crash left what is computed again");
        }
        open.insert(id, log.clone());
        Ok(log)
    }

    /// A log, made where it is missing.
    pub fn get_or_create(&self, id: IncarnationId, schema: &Schema) -> Result<Log, OpenError> {
        match self.get(id) {
            Err(OpenError::Missing(_)) => {
                let log = Log::create(&self.layout.incarnation(id), schema, options(), &self.committer)?;
                self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(id, log.clone());
                Ok(log)
            }
            got => got,
        }
    }

    /// Closes the oldest of those that nobody uses, if there are many.
    pub fn close_unused(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let unused = open.values().filter(|log| log.handles() == 1).count();
        let mut left = unused.saturating_sub(SPARE);
        open.retain(|_, log| {
            let close = left > 0 && log.handles() == 1;
            left -= usize::from(close);
            !close
        });
    }

    /// Removes a log that nobody writes.
    pub fn remove(&self, id: IncarnationId) -> std::io::Result<()> {
        let log = self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        match log {
            Some(log) => log.remove(),
            None => std::fs::remove_dir_all(self.layout.incarnation(id)),
        }
    }
}

/// Derived logs are a cache: nothing waits for their bytes to be on the disk.
pub(crate) fn options() -> Options {
    Options {
        segment_bytes: 16 << 20,
        durability: Durability::Derived,
        retention: Retention { age: None, bytes: None },
    }
}
