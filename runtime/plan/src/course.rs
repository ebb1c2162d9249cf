//! The course of an incarnation: its record, what is to take over, who holds it, and what became of it.

use std::collections::BTreeMap;

use dag_model::{IncarnationId, NodeId};
use serde::{Deserialize, Serialize};

use crate::entity::Revision;
use crate::incarnation::{Incarnation, LogId};
use crate::turn::Turn;

/// What became of an incarnation. Persisted: the order of the variants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Life {
    /// It is computed.
    Live {
        /// Since when nobody uses it: it lingers, and whoever says that this has lasted long enough names this revision.
        idle: Option<Revision>,
    },
    /// It is not computed; its log stays for a while, and it can go on from there.
    Stored,
    /// Its log has everything and ends.
    Finished,
    /// It could not go on, and why. Whoever wants it again lets it try again.
    Failed(String),
    /// It computed something else than it had before, and what. It is never computed again.
    Quarantined(String),
    /// Records that it had read were lost, and which. It is never computed again.
    Lost(String),
}

/// A node's word on whether it has subscribers that read an incarnation. Persisted: the order of the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The start of the node that says so.
    pub boot: u64,
    /// The number of the word; a node raises it with each, and an older word changes nothing.
    pub number: u64,
    /// Whether it has.
    pub held: bool,
}

/// The course of an incarnation. Persisted: the order of the fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// All that its output depends on besides its input logs.
    pub record: Incarnation,
    /// The versions that are to take over, at marks that no copy has come to yet, in the order of these.
    pub turns: Vec<Turn>,
    /// What became of it.
    pub life: Life,
    /// What nodes said of their subscribers while it has been live.
    pub holds: BTreeMap<NodeId, Hold>,
    /// When its record or its life last changed. Holds and lingering do not count: they commute.
    pub revision: Revision,
}

impl Course {
    /// Whether it is computed.
    pub fn is_live(&self) -> bool {
        matches!(self.life, Life::Live { .. })
    }

    /// Whether it is not computed and could be, also after it failed.
    pub fn is_stopped(&self) -> bool {
        matches!(self.life, Life::Stored | Life::Failed(_))
    }

    /// Whether a node has subscribers that read it.
    pub fn is_held(&self) -> bool {
        self.holds.values().any(|hold| hold.held)
    }

    /// The incarnations that it reads.
    pub fn inputs(&self) -> impl Iterator<Item = IncarnationId> {
        self.record.logs().filter_map(|log| match log {
            LogId::Derived(id) => Some(*id),
            LogId::Source(_) => None,
        })
    }
}
