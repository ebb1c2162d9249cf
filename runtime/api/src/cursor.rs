//! Named cursors.

use serde::{Deserialize, Serialize};

/// The answer of `GET /v1/cursors`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cursors {
    /// By name.
    pub cursors: Vec<Cursor>,
}

/// A cursor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cursor {
    /// Its name.
    pub name: String,
    /// The stream that it belongs to.
    pub stream: String,
    /// `reading`, `idle`, `behind` where retention has overtaken it, or `gone` where its log was removed.
    pub state: String,
    /// The position of the next record.
    pub next: String,
    /// The newest of its readers.
    pub reader: u64,
    /// How many records lie behind it in its log, late ones included; none where that is gone.
    pub lag: Option<u64>,
    /// How many records retention has removed that it had not passed.
    pub lost: u64,
    /// When it was made.
    pub created: String,
    /// When an acknowledgement moved it last.
    pub acknowledged: Option<String>,
}

/// The body of `POST /v1/cursors/{name}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledge {
    /// Who acknowledges.
    pub reader: u64,
    /// The position of the last record that was read.
    pub after: String,
}

/// The body of `PUT /v1/cursors/{name}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetCursor {
    /// Where to, as a subscription's `from`.
    pub to: String,
}
