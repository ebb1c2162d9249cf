//! A source stream as the plan knows it.

use serde::{Deserialize, Serialize};

use crate::entity::Revision;

/// Who writes a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Publishers.
    Published,
    /// The node, with what the derived stream of this canonical name has skipped.
    Errors(String),
}

/// A source stream. Persisted: the order of the fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStream {
    /// Its name, which no other has at the same time.
    pub name: String,
    /// Who writes it.
    pub origin: Origin,
    /// Its settings as JSON; the plan does not look into them.
    pub settings: String,
    /// Whether its log has been made, durably: from then on it is lost where it is not there, and never made anew.
    pub made: bool,
    /// The epoch in which its leader writes; 0 where the log itself still counts them.
    pub epoch: u64,
    /// When it was last changed.
    pub revision: Revision,
}
