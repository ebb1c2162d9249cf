//! Room on a disk that is nearly full: what is given up for it, in which order, and when.
//!
//! First goes what retention no longer keeps anyhow. As long as room is short after that, the logs of derived streams go that nobody reads
//! and no cursor is in, those used last at the end, and their snapshots with them; then compiled code, which is compiled again when it is
//! wanted. What somebody reads stays: it [stops growing](dag_log::Claim::Cache) while publishers still have room.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::computations::GRACE;
use crate::upkeep::Upkeep;

/// How often a full disk makes the node look for room.
const ROOM: Duration = Duration::from_secs(1);

/// How many logs are given up before it is looked whether that is enough.
const STEP: usize = 8;

impl Upkeep {
    /// Whoever began to write something then was refused for want of room: gives up what can be. Says whether there may be room that was
    /// not there then.
    pub(crate) fn make_room(&self, begun: Instant) -> bool {
        let mut last = self.made_room.blocking_lock();
        match *last {
            Some(last) if last >= begun => return true,
            Some(last) if last.elapsed() < ROOM => return false,
            _ => {}
        }
        self.trim();
        self.give_up_caches(None);
        *last = Some(Instant::now());
        true
    }

    /// Gives up what can be if room is short; answers when to look again.
    pub(crate) fn look_for_room(&self) -> Option<Instant> {
        if !self.is_short() {
            return None;
        }
        self.trim();
        // Where nobody is refused, the readers of what there was before the node was started have time to come back.
        let started = self.started;
        self.give_up_caches((started.elapsed() < GRACE).then_some(started));
        Some(Instant::now() + ROOM)
    }

    fn is_short(&self) -> bool {
        self.committer.is_short(self.layout.root())
    }

    /// Removes what retention no longer keeps.
    pub(crate) fn trim(&self) {
        self.streams.trim();
        self.computations.forget_unused(&self.readers.cursors().runs());
        self.computations.logs().close_unused();
    }

    /// Gives up what can be made again, until there is room; of results only those that have been read since `spared`, if that is given.
    fn give_up_caches(&self, spared: Option<Instant>) {
        let held = self.readers.cursors().runs();
        let mut unused = self.computations.unused(spared);
        unused.retain(|id| !held.contains(id));
        for some in unused.chunks(STEP) {
            if !self.is_short() {
                return;
            }
            let gone = self.computations.forget(some.to_vec());
            if gone > 0 {
                tracing::warn!(logs = gone, "the disk is nearly full: gave up results that nobody reads");
            }
        }
        if self.is_short() {
            self.give_up_compiled();
        }
    }

    fn give_up_compiled(&self) {
        match remove_all(&self.layout.compiled(), "dagc") {
            Ok(0) => {}
            Ok(files) => tracing::warn!(files, "the disk is nearly full: gave up compiled code"),
            Err(error) => tracing::warn!(%error, "cannot remove compiled code"),
        }
    }
}

/// Removes the files in a folder whose names end so; returns how many.
fn remove_all(folder: &Path, extension: &str) -> std::io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            fs::remove_file(path)?;
            removed += 1;
        }
    }
    Ok(removed)
}
