//! Room on a disk that is nearly full: what is given up for it, in which order, and when.
//!
//! First goes what retention no longer keeps anyhow. As long as room is short after that, the logs of derived streams go that nobody reads
//! and no cursor is in, those used last at the end, and their snapshots with them; then compiled code, which is compiled again when it is
//! wanted. What somebody reads stays: it [stops growing](dag_log::Claim::Cache) while publishers still have room.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use dag_model::IncarnationId;
use dag_plan::decide::surplus;

use crate::computations::retention::GRACE;
use crate::metadata::MetaError;
use crate::node::Node;

/// How often a full disk makes the node look for room.
const ROOM: Duration = Duration::from_secs(1);

/// How many runs of a stream are kept that nobody uses, for those who come back to a position.
const KEPT_RUNS: usize = 16;

/// How many logs are given up before it is looked whether that is enough.
const STEP: usize = 8;

impl Node {
    /// Whoever began to write something then was refused for want of room: gives up what can be. Says whether there may be room that was
    /// not there then.
    pub(crate) fn make_room(&self, begun: Instant) -> bool {
        let mut last = self.inner.made_room.blocking_lock();
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
        let started = self.inner.started;
        self.give_up_caches((started.elapsed() < GRACE).then_some(started));
        Some(Instant::now() + ROOM)
    }

    fn is_short(&self) -> bool {
        self.inner.committer.is_short(&self.inner.config.data)
    }

    /// Removes what retention no longer keeps.
    pub(crate) fn trim(&self) {
        self.inner.streams.trim();
        self.forget_unused();
        self.inner.logs.close_unused();
    }

    /// Forgets derived logs that nobody has used for long, and those beyond what is kept of a stream and in all, unless a cursor is in
    /// them.
    fn forget_unused(&self) {
        let held = self.inner.cursors.runs();
        let plan = self.inner.meta.plan();
        let mut state = self.state();
        let mut unused = state.runs.idle.outdated(&held, Instant::now());
        state.unbind(&plan);
        drop(state);
        unused.extend(surplus(&plan, KEPT_RUNS).into_iter().filter(|id| !held.contains(id)));
        self.forget(unused);
    }

    /// Gives up what can be made again, until there is room; of results only those that have been read since `spared`, if that is given.
    fn give_up_caches(&self, spared: Option<Instant>) {
        let held = self.inner.cursors.runs();
        let mut unused = self.state().runs.idle.oldest_first(spared);
        unused.retain(|id| !held.contains(id));
        for some in unused.chunks(STEP) {
            if !self.is_short() {
                return;
            }
            let gone = self.forget(some.to_vec());
            if gone > 0 {
                tracing::warn!(logs = gone, "the disk is nearly full: gave up results that nobody reads");
            }
        }
        if self.is_short() {
            self.give_up_compiled();
        }
    }

    fn give_up_compiled(&self) {
        match remove_all(&self.inner.layout.compiled(), "dagc") {
            Ok(0) => {}
            Ok(files) => tracing::warn!(files, "the disk is nearly full: gave up compiled code"),
            Err(error) => tracing::warn!(%error, "cannot remove compiled code"),
        }
    }

    /// Forgets those of the runs that nothing depends on, and removes what is left of them; answers how many that were.
    fn forget(&self, mut unused: Vec<IncarnationId>) -> usize {
        let mut state = self.state();
        unused.sort_unstable();
        unused.dedup();
        unused.retain(|id| {
            let is_used = state.runs.has_flow(*id) || state.holds.is_used(*id) || self.inner.streams.is_handed_in(*id);
            !is_used && state.forgetting.insert(*id)
        });
        drop(state);
        let all = std::mem::take(&mut unused);
        let asked: Vec<_> = all.iter().map(|id| (*id, self.inner.meta.forget(*id))).collect();
        for (id, forgotten) in asked {
            match forgotten() {
                Ok(()) => unused.push(id),
                // It is used meanwhile.
                Err(MetaError::Refused(_)) => {}
                Err(error) => tracing::warn!(incarnation = %id, %error, "cannot forget an unused log"),
            }
        }
        let mut state = self.state();
        state.forgetting.retain(|id| !all.contains(id));
        unused.iter().for_each(|id| state.runs.idle.remove(*id));
        drop(state);
        self.remove_files(&unused);
        unused.len()
    }

    /// Removes what is on disk of runs that are forgotten.
    pub(super) fn remove_files(&self, forgotten: &[IncarnationId]) {
        for id in forgotten {
            let removed = self.inner.snapshots.remove(*id).map_err(|error| error.to_string());
            let removed = removed.and_then(|()| self.inner.logs.remove(*id).map_err(|error| error.to_string()));
            if let Err(error) = removed {
                tracing::warn!(incarnation = %id, error, "cannot remove an unused log");
            }
        }
    }
}

/// Removes the files in a folder whose names end so; answers how many.
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
