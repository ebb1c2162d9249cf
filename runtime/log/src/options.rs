//! How a log is kept: when what is appended counts, how much of it stays, and who else has it.

use std::time::Duration;

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

/// How many replicas a log has, and what follows from that for its epochs, which it never makes by itself, and for what of it is committed:
/// acknowledged, and shown to readers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Replicas {
    /// This one. Where an epoch is to begin it is the next one; what its durability asks for is committed.
    #[default]
    One,
    /// Others, too. Where an epoch is to begin, nothing is appended before it is given with
    /// [`Source::begin_epoch`](crate::Source::begin_epoch); what [`Log::commit`](crate::Log::commit) says is committed, whatever its durability. A log that
    /// has failed must be opened anew.
    Several {
        /// The index of the last append that is known to be committed when it is opened.
        committed: u64,
    },
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
