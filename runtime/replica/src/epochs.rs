//! The table of epochs of a log: at which index each begins. What two logs have in common is found by it.

use serde::{Deserialize, Serialize};

use crate::point::{Epoch, Index, Point};

/// Which epoch each append of a log is of. An epoch without an append is not in it, so what is cut off takes its epochs along.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epochs {
    /// The last append that is trimmed: the log begins behind it. Of the epochs up to there, only the one in force there is known.
    base: Point,
    /// The epochs behind the base, with the first index of each, in order.
    starts: Vec<(Epoch, Index)>,
    /// The last append.
    end: Index,
}

/// What a reader's place is in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The append is there, in that epoch.
    Here,
    /// The log ends before it.
    Ahead,
    /// Another append stands there: the reader's was cut off.
    Lost,
    /// The log begins after it.
    Trimmed,
}

impl Epochs {
    /// Of a log that begins behind `base` and is empty.
    pub fn at(base: Point) -> Epochs {
        Epochs { base, starts: Vec::new(), end: base.index }
    }

    /// The last append that is trimmed.
    pub fn base(&self) -> Point {
        self.base
    }

    /// The last append.
    pub fn end(&self) -> Point {
        let epoch = self.starts.last().map_or(self.base.epoch, |(epoch, _)| *epoch);
        Point { epoch, index: self.end }
    }

    /// How many epochs lie behind the base.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether nothing lies behind the base.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The epoch of an append, or of the base; none where the log has neither.
    pub fn epoch_of(&self, index: Index) -> Option<Epoch> {
        if index < self.base.index || index > self.end {
            return None;
        }
        let after = self.starts.partition_point(|(_, first)| *first <= index);
        Some(if after == 0 { self.base.epoch } else { self.starts[after - 1].0 })
    }

    /// The append, or the base, of an index.
    pub fn point(&self, index: Index) -> Option<Point> {
        self.epoch_of(index).map(|epoch| Point { epoch, index })
    }

    /// Whether this very append is the base or is there.
    pub fn has(&self, point: Point) -> bool {
        self.epoch_of(point.index) == Some(point.epoch)
    }

    /// Where a reader is that has read up to `point` (H2): it goes on into a later epoch wherever its own was not cut below it.
    pub fn held(&self, point: Point) -> Held {
        match self.epoch_of(point.index) {
            Some(epoch) if epoch == point.epoch => Held::Here,
            Some(_) => Held::Lost,
            None if point.index < self.base.index => Held::Trimmed,
            None if point.epoch < self.end().epoch => Held::Lost,
            None => Held::Ahead,
        }
    }

    /// The last append up to the index of `point` that is of no later epoch: the most that this log can have in common with one that has
    /// `point`. The base where nothing behind it is so early.
    pub fn up_to(&self, point: Point) -> Point {
        let after = self.starts.partition_point(|(epoch, _)| *epoch <= point.epoch);
        let last = self.starts.get(after).map_or(self.end, |(_, first)| first.before());
        self.point(last.min(point.index)).unwrap_or(self.base)
    }

    /// An append follows: the next index, and no lower epoch.
    pub fn push(&mut self, point: Point) {
        assert_eq!(point.index, self.end.next(), "appends have no gaps");
        let last = self.end().epoch;
        assert!(point.epoch >= last, "epoch {} does not come after {last}", point.epoch);
        if self.starts.is_empty() || point.epoch > last {
            self.starts.push((point.epoch, point.index));
        }
        self.end = point.index;
    }

    /// What lies behind `end` is cut off.
    pub fn truncate(&mut self, end: Index) {
        assert!(end >= self.base.index, "a cut never reaches what is trimmed");
        self.starts.retain(|(_, first)| *first <= end);
        self.end = self.end.min(end);
    }

    /// What lies up to `base` is trimmed. Of the table stays what lies behind it, and the epoch in force there (M10).
    pub fn trim(&mut self, base: Index) {
        let Some(point) = self.point(base) else { return };
        self.base = point;
        let after = self.starts.partition_point(|(_, first)| *first <= base);
        let current = self.epoch_of(base.next());
        self.starts.drain(..after);
        if let Some(epoch) = current
            && self.starts.first().is_none_or(|(_, first)| *first > base.next())
        {
            self.starts.insert(0, (epoch, base.next()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(epochs: &[u64]) -> Epochs {
        let mut table = Epochs::default();
        for (at, epoch) in epochs.iter().enumerate() {
            table.push(Point::new(*epoch, at as u64 + 1));
        }
        table
    }

    #[test]
    fn what_two_logs_can_share_is_the_end_of_the_greatest_epoch_up_to_a_point() {
        let log = table(&[1, 1, 3, 3, 5]);
        assert_eq!(log.up_to(Point::new(3, 9)), Point::new(3, 4));
        assert_eq!(log.up_to(Point::new(3, 3)), Point::new(3, 3));
        assert_eq!(log.up_to(Point::new(4, 9)), Point::new(3, 4));
        assert_eq!(log.up_to(Point::new(4, 2)), Point::new(1, 2));
        assert_eq!(log.up_to(Point::new(2, 9)), Point::new(1, 2));
        assert_eq!(log.up_to(Point::new(0, 0)), Point::new(0, 0));
    }

    #[test]
    fn of_the_table_stays_what_lies_behind_the_trim_point_and_the_epoch_in_force_there() {
        let mut log = table(&[1, 1, 3, 3, 5]);
        log.trim(Index(3));
        assert_eq!(
            log,
            Epochs { base: Point::new(3, 3), starts: vec![(Epoch(3), Index(4)), (Epoch(5), Index(5))], end: Index(5) }
        );
        log.trim(Index(4));
        assert_eq!(log, Epochs { base: Point::new(3, 4), starts: vec![(Epoch(5), Index(5))], end: Index(5) });
        log.trim(Index(5));
        assert_eq!(log, Epochs::at(Point::new(5, 5)));
    }

    #[test]
    fn a_cut_takes_the_epochs_that_it_empties_along() {
        let mut log = table(&[1, 1, 3, 3, 5]);
        log.truncate(Index(2));
        assert_eq!(log, table(&[1, 1]));
    }

    #[test]
    fn a_reader_goes_on_into_a_later_epoch_unless_its_own_was_cut_below_it() {
        let log = table(&[1, 1, 3, 3, 5]);
        assert_eq!(log.held(Point::new(1, 2)), Held::Here);
        assert_eq!(log.held(Point::new(1, 3)), Held::Lost);
        assert_eq!(log.held(Point::new(3, 7)), Held::Lost);
        assert_eq!(log.held(Point::new(5, 7)), Held::Ahead);
    }
}
