//! Session windows: a key's records, as long as no more than the gap passes between one and the next.
//!
//! Rows come in time order. A session's result carries the time of its last record, with the times of its first and last as columns.

use std::collections::{BTreeMap, BTreeSet};

use arrow_array::RecordBatch;
use dag_model::{Frontier, Timestamp};

use super::fold::{Fold, Slots};
use super::keys::Keys;
use super::{Open, Results, Rows, Windows};
use crate::error::ComputeError;
use crate::output::Shape;

/// The state of session windows.
pub struct Session {
    gap: i64,
    /// By key.
    open: BTreeMap<u32, Span>,
    /// Open sessions by (time of their last record, key).
    by_last: BTreeSet<(i64, u32)>,
    /// Ended while rows came in, in order; not shown yet.
    ended: Vec<(u32, Span)>,
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
            ended: Vec::new(),
            slots: Slots::default(),
            shape,
        }
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
                self.ended.push((*key, *span));
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

    fn close(
        &mut self,
        frontier: Frontier,
        keys: &mut Keys,
        fold: &mut dyn Fold,
    ) -> Result<Option<RecordBatch>, ComputeError> {
        while let Some((last, key)) = self.by_last.first().copied() {
            if !frontier.passed(Timestamp(last.saturating_add(self.gap))) {
                break;
            }
            self.by_last.remove(&(last, key));
            let span = self.open.remove(&key).expect("both maps hold the open sessions");
            self.ended.push((key, span));
        }
        if self.ended.is_empty() {
            return Ok(None);
        }
        let ended = std::mem::take(&mut self.ended);
        let slots: Vec<i64> = ended.iter().map(|(_, span)| span.slot).collect();
        let numbers: Vec<u32> = ended.iter().map(|(key, _)| *key).collect();
        let starts = ended.iter().map(|(_, span)| span.start).collect();
        let lasts: Vec<i64> = ended.iter().map(|(_, span)| span.last).collect();
        let values = fold.finish(&slots)?;
        let columns = keys.columns(&numbers)?;
        numbers.iter().for_each(|key| keys.release(*key));
        fold.clear(&slots)?;
        self.slots.give(&slots);
        let results = Results { times: lasts.clone(), keys: numbers, bounds: Some((starts, lasts)) };
        Ok(Some(self.shape.batch(results, columns, values)?))
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
        match self.by_last.first() {
            Some((last, _)) => frontier.min(Frontier::At(Timestamp(*last))),
            None => frontier,
        }
    }
}
