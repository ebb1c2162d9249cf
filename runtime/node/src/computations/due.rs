//! What is done by the clock, and as the node stops: lingering ends, failed computations are tried again, and what does not stop is stopped.

use std::time::{Duration, Instant};

use crate::computations::Computations;

/// How soon one is looked at again whose dataflow was to be gone and is not.
const SOON: Duration = Duration::from_millis(10);

impl Computations {
    /// Does what is due; says when something will be.
    pub fn tick(&self) -> Option<Instant> {
        let state = &mut *self.state();
        self.say_what_is_due(state);
        let again = state.runs.due();
        if !again.is_empty() {
            self.compare_in(state, again);
        }
        let next_try = state.runs.next_try().map(|at| at.max(Instant::now() + SOON));
        state.runs.stop_overdue();
        let lingers_until = state.runs.lingers_until().map(|until| self.inner.clock.at(until));
        [next_try, state.runs.next_stop(), lingers_until].into_iter().flatten().min()
    }

    /// Tells all of them to stop after a last snapshot.
    pub fn stop(&self) {
        self.state().runs.finish_all();
        self.inner.freed.send_replace(());
    }

    /// When the next one has to stop without its last snapshot.
    pub fn next_stop(&self) -> Option<Instant> {
        self.state().runs.next_stop()
    }

    /// Stops those that have not come to their last snapshot in time.
    pub fn stop_overdue(&self) {
        self.state().runs.stop_overdue();
    }

    /// Whether the dataflows of all are gone.
    pub fn are_gone(&self) -> bool {
        self.state().runs.are_gone()
    }

    /// Writes what snapshots wait to be written. There are none afterwards.
    pub fn close(&self) {
        self.inner.snapshots.close();
    }
}
