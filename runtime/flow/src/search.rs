//! The search for a record that an operator cannot take: the suspects among its records are given to it in two halves, and then the half
//! on which it fails, until one record is left.

use std::ops::Range;

use dag_model::{Position, Timestamp};

/// A record's place in the order in which an operator takes its input, which is that of these fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// The record's time, where the operator takes its input in time order; where it takes it in log order, the same for all.
    pub time: Timestamp,
    /// Which input.
    pub input: usize,
    /// Which leg of the input.
    pub leg: usize,
    /// Where the record is in that leg's log.
    pub position: Position,
}

/// Consecutive records, in the order in which an operator takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first record.
    pub first: Spot,
    /// The last one.
    pub last: Spot,
    /// How many there are.
    pub records: usize,
}

impl Span {
    /// Whether all records of the other lie within this one.
    pub fn contains(&self, other: &Span) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// Whether a record may lie in both.
    pub fn overlaps(&self, other: &Span) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// How closely it is watched what an operator is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// Not at all where that takes anything: a failure in time order does not say at which records.
    Off,
    /// Failures say at which records.
    Trace,
    /// These records are suspects.
    Halve(Span),
}

impl Search {
    /// Cuts so many consecutive records, of which each is at `spot`, into the parts in which the operator takes them: one, unless some
    /// are suspects.
    pub(crate) fn cut(&self, rows: usize, spot: impl Fn(usize) -> Spot) -> Vec<(Range<usize>, Span)> {
        let before = |bound: &dyn Fn(Spot) -> bool| (0..rows).take_while(|row| bound(spot(*row))).count();
        let (from, to) = match self {
            Search::Off | Search::Trace => (0, 0),
            Search::Halve(suspects) => (before(&|spot| spot < suspects.first), before(&|spot| spot <= suspects.last)),
        };
        let bounds = [0, from, from + (to - from) / 2, to, rows];
        let parts = bounds.windows(2).map(|pair| pair[0]..pair[1]).filter(|rows| !rows.is_empty());
        let span =
            |rows: &Range<usize>| Span { first: spot(rows.start), last: spot(rows.end - 1), records: rows.len() };
        parts.map(|rows| (rows.clone(), span(&rows))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The `n`-th of some records with gaps between their sequences, two at each time.
    fn spot(n: usize) -> Spot {
        let position = Position { run: 1, sequence: 3 * n as u64 };
        Spot { time: Timestamp(n as i64 / 2), input: 0, leg: 0, position }
    }

    fn span(rows: Range<usize>) -> Span {
        Span { first: spot(rows.start), last: spot(rows.end - 1), records: rows.len() }
    }

    /// The parts in which so many records are given.
    fn parts(search: Search, rows: Range<usize>) -> Vec<(usize, usize)> {
        let cut = search.cut(rows.len(), |row| spot(rows.start + row));
        let found = cut.iter().map(|(part, lies)| {
            let (from, to) = (rows.start + part.start, rows.start + part.end);
            assert_eq!(*lies, span(from..to));
            (from, to)
        });
        found.collect()
    }

    #[test]
    fn suspects_are_given_in_two_halves_and_other_records_as_they_come() {
        assert_eq!(parts(Search::Trace, 0..10), [(0, 10)]);
        assert_eq!(parts(Search::Halve(span(2..9)), 0..10), [(0, 2), (2, 5), (5, 9), (9, 10)]);
        assert_eq!(parts(Search::Halve(span(4..5)), 0..10), [(0, 4), (4, 5), (5, 10)]);
        assert_eq!(parts(Search::Halve(span(0..10)), 0..10), [(0, 5), (5, 10)]);
        assert_eq!(parts(Search::Halve(span(20..30)), 0..10), [(0, 10)]);
        assert!(parts(Search::Halve(span(0..10)), 4..4).is_empty());
    }

    #[test]
    fn suspects_that_come_in_several_batches_are_halved_in_each() {
        let suspects = Search::Halve(span(4..16));
        assert_eq!(parts(suspects, 0..8), [(0, 4), (4, 6), (6, 8)]);
        assert_eq!(parts(suspects, 8..12), [(8, 10), (10, 12)]);
        assert_eq!(parts(suspects, 12..20), [(12, 14), (14, 16), (16, 20)]);
    }
}
