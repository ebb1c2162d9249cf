//! Why a log cannot be opened, and why something was not appended.

use std::io;
use std::path::{Path, PathBuf};

use dag_storage::is_full;

use crate::{CommitError, NoRoom};

/// Why a log can't be opened or created.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no log in that folder.
    #[error("{}: no log here", .0.display())]
    Missing(PathBuf),
    /// There is a log in that folder already.
    #[error("{}: there is a log here already", .0.display())]
    Exists(PathBuf),
    /// Bytes that were on disk are not what was written.
    #[error("{file}: damaged at offset {offset}: {what}", file = file.display())]
    Damaged {
        /// The segment file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What was found.
        what: String,
    },
    /// A newer program wrote it. Nothing was changed.
    #[error(
        "{file} was written by a newer dag: its {what} have version {found}, and this dag reads up to {reads}; start the dag that \
         wrote it, or a newer one, on this data",
        file = file.display()
    )]
    Newer {
        /// The segment file.
        file: PathBuf,
        /// What in it is newer.
        what: &'static str,
        /// Its version.
        found: u16,
        /// The newest that is read.
        reads: u16,
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
    #[error("the batch has the columns ({found}), the log has ({expected})")]
    Schema {
        /// What the batch has.
        found: String,
        /// What the log has.
        expected: String,
    },
    /// Records without a time.
    #[error("{records} records have no time")]
    NoTime {
        /// How many.
        records: usize,
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
    /// What is appended next must be of a later epoch, which was not given yet.
    #[error("the log waits for an epoch after {last}")]
    NoEpoch {
        /// Its last epoch.
        last: u64,
    },
    /// An epoch can't begin after a later one, or twice.
    #[error("epoch {asked} can't begin: the log is in epoch {last}")]
    StaleEpoch {
        /// The epoch that was to begin.
        asked: u64,
        /// The log's.
        last: u64,
    },
    /// The disk is full; the log takes appends again when there is room.
    #[error("{}: the disk is full", .0.display())]
    Full(PathBuf),
    /// Only so much of the disk is free as stays free; the log takes appends again when there is more.
    #[error(transparent)]
    Reserved(NoRoom),
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

impl AppendError {
    pub(crate) fn io(file: &Path, source: io::Error) -> AppendError {
        match is_full(&source) {
            true => AppendError::Full(file.to_owned()),
            false => AppendError::Io { file: file.to_owned(), source },
        }
    }
}
