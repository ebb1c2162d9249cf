//! Who replicates a stream, as the plan says it, and what a majority of them is.

use dag_model::NodeId;
use serde::{Deserialize, Serialize};

use crate::point::Epoch;

/// A stream's row of the plan, as far as its replicas have to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The leader's term. Each change of the leader, and of what it may count on, has a greater one.
    pub epoch: Epoch,
    /// Counts the changes of this row: of two assignments the one with the greater revision is in force.
    pub revision: u64,
    /// Who leads in the epoch, or is to.
    pub leader: NodeId,
    /// The start of the leader's process that leads: a later one never leads in the same epoch (C3).
    pub boot: u64,
    /// Who counts.
    pub replicas: Vec<NodeId>,
    /// Who receives and does not count.
    pub joining: Vec<NodeId>,
    /// The set that it changes to: while there is one, a majority is one of each (C4).
    pub next: Option<Vec<NodeId>>,
    /// The replicas that have confirmed that they made their logs. Records are taken once these are a majority (C8).
    pub made: Vec<NodeId>,
    /// The revision of the last switch that concerns the stream: its leader sees to it that a mark says so.
    pub mark: u64,
}

impl Assignment {
    /// All who receive.
    pub fn members(&self) -> Vec<NodeId> {
        let next = self.next.iter().flatten();
        let mut members: Vec<NodeId> = self.replicas.iter().chain(&self.joining).chain(next).copied().collect();
        members.sort_unstable();
        members.dedup();
        members
    }

    /// Whether `node` counts for a majority.
    pub fn counts(&self, node: NodeId) -> bool {
        self.replicas.contains(&node) || self.next.iter().flatten().any(|one| *one == node)
    }

    /// Whether those for whom it holds are a majority: of the replicas, and of the next ones where the set changes.
    pub fn majority(&self, holds: impl Fn(NodeId) -> bool) -> bool {
        self.sets().all(|set| set.iter().filter(|node| holds(**node)).count() > set.len() / 2)
    }

    /// The greatest value that a majority has reached.
    pub fn reached<T: Ord + Copy + Default>(&self, value: impl Fn(NodeId) -> T) -> T {
        let of_set = |set: &Vec<NodeId>| {
            let mut values: Vec<T> = set.iter().map(|node| value(*node)).collect();
            values.sort_unstable();
            // Of 3 the second, of 4 the second, of 5 the third: as many as a majority have it or more.
            values.len().checked_sub(set.len() / 2 + 1).and_then(|at| values.get(at).copied()).unwrap_or_default()
        };
        self.sets().map(of_set).min().unwrap_or_default()
    }

    /// Whether records may be taken.
    pub fn is_open(&self) -> bool {
        self.replicas.iter().filter(|node| self.made.contains(node)).count() > self.replicas.len() / 2
    }

    fn sets(&self) -> impl Iterator<Item = &Vec<NodeId>> {
        std::iter::once(&self.replicas).chain(&self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(replicas: &[u64], next: Option<&[u64]>) -> Assignment {
        let nodes = |ids: &[u64]| ids.iter().map(|id| NodeId(*id)).collect::<Vec<NodeId>>();
        Assignment {
            epoch: Epoch(1),
            revision: 1,
            leader: NodeId(1),
            boot: 1,
            replicas: nodes(replicas),
            joining: Vec::new(),
            next: next.map(nodes),
            made: nodes(replicas),
            mark: 0,
        }
    }

    #[test]
    fn a_majority_is_one_of_each_set_while_it_changes() {
        let changing = set(&[1, 2, 3], Some(&[1, 4, 5]));
        let of = |ids: &[u64]| changing.majority(|node| ids.contains(&node.0));
        assert!(of(&[1, 2, 4]));
        assert!(!of(&[1, 2, 3]) && !of(&[1, 4, 5]) && !of(&[2, 3, 4]));
        assert!(of(&[2, 3, 4, 5]));
    }

    #[test]
    fn what_a_majority_has_reached_is_the_least_of_both_sets() {
        assert_eq!(set(&[1, 2, 3], None).reached(|node| node.0 * 10), 20);
        assert_eq!(set(&[1, 2], None).reached(|node| node.0 * 10), 10);
        assert_eq!(set(&[1, 2, 3, 4], None).reached(|node| node.0 * 10), 20);
        assert_eq!(set(&[4, 5, 6], Some(&[1, 2, 3])).reached(|node| node.0 * 10), 20);
        assert_eq!(set(&[1], None).reached(|node| node.0 * 10), 10);
    }
}
