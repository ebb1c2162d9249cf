//! Why metadata cannot be read or written.

use std::path::PathBuf;
use std::sync::Arc;

use dag_plan::{ProposalError, Refusal};
use dag_storage::is_full;

use crate::tables::FORMAT;

/// Why metadata can't be read or written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MetaError {
    /// The database can't be read or written.
    #[error("metadata: {0}")]
    Database(#[source] Arc<redb::Error>),
    /// A newer node wrote it.
    #[error(
        "{file} was written by a newer dag: its format is {found}, and this dag reads up to {FORMAT}; start the dag that wrote it, or \
         a newer one, on this data",
        file = file.display()
    )]
    Newer {
        /// The database.
        file: PathBuf,
        /// Its format.
        found: u64,
    },
    /// The plan does not take a proposal.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A proposal is too large.
    #[error(transparent)]
    Proposal(#[from] ProposalError),
    /// Too many proposals wait.
    #[error("{most} changes of the metadata wait, which is the limit: try again in a moment")]
    Busy {
        /// The limit.
        most: usize,
    },
    /// The writer ends, or its thread cannot be started.
    #[error("the node is stopping")]
    Stopping,
}

impl From<redb::Error> for MetaError {
    fn from(error: redb::Error) -> MetaError {
        MetaError::Database(Arc::new(error))
    }
}

impl MetaError {
    /// Whether it is that the disk is full.
    pub fn is_full(&self) -> bool {
        matches!(self, MetaError::Database(error) if matches!(&**error, redb::Error::Io(error) if is_full(error)))
    }
}
