//! A replica's log as it knows it: what is written, what of that is durable, and what of that is committed.
//!
//! ```text
//!    base            checkpoint      committed        durable          end
//!     |  ...            |  ...           |  headers, written, folded    |
//!     '- trimmed        '- of the fold   '- shown, never cut off        '- written
//!                                  [ recent: whole appends, to be sent ]
//! ```

use std::collections::VecDeque;

use crate::append::{Append, Header, Kind};
use crate::command::Command;
use crate::disk::{Base, Checkpoint, Found, Opened, Row, Write};
use crate::epochs::Epochs;
use crate::limits::Limits;
use crate::point::{Epoch, Index, Point};
use crate::prefix::Prefix;

/// What a write that becomes durable changes.
#[derive(Debug)]
enum Effect {
    Row(Row),
    End(Index),
    Nothing,
}

/// The log, and the row that the node's store has of it.
#[derive(Debug)]
pub struct History {
    /// Whether a log is there, or being made.
    there: bool,
    row: Row,
    /// The row that is durable, and whether one is.
    kept: Option<Row>,
    epochs: Epochs,
    durable: Index,
    committed: Index,
    /// The fold up to the committed end, and that up to the written one.
    shown: Prefix,
    written: Prefix,
    /// The headers of what is not committed, with their sizes.
    tail: VecDeque<(Header, usize)>,
    tail_bytes: usize,
    /// The last appends as a whole, as far as they fit.
    recent: VecDeque<Append>,
    recent_bytes: usize,
    /// What was last written as a checkpoint.
    checkpointed: Index,
    /// The writes that are not durable, in order.
    pending: VecDeque<(u64, Effect)>,
    last_write: u64,
}

impl History {
    /// Of what lies on disk. What is lost or ends too early is not whole from here on, durably before anything else happens.
    pub fn open(opened: Opened, out: &mut Vec<Command>) -> History {
        let (found, there, listed) = match opened {
            Opened::Absent => (None, false, None),
            Opened::Lost(row) => (None, true, Some(row)),
            Opened::There(found) => (Some(found), true, None),
        };
        let Found { row, epochs, checkpoint, tail, durable } = found.unwrap_or_else(|| Found {
            row: listed.unwrap_or_default(),
            epochs: Epochs::default(),
            checkpoint: Checkpoint::default(),
            tail: Vec::new(),
            durable: Index(0),
        });
        let end = epochs.end();
        let committed = checkpoint.at.min(end.index);
        let mut written = checkpoint.clone();
        tail.iter().for_each(|header| written.fold(header));
        // What is in the log was taken in its epoch, so the epoch was promised.
        let promised = Row { promised: row.promised.max(end.epoch), ..row };
        let mut history = History {
            there,
            row: promised,
            kept: (there && listed.is_none()).then_some(promised),
            durable: end.index,
            committed,
            checkpointed: checkpoint.at,
            shown: checkpoint,
            written,
            tail: tail.into_iter().filter(|header| header.point.index > committed).map(|header| (header, 64)).collect(),
            tail_bytes: 0,
            epochs,
            recent: VecDeque::new(),
            recent_bytes: 0,
            pending: VecDeque::new(),
            last_write: 0,
        };
        history.tail_bytes = history.tail.iter().map(|(_, size)| size).sum();
        if listed.is_some() {
            // First that it is not whole: a crash between the two finds it lost again.
            history.set_row(Row { whole: false, ..history.row }, out);
            history.write(Write::Make, Effect::Nothing, out);
        } else if end.index < durable {
            history.set_row(Row { whole: false, ..history.row }, out);
        }
        history
    }

    /// A log is made, with this row.
    pub fn make(&mut self, row: Row, out: &mut Vec<Command>) {
        self.there = true;
        self.write(Write::Make, Effect::Nothing, out);
        self.set_row(row, out);
    }

    /// The log and its row are removed.
    pub fn remove(&mut self, out: &mut Vec<Command>) {
        let last_write = self.last_write;
        *self = History::open(Opened::Absent, out);
        self.last_write = last_write;
        self.write(Write::Remove, Effect::Nothing, out);
    }

    /// Whether a log is there, or being made.
    pub fn is_there(&self) -> bool {
        self.there
    }

    /// The row, and the one that is durable, if any is.
    pub fn row(&self) -> Row {
        self.row
    }

    /// The row that is durable.
    pub fn kept(&self) -> Option<Row> {
        self.kept
    }

    /// Whether this epoch, or a later one, is promised durably.
    pub fn has_promised(&self, epoch: Epoch) -> bool {
        self.kept.is_some_and(|row| row.promised >= epoch)
    }

    /// The epochs.
    pub fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    /// The last append that is written.
    pub fn end(&self) -> Point {
        self.epochs.end()
    }

    /// Up to where it is durable.
    pub fn durable(&self) -> Index {
        self.durable
    }

    /// Up to where it is committed, as far as is known here.
    pub fn committed(&self) -> Index {
        self.committed
    }

    /// What follows from the committed prefix.
    pub fn shown(&self) -> &Prefix {
        &self.shown
    }

    /// What follows from all that is written.
    pub fn written(&self) -> &Prefix {
        &self.written
    }

    /// How many writes are not durable.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The appends that are not committed, and their bytes.
    pub fn uncommitted(&self) -> (usize, usize) {
        (self.tail.len(), self.tail_bytes)
    }

    /// Where the batch of a publisher lies that is not committed.
    pub fn batch_at(&self, wanted: &crate::append::Batch) -> Option<Index> {
        let is_it = |kind: &Kind| matches!(kind, Kind::Records(Some(batch)) if batch == wanted);
        self.tail.iter().find(|(header, _)| is_it(&header.kind)).map(|(header, _)| header.point.index)
    }

    /// The row becomes another one.
    pub fn set_row(&mut self, row: Row, out: &mut Vec<Command>) {
        assert!(row.promised >= self.row.promised, "what was promised never goes back");
        self.row = row;
        self.write(Write::Row(self.row), Effect::Row(self.row), out);
    }

    /// Appends follow.
    pub fn append(&mut self, appends: Vec<Append>, limits: &Limits, out: &mut Vec<Command>) {
        let Some(last) = appends.last().map(Append::index) else { return };
        for append in &appends {
            self.epochs.push(append.header.point);
            self.written.fold(&append.header);
            self.tail.push_back((append.header.clone(), append.size()));
            self.tail_bytes += append.size();
            self.recent_bytes += append.size();
            self.recent.push_back(append.clone());
        }
        while self.recent_bytes > limits.recent_bytes
            && let Some(oldest) = self.recent.pop_front()
        {
            self.recent_bytes -= oldest.size();
        }
        self.write(Write::Append(appends), Effect::End(last), out);
    }

    /// What lies behind `end` is cut off. Never reaches what is committed.
    pub fn truncate(&mut self, end: Index, out: &mut Vec<Command>) {
        assert!(end >= self.committed, "what is committed is never cut off");
        self.epochs.truncate(end);
        while let Some((header, size)) = self.tail.pop_back() {
            if header.point.index <= end {
                self.tail.push_back((header, size));
                break;
            }
            self.tail_bytes -= size;
        }
        while let Some(append) = self.recent.pop_back() {
            if append.index() <= end {
                self.recent.push_back(append);
                break;
            }
            self.recent_bytes -= append.size();
        }
        self.written = self.shown.clone();
        self.tail.iter().for_each(|(header, _)| self.written.fold(header));
        self.durable = self.durable.min(end);
        // An append that is cut off is not durable when its write is.
        for (_, effect) in &mut self.pending {
            if let Effect::End(index) = effect
                && *index > end
            {
                *index = end;
            }
        }
        self.write(Write::Truncate(end), Effect::Nothing, out);
    }

    /// The log begins anew behind a base.
    pub fn rebase(&mut self, base: Base, out: &mut Vec<Command>) {
        self.epochs = Epochs::at(base.point);
        (self.durable, self.committed, self.checkpointed) = (Index(0), base.point.index, base.checkpoint.at);
        (self.shown, self.written) = (base.checkpoint.clone(), base.checkpoint.clone());
        self.tail.clear();
        self.recent.clear();
        (self.tail_bytes, self.recent_bytes) = (0, 0);
        for (_, effect) in &mut self.pending {
            if matches!(effect, Effect::End(_)) {
                *effect = Effect::Nothing;
            }
        }
        let point = base.point;
        self.write(Write::Rebase(base), Effect::End(point.index), out);
        out.push(Command::Commit(point));
    }

    /// All up to `index` is committed, as far as it is there. Says whether that is more than was known.
    pub fn commit(&mut self, index: Index, limits: &Limits, out: &mut Vec<Command>) -> bool {
        let index = index.min(self.end().index);
        if index <= self.committed {
            return false;
        }
        let trimmed = self.shown.trimmed;
        while let Some((header, _)) = self.tail.front()
            && header.point.index <= index
        {
            let (header, size) = self.tail.pop_front().expect("it was there");
            self.tail_bytes -= size;
            self.shown.fold(&header);
        }
        self.committed = index;
        out.extend(self.epochs.point(index).map(Command::Commit));
        let trim = self.shown.trimmed.min(index);
        let trims = self.shown.trimmed > trimmed && trim > self.epochs.base().index;
        if trims || self.committed.0.saturating_sub(self.checkpointed.0) >= limits.checkpoint {
            self.checkpoint(out);
        }
        if trims {
            self.epochs.trim(trim);
            self.write(Write::Trim(trim), Effect::Nothing, out);
        }
        true
    }

    /// What another's log that ends too early begins with.
    pub fn base(&self) -> Base {
        Base { point: self.epochs.base(), checkpoint: self.shown.clone() }
    }

    /// The appends from `first` on that are in memory, as far as they fit into one message; none where `first` is not.
    pub fn recent(&self, first: Index, limits: &Limits) -> Option<Vec<Append>> {
        let oldest = self.recent.front()?.index();
        let skip = usize::try_from(first.0.checked_sub(oldest.0)?).ok()?;
        let mut bytes = 0;
        let fits = |append: &&Append| {
            let first = bytes == 0;
            bytes += append.size();
            first || bytes <= limits.message_bytes
        };
        Some(self.recent.iter().skip(skip).take(limits.message_appends).take_while(fits).cloned().collect())
    }

    /// All writes up to this one are durable.
    pub fn done(&mut self, number: u64) {
        while let Some((first, _)) = self.pending.front()
            && *first <= number
        {
            match self.pending.pop_front() {
                Some((_, Effect::Row(row))) => self.kept = Some(row),
                Some((_, Effect::End(index))) => self.durable = self.durable.max(index),
                _ => {}
            }
        }
    }

    fn checkpoint(&mut self, out: &mut Vec<Command>) {
        self.checkpointed = self.shown.at;
        self.write(Write::Checkpoint(self.shown.clone()), Effect::Nothing, out);
    }

    fn write(&mut self, write: Write, effect: Effect, out: &mut Vec<Command>) {
        self.last_write += 1;
        self.pending.push_back((self.last_write, effect));
        out.push(Command::Write { number: self.last_write, write });
    }
}
