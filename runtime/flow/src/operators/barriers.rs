//! When an operator that has read so far sends a barrier: for a snapshot that is due, and where its inputs have a mark.

use std::sync::Arc;

use dag_model::Frontier;
use timely::scheduling::Activator;

use super::Reminder;
use crate::shared::Shared;
use crate::snapshot::{Barrier, Place};

/// The barriers of the operator that reads, or merges what others read.
pub(crate) struct Barriers {
    shared: Arc<Shared>,
    reminder: Reminder,
    /// Whether anything has come since the last barrier.
    news: bool,
    /// Whether the barrier after which nothing comes has been made for a mark.
    stops: bool,
}

impl Barriers {
    /// None yet. `operator` wakes the one that sends them.
    pub fn new(shared: Arc<Shared>, operator: Activator) -> Barriers {
        Barriers { shared, reminder: Reminder::new(operator), news: false, stops: false }
    }

    /// Something has come.
    pub fn note(&mut self, news: bool) {
        self.news |= news;
    }

    /// Whether nothing comes after a barrier that was made for a mark.
    pub fn stops(&self) -> bool {
        self.stops
    }

    /// The barrier of a snapshot that is due. It is under way from then on, and the barrier is to be sent.
    pub fn for_snapshot(&mut self, at: impl FnOnce() -> (Vec<Place>, Frontier)) -> Option<Barrier> {
        if self.stops || !self.shared.snapshot_due(self.news) {
            return None;
        }
        self.news = false;
        let (places, frontier) = at();
        Some(Barrier { places, frontier, last: self.shared.is_finishing(), mark: None })
    }

    /// The barrier of the next mark that the computation is to come to, where the inputs have one with that revision here. It is to be
    /// sent, and there may be another one.
    pub fn for_mark(&mut self, revision: u64, at: impl FnOnce() -> (Vec<Place>, Frontier)) -> Option<Barrier> {
        let mark = self.shared.mark_at(revision).filter(|_| !self.stops)?;
        self.shared.is_at(mark);
        self.stops = mark.stops;
        let (places, frontier) = at();
        Some(Barrier { places, frontier, last: mark.stops, mark: Some(mark) })
    }

    /// To be called when the operator has done what there was to do: it is woken once a snapshot of what is new is due.
    pub fn remind(&mut self) {
        self.reminder.set(&self.shared, self.news && !self.stops);
    }
}
