//! What went wrong, in an answer.

use serde::{Deserialize, Serialize};

/// The body of every answer that is not a success.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// What failed.
    pub error: Cause,
}

/// What failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cause {
    /// Stable, for programs.
    pub code: String,
    /// Complete, for people.
    pub message: String,
}
