//! Why a computation does not run.

use dag_log::{CommitError, OpenError, ReadError};

use crate::blocking::Broken;
use crate::blocking::gate::Full;
use crate::metadata::MetaError;

/// Why a computation cannot be built or started, or the log of one be had.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its component cannot run.
    #[error("{0}")]
    Component(String),
    /// Its operator takes its arguments or its inputs no longer.
    #[error("{0}")]
    Bind(String),
    /// A newer dag began its windows.
    #[error("its windows are of version {0}, of a newer dag")]
    Windowing(u32),
    /// Its log cannot be opened.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// Its log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its output cannot be made durable.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A log that it reads is not there.
    #[error("the log of {log} is not here any more{}", .source.as_ref().map_or_else(String::new, |why| format!(": {why}")))]
    Gone {
        /// The log.
        log: String,
        /// Why, where it should be.
        source: Option<OpenError>,
    },
    /// Its record cannot be kept.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// Too many wait to start.
    #[error(transparent)]
    Full(#[from] Full),
    /// Something broke.
    #[error(transparent)]
    Broken(#[from] Broken),
}
