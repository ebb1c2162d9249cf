//! A source: a log that publishers write.

use std::path::Path;
use std::time::Duration;

use arrow_array::RecordBatch;
use dag_model::{Frontier, Schema, Timestamp};

use crate::{AppendError, Commit, Committer, Joined, Log, OpenError, Options, PublisherId, Refused};

/// How a source treats time and publishers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceOptions {
    /// How its log is kept.
    pub log: Options,
    /// How much earlier than its latest record a publisher's next record may be.
    pub out_of_order: Duration,
    /// How far past the node's clock a live record may be.
    pub max_ahead: Duration,
    /// How long a named publisher may be silent before it is taken to have left.
    pub idle: Duration,
    /// Whether the node speaks for the stream when no publisher does.
    pub clock_node: bool,
}

impl Default for SourceOptions {
    fn default() -> Self {
        SourceOptions {
            log: Options::default(),
            out_of_order: Duration::ZERO,
            max_ahead: Duration::from_secs(600),
            idle: Duration::from_secs(30),
            clock_node: false,
        }
    }
}

/// A publisher's request.
#[derive(Clone, Debug, Default)]
pub struct Publish {
    /// Who publishes; an unnamed publisher is joined for this request only.
    pub publisher: Option<PublisherId>,
    /// Its records, in the log's columns.
    pub batch: Option<RecordBatch>,
    /// Nothing earlier will follow. Applies after the batch.
    pub heartbeat: Option<Timestamp>,
    /// The publisher's history is at its end: its bound becomes its latest record's time + 1 ns, and it leaves.
    pub done: bool,
    /// The stream is at its end.
    pub seal: bool,
    /// The publisher leaves.
    pub leave: bool,
    /// Records may be later than the node's clock.
    pub history: bool,
}

/// The answer to a request.
#[derive(Clone)]
pub struct Receipt {
    /// How many records were appended, late ones included.
    pub accepted: usize,
    /// How many of them are late.
    pub late: usize,
    /// The rows that were refused; all others were appended.
    pub refused: Vec<Refused>,
    /// Whether the batch had been accepted before: then nothing was appended.
    pub repeat: bool,
    /// The epoch of the records.
    pub epoch: u64,
    /// The sequence of the first record appended.
    pub first: u64,
    /// The sequence after the last.
    pub end: u64,
    /// The frontier after the request.
    pub frontier: Frontier,
    /// Resolves when the request, or the one that it repeats, is durable.
    pub commit: Commit,
}

/// Why a request was refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The stream is at its end.
    #[error("the stream is sealed")]
    Sealed,
    /// Another process took over the name.
    #[error("session {session} of publisher `{name}` was taken over by session {by}")]
    Fenced {
        /// The publisher.
        name: String,
        /// The session that asked.
        session: u64,
        /// The session that has the name now.
        by: u64,
    },
    /// A batch is missing before this one.
    #[error("batch {found} of publisher `{name}` came where batch {expected} was expected")]
    Gap {
        /// The publisher.
        name: String,
        /// The number that is accepted next.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// The heartbeat is too far past the node's clock.
    #[error("the heartbeat {heartbeat} is more than {max_ahead:?} past the node's clock, {now}")]
    HeartbeatAhead {
        /// What was said.
        heartbeat: Timestamp,
        /// What is allowed.
        max_ahead: Duration,
        /// The node's clock.
        now: Timestamp,
    },
    /// The publisher's name is too long.
    #[error("a publisher's name has at most {limit} bytes, this one has {found}")]
    NameTooLong {
        /// Its length.
        found: usize,
        /// The longest that is taken.
        limit: usize,
    },
    /// More publishers are joined than a stream may have.
    #[error("{limit} publishers are joined, which is the limit")]
    TooManyPublishers {
        /// How many may be joined.
        limit: usize,
    },
    /// The log did not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// What a source counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Records in its log since it was created, late ones included.
    pub records: u64,
    /// Late ones among them.
    pub late: u64,
    /// Rows refused since it was opened.
    pub refused: u64,
    /// The size of its log.
    pub bytes: u64,
    /// The frontier.
    pub frontier: Frontier,
    /// Named publishers that are joined; the one with the least bound, which holds the frontier, comes first.
    pub joined: Vec<Joined>,
}

/// A source stream: a log and its publishers.
pub struct Source {}

impl Source {
    /// Makes an empty source in `dir`, which is created.
    pub fn create(_: &Path, _: &Schema, _: SourceOptions, _: &Committer) -> Result<Source, OpenError> {
        todo!()
    }

    /// Opens the source in `dir`. Publishers that were joined still are; their idle time starts at `now`.
    pub fn open(_: &Path, _: SourceOptions, _: &Committer, _now: Timestamp) -> Result<Source, OpenError> {
        todo!()
    }

    /// Its log, for readers.
    pub fn log(&self) -> &Log {
        todo!()
    }

    /// Takes a publisher's request.
    pub fn publish(&self, _request: Publish, _now: Timestamp) -> Result<Receipt, PublishError> {
        todo!()
    }

    /// The session and the last accepted batch of a publisher, for a rerun that resumes.
    pub fn publisher(&self, _name: &str) -> Option<(u64, u64)> {
        todo!()
    }

    /// Lets silent publishers leave; returns [`next_deadline`](Source::next_deadline).
    pub fn tick(&self, _now: Timestamp) -> Result<Option<Timestamp>, AppendError> {
        todo!()
    }

    /// When the next publisher will have been silent for too long.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        todo!()
    }

    /// The node says that nothing before `time` will follow. Does nothing unless the source has `clock_node` and nobody is joined.
    pub fn node_heartbeat(&self, _time: Timestamp, _now: Timestamp) -> Result<(), AppendError> {
        todo!()
    }

    /// What it counted.
    pub fn stats(&self) -> Stats {
        todo!()
    }
}
