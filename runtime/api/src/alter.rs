//! What may change of a stream while it lives.

use serde::{Deserialize, Serialize};

use super::create::Clock;

/// The body of `PATCH /v1/streams/{name}`: what is not given stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlterStream {
    /// How far a publisher's records may lie behind its latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_order: Option<String>,
    /// How far past the node's clock a live record may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_ahead: Option<String>,
    /// How long a named publisher may be silent before it is taken to have left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<String>,
    /// Who speaks for the stream when no publisher does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// How long records are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<AlterRetention>,
    /// Of a derived stream: what becomes of a record on which its operator fails every time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_error: Option<OnError>,
    /// Cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<serde_json::Value>,
    /// Cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<serde_json::Value>,
    /// Cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durability: Option<serde_json::Value>,
}

/// How long records are kept from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlterRetention {
    /// Since they were appended; `none` for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<String>,
    /// At most so many bytes of them; 0 for any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// What becomes of a record on which an operator fails every time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The computation stops there.
    #[default]
    Stop,
    /// The record is skipped.
    Skip,
}
