//! Why a computation cannot go on.

use arrow_schema::ArrowError;
use dag_model::frame::DecodeError;
use dag_model::{Frontier, Timestamp};
use dag_wasm::CallError;

use crate::budget::Over;
use crate::search::Span;

/// A computation's end, and where it came to it.
#[derive(Debug)]
pub struct Failure {
    /// Why.
    pub error: ComputeError,
    /// The records that were being taken in, where that is known.
    pub at: Option<Span>,
    /// How far the inputs had got.
    pub frontier: Frontier,
}

impl ComputeError {
    /// The same, where it happened while a snapshot was taken up.
    pub(crate) fn in_restore(self) -> ComputeError {
        match self {
            restore @ ComputeError::Restore(_) => restore,
            // The snapshot is none the worse for it.
            short if short.is_short_of_memory() => short,
            other => ComputeError::Restore(other.to_string()),
        }
    }

    /// Whether it is what the operator did to these records, so that leaving one of them out may help. That a call took long may
    /// have other reasons.
    pub fn blames_records(&self) -> bool {
        use CallError::{MemoryLimit, OutputLimit, Refused, TableLimit, Trap};
        match self {
            ComputeError::Guest(error) => {
                matches!(error, Refused(_) | Trap(_) | MemoryLimit(_) | TableLimit | OutputLimit(_))
            }
            ComputeError::Frame(_)
            | ComputeError::Rows { .. }
            | ComputeError::Order { .. }
            | ComputeError::Edge { .. } => true,
            _ => false,
        }
    }

    /// Whether all computations together have no more memory, which may be otherwise at any moment.
    pub fn is_short_of_memory(&self) -> bool {
        matches!(self, ComputeError::Guest(CallError::Shared(_)) | ComputeError::Budget(Over::Memory(_)))
    }

    /// Whether it is what the operator did, so that a new instance may do better.
    pub fn blames_operator(&self) -> bool {
        match self {
            // There may be room later.
            ComputeError::Guest(CallError::Memories(_) | CallError::NoRoom(_) | CallError::Shared(_)) => false,
            ComputeError::Guest(_)
            | ComputeError::Frame(_)
            | ComputeError::Rows { .. }
            | ComputeError::Order { .. }
            | ComputeError::Hold { .. }
            | ComputeError::More { .. }
            | ComputeError::Idle { .. } => true,
            ComputeError::Budget(_)
            | ComputeError::Edge { .. }
            | ComputeError::Batch(_)
            | ComputeError::Read(_)
            | ComputeError::Write(_)
            | ComputeError::Restore(_)
            | ComputeError::Diverged { .. } => false,
        }
    }
}

/// Why a computation cannot go on. Its message reaches every subscriber.
#[derive(Debug, thiserror::Error)]
pub enum ComputeError {
    /// The operator refused, trapped or hit a limit.
    #[error(transparent)]
    Guest(#[from] CallError),
    /// The operator answered with a frame that is not one.
    #[error("the operator returned a malformed frame: {0}")]
    Frame(#[from] DecodeError),
    /// The operator answered with another number of rows than it was asked for.
    #[error("the operator returned {found} rows where {expected} were asked for")]
    Rows {
        /// How many were asked for.
        expected: usize,
        /// How many came.
        found: usize,
    },
    /// The operator emitted a record that its own promises rule out.
    #[error("the operator emitted a record at {time}, before its frontier {frontier}")]
    Order {
        /// The record's time.
        time: dag_model::Timestamp,
        /// What the operator had promised not to emit before.
        frontier: Frontier,
    },
    /// The operator moved its hold back.
    #[error("the operator moved its hold back to {hold}, after it had promised {promise}")]
    Hold {
        /// What it said.
        hold: dag_model::Timestamp,
        /// What it had promised not to emit before.
        promise: Frontier,
    },
    /// The operator never said that it was done.
    #[error("the operator said {calls} times in a row that there is more")]
    More {
        /// How often.
        calls: usize,
    },
    /// The operator said that there was more, and there was none.
    #[error("the operator said {calls} times in a row that there is more, and returned nothing")]
    Idle {
        /// How often.
        calls: usize,
    },
    /// A snapshot is not what its operator can take up.
    #[error("the snapshot cannot be taken up: {0}")]
    Restore(String),
    /// What was computed again is not what was computed before.
    #[error("the output differs from what was computed before, at or before record {sequence}")]
    Diverged {
        /// The sequence after which the hashes differ.
        sequence: u64,
    },
    /// It has to hold more in memory than it may.
    #[error(transparent)]
    Budget(#[from] Over),
    /// A record before whose windows time does not reach.
    #[error(
        "a record at {time} lies in a window that would start before the first time there is, {first}; \
         leave such records out: filter(x, time > cast('1680-01-01T00:00:00Z' as timestamp))",
        first = Timestamp::MIN
    )]
    Edge {
        /// The record's time.
        time: Timestamp,
    },
    /// Columns could not be put together; a bug, or out of memory.
    #[error("batch: {0}")]
    Batch(#[from] ArrowError),
    /// An input could not be read.
    #[error("reading input: {0}")]
    Read(#[from] dag_log::ReadError),
    /// The output could not be written.
    #[error("writing output: {0}")]
    Write(#[from] dag_log::AppendError),
}
