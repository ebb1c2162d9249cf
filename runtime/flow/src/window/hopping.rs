//! Tumbling and hopping windows: rows fold in log order into panes, and the frontier closes windows. Nothing is sorted.
//! How a window is made of its panes is said in [`tree`](super::tree).

use std::collections::BTreeSet;

use arrow_array::RecordBatch;
use dag_model::{Frontier, Hops, Timestamp, Windowing};

use super::cut::{Cut, Window};
use super::fold::{Fold, Pairs, Slots};
use super::keys::Keys;
use super::tree::{Block, Forest, Tree};
use super::{KEY_BYTES, Open, Results, Rows, Step, Windows};
use crate::error::ComputeError;
use crate::output::Shape;

/// How many panes a step forgets at most.
const FORGOTTEN: usize = 16_384;

/// No slot.
const VACANT: i64 = -1;

/// The state of tumbling (`every == size`) and hopping windows.
pub struct Hopping {
    windowing: Windowing,
    cut: Cut,
    /// No window that starts before this is shown, and no record before it is folded.
    from: i64,
    forest: Forest,
    /// By key.
    keys: Vec<OfKey>,
    /// The first pane of each key that has any, and the key.
    heads: BTreeSet<(i64, u32)>,
    /// Earlier windows are closed.
    next: Window,
    /// The last pane of a window that blocks may have been merged for.
    merged: i64,
    closing: Option<Closing>,
    slots: Slots,
    /// Nobody's slots, which the guest still has to clear.
    dropped: Vec<i64>,
    shape: Shape,
}

/// What is known of a key.
#[derive(Clone)]
struct OfKey {
    tree: Tree,
    /// Its first pane, if it has any.
    head: i64,
    /// The pane that its last record came into, and the slot of that; [`VACANT`] where it is gone.
    pane: i64,
    slot: i64,
}

impl OfKey {
    const NONE: OfKey = OfKey { tree: Tree::EMPTY, head: 0, pane: 0, slot: VACANT };
}

/// A window that is being closed, one key after the other.
struct Closing {
    window: Window,
    /// The key whose result came last, with its first pane.
    after: Option<(i64, u32)>,
    /// What the next key's panes have been merged into so far, and the first pane that has not been.
    begun: Option<(i64, i64)>,
}

/// What a step gathers.
#[derive(Default)]
struct Gathered {
    results: Results,
    /// The slot that holds each result.
    finished: Vec<i64>,
    pairs: Pairs,
    /// Slots to be cleared once the results are read.
    scratch: Vec<i64>,
    /// Of the results' keys.
    bytes: usize,
}

impl Hopping {
    /// Windows of which only those that start at `from` or later are shown.
    pub fn new(hops: Hops, windowing: Windowing, from: Timestamp, shape: Shape) -> Hopping {
        let cut = Cut::new(hops, windowing);
        Hopping {
            windowing,
            cut,
            from: from.0,
            forest: Forest::default(),
            keys: Vec::new(),
            heads: BTreeSet::new(),
            next: cut.from(from.0),
            merged: i64::MIN,
            closing: None,
            slots: Slots::default(),
            dropped: Vec::new(),
            shape,
        }
    }

    /// The earliest window that is not closed yet and has a pane.
    fn candidate(&self) -> Option<Window> {
        if let Some(closing) = &self.closing {
            return Some(closing.window);
        }
        let (pane, _) = self.heads.first()?;
        Some(self.cut.first(*pane).max(self.next))
    }

    /// The slot of a key's pane.
    fn slot(&mut self, key: u32, pane: i64, keys: &mut Keys) -> i64 {
        let of_key = &mut self.keys[key as usize];
        if of_key.slot == VACANT || of_key.pane != pane {
            let alone = of_key.tree == Tree::EMPTY;
            let (slot, new) = self.forest.slot(&mut of_key.tree, pane, &mut self.slots);
            if new {
                keys.retain(key);
                if alone || pane < of_key.head {
                    self.heads.remove(&(of_key.head, key));
                    self.heads.insert((pane, key));
                    of_key.head = pane;
                }
            }
            (of_key.pane, of_key.slot) = (pane, slot);
        }
        of_key.slot
    }

    /// Forgets panes that no later window holds, up to so many; returns whether that were all.
    fn forget(&mut self, limit: usize, keys: &mut Keys) -> bool {
        for _ in 0..limit {
            let Some((pane, key)) = self.heads.first().copied() else { return true };
            if Window::from(pane) >= self.next {
                return true;
            }
            self.heads.pop_first();
            let of_key = &mut self.keys[key as usize];
            self.forest.remove_first(&mut of_key.tree, &mut self.dropped);
            if of_key.pane == pane {
                of_key.slot = VACANT;
            }
            if let Some(head) = self.forest.first(of_key.tree) {
                of_key.head = head;
                self.heads.insert((head, key));
            }
            keys.release(key);
        }
        false
    }

    /// The guest clears the slots that are nobody's.
    fn clear(&mut self, fold: &mut dyn Fold) -> Result<(), ComputeError> {
        for slots in std::mem::take(&mut self.dropped).chunks(Pairs::MOST) {
            fold.clear(slots)?;
            self.slots.give(slots);
        }
        Ok(())
    }

    /// Gathers results until there are enough for a step; returns whether there may be more.
    fn gather(&mut self, frontier: Frontier, most: usize, keys: &mut Keys, gathered: &mut Gathered) -> bool {
        loop {
            if !self.forget(FORGOTTEN.saturating_sub(self.dropped.len()), keys) {
                return true;
            }
            let Some(window) = self.candidate().filter(|window| self.cut.closed(*window, frontier)) else {
                return false;
            };
            let closing = self.closing.take().unwrap_or(Closing { window, after: None, begun: None });
            match self.gather_window(closing, most, keys, gathered) {
                None => {
                    let next = self.cut.next(window);
                    // At the end of time version 1 knows no later one.
                    self.next = if next > window { next } else { Window::MAX };
                }
                unfinished => {
                    self.closing = unfinished;
                    return true;
                }
            }
        }
    }

    /// Gathers the results of a window; returns what is left of it if they are too many for this step.
    fn gather_window(
        &mut self,
        mut closing: Closing,
        most: usize,
        keys: &mut Keys,
        gathered: &mut Gathered,
    ) -> Option<Closing> {
        let (first, last) = self.cut.panes(closing.window);
        self.merged = self.merged.max(last);
        let start = self.cut.begins(closing.window);
        let from = closing.after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let heads = self.heads.range((from, std::ops::Bound::Included((last, u32::MAX))));
        let mut blocks = Vec::new();
        for head @ (_, key) in heads.copied() {
            if gathered.finished.len() >= most || gathered.bytes >= KEY_BYTES || gathered.pairs.is_full() {
                return Some(closing);
            }
            let tree = self.keys[key as usize].tree;
            let slot = match self.windowing {
                Windowing::One if !self.cut.is_tumbling() => {
                    let begun = &mut closing.begun;
                    let merging = Merging { forest: &mut self.forest, slots: &mut self.slots, gathered };
                    let Some(slot) = merging.panes(tree, (first, last), begun) else { return Some(closing) };
                    slot
                }
                Windowing::One | Windowing::Two => {
                    blocks.clear();
                    self.forest.blocks(tree, first, last, &mut blocks);
                    let merging = Merging { forest: &mut self.forest, slots: &mut self.slots, gathered };
                    let Some(slot) = merging.blocks(&blocks) else { return Some(closing) };
                    slot
                }
            };
            keys.retain(key);
            gathered.bytes += keys.size(key);
            gathered.results.times.push(start);
            gathered.results.keys.push(key);
            gathered.finished.push(slot);
            closing.after = Some(head);
        }
        None
    }
}

/// The merging of what belongs to one result.
struct Merging<'a> {
    forest: &'a mut Forest,
    slots: &'a mut Slots,
    gathered: &'a mut Gathered,
}

impl Merging<'_> {
    /// The slot of blocks that lie side by side; none where there is no room for the pairs that this takes.
    fn blocks(self, blocks: &[Block]) -> Option<i64> {
        let pairs = &mut self.gathered.pairs;
        if let [block] = blocks {
            return self.forest.merge(*block, self.slots, pairs);
        }
        let merged = blocks.iter().map(|block| self.forest.merge(*block, self.slots, pairs));
        let merged: Vec<i64> = merged.collect::<Option<_>>()?;
        let slot = self.slots.take();
        merged.into_iter().for_each(|from| pairs.push(slot, from));
        self.gathered.scratch.push(slot);
        Some(slot)
    }

    /// The slot of panes that are merged one after the other, as version 1 does; none where there is no room for all of them, and then
    /// what has been done is told.
    fn panes(self, tree: Tree, (first, last): (i64, i64), begun: &mut Option<(i64, i64)>) -> Option<i64> {
        let (slot, from) = begun.unwrap_or_else(|| (self.slots.take(), first));
        let (room, mut panes) = (self.gathered.pairs.room(), Vec::new());
        self.forest.panes(tree, from, last, room, &mut panes);
        panes.iter().for_each(|(_, pane)| self.gathered.pairs.push(slot, *pane));
        match panes.last() {
            Some((pane, _)) if panes.len() == room && *pane < last => {
                *begun = Some((slot, pane + 1));
                return None;
            }
            _ => *begun = None,
        }
        self.gathered.scratch.push(slot);
        Some(slot)
    }
}

impl Windows for Hopping {
    fn insert(
        &mut self,
        rows: Rows<'_>,
        keys: &mut Keys,
        fold: &mut dyn Fold,
    ) -> Result<Option<RecordBatch>, ComputeError> {
        self.keys.resize(keys.bound().max(self.keys.len()), OfKey::NONE);
        let mut placed = Vec::new();
        let (mut slots, mut times) = (Vec::with_capacity(rows.times.len()), Vec::with_capacity(rows.times.len()));
        let earliest = self.from.max(self.cut.begins(self.next));
        // Consecutive rows mostly share a pane: it is looked up when it changes.
        let (mut pane, mut first, mut last) = (0, 1, 0);
        for (row, (time, key)) in rows.times.iter().zip(rows.keys).enumerate() {
            if *time < earliest {
                continue;
            }
            if *time < first || *time > last {
                pane = self.cut.pane(*time);
                (first, last) = self.cut.times(pane);
                if self.from == i64::MIN && self.cut.time(self.cut.first(pane)).is_none() {
                    return Err(ComputeError::Edge { time: Timestamp(*time) });
                }
            }
            slots.push(self.slot(*key, pane, keys));
            times.push(*time);
            placed.push(row as u32);
            if pane <= self.merged {
                self.forest.touch(self.keys[*key as usize].tree, pane, &mut self.dropped);
            }
        }
        if placed.len() == rows.times.len() {
            fold.update(&slots, &times, rows.columns)?;
        } else if !placed.is_empty() {
            fold.update(&slots, &times, &crate::output::take(rows.columns, &placed)?)?;
        }
        self.clear(fold)?;
        Ok(None)
    }

    fn close(&mut self, frontier: Frontier, keys: &mut Keys, fold: &mut dyn Fold) -> Result<Step, ComputeError> {
        let mut gathered = Gathered::default();
        let more = self.gather(frontier, fold.most(), keys, &mut gathered);
        let Gathered { results, finished, mut pairs, mut scratch, .. } = gathered;
        let (into, from) = pairs.take();
        if !into.is_empty() {
            fold.combine(&into, &from)?;
        }
        let results = if finished.is_empty() {
            None
        } else {
            let values = fold.finish(&finished)?;
            let columns = keys.columns(&results.keys)?;
            results.keys.iter().for_each(|key| keys.release(*key));
            Some(self.shape.batch(results, columns, values)?)
        };
        self.dropped.append(&mut scratch);
        self.clear(fold)?;
        Ok(Step { results, more })
    }

    fn open(&self) -> Vec<Open> {
        let (mut open, mut panes) = (Vec::new(), Vec::new());
        for (key, of_key) in self.keys.iter().enumerate() {
            panes.clear();
            self.forest.panes(of_key.tree, i64::MIN, i64::MAX, usize::MAX, &mut panes);
            let of_pane = |(pane, slot): &(i64, i64)| Open {
                key: key as u32,
                start: self.cut.times(*pane).0,
                last: 0,
                slot: *slot,
            };
            open.extend(panes.iter().map(of_pane));
        }
        open
    }

    fn reopen(&mut self, open: &[(u32, i64, i64)], frontier: Frontier, keys: &mut Keys) -> Vec<i64> {
        // Windows that the frontier had passed were closed before their panes were written down.
        if let Some(next) = self.cut.open(frontier) {
            self.next = self.next.max(next);
        }
        self.keys.resize(keys.bound().max(self.keys.len()), OfKey::NONE);
        open.iter().map(|(key, start, _)| self.slot(*key, self.cut.pane(*start), keys)).collect()
    }

    fn hold(&self, frontier: Frontier) -> Frontier {
        let open = self.cut.frontier(frontier);
        match self.candidate() {
            // Closed by the frontier, but not shown yet.
            Some(window) if self.cut.closed(window, frontier) => {
                open.min(Frontier::At(Timestamp(self.cut.begins(window).max(self.from))))
            }
            _ => open,
        }
    }

    fn bytes(&self) -> usize {
        // A node of the tree of heads holds eleven pairs at most, and half of them at least.
        self.forest.bytes() + self.keys.len() * size_of::<OfKey>() + self.heads.len() * 32 + self.dropped.len() * 8
    }
}
