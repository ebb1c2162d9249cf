//! The sparse index of a segment, by sequence and by time, and what the segment is as a whole.

use dag_model::{Frontier, Timestamp};
use serde::{Deserialize, Serialize};

use crate::entry::Parsed;
use crate::{framed, version_1};

/// Points are at least this many bytes apart.
const SPACING: u64 = 64 << 10;
/// The first bytes of an index file. They are persisted.
pub(crate) const MAGIC: [u8; 4] = *b"dagI";

/// What comes before an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Point {
    /// Where the entry begins in its segment.
    pub(crate) offset: u64,
    /// The index of the last append before it.
    pub(crate) index: u64,
    /// The sequence of the next record there.
    pub(crate) sequence: u64,
    /// The greatest time of all records of the log before it; never decreasing, so that it can be searched.
    pub(crate) max_time: Timestamp,
    /// The frontier before it.
    pub(crate) frontier: Frontier,
}

/// The index of a segment. The order of its fields is persisted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Index {
    /// Some entries; the first one at least. Ascending.
    pub(crate) points: Vec<Point>,
    /// What comes after the last entry.
    pub(crate) end: Point,
    /// When the last entry was appended; [`Timestamp::MIN`] when there is none.
    pub(crate) last_appended: Timestamp,
}

impl Index {
    /// Of a segment whose first entry will be at `start`.
    pub(crate) fn new(start: Point) -> Index {
        Index { points: vec![start], end: start, last_appended: Timestamp::MIN }
    }

    /// Takes in the next entry.
    pub(crate) fn push(&mut self, entry: &Parsed) {
        if self.end.offset >= self.points[self.points.len() - 1].offset + SPACING {
            self.points.push(self.end);
        }
        self.end = Point {
            offset: entry.body.end().offset,
            index: entry.header.index,
            sequence: entry.end(),
            max_time: self.end.max_time.max(entry.header.max_time),
            frontier: entry.header.frontier,
        };
        self.last_appended = self.last_appended.max(entry.header.appended);
    }

    /// What comes before the first entry.
    pub(crate) fn start(&self) -> Point {
        self.points[0]
    }

    /// What comes after the last entry.
    pub(crate) fn end(&self) -> Point {
        self.end
    }

    /// When the last entry was appended.
    pub(crate) fn last_appended(&self) -> Timestamp {
        self.last_appended
    }

    /// The last point before which all records are earlier than `time`; the first point if there is none.
    pub(crate) fn before_time(&self, time: Timestamp) -> Point {
        self.last_where(|point| point.max_time < time)
    }

    /// The last point before the append with that index; the first point if there is none.
    pub(crate) fn before_index(&self, index: u64) -> Point {
        self.last_where(|point| point.index < index)
    }

    /// The last point that is not after `sequence`; the first point if there is none.
    pub(crate) fn before_sequence(&self, sequence: u64) -> Point {
        self.last_where(|point| point.sequence <= sequence)
    }

    /// The last point with records between it and `sequence`; the first point if there is none.
    pub(crate) fn well_before_sequence(&self, sequence: u64) -> Point {
        self.last_where(|point| point.sequence < sequence)
    }

    fn last_where(&self, holds: impl Fn(&Point) -> bool) -> Point {
        self.points[self.points.partition_point(holds).max(1) - 1]
    }

    /// The content of an index file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        framed::encode(MAGIC, self)
    }

    /// What an index file says of a segment with that start and that length; none where it is not that segment's.
    pub(crate) fn decode(block: &[u8], start: Point, length: u64) -> Option<Index> {
        let whole = block.len() >= framed::PREFIX && framed::length(MAGIC, block) == Ok(block.len());
        let index: Index = framed::decode(whole.then_some(block)?, |content| match framed::version(block) {
            1 => version_1::index(content),
            _ => postcard::from_bytes(content),
        })
        .ok()?;
        (index.points.first() == Some(&start) && index.end.offset == length).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(offset: u64) -> Point {
        let time = Timestamp(offset as i64 * 10);
        Point { offset, index: offset / 4, sequence: offset / 2, max_time: time, frontier: Frontier::At(time) }
    }

    #[test]
    fn a_seek_lands_on_the_last_point_that_is_surely_before() {
        let index = Index { points: vec![point(8), point(16), point(24)], end: point(32), last_appended: Timestamp(0) };
        assert_eq!(index.before_time(Timestamp(161)), point(16));
        assert_eq!(index.before_time(Timestamp(160)), point(8));
        assert_eq!(index.before_time(Timestamp(0)), point(8));
        assert_eq!(index.before_sequence(12), point(24));
        assert_eq!(index.before_sequence(11), point(16));
        assert_eq!((index.before_index(6), index.before_index(5)), (point(16), point(16)));
        assert_eq!((index.before_index(7), index.before_index(0)), (point(24), point(8)));
    }

    #[test]
    fn an_index_file_of_another_length_or_with_a_flipped_bit_is_not_believed() {
        let index = Index { points: vec![point(8)], end: point(32), last_appended: Timestamp(0) };
        let block = index.encode();
        assert_eq!(Index::decode(&block, point(8), 32), Some(index));
        assert_eq!(Index::decode(&block, point(8), 40), None);
        for bit in 0..block.len() * 8 {
            let mut flipped = block.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Index::decode(&flipped, point(8), 32), None, "bit {bit}");
        }
    }
}
