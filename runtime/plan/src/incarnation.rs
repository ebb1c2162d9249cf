//! The incarnation record: all that a computation's output depends on besides its input logs.

use std::time::Duration;

use dag_model::{Digest, Frontier, IncarnationId, Timestamp};
use serde::{Deserialize, Serialize};

/// One run of a computation from one starting point. Persisted; fixed when made and only appended to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incarnation {
    /// Names this run, and its log.
    pub id: IncarnationId,
    /// The canonical expression.
    pub stream: String,
    /// The components that it has run.
    pub ran: Vec<Ran>,
    /// Where it starts in each input.
    pub inputs: Vec<InputStart>,
    /// Which of its results are complete, and so shown.
    pub began: Began,
    /// Where it ends by itself: set for a backfill.
    pub until: Option<Until>,
    /// The number of key ranges that a transform runs as.
    pub shards: u32,
    /// The number of the version of the host's [windowing](dag_model::Windowing).
    pub windowing: u32,
    /// What each instance of its operator may use.
    pub limits: Limits,
    /// The input records that it was told to skip.
    pub skipped: Vec<Skipped>,
}

/// What an instance of an operator may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: u64,
    /// Time that one call may take.
    pub call: Duration,
    /// Bytes that one call may return.
    pub output: u64,
}

/// An input record that a computation was told to skip, because its operator fails on it every time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Which of the inputs it came from.
    pub input: u32,
    /// Its log.
    pub log: LogId,
    /// Its number there.
    pub sequence: u64,
    /// What the operator did.
    pub why: String,
}

/// A component that an incarnation ran, and where it took over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// The component.
    pub digest: Digest,
    /// The frontier of the output at which it took over: what was emitted before is its predecessor's.
    pub from: Frontier,
    /// The sequence of its first record in the output.
    pub output: u64,
    /// Where it took over in each input; empty for the first one, which begins where the incarnation does.
    pub inputs: Vec<InputStart>,
}

impl Ran {
    /// The component that an incarnation starts with.
    pub fn first(digest: Digest) -> Ran {
        Ran { digest, from: Frontier::START, output: 0, inputs: Vec::new() }
    }
}

/// Where a computation starts in an input stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputStart {
    /// The logs to read one after the other; each but the last ends.
    pub legs: Vec<Leg>,
    /// Earlier records are dropped.
    pub from: Timestamp,
    /// Whether the late records of a source are meant, instead of those on time.
    pub late: bool,
}

/// A log and where to start in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// The log.
    pub log: LogId,
    /// The first record to read.
    pub sequence: u64,
}

/// A log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LogId {
    /// Of a source stream, or of one that holds what a derived stream has passed over.
    Source(String),
    /// Of a run of a derived stream.
    Derived(IncarnationId),
}

/// From where on a run's results are complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Began {
    /// All results at or after this time are there, and none before.
    At(Timestamp),
    /// In input order, from a record of its input on that no time describes.
    Next,
}

/// Where a backfill ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Until {
    /// It shows only results before this time.
    Time(Timestamp),
    /// It reads its only input up to this sequence, exclusive.
    Sequence(u64),
}
