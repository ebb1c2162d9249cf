//! Turns, as far as a process has to remember them: who waits to be told what comes of one, and which sources have been asked for its mark.
//! By value. The turns themselves are the [plan's](dag_plan::turn).
//!
//! A deployment gives each run that it moves a turn to the other component; then each source below these gets the mark, one for all. A run
//! takes in its inputs up to the mark. There it stops, with a snapshot of exactly that place, and the other component takes over; what lies
//! between only hands the mark on to its readers, and goes on. So all that move do so at one place in the sources, also where they read one
//! another. A crash anywhere in between only makes some of them come to the mark again.

use std::collections::BTreeMap;
use std::time::Instant;

use dag_model::{IncarnationId, StreamId};
use dag_plan::Revision;
use tokio::sync::oneshot;

use crate::computations::switch::{SwitchError, Switched};

/// Told what came of a turn; dropped where the run ends before that.
pub type Told = oneshot::Sender<Result<Switched, SwitchError>>;

/// What is remembered of turns.
#[derive(Debug, Default)]
pub struct Turns {
    waiting: BTreeMap<(IncarnationId, Revision), Told>,
    /// Since when runs have stood at a mark, of those that somebody waits for.
    standing: BTreeMap<IncarnationId, Instant>,
    /// The last mark that a source has been asked to take, and the last that it has.
    sources: BTreeMap<StreamId, (Revision, Revision)>,
}

impl Turns {
    /// Somebody waits for what comes of a run's turn at that mark.
    pub fn wait(&mut self, id: IncarnationId, mark: Revision, told: Told) {
        self.waiting.insert((id, mark), told);
    }

    /// A run has come to the mark of its turn, and stands there.
    pub fn stands(&mut self, id: IncarnationId, since: Instant) {
        if self.of(id).next().is_some() {
            self.standing.insert(id, since);
        }
    }

    /// A run's turn at that mark is over: since when the run has stood there, and who waits for what came of it.
    pub fn is_over(&mut self, id: IncarnationId, mark: Revision) -> (Option<Instant>, Option<Told>) {
        (self.standing.remove(&id), self.waiting.remove(&(id, mark)))
    }

    /// A run is not wanted any more: who waits for its turns is told by silence. They are in the plan all the same.
    pub fn forget(&mut self, id: IncarnationId) {
        self.standing.remove(&id);
        for turn in self.of(id).collect::<Vec<_>>() {
            self.waiting.remove(&turn);
        }
    }

    /// The turns of a run that somebody waits for.
    fn of(&self, id: IncarnationId) -> impl Iterator<Item = (IncarnationId, Revision)> {
        self.waiting.range((id, Revision(0))..=(id, Revision(u64::MAX))).map(|(turn, _)| *turn)
    }

    /// Whether a source is to be asked for a mark that it has not been asked for yet. From now on it has.
    pub fn ask(&mut self, source: StreamId, mark: Revision) -> bool {
        let (asked, _) = self.sources.entry(source).or_default();
        let is_new = *asked < mark;
        *asked = mark.max(*asked);
        is_new
    }

    /// A source has a mark, or has ended.
    pub fn is_there(&mut self, source: StreamId, mark: Revision) {
        let (_, there) = self.sources.entry(source).or_default();
        *there = mark.max(*there);
    }

    /// Whether a source has a mark, or has ended.
    pub fn has(&self, source: StreamId, mark: Revision) -> bool {
        self.sources.get(&source).is_some_and(|(_, there)| *there >= mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: IncarnationId = IncarnationId(2);

    #[test]
    fn whoever_waits_for_a_run_that_ends_is_told_by_silence_and_others_wait_on() {
        let mut turns = Turns::default();
        let [mut first, mut second, mut other] = [(RUN, 5), (RUN, 6), (IncarnationId(3), 5)].map(|(id, mark)| {
            let (told, result) = oneshot::channel();
            turns.wait(id, Revision(mark), told);
            result
        });
        turns.forget(RUN);
        for result in [&mut first, &mut second] {
            assert_eq!(result.try_recv().unwrap_err(), oneshot::error::TryRecvError::Closed);
        }
        assert_eq!(other.try_recv().unwrap_err(), oneshot::error::TryRecvError::Empty);
        assert!(turns.is_over(IncarnationId(3), Revision(5)).1.is_some());
    }

    #[test]
    fn a_source_is_asked_once_for_a_mark_however_many_wait_for_it() {
        let mut turns = Turns::default();
        let asked = [5, 5, 4, 6].map(|mark| turns.ask(StreamId(1), Revision(mark)));
        assert_eq!((asked, turns.ask(StreamId(2), Revision(5))), ([true, false, false, true], true));
        turns.is_there(StreamId(1), Revision(5));
        assert_eq!([5, 6].map(|mark| turns.has(StreamId(1), Revision(mark))), [true, false]);
    }
}
