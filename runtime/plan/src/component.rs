//! Components as the plan knows them: which version was made the current one of its name, when and how.

use dag_model::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::entity::Revision;

/// How a version became the current one. Persisted: the order of the variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// The binary brought it.
    Embedded,
    /// Somebody deployed it.
    Deployed,
    /// Somebody went back to it.
    RolledBack,
}

impl How {
    /// As listings show it.
    pub fn name(self) -> &'static str {
        match self {
            How::Embedded => "embedded",
            How::Deployed => "deployed",
            How::RolledBack => "rolled back",
        }
    }
}

/// A version's name and number, as its component says them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The component's name.
    pub component: String,
    /// The version's number: `1.2.0`.
    pub version: String,
}

/// That a version became the current one. Persisted: the order of the fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// The SHA-256 of its bytes.
    pub digest: Digest,
    /// What it is called; none as long as nobody has asked a component that was deployed before names were kept.
    pub named: Option<Named>,
    /// When; none where times were not kept then.
    pub at: Option<Timestamp>,
    /// How.
    pub how: How,
    /// When it was last changed.
    pub revision: Revision,
}

/// What deployments of a component said of what its instances may use. Persisted: the order of the fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaidLimits {
    /// As JSON; the plan does not look into it.
    pub settings: String,
    /// When it was last changed.
    pub revision: Revision,
}
