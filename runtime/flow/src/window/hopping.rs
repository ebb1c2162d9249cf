//! Tumbling and hopping windows: rows fold in log order into panes, and the frontier closes windows. Nothing is sorted.
//! A window's result is its panes merged left to right.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use dag_model::{Frontier, Hops, Timestamp};

use super::fold::{Fold, Slots};
use super::keys::Keys;
use super::{Open, Results, Rows, Windows};
use crate::error::ComputeError;
use crate::output::Shape;

/// How many results `close` gathers before it answers.
const RESULTS: usize = 8_192;

/// No slot yet.
const VACANT: i64 = -1;

/// The state of tumbling (`every == size`) and hopping windows.
pub struct Hopping {
    hops: Hops,
    /// The width of a pane.
    width: i64,
    /// No window that starts before this is shown, and no record before it is folded.
    from: i64,
    /// By pane start: the slot of each key, [`VACANT`] where it has none.
    panes: BTreeMap<i64, Vec<i64>>,
    /// Windows that start before this are closed.
    next: i64,
    slots: Slots,
    shape: Shape,
}

impl Hopping {
    /// Windows of which only those that start at `from` or later are shown.
    pub fn new(hops: Hops, from: Timestamp, shape: Shape) -> Hopping {
        assert!(hops.size > 0 && hops.every > 0 && hops.every <= hops.size, "binding checks windows");
        Hopping {
            hops,
            width: hops.pane(),
            from: from.0,
            panes: BTreeMap::new(),
            next: i64::MIN,
            slots: Slots::default(),
            shape,
        }
    }

    fn pane(&self, time: i64) -> i64 {
        Hops { size: self.width, every: self.width, offset: self.hops.offset % self.width }.start_before(time)
    }

    /// The earliest window that is not closed yet and has a pane.
    fn candidate(&self) -> Option<i64> {
        let (pane, _) = self.panes.first_key_value()?;
        let last = self.hops.start_before(*pane);
        let hops_back = (self.hops.size - self.width - (*pane - last)).div_euclid(self.hops.every);
        Some(last.saturating_sub(hops_back.saturating_mul(self.hops.every)).max(self.next))
    }

    /// Moves past the window that starts at `start`, forgetting the panes that no later window holds.
    fn pass(&mut self, start: i64, keys: &mut Keys, cleared: &mut Vec<i64>) {
        self.next = start.saturating_add(self.hops.every);
        while let Some(entry) = self.panes.first_entry() {
            if *entry.key() >= self.next {
                break;
            }
            for (key, slot) in entry.remove().into_iter().enumerate().filter(|(_, slot)| *slot != VACANT) {
                keys.release(key as u32);
                cleared.push(slot);
            }
        }
    }
}

impl Windows for Hopping {
    fn insert(
        &mut self,
        rows: Rows<'_>,
        keys: &mut Keys,
        fold: &mut dyn Fold,
    ) -> Result<Option<RecordBatch>, ComputeError> {
        let mut placed = Vec::with_capacity(rows.times.len());
        let (mut slots, mut times) = (Vec::with_capacity(rows.times.len()), Vec::with_capacity(rows.times.len()));
        let earliest = self.from.max(self.next);
        // Consecutive rows mostly share a pane: it is looked up when it changes.
        let mut current: Option<(i64, Vec<i64>)> = None;
        for (row, (time, key)) in rows.times.iter().zip(rows.keys).enumerate() {
            if *time < earliest {
                continue;
            }
            let pane = self.pane(*time);
            if current.as_ref().is_none_or(|(start, _)| *start != pane) {
                if let Some((start, slots)) = current.take() {
                    self.panes.insert(start, slots);
                }
                current = Some((pane, self.panes.remove(&pane).unwrap_or_default()));
            }
            let (_, of_pane) = current.as_mut().expect("set above");
            let key = *key as usize;
            if of_pane.len() <= key {
                of_pane.resize(key + 1, VACANT);
            }
            if of_pane[key] == VACANT {
                of_pane[key] = self.slots.take();
                keys.retain(key as u32);
            }
            slots.push(of_pane[key]);
            times.push(*time);
            placed.push(row as u32);
        }
        if let Some((start, slots)) = current {
            self.panes.insert(start, slots);
        }
        if placed.len() == rows.times.len() {
            fold.update(&slots, &times, rows.columns)?;
        } else if !placed.is_empty() {
            fold.update(&slots, &times, &crate::output::take(rows.columns, &placed)?)?;
        }
        Ok(None)
    }

    fn close(
        &mut self,
        frontier: Frontier,
        keys: &mut Keys,
        fold: &mut dyn Fold,
    ) -> Result<Option<RecordBatch>, ComputeError> {
        let mut results = Results::default();
        // The slot that holds each result, and those to clear once the results are read.
        let (mut finished, mut cleared, mut spare) = (Vec::new(), Vec::new(), Vec::new());
        let (mut into, mut from) = (Vec::new(), Vec::new());
        while let Some(start) = self.candidate() {
            if !self.hops.closed(start, frontier) || results.times.len() >= RESULTS {
                break;
            }
            if start >= self.from {
                let mut merged: BTreeMap<u32, i64> = BTreeMap::new();
                for slots in self.panes.range(start..start.saturating_add(self.hops.size)).map(|(_, slots)| slots) {
                    for (key, slot) in slots.iter().enumerate().filter(|(_, slot)| **slot != VACANT) {
                        if self.width == self.hops.size {
                            merged.insert(key as u32, *slot);
                        } else {
                            into.push(*merged.entry(key as u32).or_insert_with(|| {
                                let slot = self.slots.take();
                                spare.push(slot);
                                slot
                            }));
                            from.push(*slot);
                        }
                    }
                }
                for (key, slot) in merged {
                    keys.retain(key);
                    results.times.push(start);
                    results.keys.push(key);
                    finished.push(slot);
                }
            }
            self.pass(start, keys, &mut cleared);
        }
        if !into.is_empty() {
            fold.combine(&into, &from)?;
        }
        let batch = if finished.is_empty() {
            None
        } else {
            let values = fold.finish(&finished)?;
            let columns = keys.columns(&results.keys)?;
            results.keys.iter().for_each(|key| keys.release(*key));
            Some(self.shape.batch(results, columns, values)?)
        };
        cleared.append(&mut spare);
        if !cleared.is_empty() {
            fold.clear(&cleared)?;
            self.slots.give(&cleared);
        }
        Ok(batch)
    }

    fn open(&self) -> Vec<Open> {
        let panes = self.panes.iter();
        let open = panes.flat_map(|(start, slots)| {
            let taken = slots.iter().enumerate().filter(|(_, slot)| **slot != VACANT);
            taken.map(|(key, slot)| Open { key: key as u32, start: *start, last: 0, slot: *slot })
        });
        open.collect()
    }

    fn reopen(&mut self, open: &[(u32, i64, i64)], frontier: Frontier, keys: &mut Keys) -> Vec<i64> {
        // Windows that the frontier had passed were closed before their panes were written down.
        if let Frontier::At(Timestamp(next)) = self.hops.frontier(frontier) {
            self.next = self.next.max(next);
        }
        let reopened = open.iter().map(|(key, pane, _)| {
            let of_pane = self.panes.entry(*pane).or_default();
            let at = *key as usize;
            if of_pane.len() <= at {
                of_pane.resize(at + 1, VACANT);
            }
            if of_pane[at] == VACANT {
                of_pane[at] = self.slots.take();
                keys.retain(*key);
            }
            of_pane[at]
        });
        reopened.collect()
    }

    fn hold(&self, frontier: Frontier) -> Frontier {
        let open = self.hops.frontier(frontier);
        match self.candidate() {
            // Closed by the frontier, but not shown yet.
            Some(start) if self.hops.closed(start, frontier) => open.min(Frontier::At(Timestamp(start.max(self.from)))),
            _ => open,
        }
    }
}
