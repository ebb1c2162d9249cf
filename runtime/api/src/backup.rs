//! Backups.

use serde::{Deserialize, Serialize};

/// The body of `POST /v1/backup`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackUp {
    /// The folder on the node's machine, with its whole path.
    pub directory: std::path::PathBuf,
}

/// The answer of `POST /v1/backup`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BackedUp {
    /// Where the backup is.
    pub directory: String,
    /// Bytes that were copied.
    pub written: u64,
    /// Bytes that were there from an earlier backup.
    pub reused: u64,
    /// How many source streams are in it.
    pub sources: u64,
    /// How many runs of derived streams.
    pub derived: u64,
    /// How many components.
    pub components: u64,
    /// How long it took.
    pub seconds: f64,
}
