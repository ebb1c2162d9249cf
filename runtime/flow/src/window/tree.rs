//! The panes of each key as a binary tree over their numbers: what overlapping windows share of them is merged once.
//!
//! A *block* is 2^n panes whose first number is a multiple of 2^n; its halves are two blocks. A window consists of the largest blocks
//! that lie within it, at most two of each size. The tree of a key has a leaf for each pane in which the key has records, and a node
//! for each block that has records in both halves (a Patricia tree: D. R. Morrison, Journal of the ACM 15, 1968), so it is as large
//! as the key has panes. The topmost nodes within a window stand for its blocks, without those that hold nothing. Each is
//! merged from its halves when a window first needs it, and again when a record has come into it since: how the records of a window
//! are associated is a function of the window alone.

use super::fold::{Pairs, Slots};

/// No node.
const NONE: u32 = u32::MAX;

/// No slot yet.
const VACANT: i64 = -1;

/// The tree of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tree(u32);

impl Tree {
    /// The tree of a key without panes.
    pub const EMPTY: Tree = Tree(NONE);
}

/// A block of a tree, until something is taken away from the tree or added to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block(u32);

/// The nodes of all trees.
#[derive(Default)]
pub struct Forest {
    nodes: Vec<Node>,
    free: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Node {
    /// The first pane, by its place in the order of all panes.
    first: u64,
    /// What has been folded of a pane or merged of a block, or [`VACANT`].
    slot: i64,
    /// [`NONE`] of a pane.
    halves: [u32; 2],
    /// It spans two to the power of this many panes.
    level: u8,
}

impl Node {
    /// The last pane.
    fn last(&self) -> u64 {
        self.first | low_bits(self.level)
    }

    /// In which of its halves a pane lies.
    fn half(&self, pane: u64) -> usize {
        (pane >> (self.level - 1) & 1) as usize
    }
}

/// So many ones.
fn low_bits(count: u8) -> u64 {
    u64::MAX.checked_shr(64 - u32::from(count)).unwrap_or(0)
}

/// The place of a pane in the order of all panes. Multiples of powers of two stay such.
fn place(pane: i64) -> u64 {
    pane as u64 ^ 1 << 63
}

fn pane(place: u64) -> i64 {
    (place ^ 1 << 63) as i64
}

impl Forest {
    /// How many bytes all trees take.
    pub fn bytes(&self) -> usize {
        self.len() * size_of::<Node>()
    }

    fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    /// The slot of a pane, and whether it is a new one.
    pub fn slot(&mut self, tree: &mut Tree, pane: i64, slots: &mut Slots) -> (i64, bool) {
        let wanted = place(pane);
        let (mut at, mut above) = (tree.0, None);
        while at != NONE {
            let node = self.nodes[at as usize];
            if wanted < node.first || wanted > node.last() {
                break;
            }
            if node.level == 0 {
                return (node.slot, false);
            }
            let half = node.half(wanted);
            above = Some((at, half));
            at = node.halves[half];
        }
        let slot = slots.take();
        let mut added = self.add(Node { first: wanted, slot, halves: [NONE; 2], level: 0 });
        if at != NONE {
            let other = self.nodes[at as usize].first;
            let level = (64 - (wanted ^ other).leading_zeros()) as u8;
            let halves = if wanted < other { [added, at] } else { [at, added] };
            added = self.add(Node { first: wanted & !low_bits(level), slot: VACANT, halves, level });
        }
        match above {
            Some((node, half)) => self.nodes[node as usize].halves[half] = added,
            None => tree.0 = added,
        }
        (slot, true)
    }

    /// A record has come into a pane: the blocks above it are to be merged again. Their slots, which are to be cleared, go to `dropped`.
    pub fn touch(&mut self, tree: Tree, pane: i64, dropped: &mut Vec<i64>) {
        let (wanted, mut at) = (place(pane), tree.0);
        while at != NONE && self.nodes[at as usize].level > 0 {
            self.forget(at, dropped);
            let node = &self.nodes[at as usize];
            at = node.halves[node.half(wanted)];
        }
    }

    /// The first pane.
    pub fn first(&self, tree: Tree) -> Option<i64> {
        let mut at = tree.0;
        loop {
            let node = self.nodes.get(at as usize)?;
            if node.level == 0 {
                return Some(pane(node.first));
            }
            at = node.halves[0];
        }
    }

    /// Takes the first pane away. Its slot and those of the blocks above it, which no later window holds, go to `dropped`.
    pub fn remove_first(&mut self, tree: &mut Tree, dropped: &mut Vec<i64>) {
        let (mut at, mut parent, mut above) = (tree.0, NONE, NONE);
        while self.nodes[at as usize].level > 0 {
            self.forget(at, dropped);
            (above, parent, at) = (parent, at, self.nodes[at as usize].halves[0]);
        }
        self.forget(at, dropped);
        self.free.push(at);
        let mut rest = NONE;
        if parent != NONE {
            rest = self.nodes[parent as usize].halves[1];
            self.free.push(parent);
        }
        match above {
            NONE => tree.0 = rest,
            above => self.nodes[above as usize].halves[0] = rest,
        }
    }

    /// The blocks of the window from the first to the last of these panes, in order.
    pub fn blocks(&self, tree: Tree, first: i64, last: i64, found: &mut Vec<Block>) {
        self.within(tree.0, place(first), place(last), found);
    }

    fn within(&self, at: u32, first: u64, last: u64, found: &mut Vec<Block>) {
        let Some(node) = self.nodes.get(at as usize) else { return };
        if node.last() < first || node.first > last {
            return;
        }
        if first <= node.first && node.last() <= last {
            return found.push(Block(at));
        }
        node.halves.iter().for_each(|half| self.within(*half, first, last, found));
    }

    /// Up to `limit` panes from the first to the last of these, in order: their numbers and slots.
    pub fn panes(&self, tree: Tree, first: i64, last: i64, limit: usize, found: &mut Vec<(i64, i64)>) {
        let (first, last) = (place(first), place(last));
        let mut left = vec![tree.0];
        while let Some(node) = left.pop().and_then(|at| self.nodes.get(at as usize)) {
            if found.len() >= limit {
                break;
            }
            if node.last() < first || node.first > last {
                continue;
            }
            match node.level {
                0 => found.push((pane(node.first), node.slot)),
                _ => left.extend([node.halves[1], node.halves[0]]),
            }
        }
    }

    /// The slot of a block, merged as far as it was not; none if that takes more pairs than there is room for now. What has been
    /// merged meanwhile stays.
    pub fn merge(&mut self, block: Block, slots: &mut Slots, pairs: &mut Pairs) -> Option<i64> {
        let mut left = vec![block.0];
        while let Some(at) = left.last().copied() {
            let node = self.nodes[at as usize];
            if node.slot != VACANT {
                left.pop();
                continue;
            }
            let [before, after] = node.halves.map(|half| self.nodes[half as usize].slot);
            if before == VACANT {
                left.push(node.halves[0]);
            } else if after == VACANT {
                left.push(node.halves[1]);
            } else if pairs.is_full() {
                return None;
            } else {
                let slot = slots.take();
                pairs.push(slot, before);
                pairs.push(slot, after);
                self.nodes[at as usize].slot = slot;
            }
        }
        Some(self.nodes[block.0 as usize].slot)
    }

    fn forget(&mut self, at: u32, dropped: &mut Vec<i64>) {
        match std::mem::replace(&mut self.nodes[at as usize].slot, VACANT) {
            VACANT => {}
            slot => dropped.push(slot),
        }
    }

    fn add(&mut self, node: Node) -> u32 {
        match self.free.pop() {
            Some(at) => {
                self.nodes[at as usize] = node;
                at
            }
            None => {
                self.nodes.push(node);
                (self.nodes.len() - 1) as u32
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// The association of panes from `first` to `last`, by the definition: halves that hold nothing are left out.
    fn block(panes: &BTreeMap<i64, i64>, first: i128, level: u32) -> Option<String> {
        let size = 1_i128 << level;
        let inside = |pane: &i64| i128::from(*pane) >= first && i128::from(*pane) < first + size;
        match panes.keys().filter(|pane| inside(pane)).count() {
            0 => None,
            1 => panes.keys().find(|pane| inside(pane)).map(i64::to_string),
            _ => {
                let (before, after) = (block(panes, first, level - 1), block(panes, first + size / 2, level - 1));
                Some(match (before, after) {
                    (Some(before), Some(after)) => format!("({before} {after})"),
                    (one, other) => one.or(other).expect("it has panes"),
                })
            }
        }
    }

    /// The largest blocks from `first` to `last`, by the definition.
    fn by_definition(panes: &BTreeMap<i64, i64>, first: i64, last: i64) -> Vec<String> {
        let (mut at, end, mut found) = (i128::from(first), i128::from(last) + 1, Vec::new());
        while at < end {
            let level = (0..64).rev().find(|level| at.rem_euclid(1 << level) == 0 && at + (1 << level) <= end).unwrap();
            found.extend(block(panes, at, level));
            at += 1 << level;
        }
        found
    }

    /// The associations that pairs have made of slots.
    #[derive(Default)]
    struct Merged(BTreeMap<i64, String>);

    impl Merged {
        fn run(&mut self, pairs: &mut Pairs) {
            let (into, from) = pairs.take();
            for (into, from) in into.iter().zip(&from) {
                let from = self.0[from].clone();
                let merged = match self.0.get(into) {
                    Some(before) => format!("({before} {from})"),
                    None => from,
                };
                self.0.insert(*into, merged);
            }
        }

        fn clear(&mut self, dropped: &mut Vec<i64>, slots: &mut Slots) {
            dropped.iter().for_each(|slot| drop(self.0.remove(slot)));
            slots.give(dropped);
            dropped.clear();
        }
    }

    proptest! {
        #[test]
        fn the_blocks_of_a_window_are_those_of_the_definition_however_the_tree_came_about(
            steps in prop::collection::vec((-40..40i64, 1..30i64, any::<bool>()), 1..60),
        ) {
            let (mut forest, mut tree, mut slots) = (Forest::default(), Tree::EMPTY, Slots::default());
            let (mut panes, mut merged, mut pairs) = (BTreeMap::new(), Merged::default(), Pairs::default());
            let mut dropped = Vec::new();
            for (pane, length, removes) in steps {
                if removes && let Some((first, _)) = panes.pop_first() {
                    prop_assert_eq!(forest.first(tree), Some(first));
                    forest.remove_first(&mut tree, &mut dropped);
                }
                let (slot, new) = forest.slot(&mut tree, pane, &mut slots);
                prop_assert_eq!(new, panes.insert(pane, slot).is_none());
                forest.touch(tree, pane, &mut dropped);
                merged.clear(&mut dropped, &mut slots);
                merged.0.insert(slot, pane.to_string());
                // Windows lie behind what has been taken away.
                let first = *panes.first_key_value().unwrap().0;
                for window in [first, pane.max(first)] {
                    let mut blocks = Vec::new();
                    forest.blocks(tree, window, window + length, &mut blocks);
                    let found: Vec<String> = blocks.into_iter().map(|block| {
                        let slot = forest.merge(block, &mut slots, &mut pairs).expect("there is room");
                        merged.run(&mut pairs);
                        merged.0[&slot].clone()
                    }).collect();
                    prop_assert_eq!(found, by_definition(&panes, window, window + length));
                }
                let mut all = Vec::new();
                forest.panes(tree, i64::MIN, i64::MAX, usize::MAX, &mut all);
                prop_assert_eq!(all, panes.iter().map(|(pane, slot)| (*pane, *slot)).collect::<Vec<_>>());
                prop_assert_eq!(forest.len(), 2 * panes.len() - 1);
            }
        }
    }

    #[test]
    fn a_tree_reaches_from_the_first_pane_that_there_can_be_to_the_last() {
        let (mut forest, mut tree, mut slots) = (Forest::default(), Tree::EMPTY, Slots::default());
        let panes = [i64::MAX, 0, i64::MIN, -1, i64::MAX - 1];
        panes.iter().for_each(|pane| assert!(forest.slot(&mut tree, *pane, &mut slots).1));
        let mut found = Vec::new();
        forest.blocks(tree, i64::MIN, i64::MAX, &mut found);
        assert_eq!(found.len(), 1, "all of it is one block");
        let mut sorted = panes;
        sorted.sort_unstable();
        for pane in sorted {
            assert_eq!(forest.first(tree), Some(pane));
            forest.remove_first(&mut tree, &mut Vec::new());
        }
        assert_eq!((tree, forest.len()), (Tree::EMPTY, 0));
    }

    #[test]
    fn what_windows_share_is_merged_once() {
        const PANES: i64 = 10_000;
        const LENGTH: i64 = 1_000;
        let (mut forest, mut tree, mut slots) = (Forest::default(), Tree::EMPTY, Slots::default());
        (0..PANES).for_each(|pane| assert!(forest.slot(&mut tree, pane, &mut slots).1));
        let mut merges = 0;
        for window in 0..PANES - LENGTH {
            let mut blocks = Vec::new();
            forest.blocks(tree, window, window + LENGTH - 1, &mut blocks);
            assert!(blocks.len() <= 2 * LENGTH.ilog2() as usize);
            for block in blocks {
                let mut pairs = Pairs::default();
                forest.merge(block, &mut slots, &mut pairs).expect("there is room");
                merges += pairs.take().0.len() / 2;
            }
            forest.remove_first(&mut tree, &mut Vec::new());
        }
        assert!(merges < PANES as usize, "{merges} merges");
    }

    #[test]
    fn a_block_that_takes_many_pairs_is_merged_in_steps() {
        let (mut forest, mut tree, mut slots) = (Forest::default(), Tree::EMPTY, Slots::default());
        let count = 4 * Pairs::MOST as i64;
        (0..count).for_each(|pane| assert!(forest.slot(&mut tree, pane, &mut slots).1));
        let mut blocks = Vec::new();
        forest.blocks(tree, 0, count - 1, &mut blocks);
        let (mut steps, mut pairs) = (1, Pairs::default());
        while forest.merge(blocks[0], &mut slots, &mut pairs).is_none() {
            assert!(pairs.take().0.len() <= Pairs::MOST + 1);
            steps += 1;
        }
        assert_eq!(steps, 8, "each of the 131,071 merges takes two pairs");
    }
}
