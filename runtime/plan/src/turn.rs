//! Turns: which versions of its component an incarnation runs, each from a mark on, and with which of them a copy of it goes on.
//!
//! A turn is ahead until a copy has come to its mark. Then the [record](crate::incarnation::Ran) says what came of it, and every other copy does
//! the same there: one that begins before the mark, be it behind or be it that a crash took its last snapshots, runs the earlier version up to
//! it and hands over again.

use std::collections::BTreeSet;

use dag_model::{Digest, IncarnationId};
use serde::{Deserialize, Serialize};

use crate::course::Course;
use crate::entity::Revision;
use crate::incarnation::{By, Incarnation, Ran};
use crate::plan::Plan;

/// A version that is to take over an incarnation at a mark. Persisted: the order of the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The revision that the mark names, at least: a later mark of the same log counts for an earlier one that did not get there.
    pub mark: Revision,
    /// The version.
    pub to: Digest,
    /// Whether its state may be computed anew.
    pub replay: bool,
}

/// What a snapshot says of where it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The version that it was taken of.
    pub digest: Digest,
    /// The last mark that it has come to: where that version has taken over, or where it stops; 0 if there was none.
    pub mark: Revision,
    /// How many records of the output lie before it.
    pub output: u64,
}

/// With which version a copy goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The version's place in the record.
    pub version: usize,
    /// Whether it goes on from the snapshot; else it begins where the version does, with a state that it computes.
    pub resumes: bool,
}

impl Stage {
    /// The version that runs last computes its state anew.
    pub fn anew(record: &Incarnation) -> Stage {
        Stage { version: record.ran.len().saturating_sub(1), resumes: false }
    }
}

impl Incarnation {
    /// The last mark that had been come to when that version took over; 0 if none had.
    pub fn mark_of(&self, version: usize) -> Revision {
        self.ran.iter().take(version + 1).filter_map(|ran| ran.mark).max().unwrap_or_default()
    }

    /// The same as long as that version ran.
    pub fn up_to(&self, version: usize) -> Incarnation {
        let mut record = self.clone();
        record.ran.truncate(version + 1);
        record
    }

    /// The version that a snapshot is of, or that takes over where it was taken; none if it does not lead to the one that runs last.
    fn stage_of(&self, taken: &Taken) -> Option<Stage> {
        let mark = (0..self.ran.len()).map(|version| self.mark_of(version)).filter(|mark| *mark <= taken.mark).max()?;
        let since = |version: &usize| self.mark_of(*version) == mark;
        let last = (0..self.ran.len()).rev().find(since)?;
        let stage = (0..=last).rev().take_while(since).find_map(|version| self.stage_at(version, taken))?;
        // What has no mark has taken over where its predecessor failed: there nobody gets again.
        (stage.version == last).then_some(stage)
    }

    fn stage_at(&self, version: usize, taken: &Taken) -> Option<Stage> {
        let ran = &self.ran[version];
        if ran.digest == taken.digest && ran.output <= taken.output {
            return Some(Stage { version, resumes: true });
        }
        let is_there = match ran.mark {
            Some(mark) => mark == taken.mark,
            None => version > 0 && ran.output == taken.output,
        };
        is_there.then_some(Stage { version, resumes: ran.by == By::State })
    }

    /// The last version that begins without the state of another one: the first, one that has computed its state anew, or one that took over
    /// where its predecessor failed, where nobody gets again.
    fn beginning(&self) -> usize {
        self.ran.iter().rposition(|ran| ran.by == By::Replay || ran.mark.is_none()).unwrap_or(0)
    }
}

impl Course {
    /// With which version a copy goes on that has this snapshot, or none.
    pub fn stage(&self, taken: Option<&Taken>) -> Stage {
        let resumed = taken.and_then(|taken| self.record.stage_of(taken));
        resumed.unwrap_or_else(|| Stage { version: self.record.beginning(), resumes: false })
    }

    /// The mark at which that version stops, as far as the plan knows.
    pub fn stop_of(&self, version: usize) -> Option<Revision> {
        match self.record.ran.get(version + 1) {
            Some(next) => next.mark,
            None => self.turns.first().map(|turn| turn.mark),
        }
    }

    /// The version that it goes on with once all its turns are over.
    pub fn goes_on_with(&self) -> Option<Digest> {
        self.turns.last().map(|turn| turn.to).or_else(|| self.record.ran.last().map(|ran| ran.digest))
    }

    /// The versions that a copy may have to run.
    pub fn versions(&self) -> impl Iterator<Item = Digest> {
        self.record.ran.iter().map(|ran| ran.digest).chain(self.turns.iter().map(|turn| turn.to))
    }

    /// The marks at which something takes over, or has.
    fn marks(&self) -> impl Iterator<Item = Revision> {
        self.record.ran.iter().filter_map(|ran: &Ran| ran.mark).chain(self.turns.iter().map(|turn| turn.mark))
    }
}

impl Plan {
    /// The marks that a copy comes to which runs that version and whose output has marks up to `known`, in their order, and whether it stops
    /// there. Else it hands the mark on to those who read it.
    pub fn marks(&self, id: IncarnationId, version: usize, known: Revision) -> Vec<(Revision, bool)> {
        let stop = self.incarnation(id).and_then(|course| course.stop_of(version));
        let readers = self.all_dependents(id).into_iter().filter(|reader| *reader != id);
        let readers = readers.filter_map(|reader| self.incarnation(reader));
        let handed_on: BTreeSet<Revision> = readers.flat_map(|course| course.marks()).collect();
        let before = |mark: &Revision| *mark > known && stop.is_none_or(|stop| *mark < stop);
        let handed_on = handed_on.into_iter().filter(before).map(|mark| (mark, false));
        handed_on.chain(stop.map(|mark| (mark, true))).collect()
    }
}
