//! Turns: what runs are to do where their inputs have a mark. By value.
//!
//! A deployment gives each run that it moves a turn to the other component, and each run that lies between these and the sources a turn to
//! hand the mark on; then each source below them gets the mark, one for all. A run takes in its inputs up to the mark. There it stops, with
//! a snapshot of exactly that place, and the other component takes over; what lies between only hands the mark on to its readers, and goes
//! on. So all that move do so at one place in the sources, also where they read one another.

use std::collections::{BTreeMap, VecDeque};

use dag_flow::Mark;
use dag_model::{Digest, IncarnationId};
use tokio::sync::oneshot;

use crate::computations::switch::{SwitchError, Switched};

/// What a run is to do at a mark.
#[derive(Debug)]
pub struct Turn {
    /// The number that the mark has, at least.
    pub mark: u64,
    /// What takes over there; where nothing does, the mark is only handed on.
    pub to: Option<Successor>,
}

/// A component that is to take over.
#[derive(Debug)]
pub struct Successor {
    /// The component.
    pub digest: Digest,
    /// Whether the state may be computed anew.
    pub replay: bool,
    /// Told what came of it; dropped where the run ends before that.
    pub told: oneshot::Sender<Result<Switched, SwitchError>>,
}

/// The turns of all runs.
#[derive(Debug, Default)]
pub struct Turns {
    /// The number of the last mark.
    last: u64,
    of: BTreeMap<IncarnationId, VecDeque<Turn>>,
}

impl Turns {
    /// The number of a new mark, which is greater than that of any before; `least` is the least that it may be.
    pub fn mark(&mut self, least: u64) -> u64 {
        self.last = least.max(self.last + 1);
        self.last
    }

    /// A run has one more, behind those that it has.
    pub fn add(&mut self, id: IncarnationId, turn: Turn) {
        self.of.entry(id).or_default().push_back(turn);
    }

    /// The marks that a run is to come to.
    pub fn marks(&self, id: IncarnationId) -> Vec<Mark> {
        self.of.get(&id).into_iter().flatten().map(Turn::at).collect()
    }

    /// The component that a run goes on with after its last turn, if that is another one than it has.
    pub fn last(&self, id: IncarnationId) -> Option<Digest> {
        self.of.get(&id)?.iter().rev().find_map(|turn| turn.to.as_ref().map(|to| to.digest))
    }

    /// The next component that a run is to go on with, and whether its state may be computed anew.
    pub fn next(&self, id: IncarnationId) -> Option<(Digest, bool)> {
        self.of.get(&id)?.iter().find_map(|turn| turn.to.as_ref().map(|to| (to.digest, to.replay)))
    }

    /// The number of the mark at which that is.
    pub fn mark_of_next(&self, id: IncarnationId) -> Option<u64> {
        self.of.get(&id)?.iter().find(|turn| turn.to.is_some()).map(|turn| turn.mark)
    }

    /// Takes the next component out that a run is to go on with, and all that the run was to do before. What is left of the deployment is
    /// forgotten where this was the last that it moved.
    pub fn take(&mut self, id: IncarnationId) -> Option<Successor> {
        let turns = self.of.get_mut(&id)?;
        let at = turns.iter().position(|turn| turn.to.is_some())?;
        let turn = turns.drain(..=at).next_back()?;
        self.forget_handed_on();
        turn.to
    }

    /// A run is not to do anything any more.
    pub fn forget(&mut self, id: IncarnationId) {
        if self.of.remove(&id).is_some() {
            self.forget_handed_on();
        }
    }

    /// Forgets the marks that nothing waits for any more that moves.
    fn forget_handed_on(&mut self) {
        let waits = |turn: &&Turn| turn.to.is_some();
        let first = self.of.values().flatten().filter(waits).map(|turn| turn.mark).min();
        for turns in self.of.values_mut() {
            turns.retain(|turn| first.is_some_and(|first| turn.mark >= first));
        }
        self.of.retain(|_, turns| !turns.is_empty());
    }
}

impl Turn {
    /// Where it is, for the dataflow.
    pub fn at(&self) -> Mark {
        Mark { revision: self.mark, stops: self.to.is_some() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOVES: IncarnationId = IncarnationId(2);
    const BETWEEN: IncarnationId = IncarnationId(1);

    fn moves(mark: u64, digest: u8) -> (Turn, oneshot::Receiver<Result<Switched, SwitchError>>) {
        let (told, result) = oneshot::channel();
        (Turn { mark, to: Some(Successor { digest: Digest([digest; 32]), replay: true, told }) }, result)
    }

    #[test]
    fn a_mark_has_a_greater_number_than_any_before_and_at_least_that_of_the_plan() {
        let mut turns = Turns::default();
        assert_eq!([turns.mark(7), turns.mark(7), turns.mark(3), turns.mark(20)], [7, 8, 9, 20]);
    }

    #[test]
    fn deployments_take_their_turns_one_after_the_other_and_what_lies_between_is_forgotten_with_the_last() {
        let mut turns = Turns::default();
        for (mark, digest) in [(5, 1), (6, 2)] {
            turns.add(BETWEEN, Turn { mark, to: None });
            turns.add(MOVES, moves(mark, digest).0);
        }
        let mark = |revision, stops| Mark { revision, stops };
        assert_eq!(turns.marks(MOVES), [mark(5, true), mark(6, true)]);
        assert_eq!(turns.marks(BETWEEN), [mark(5, false), mark(6, false)]);
        assert_eq!((turns.next(MOVES), turns.last(MOVES)), (Some((Digest([1; 32]), true)), Some(Digest([2; 32]))));
        assert_eq!(turns.take(MOVES).map(|to| to.digest), Some(Digest([1; 32])));
        assert_eq!(turns.marks(BETWEEN), [mark(6, false)]);
        assert_eq!(turns.take(MOVES).map(|to| to.digest), Some(Digest([2; 32])));
        assert!(turns.of.is_empty(), "{turns:?}");
    }

    #[test]
    fn whoever_waits_for_a_run_that_ends_is_told_by_silence() {
        let mut turns = Turns::default();
        let (turn, mut result) = moves(5, 1);
        turns.add(BETWEEN, Turn { mark: 5, to: None });
        turns.add(MOVES, turn);
        turns.forget(MOVES);
        assert_eq!(result.try_recv().unwrap_err(), oneshot::error::TryRecvError::Closed);
        assert!(turns.of.is_empty(), "{turns:?}");
    }
}
