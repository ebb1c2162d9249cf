//! Why a computation cannot go on.

use arrow_schema::ArrowError;
use dag_model::frame::DecodeError;

/// Why a computation cannot go on. Its message reaches every subscriber.
#[derive(Debug, thiserror::Error)]
pub enum ComputeError {
    /// The operator refused, trapped or hit a limit.
    #[error(transparent)]
    Guest(#[from] dag_wasm::CallError),
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
        frontier: dag_model::Frontier,
    },
    /// Too many keys at once.
    #[error("more than {limit} keys at once on one worker; a shorter window or fewer key columns take less")]
    Keys {
        /// How many there may be.
        limit: usize,
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
