//! Session windows: a key's records, as long as no more than the gap passes between one and the next.
//!
//! Rows come in time order. A session's result carries the time of its last record, with the times of its first and last as columns.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::RecordBatch;
use dag_model::{Frontier, Timestamp};

use super::fold::{Fold, Slots};
use super::keys::Keys;
use super::{KEY_BYTES, Open, Results, Rows, Step, Windows};
use crate::error::ComputeError;
use crate::output::Shape;

/// The state of session windows.
pub struct Session {
    gap: i64,
    /// By key.
    open: BTreeMap<u32, Span>,
    /// Open sessions by (time of their last record, key).
    by_last: BTreeSet<(i64, u32)>,
    /// Ended but not shown yet, by (time of their last record, key).
    ended: BTreeMap<(i64, u32), Span>,
    slots: Slots,
    shape: Shape,
}

#[derive(Clone, Copy)]
struct Span {
    start: i64,
    last: i64,
    slot: i64,
}

impl Session {
    /// No sessions yet.
    pub fn new(gap: i64, shape: Shape) -> Session {
        assert!(gap > 0, "binding checks windows");
        Session {
            gap,
            open: BTreeMap::new(),
            by_last: BTreeSet::new(),
            ended: BTreeMap::new(),
            slots: Slots::default(),
            shape,
        }
    }
}

/// The sessions that a step shows.
#[derive(Default)]
struct Shown {
    keys: Vec<u32>,
    starts: Vec<i64>,
    lasts: Vec<i64>,
}

impl Session {
    /// A session that has ended and is not shown yet.
    fn end(&mut self, frontier: Frontier) -> Option<(u32, Span)> {
        if let Some(((_, key), span)) = self.ended.pop_first() {
            return Some((key, span));
        }
        let (last, key) = self.by_last.first().copied()?;
        // At the end of time only the end of the stream ends a session.
        let over =
            last.checked_add(self.gap).map_or(frontier == Frontier::Empty, |end| frontier.passed(Timestamp(end)));
        if !over {
            return None;
        }
        self.by_last.pop_first();
        Some((key, self.open.remove(&key).expect("both hold the open sessions")))
    }
}

impl Windows for Session {
    fn insert(
        &mut self,
        rows: Rows<'_>,
        keys: &mut Keys,
        fold: &mut dyn Fold,
    ) -> Result<Option<RecordBatch>, ComputeError> {
        let mut slots = Vec::with_capacity(rows.times.len());
        for (time, key) in rows.times.iter().zip(rows.keys) {
            if let Some(span) = self.open.get_mut(key) {
                self.by_last.remove(&(span.last, *key));
                if time.saturating_sub(span.last) <= self.gap {
                    span.last = *time;
                    self.by_last.insert((*time, *key));
                    slots.push(span.slot);
                    continue;
                }
                self.ended.insert((span.last, *key), *span);
            }
            let span = Span { start: *time, last: *time, slot: self.slots.take() };
            keys.retain(*key);
            self.open.insert(*key, span);
            self.by_last.insert((*time, *key));
            slots.push(span.slot);
        }
        if !slots.is_empty() {
            fold.update(&slots, rows.times, rows.columns)?;
        }
        Ok(None)
    }

    fn close(&mut self, frontier: Frontier, keys: &mut Keys, fold: &mut dyn Fold) -> Result<Step, ComputeError> {
        let (mut shown, mut slots, mut bytes) = (Shown::default(), Vec::new(), 0);
        let most = fold.most();
        let more = loop {
            if slots.len() >= most || bytes >= KEY_BYTES {
                break true;
            }
            let Some((key, span)) = self.end(frontier) else { break false };
            bytes += keys.size(key);
            shown.keys.push(key);
            shown.starts.push(span.start);
            shown.lasts.push(span.last);
            slots.push(span.slot);
        };
        if slots.is_empty() {
            return Ok(Step { results: None, more });
        }
        let values = fold.finish(&slots)?;
        let columns = keys.columns(&shown.keys)?;
        shown.keys.iter().for_each(|key| keys.release(*key));
        fold.clear(&slots)?;
        self.slots.give(&slots);
        let Shown { keys, starts, lasts } = shown;
        let results = Results { times: lasts.clone(), keys, bounds: Some((starts, lasts)) };
        Ok(Step { results: Some(self.shape.batch(results, columns, values)?), more })
    }

    fn open(&self) -> Vec<Open> {
        let open = self.open.iter();
        open.map(|(key, span)| Open { key: *key, start: span.start, last: span.last, slot: span.slot }).collect()
    }

    fn reopen(&mut self, open: &[(u32, i64, i64)], _: Frontier, keys: &mut Keys) -> Vec<i64> {
        let reopened = open.iter().map(|(key, start, last)| {
            let span = Span { start: *start, last: *last, slot: self.slots.take() };
            keys.retain(*key);
            self.open.insert(*key, span);
            self.by_last.insert((*last, *key));
            span.slot
        });
        reopened.collect()
    }

    fn hold(&self, frontier: Frontier) -> Frontier {
        let first = self.by_last.first().into_iter().chain(self.ended.keys().next()).min();
        first.map_or(frontier, |(last, _)| frontier.min(Frontier::At(Timestamp(*last))))
    }

    fn bytes(&self) -> usize {
        (self.open.len() + self.ended.len()) * 2 * size_of::<((i64, u32), Span)>()
    }
}
