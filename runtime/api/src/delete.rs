//! Deleting streams.

use serde::{Deserialize, Serialize};

/// The parameters of `DELETE /v1/streams/{name}`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeleteParameters {
    /// Ends what uses the stream.
    pub force: bool,
    /// Only tells what would be done.
    pub dry_run: bool,
}

/// The answer of `DELETE /v1/streams/{name}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Deleted {
    /// The stream: a source's name, or a canonical expression.
    pub stream: String,
    /// The derived streams of which what is stored goes with it.
    pub derived: Vec<String>,
    /// The cursors that go with it.
    pub cursors: Vec<String>,
    /// The streams whose computations were ended.
    pub stopped: Vec<String>,
    /// How many subscriptions were ended.
    pub readers: usize,
    /// Whether this only tells what would be done.
    pub dry_run: bool,
}
