//! A disk that forgets what is not synced, fails, and loses what it must not.

use std::collections::VecDeque;

use dag_replica::{Append, Base, Checkpoint, Epochs, Found, Header, Index, Opened, Point, Row, Write};

use crate::chance::Chance;
use crate::planted::Planted;

/// What lies on it at a moment.
#[derive(Clone, Debug, Default)]
pub struct State {
    there: bool,
    row: Option<Row>,
    base: Point,
    appends: VecDeque<Append>,
    checkpoint: Checkpoint,
}

/// A disk of one log.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// What a crash leaves at least, and what a reader sees.
    synced: State,
    written: State,
    /// The writes between the two.
    pending: VecDeque<(u64, Write)>,
    /// How many of these the sync under way covers.
    syncing: Option<usize>,
    /// Up to where the log says that it was durable. Lags behind by a sync.
    mark: Index,
    /// It lost what it must not, and is not filled again.
    has_lost: bool,
    /// Bugs to be found: promises are not kept, a crash cuts the last append, or a loss is passed over.
    forgets_promises: bool,
    tears: bool,
    hides_loss: bool,
}

impl State {
    fn apply(&mut self, write: &Write) {
        match write {
            Write::Make => self.there = true,
            Write::Row(row) => self.row = Some(*row),
            Write::Append(appends) => self.appends.extend(appends.iter().cloned()),
            Write::Truncate(end) => {
                while self.appends.back().is_some_and(|append| append.index() > *end) {
                    self.appends.pop_back();
                }
            }
            Write::Trim(index) => {
                while self.appends.front().is_some_and(|append| append.index() <= *index) {
                    let append = self.appends.pop_front().expect("there is one");
                    self.base = append.header.point;
                }
            }
            Write::Rebase(Base { point, checkpoint }) => {
                self.appends.clear();
                (self.base, self.checkpoint) = (*point, checkpoint.clone());
            }
            Write::Checkpoint(checkpoint) => self.checkpoint = checkpoint.clone(),
            Write::Remove => *self = State::default(),
        }
    }

    /// The last append.
    pub fn end(&self) -> Point {
        self.appends.back().map_or(self.base, |append| append.header.point)
    }

    /// The last append that is trimmed.
    pub fn base(&self) -> Point {
        self.base
    }

    /// The row of the store.
    pub fn row(&self) -> Option<Row> {
        self.row
    }

    /// An append that is there.
    pub fn get(&self, index: Index) -> Option<&Append> {
        let first = self.appends.front()?.index().0;
        self.appends.get(usize::try_from(index.0.checked_sub(first)?).ok()?)
    }

    /// Whether this very append is there, or trimmed.
    pub fn has(&self, point: Point) -> bool {
        point.index <= self.base.index || self.get(point.index).is_some_and(|append| append.header.point == point)
    }

    fn open(&self, mark: Index) -> Opened {
        let Some(row) = self.row else { return Opened::Absent };
        if !self.there {
            return Opened::Lost(row);
        }
        let mut epochs = Epochs::at(self.base);
        self.appends.iter().for_each(|append| epochs.push(append.header.point));
        let (checkpoint, durable) = (self.checkpoint.clone(), mark);
        let behind = |append: &&Append| append.index() > checkpoint.at;
        let tail: Vec<Header> = self.appends.iter().filter(behind).map(|append| append.header.clone()).collect();
        Opened::There(Found { row, epochs, checkpoint, tail, durable })
    }
}

impl Disk {
    /// An empty one, with the bugs that are planted in it.
    pub fn new(planted: Option<Planted>) -> Disk {
        Disk {
            forgets_promises: planted == Some(Planted::PromiseForgotten),
            tears: planted == Some(Planted::AppendInParts),
            hides_loss: planted == Some(Planted::UnwholeVotes),
            ..Disk::default()
        }
    }

    /// What a crash leaves at least.
    pub fn synced(&self) -> &State {
        &self.synced
    }

    /// What a reader sees.
    pub fn written(&self) -> &State {
        &self.written
    }

    /// Whether it has all that it ever said was durable, and says so.
    pub fn is_whole(&self) -> bool {
        self.synced.row.is_some_and(|row| row.whole) && !self.has_lost
    }

    /// Whether it has lost what it said was durable, and is not filled again: nobody counts on it meanwhile.
    pub fn has_lost(&self) -> bool {
        self.has_lost
    }

    /// A write is handed over. Says whether a sync can begin.
    pub fn write(&mut self, number: u64, write: Write) -> bool {
        self.written.apply(&write);
        self.pending.push_back((number, write));
        self.syncing.is_none()
    }

    /// A sync begins, of all that is handed over.
    pub fn begin(&mut self) {
        self.syncing = Some(self.pending.len());
    }

    /// It ends. Says up to which write all are durable, and whether there is more to sync.
    pub fn end(&mut self) -> Option<(u64, bool)> {
        let covers = self.syncing.take()?;
        self.mark = self.synced.end().index;
        let mut last = 0;
        for _ in 0..covers {
            let (number, write) = self.pending.pop_front().expect("it was handed over");
            self.apply(&write);
            last = number;
        }
        Some((last, !self.pending.is_empty()))
    }

    /// The process, or the power, is gone: of what was not synced a part is there, in order.
    pub fn crash(&mut self, chance: &mut Chance) {
        let kept = chance.below(self.pending.len() as u64 + 1);
        for at in 0..self.pending.len() as u64 {
            let (_, write) = self.pending.pop_front().expect("there are as many");
            if at < kept {
                self.apply(&write);
            } else if at == kept
                && let Write::Append(mut appends) = write
            {
                // Of a batch of appends some are there, each as a whole.
                appends.truncate(usize::try_from(chance.below(appends.len() as u64 + 1)).expect("it is a length"));
                let torn = self.tears.then(|| appends.pop()).flatten();
                self.synced.apply(&Write::Append(appends));
                if let Some(mut torn) = torn {
                    torn.body = dag_replica::Body(torn.body.0[..torn.body.0.len() / 2].into());
                    self.synced.apply(&Write::Append(vec![torn]));
                }
            }
        }
        self.syncing = None;
        self.written = self.synced.clone();
    }

    /// The process, or the power, is gone, and what was not synced with it.
    pub fn forget(&mut self) {
        self.pending.clear();
        self.syncing = None;
        self.written = self.synced.clone();
    }

    /// A sync that reported success has done nothing for what lies behind an index, and the log does not know.
    pub fn lie(&mut self, end: Index) {
        self.cut(end);
        self.has_lost = true;
    }

    /// The log is gone, and listed still.
    pub fn lose(&mut self) {
        self.has_lost = true;
        // A log that is not there is taken for an empty one where the bug is planted.
        self.synced = State { there: self.hides_loss, row: self.synced.row, ..State::default() };
        self.mark = Index(0);
        self.written = self.synced.clone();
    }

    /// Its end is gone, below what it says was durable. Says whether there was anything to lose.
    pub fn damage(&mut self, chance: &mut Chance) -> bool {
        let least = self.synced.base.index.0;
        if self.mark.0 <= least || !self.synced.there {
            return false;
        }
        self.has_lost = true;
        let end = chance.between(least, self.mark.0 - 1);
        self.synced.apply(&Write::Truncate(Index(end)));
        self.written = self.synced.clone();
        true
    }

    /// A bug to be found: what lies behind an index is cut off.
    pub fn cut(&mut self, end: Index) {
        self.synced.apply(&Write::Truncate(end));
        self.written = self.synced.clone();
        self.mark = self.mark.min(end);
    }

    /// What is found at opening.
    pub fn open(&self) -> Opened {
        match self.synced.open(self.mark) {
            Opened::There(found) if self.hides_loss => Opened::There(Found { durable: Index(0), ..found }),
            opened => opened,
        }
    }

    /// What lies behind `prev`, up to `last`, as far as it fits.
    pub fn read(&self, prev: Index, last: Index, most: usize) -> Vec<Append> {
        let all = (prev.0 + 1..=last.0).map_while(|index| self.written.get(Index(index)));
        all.take(most).cloned().collect()
    }

    /// A sync fails: of what it was to cover a part is there, and the process lives on.
    pub fn fail(&mut self, chance: &mut Chance) {
        self.crash(chance);
    }

    fn apply(&mut self, write: &Write) {
        let before = self.synced.row;
        self.synced.apply(write);
        self.mark = self.mark.min(self.synced.end().index);
        if let (true, Some(before), Some(row)) = (self.forgets_promises, before, &mut self.synced.row) {
            row.promised = before.promised;
        }
        let is_filled = before.is_some_and(|row| !row.whole) && self.synced.row.is_some_and(|row| row.whole);
        self.has_lost &= !is_filled;
    }
}
