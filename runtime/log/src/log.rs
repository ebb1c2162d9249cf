//! A stream's log.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use dag_model::{Frontier, Schema, Timestamp};

use crate::{Commit, CommitError, Committer, Entry, Loaded, ReadError, Reader, Start, Watch};

/// When an append is shown to readers and acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When it is on disk.
    #[default]
    Fsync,
    /// When it is written: a crash of the machine may take it, and then a new epoch begins.
    Os,
    /// When it is written; what a crash takes is computed again.
    Derived,
}

/// What is kept. The default keeps everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Segments whose last entry was appended longer ago are removed.
    pub age: Option<Duration>,
    /// The oldest segments are removed while all together are larger.
    pub bytes: Option<u64>,
}

/// How a log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// A segment that has grown this large is sealed and the next begun.
    pub segment_bytes: u64,
    /// When appends are shown.
    pub durability: Durability,
    /// What is kept.
    pub retention: Retention,
}

impl Default for Options {
    fn default() -> Self {
        Options { segment_bytes: 64 << 20, durability: Durability::Fsync, retention: Retention::default() }
    }
}

/// Why a log can't be opened or created.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no log in that folder.
    #[error("{}: no log here", .0.display())]
    Missing(PathBuf),
    /// Bytes in the middle are not what was written.
    #[error("{file}: damaged at offset {offset}: {what}", file = file.display())]
    Damaged {
        /// The segment file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What was found.
        what: String,
    },
    /// A file can't be read or written.
    #[error("{file}: {source}", file = file.display())]
    Io {
        /// The file or folder.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Why nothing was appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The batch's columns are not the log's.
    #[error("the batch has the columns {found}, the log has {expected}")]
    Schema {
        /// What the batch has.
        found: String,
        /// What the log has.
        expected: String,
    },
    /// One record is larger than an entry may be.
    #[error("a record of {bytes} bytes is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The record's size.
        bytes: usize,
        /// The largest that is taken.
        limit: usize,
    },
    /// The log ended or is sealed.
    #[error("the log is sealed")]
    Sealed,
    /// The disk is full; the log takes appends again when there is room.
    #[error("the disk is full")]
    Full,
    /// The file can't be written.
    #[error("{file}: {source}", file = file.display())]
    Io {
        /// The segment file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An earlier write failed.
    #[error(transparent)]
    Failed(#[from] CommitError),
}

/// What readers can see of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visible {
    /// The epoch of the next record.
    pub epoch: u64,
    /// The sequence after the last visible record.
    pub end: u64,
    /// The frontier there.
    pub frontier: Frontier,
    /// The greatest time of any record so far, trimmed ones included; [`Timestamp::MIN`] when there was none.
    pub max_time: Timestamp,
    /// Whether the incarnation that wrote it is at its end.
    pub ended: bool,
}

/// What is left at the front of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earliest {
    /// The earliest sequence that is kept.
    pub sequence: u64,
    /// All removed records are earlier than this; [`Timestamp::MIN`] when none was removed.
    pub complete_from: Timestamp,
}

/// What [`Log::trim`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// How many segments.
    pub segments: usize,
    /// Their size.
    pub bytes: u64,
}

/// A hash over all records of a log in sequence, whatever the cuts between its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningHash {
    /// How many records it covers.
    pub sequence: u64,
    /// Per column.
    pub columns: Vec<u64>,
}

/// A stream's log. Clones are handles of one log.
#[derive(Clone)]
pub struct Log {
    _inner: Arc<()>,
}

impl Log {
    /// Makes an empty log in `dir`, which is created.
    pub fn create(_dir: &Path, _schema: &Schema, _options: Options, _committer: &Committer) -> Result<Log, OpenError> {
        todo!()
    }

    /// Opens the log in `dir`, cutting a torn tail.
    pub fn open(_dir: &Path, _options: Options, _committer: &Committer) -> Result<Log, OpenError> {
        todo!()
    }

    /// Removes all files of this log. Handles that remain can't read any more.
    pub fn remove(&self) -> io::Result<()> {
        todo!()
    }

    /// The stream's columns.
    pub fn schema(&self) -> &Schema {
        todo!()
    }

    /// The same as Arrow's, with `time`.
    pub fn arrow_schema(&self) -> &SchemaRef {
        todo!()
    }

    /// Appends records, none late, and the frontier after them; returns the sequence of the first.
    ///
    /// A frontier that is less than the one before counts as that.
    pub fn append(&self, _batch: &RecordBatch, _frontier: Frontier, _now: Timestamp) -> Result<u64, AppendError> {
        todo!()
    }

    /// Appends a frontier; nothing where it is not greater than the one before.
    pub fn advance(&self, _frontier: Frontier, _now: Timestamp) -> Result<(), AppendError> {
        todo!()
    }

    /// Appends the end of the incarnation: nothing can be appended after it.
    pub fn end(&self, _frontier: Frontier, _now: Timestamp) -> Result<(), AppendError> {
        todo!()
    }

    /// Asks for what was appended so far to be made durable, whatever the durability of the log.
    pub fn sync(&self) -> Commit {
        todo!()
    }

    /// What readers can see.
    pub fn visible(&self) -> Visible {
        todo!()
    }

    /// Calls `notify` after every change of [`visible`](Log::visible), on the thread that made it: it must not block.
    pub fn on_visible(&self, _notify: Arc<dyn Fn() + Send + Sync>) -> Watch {
        todo!()
    }

    /// What is left at the front.
    pub fn earliest(&self) -> Earliest {
        todo!()
    }

    /// A reader from `start` on.
    pub fn reader(&self, _start: Start) -> Result<Reader, ReadError> {
        todo!()
    }

    /// Whether a reader that has read everything before `sequence` of `epoch` can go on from there.
    pub fn check(&self, _epoch: u64, _sequence: u64) -> Result<(), ReadError> {
        todo!()
    }

    /// The records of an entry of this log.
    pub fn load(&self, _entry: &Entry) -> Result<Loaded, ReadError> {
        todo!()
    }

    /// Removes what retention no longer keeps.
    pub fn trim(&self, _now: Timestamp) -> io::Result<Trimmed> {
        todo!()
    }

    /// The size of all segments.
    pub fn bytes(&self) -> u64 {
        todo!()
    }

    /// The running hash after the last append.
    pub fn running_hash(&self) -> RunningHash {
        todo!()
    }
}
