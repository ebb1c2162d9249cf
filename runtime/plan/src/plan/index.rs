//! Ways to find things in a plan without going through all of it. Nothing here is kept: it follows from the rest.

use dag_model::{Digest, IncarnationId, NodeId, StreamId};
use rpds::{RedBlackTreeMapSync as Map, RedBlackTreeSetSync as Set};

use crate::course::{Course, Life};
use crate::entity::Revision;
use crate::incarnation::LogId;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Index {
    pub names: Map<String, StreamId>,
    /// By component: the places of its deployments.
    pub components: Map<String, Set<u64>>,
    /// By version: the same.
    pub digests: Map<Digest, Set<u64>>,
    pub expressions: Map<String, Set<IncarnationId>>,
    pub live: Set<IncarnationId>,
    pub idle: Map<IncarnationId, Revision>,
    /// By log: the live incarnations that read it.
    pub reading: Map<LogId, Set<IncarnationId>>,
    /// By log: all incarnations that read it.
    pub readers: Map<LogId, Set<IncarnationId>>,
    pub held: Map<NodeId, Set<IncarnationId>>,
    /// By source: the cursors in its log.
    pub cursors: Map<StreamId, Set<String>>,
}

impl Index {
    pub fn learn(&mut self, id: IncarnationId, course: &Course) {
        add(&mut self.expressions, course.record.stream.clone(), id);
        for log in course.record.logs() {
            add(&mut self.readers, *log, id);
        }
        if let Life::Live { idle } = course.life {
            self.live.insert_mut(id);
            if let Some(since) = idle {
                self.idle.insert_mut(id, since);
            }
            for log in course.record.logs() {
                add(&mut self.reading, *log, id);
            }
        }
        for (node, _) in course.holds.iter().filter(|(_, hold)| hold.held) {
            add(&mut self.held, *node, id);
        }
    }

    pub fn forget(&mut self, id: IncarnationId, course: &Course) {
        remove(&mut self.expressions, &course.record.stream, &id);
        self.live.remove_mut(&id);
        self.idle.remove_mut(&id);
        for log in course.record.logs() {
            remove(&mut self.readers, log, &id);
            remove(&mut self.reading, log, &id);
        }
        for node in course.holds.keys() {
            remove(&mut self.held, node, &id);
        }
    }
}

pub(super) fn add<K: Ord + Clone, V: Ord + Clone>(index: &mut Map<K, Set<V>>, key: K, value: V) {
    match index.get_mut(&key) {
        Some(values) => values.insert_mut(value),
        None => index.insert_mut(key, Set::new_sync().insert(value)),
    }
}

pub(super) fn remove<K: Ord + Clone, V: Ord + Clone>(index: &mut Map<K, Set<V>>, key: &K, value: &V) {
    let Some(values) = index.get_mut(key) else { return };
    values.remove_mut(value);
    if values.is_empty() {
        index.remove_mut(key);
    }
}
