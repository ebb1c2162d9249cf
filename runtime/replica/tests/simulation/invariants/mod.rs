//! What must hold at every moment of every schedule, each in a file of its own. What they compare with is the [`Truth`].

pub mod answered_when_committed;
pub mod append_is_whole;
pub mod batches_in_order;
pub mod committed_is_durable;
pub mod committed_stays;
pub mod ends_are_current;
pub mod epochs_agree;
pub mod marks_go_on;
pub mod one_content;
pub mod one_leader;
pub mod prefix_is_a_fold;
pub mod said_is_durable;
pub mod settles;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dag_replica::{Append, Epoch, Index, Kind, Point, Prefix};

/// What was ever written, and what was ever called committed.
#[derive(Debug, Default)]
pub struct Truth {
    /// Each append, and the one before it, at its first writing anywhere.
    pub contents: BTreeMap<Point, (Append, Point)>,
    /// The log of what was called committed.
    pub committed: Vec<Append>,
    /// What follows from each prefix of it; that of nothing first.
    pub folded: Vec<Prefix>,
    /// Who wrote in each epoch.
    pub leaders: BTreeMap<Epoch, (u64, u64)>,
    /// The batches in what is committed: publisher, session, number.
    pub batches: BTreeSet<(String, u64, u64)>,
    /// The session and number of the last of them of each publisher.
    pub last: BTreeMap<String, (u64, u64)>,
    /// Whether the stream is sealed in what is committed.
    pub sealed: Option<Index>,
    /// What clients sent, by a body that nothing else has.
    pub sent: BTreeMap<Arc<[u8]>, Kind>,
}

impl Truth {
    /// Of nothing.
    pub fn new() -> Truth {
        Truth { folded: vec![Prefix::default()], ..Truth::default() }
    }

    /// A committed append.
    pub fn get(&self, index: Index) -> Option<&Append> {
        self.committed.get(usize::try_from(index.0.checked_sub(1)?).ok()?)
    }

    /// The last of them.
    pub fn end(&self) -> Index {
        Index(self.committed.len() as u64)
    }
}
