//! What workers say of computations, until it is attended to, and what is done about it.
//!
//! A worker waits for nobody, so that what it says waits here. Of one dataflow it is at most its newest snapshot, its end and that it is gone: a
//! newer snapshot takes the place of one that nobody has attended to.

use std::collections::BTreeMap;
use std::sync::Arc;

use dag_flow::{Event, Snapshot};
use dag_lock::Mutex;
use dag_model::IncarnationId;
use tokio::sync::Notify;

use crate::computations::Computations;

/// What a worker says of an incarnation.
#[derive(Debug)]
pub(crate) struct Report {
    /// The incarnation.
    pub id: IncarnationId,
    /// What happened.
    pub event: Event,
}

/// Where reports go and are taken from. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Reports(Arc<Shared>);

struct Shared {
    /// Nothing else is locked under it.
    waiting: Mutex<Waiting<Event>>,
    more: Notify,
}

impl Default for Shared {
    fn default() -> Shared {
        Shared { waiting: Mutex::new("reports", Waiting::default()), more: Notify::new() }
    }
}

impl Reports {
    /// A worker says something. It waits for nothing.
    pub fn send(&self, report: Report) {
        let Report { id, event } = report;
        let is_snapshot = matches!(event, Event::Snapshot(_));
        let replaced = self.0.waiting.lock().push(id, event, is_snapshot);
        // It may be large.
        drop(replaced);
        self.0.more.notify_one();
    }

    /// Waits for the next one. Nothing is lost if the future is dropped.
    pub async fn next(&self) -> Report {
        loop {
            let first = self.0.waiting.lock().pop();
            if let Some((id, event)) = first {
                return Report { id, event };
            }
            self.0.more.notified().await;
        }
    }
}

/// What waits, in the order in which it came.
struct Waiting<E> {
    reports: BTreeMap<u64, (IncarnationId, E)>,
    /// The snapshots among them.
    snapshots: BTreeMap<IncarnationId, u64>,
    next: u64,
}

impl<E> Default for Waiting<E> {
    fn default() -> Waiting<E> {
        Waiting { reports: BTreeMap::new(), snapshots: BTreeMap::new(), next: 0 }
    }
}

impl<E> Waiting<E> {
    /// One more waits. Returns the earlier snapshot of the same computation whose place a snapshot takes.
    fn push(&mut self, id: IncarnationId, event: E, is_snapshot: bool) -> Option<E> {
        let earlier = is_snapshot.then(|| self.snapshots.get(&id)).flatten();
        if let Some((_, earlier)) = earlier.and_then(|place| self.reports.get_mut(place)) {
            return Some(std::mem::replace(earlier, event));
        }
        if is_snapshot {
            self.snapshots.insert(id, self.next);
        }
        self.reports.insert(self.next, (id, event));
        self.next += 1;
        None
    }

    fn pop(&mut self) -> Option<(IncarnationId, E)> {
        let (place, (id, event)) = self.reports.pop_first()?;
        if self.snapshots.get(&id) == Some(&place) {
            self.snapshots.remove(&id);
        }
        Some((id, event))
    }
}

impl Computations {
    /// A worker has something to say of a run.
    pub(crate) fn report(&self, Report { id, event }: Report) {
        match event {
            Event::Finished => self.finish(&mut self.state(), id),
            Event::Failed(failure) => self.failed(&mut self.state(), id, &failure),
            Event::Marked(_) => self.state().runs.is_marked(id),
            Event::Snapshot(snapshot) => self.recovered(id, *snapshot),
            Event::Gone => {
                self.gone(id);
                self.inner.logs.close_unused();
            }
        }
    }

    /// A run's dataflow is gone.
    fn gone(&self, id: IncarnationId) {
        let state = &mut *self.state();
        state.runs.is_gone(id);
        self.compare_in(state, [id]);
        self.inner.freed.send_replace(());
    }

    /// A run has got past what it failed on, if it had.
    fn recovered(&self, id: IncarnationId, snapshot: Snapshot) {
        let mut state = self.state();
        if state.runs.failures.get(&id).is_some_and(|failures| failures.due.is_none()) {
            state.runs.failures.remove(&id);
            self.notify_of_recovery(&state, id);
        }
        drop(state);
        // It is open for as long as its dataflow is there.
        if let Some(output) = self.inner.logs.if_open(id) {
            self.inner.snapshots.put(id, snapshot, output);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_one_computation_only_the_newest_snapshot_waits() {
        let mut waiting = Waiting::default();
        let [one, two] = [1, 2].map(IncarnationId);
        for round in ["snapshot 1", "snapshot 2", "snapshot 3"] {
            waiting.push(one, round, true);
            waiting.push(two, round, true);
        }
        waiting.push(one, "end", false);
        waiting.push(one, "snapshot 4", true);
        waiting.push(one, "gone", false);
        let mut taken = || waiting.pop();
        assert_eq!([taken(), taken()], [Some((one, "snapshot 4")), Some((two, "snapshot 3"))]);
        assert_eq!([taken(), taken(), taken()], [Some((one, "end")), Some((one, "gone")), None]);
        waiting.push(one, "snapshot 5", true);
        assert_eq!(waiting.pop(), Some((one, "snapshot 5")), "one that was taken is nobody's place any more");
    }
}
