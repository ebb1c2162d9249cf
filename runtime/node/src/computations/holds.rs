//! Who of this node's subscriptions reads which incarnation. The plan is told only of none and some.

use std::collections::{BTreeMap, BTreeSet};

use dag_model::IncarnationId;
use dag_plan::LeaseId;

/// The incarnations that subscriptions read. A word to the plan is numbered under the lock that this lies under, so that the one that
/// counts there is the last.
#[derive(Debug, Default)]
pub struct Holds {
    /// The number of the last word.
    number: u64,
    leases: BTreeMap<LeaseId, BTreeSet<IncarnationId>>,
    users: BTreeMap<IncarnationId, BTreeSet<LeaseId>>,
}

impl Holds {
    /// The number of the next word on what is held.
    pub fn next(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// A subscription reads an incarnation; says whether another one has before.
    pub fn add(&mut self, lease: LeaseId, id: IncarnationId) -> bool {
        self.leases.entry(lease).or_default().insert(id);
        let users = self.users.entry(id).or_default();
        let used = users.iter().any(|user| *user != lease);
        users.insert(lease);
        used
    }

    /// A subscription reads nothing any more; returns what nobody reads since.
    pub fn remove(&mut self, lease: LeaseId) -> Vec<IncarnationId> {
        let mut unused = Vec::new();
        for id in self.leases.remove(&lease).unwrap_or_default() {
            let Some(users) = self.users.get_mut(&id) else { continue };
            users.remove(&lease);
            if users.is_empty() {
                self.users.remove(&id);
                unused.push(id);
            }
        }
        unused
    }

    /// An incarnation is forgotten: whoever has read it may take its time to let go.
    pub fn forget(&mut self, id: IncarnationId) {
        self.users.remove(&id);
    }

    /// Whether a subscription reads it.
    pub fn is_used(&self, id: IncarnationId) -> bool {
        self.users.contains_key(&id)
    }

    /// The subscriptions that read it.
    pub fn users(&self, id: IncarnationId) -> impl Iterator<Item = LeaseId> {
        self.users.get(&id).into_iter().flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incarnation_is_unused_once_the_last_of_its_subscriptions_is_gone() {
        let mut holds = Holds::default();
        let [one, two] = [1, 2].map(LeaseId);
        let [a, b] = [1, 2].map(IncarnationId);
        assert_eq!(
            [holds.add(one, a), holds.add(one, a), holds.add(two, a), holds.add(two, b)],
            [false, false, true, false]
        );
        assert_eq!(holds.remove(one), []);
        assert_eq!(holds.users(a).collect::<Vec<_>>(), [two]);
        assert_eq!(holds.remove(two), [a, b]);
        assert_eq!((holds.is_used(a), holds.remove(two)), (false, vec![]));
    }
}
