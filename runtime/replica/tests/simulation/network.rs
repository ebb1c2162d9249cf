//! The ways between nodes: which are open, and what happens on them.

use std::collections::BTreeSet;

use crate::chance::Chance;

/// Which ways are closed, each in one direction.
#[derive(Clone, Debug, Default)]
pub struct Network {
    closed: BTreeSet<(u64, u64)>,
}

/// Metadata's place among the nodes.
pub const METADATA: u64 = 0;

impl Network {
    /// Whether something gets from one to another.
    pub fn lets(&self, from: u64, to: u64) -> bool {
        from == to || !self.closed.contains(&(from, to))
    }

    /// All ways are open.
    pub fn heal(&mut self) {
        self.closed.clear();
    }

    /// A partition: one or two nodes apart from the others, with metadata on one side, on the other or cut off from both sides; or one way
    /// only.
    pub fn part(&mut self, chance: &mut Chance, nodes: u64, one_way: bool) {
        let size = chance.between(1, 2.min(nodes));
        let first = chance.between(1, nodes);
        let apart: BTreeSet<u64> = (0..size).map(|by| (first - 1 + by) % nodes + 1).collect();
        let takes_metadata = chance.permille(300);
        let is_apart = |node: u64| if node == METADATA { takes_metadata } else { apart.contains(&node) };
        let spares_metadata = chance.permille(400);
        let direction = chance.below(2) == 0;
        for from in 0..=nodes {
            for to in 0..=nodes {
                let across = is_apart(from) != is_apart(to);
                let spared = spares_metadata && (from == METADATA || to == METADATA);
                let that_way = !one_way || is_apart(from) == direction;
                if across && !spared && that_way {
                    self.closed.insert((from, to));
                }
            }
        }
    }
}
