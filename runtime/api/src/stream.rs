//! Streams as they are listed.

use serde::{Deserialize, Serialize};

use super::alter::OnError;
use super::create::CreateStream;

/// The answer of `GET /v1/streams`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Streams {
    /// Sources and derived streams.
    pub streams: Vec<Stream>,
}

/// A stream.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Stream {
    /// Its canonical expression.
    pub name: String,
    /// `source` or `derived`.
    pub kind: String,
    /// Its columns besides the time.
    pub schema: Vec<Column>,
    /// Records kept, late ones included.
    pub records: u64,
    /// Late records among them.
    pub late: u64,
    /// On disk.
    pub bytes: u64,
    /// A time, `sealed`, or none while nobody has spoken for the stream.
    pub frontier: Option<String>,
    /// The time of the newest record.
    pub last_time: Option<String>,
    /// `open`, `sealed`, `unavailable`, `running`, `lingering`, `finished`, `failed` or `stored`.
    pub state: String,
    /// How many subscriptions read it.
    pub subscribers: usize,
    /// The position of the earliest record kept.
    pub earliest: Option<String>,
    /// How many computations of it run.
    pub computations: usize,
    /// Of a source: how it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<CreateStream>,
    /// Of a derived stream: what becomes of a record on which its operator fails every time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_error: Option<OnError>,
    /// Of a source: who publishes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub publishers: Vec<Publisher>,
    /// Something that deserves saying.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A column of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type: `float64`.
    #[serde(rename = "type")]
    pub ty: String,
}

/// A publisher of a source stream.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Publisher {
    /// Its name.
    pub name: String,
    /// The time before which it sends nothing.
    pub bound: Option<String>,
    /// Since when it has been joined.
    pub joined: String,
    /// When it is taken to have left, unless it speaks.
    pub idle_at: String,
}
