//! Publishing.

use serde::{Deserialize, Serialize};

/// The parameters of `POST /v1/streams/{name}/records`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PublishParameters {
    /// Makes the request idempotent, together with the next two.
    pub publisher: Option<String>,
    /// Which run of the publisher this is.
    pub session: Option<u64>,
    /// The number of the batch in its session, from 1.
    pub batch: Option<u64>,
    /// Nothing earlier than this time will come from this publisher: RFC 3339.
    pub heartbeat: Option<String>,
    /// The publisher says goodbye.
    pub leave: bool,
    /// Its history is complete.
    pub done: bool,
    /// The stream ends.
    pub seal: bool,
    /// Lifts the check against records from the future.
    pub history: bool,
    /// The number of the body's first line in its file.
    pub line: Option<u64>,
    /// The name of the time column in this body.
    pub time: Option<String>,
}

/// The answer of `POST /v1/streams/{name}/records`, also where some records were refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Records that were on time.
    pub accepted: u64,
    /// Records that came late, and were kept apart.
    pub late: u64,
    /// Lines that are not records of the stream.
    pub refused: u64,
    /// Whether this batch had been accepted before.
    pub repeat: bool,
    /// The lower session that the publisher's name was taken over from with this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took_over: Option<TookOver>,
    /// The position of the first record, where there is one.
    pub first: Option<String>,
    /// The position after the last.
    pub end: String,
    /// The stream's frontier now.
    pub frontier: Option<String>,
    /// Why lines were refused, the first 1,000 of them.
    pub refusals: Vec<dag_codec::Refusal>,
}

/// A session whose publisher's name was taken over. Who did not mean to sees it here, and takes another name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TookOver {
    /// Its number.
    pub session: u64,
    /// Its last batch that was accepted.
    pub batch: u64,
    /// Whether it held the frontier, and so may still be publishing: from now on it is refused as `fenced`.
    pub joined: bool,
    /// When it was last heard of.
    pub heard: String,
}

/// The answer of `GET /v1/streams/{name}/publishers/{publisher}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublisherProgress {
    /// Its name.
    pub name: String,
    /// The run of the publisher that the batches are numbered in.
    pub session: u64,
    /// The last batch that was accepted; 0 before the first.
    pub batch: u64,
    /// Whether it holds the frontier.
    pub joined: bool,
}
