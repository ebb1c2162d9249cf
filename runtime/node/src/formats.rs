//! Refusing data that a newer node wrote, before anything of it is changed.

use std::fs;
use std::io;

use dag_log::{Committer, Log, OpenError};

use crate::computations::snapshots::{self, SnapshotError};
use crate::layout::{DataError, Layout, snapshot_in};
use crate::metadata::{MetaError, Metadata};

/// Data that this dag does not read.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// A folder cannot be listed.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The metadata is of a newer dag, or cannot be looked at.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// A log is of a newer dag.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// A snapshot is of a newer dag.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

/// Looks at the versions of the metadata and of all logs and snapshots, also of those that are only opened when somebody asks.
///
/// # Errors
/// Names the first file that this node does not read.
pub(crate) fn check(layout: &Layout, committer: &Committer) -> Result<(), FormatError> {
    Metadata::check(&layout.metadata())?;
    for folder in [layout.sources(), layout.derived()] {
        let failed = DataError::of(&folder);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(&failed)?,
        };
        for entry in entries {
            let folder = entry.map_err(&failed)?.path();
            // What cannot be read concerns who opens it.
            if let Err(newer @ OpenError::Newer { .. }) = Log::check_version(&folder, committer) {
                return Err(newer.into());
            }
            if let Err(newer @ SnapshotError::Newer { .. }) = snapshots::check_version(&snapshot_in(&folder)) {
                return Err(newer.into());
            }
        }
    }
    Ok(())
}
