//! The pairs of one time, and the parts in which they are emitted.

use std::collections::VecDeque;

use dag_guest::{Column, FixedSet, Output, Timestamp};

use super::condition::Condition;
use super::side::Side;

/// The pairs whose later record has one time, in order. Both sides stay as they are while there are some left.
#[derive(Debug)]
pub(super) struct Pairs {
    time: Timestamp,
    /// The left records that may have a pair, in order.
    lefts: VecDeque<Left>,
}

/// A left record.
#[derive(Debug)]
struct Left {
    row: u32,
    key: Box<[u8]>,
    /// The first right row that it may still meet.
    right: u32,
}

impl Pairs {
    /// The pairs of that time, whose records wait no more.
    pub(super) fn of(time: Timestamp, within: i64, left: &mut Side, right: &mut Side) -> Pairs {
        let earliest = Timestamp(time.0.saturating_sub(within));
        let (left_rows, left_keys) = left.take_pending(time);
        let (right_rows, right_keys) = right.take_pending(time);

        // Earlier left records meet right ones of this time.
        let (first_left, first_right) = (left.row_at(earliest), right_rows.start as u32);
        let mut seen = FixedSet::default();
        let keys = right_keys.iter().flatten().filter(|key| seen.insert(*key));
        let earlier = keys.flat_map(|key| {
            let rows = left.rows(key, first_left).take_while(|row| (*row as usize) < left_rows.start);
            rows.map(|row| Left { row, key: key.clone(), right: first_right })
        });
        let mut lefts: Vec<_> = earlier.collect();
        // A record has one key, so each is there once.
        lefts.sort_unstable_by_key(|left| left.row);

        // Left ones of this time meet all that are kept.
        let first_right = right.row_at(earliest);
        let own = left_rows.clone().zip(left_keys);
        lefts.extend(own.filter_map(|(row, key)| Some(Left { row: row as u32, key: key?, right: first_right })));
        Pairs { time, lefts: lefts.into() }
    }

    /// Their time.
    pub(super) fn time(&self) -> Timestamp {
        self.time
    }

    /// Whether none are left.
    pub(super) fn is_empty(&self) -> bool {
        self.lefts.is_empty()
    }

    /// Moves pairs to `part`, until it is full or none are left.
    pub(super) fn drain(&mut self, right: &Side, part: &mut Part) {
        while let Some(left) = self.lefts.front_mut() {
            let room = Part::PAIRS - part.rights.len();
            part.rights.extend(right.rows(&left.key, left.right).take(room));
            part.times.resize(part.rights.len(), self.time.0);
            part.lefts.resize(part.rights.len(), left.row);
            if part.is_full() {
                left.right = part.rights.last().map_or(left.right, |row| row + 1);
                break;
            }
            self.lefts.pop_front();
        }
    }
}

/// Pairs with equal keys that are to be emitted together.
#[derive(Debug, Default)]
pub(super) struct Part {
    times: Vec<i64>,
    lefts: Vec<u32>,
    rights: Vec<u32>,
}

impl Part {
    /// How many are enough.
    pub(super) const PAIRS: usize = 1024;

    /// Whether these are enough.
    pub(super) fn is_full(&self) -> bool {
        self.rights.len() == Part::PAIRS
    }

    /// Emits those that match, and leaves none.
    pub(super) fn emit(&mut self, condition: &Condition, left: &Side, right: &Side, out: &mut Output) {
        let Part { mut times, mut lefts, mut rights } = std::mem::take(self);
        if let Some(matching) = condition.matching((left.columns(), &lefts), (right.columns(), &rights)) {
            times = matching.iter().map(|pair| times[*pair as usize]).collect();
            lefts = matching.iter().map(|pair| lefts[*pair as usize]).collect();
            rights = matching.iter().map(|pair| rights[*pair as usize]).collect();
        }
        let times = Column::timestamp(times.into_iter().map(Some));
        let columns = condition.output((left.columns(), &lefts), (right.columns(), &rights));
        out.append(std::iter::once(times).chain(columns).collect());
    }
}
