//! Forgetting derived logs: those that nobody has used for long, those that are given up on a full disk, and those of a stream that is deleted.

use std::collections::BTreeSet;
use std::time::Instant;

use dag_model::IncarnationId;
use dag_plan::decide::surplus;
use tokio::sync::watch;

use crate::computations::Computations;
use crate::metadata::MetaError;

/// How many runs of a stream are kept that nobody uses, for those who come back to a position.
const KEPT_RUNS: usize = 16;

impl Computations {
    /// Forgets derived logs that nobody has used for long, and those beyond what is kept of a stream and in all, unless they are `held`.
    pub fn forget_unused(&self, held: &BTreeSet<IncarnationId>) {
        let plan = self.inner.meta.plan();
        let mut state = self.state();
        let mut unused = state.runs.idle.outdated(held, Instant::now());
        state.unbind(&plan);
        drop(state);
        unused.extend(surplus(&plan, KEPT_RUNS).into_iter().filter(|id| !held.contains(id)));
        self.forget(unused);
    }

    /// Those that are not live, or of these those used since `spared`; those used last at the end.
    pub fn unused(&self, spared: Option<Instant>) -> Vec<IncarnationId> {
        self.state().runs.idle.oldest_first(spared)
    }

    /// Forgets those of the runs that nothing depends on, and removes what is left of them; returns how many that were.
    pub fn forget(&self, mut unused: Vec<IncarnationId>) -> usize {
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
        self.inner.freed.send_replace(());
        self.remove_files(&unused);
        unused.len()
    }

    /// Changes whenever some that could not be [claimed](Computations::claim_to_forget) perhaps can.
    pub fn freed(&self) -> watch::Receiver<()> {
        self.inner.freed.subscribe()
    }

    /// Keeps everybody from beginning to read these, where no computation has the log of one of them open any more: until they are
    /// [`forgotten`](Computations::forgotten) or not. Says whether that is so.
    pub fn claim_to_forget(&self, ids: &BTreeSet<IncarnationId>) -> bool {
        let mut state = self.state();
        let is_free = |id: &IncarnationId| !state.runs.has_flow(*id) && !state.forgetting.contains(id);
        let are_free = ids.iter().all(is_free);
        if are_free {
            state.forgetting.extend(ids);
        }
        are_free
    }

    /// Those that were claimed are forgotten, or not.
    pub fn forgotten(&self, ids: &[IncarnationId], are_gone: bool) {
        let state = &mut *self.state();
        for id in ids {
            state.forgetting.remove(id);
            if are_gone {
                state.holds.forget(*id);
                self.inner.streams.let_go(*id);
            }
        }
        self.inner.freed.send_replace(());
        self.compare_in(state, ids.iter().copied());
    }

    /// Removes what is on disk of runs that are forgotten.
    pub fn remove_files(&self, forgotten: &[IncarnationId]) {
        for id in forgotten {
            let removed = self.inner.snapshots.remove(*id).map_err(|error| error.to_string());
            let removed = removed.and_then(|()| self.inner.logs.remove(*id).map_err(|error| error.to_string()));
            if let Err(error) = removed {
                tracing::warn!(incarnation = %id, error, "cannot remove an unused log");
            }
        }
    }
}
