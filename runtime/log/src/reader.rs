//! Reading a log from a place on.

use dag_model::{Frontier, Timestamp};

use crate::Entry;

/// Where to begin reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the earliest entry that is kept.
    Earliest,
    /// With the entry that holds this sequence. Its records before it are the caller's to skip.
    Sequence(u64),
    /// With the first entry that has a record at this time or later: all entries before hold only earlier records.
    Time(Timestamp),
    /// With what comes next.
    End,
}

/// Why a log can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Retention has removed what was asked for.
    #[error("sequence {asked} is no longer kept; the earliest is {earliest}")]
    Trimmed {
        /// What was asked for.
        asked: u64,
        /// What is left.
        earliest: u64,
    },
    /// The sequence has not been given to a record yet.
    #[error("sequence {asked} is past the end, which is {end}")]
    PastEnd {
        /// What was asked for.
        asked: u64,
        /// The sequence of the next record.
        end: u64,
    },
    /// The records were shown, and then lost in a crash (durability `os`).
    #[error("sequence {asked} of epoch {epoch} was lost in a crash; that epoch ends at {end}")]
    Lost {
        /// The epoch that was asked for.
        epoch: u64,
        /// What was asked for.
        asked: u64,
        /// The sequence after the last that is left of that epoch.
        end: u64,
    },
    /// The bytes are not what was written.
    #[error("{file}: damaged at offset {offset}: {what}", file = file.display())]
    Damaged {
        /// The segment file.
        file: std::path::PathBuf,
        /// Where in it.
        offset: u64,
        /// What was found.
        what: String,
    },
    /// The file can't be read.
    #[error("{file}: {source}", file = file.display())]
    Io {
        /// The segment file.
        file: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// A place in a log that moves forward over visible entries. Holds no file and no memory besides.
pub struct Reader {}

impl Reader {
    /// The next visible entry, or none until there is one.
    pub fn next(&mut self) -> Result<Option<Entry>, ReadError> {
        todo!()
    }

    /// The sequence after the records read so far.
    pub fn sequence(&self) -> u64 {
        todo!()
    }

    /// The frontier after the entries before this place.
    pub fn frontier(&self) -> Frontier {
        todo!()
    }
}
