//! Subscribing.

use serde::{Deserialize, Serialize};

/// The parameters of `GET /v1/subscribe`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SubscribeParameters {
    /// The stream.
    pub expr: String,
    /// `newest`, `earliest`, `latest`, a time, or a position.
    pub from: Option<String>,
    /// An age.
    pub since: Option<String>,
    /// A time: RFC 3339.
    pub until: Option<String>,
    /// Ends after so many records.
    pub limit: Option<u64>,
    /// Time order.
    pub ordered: bool,
    /// A column `position`.
    pub positions: bool,
    /// An unknown stream or operator is waited for.
    pub wait: bool,
    /// `json`, `csv`, `arrow` or `sse`.
    pub format: Option<String>,
    /// The cursor to read with.
    pub cursor: Option<String>,
    /// Goes on as that reader of the cursor.
    pub reader: Option<u64>,
    /// The position of the last record that this reader has read.
    pub after: Option<String>,
}
