//! What a stream does, and why no output comes.

use serde::{Deserialize, Serialize};

/// The answer of `GET /v1/explain`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// The canonical expression.
    pub stream: String,
    /// The stream and, after it, what feeds it.
    pub streams: Vec<Explained>,
    /// The node's clock.
    pub clock: String,
}

/// A stream of an explanation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Explained {
    /// Its canonical expression.
    pub stream: String,
    /// `source` or `derived`.
    pub kind: String,
    /// As in listings; `absent` where nothing computes it.
    pub state: String,
    /// Records read, or published.
    pub records_in: u64,
    /// Records written.
    pub records_out: u64,
    /// Records that came late.
    pub late: u64,
    /// Lines that were no records.
    pub refused: u64,
    /// The time of the newest record.
    pub last_time: Option<String>,
    /// As in listings.
    pub frontier: Option<String>,
    /// The input frontier at which the next result comes.
    pub next: Option<String>,
    /// One sentence on why no output comes.
    pub cause: Option<String>,
    /// Records of its input that are skipped, because its operator fails on them.
    #[serde(rename = "passed_over", default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedRecord>,
}

/// A record that a computation skips.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedRecord {
    /// The stream that it is of.
    pub stream: String,
    /// Its position there.
    pub position: String,
    /// What the operator did.
    pub why: String,
}
