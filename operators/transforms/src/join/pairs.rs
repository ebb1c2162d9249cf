//! The pairs of one time, a part at a time.

use std::collections::VecDeque;

use dag_guest::{Column, FixedSet, Output, Timestamp};

use super::condition::Condition;
use super::side::Side;

/// How many pairs are looked at before the output is.
const PART: usize = 1024;
/// How many pairs one call looks at: a condition may let none of them through.
const MOST: usize = 64 * PART;

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

    /// Emits what there is room for; whether that was all.
    pub(super) fn emit(&mut self, condition: &Condition, left: &Side, right: &Side, out: &mut Output) -> bool {
        let mut looked_at = 0;
        while !self.lefts.is_empty() && !out.is_full() && looked_at < MOST {
            let (lefts, rights) = self.part(right);
            looked_at += PART;
            emit_part(condition, (left, lefts), (right, rights), self.time, out);
        }
        self.lefts.is_empty()
    }

    /// The rows of the next pairs.
    fn part(&mut self, right: &Side) -> (Vec<u32>, Vec<u32>) {
        let (mut lefts, mut rights) = (Vec::new(), Vec::new());
        while let Some(left) = self.lefts.front_mut() {
            let room = PART - rights.len();
            rights.extend(right.rows(&left.key, left.right).take(room));
            let taken = rights.len() - lefts.len();
            lefts.resize(rights.len(), left.row);
            if taken == room {
                left.right = rights.last().map_or(left.right, |row| row + 1);
                break;
            }
            self.lefts.pop_front();
        }
        (lefts, rights)
    }
}

/// Emits those of these pairs that match.
fn emit_part(
    condition: &Condition,
    (left, mut lefts): (&Side, Vec<u32>),
    (right, mut rights): (&Side, Vec<u32>),
    time: Timestamp,
    out: &mut Output,
) {
    if let Some(matching) = condition.matching((left.columns(), &lefts), (right.columns(), &rights)) {
        let keep = |rows: &[u32]| -> Vec<u32> { matching.iter().map(|pair| rows[*pair as usize]).collect() };
        (lefts, rights) = (keep(&lefts), keep(&rights));
    }
    let times = Column::timestamp(std::iter::repeat_n(Some(time.0), lefts.len()));
    let columns = condition.output((left.columns(), &lefts), (right.columns(), &rights));
    out.append(std::iter::once(times).chain(columns).collect());
}
