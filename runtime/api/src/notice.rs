//! What subscribers are told besides records.

use serde::{Deserialize, Serialize};

/// What happened to a computation: a line of `GET /v1/subscriptions/{id}/notices`, and the data of a server-sent event `notice`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its stream's canonical expression: the one that is subscribed to, or one that this is computed from.
    pub stream: String,
    /// The run of it.
    pub incarnation: u64,
    /// As in the status: `restarting` after a failure, `running` when it has got past it.
    pub state: String,
    /// What the failure was, as in the status.
    pub error: Option<String>,
    /// Complete, for people.
    pub message: String,
}
