//! Why there is nothing to read, or no more.

use std::sync::Arc;

use dag_flow::ComputeError;
use dag_model::Position;
use dag_plan::DemandError;

use crate::blocking::Broken;
use crate::blocking::gate::Full;
use crate::computations::error::StartError;
use crate::metadata::MetaError;
use crate::metadata::moved::NotCopied;
use crate::operators::error::BindError;
use crate::readers::SUBSCRIBERS;
use crate::readers::cursors::{CursorError, NotChanged};
use crate::readers::standing::NotThere;
use crate::streams::settings::DurationError;

/// Why nothing is read, or no more; and why a cursor is not moved.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReaderError {
    /// The parameters make no sense.
    #[error("{0}")]
    Parameters(String),
    /// One of them is no duration.
    #[error(transparent)]
    Duration(#[from] DurationError),
    /// The expression makes no sense.
    #[error(transparent)]
    Bind(Arc<BindError>),
    /// There are too many readers.
    #[error("{SUBSCRIBERS} subscriptions are open, which is the limit")]
    TooMany,
    /// The position is of the data that this is a copy of, and beyond the copy.
    #[error(transparent)]
    NotCopied(#[from] NotCopied),
    /// Nobody can go on from the position.
    #[error(transparent)]
    NotThere(#[from] NotThere),
    /// What was acknowledged does not exist.
    #[error("cursor `{cursor}`: {read} is past the end of `{stream}`, which is {end}: acknowledge what was read")]
    NotRead {
        /// The cursor.
        cursor: String,
        /// What was acknowledged.
        read: Position,
        /// The cursor's stream.
        stream: String,
        /// Where that ends.
        end: Position,
    },
    /// The plan refuses.
    #[error("{error}{}", .begins.map_or_else(String::new, |begins| format!("; its log begins at position {begins}")))]
    Demand {
        /// Why.
        error: DemandError,
        /// The earliest position that is kept, where an earlier one was wanted.
        begins: Option<Position>,
    },
    /// What the plan was told had changed whenever it had decided.
    #[error("what computes `{0}` changes faster than it can be looked at: try again in a moment")]
    Moving(String),
    /// What computes the stream has read records that are lost.
    #[error("`{stream}` cannot go on: {why}")]
    Lacking {
        /// The stream.
        stream: String,
        /// What was lost.
        why: String,
    },
    /// The log that a reader was in is gone.
    #[error("the log that had {position} of `{stream}` was removed: nobody had used it for long")]
    Removed {
        /// Where the reader was.
        position: Position,
        /// Its stream.
        stream: String,
    },
    /// The log that is to be read cannot be had.
    #[error(transparent)]
    Start(Arc<StartError>),
    /// A cursor does not allow it.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// A cursor is as it was.
    #[error(transparent)]
    NotChanged(NotChanged),
    /// What was demanded, or what is kept of a cursor, cannot be changed.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// What a cursor wants is no longer kept.
    #[error(
        "cursor `{cursor}` has fallen behind: {why}; `dag cursors reset {cursor} --to earliest` lets it go on from there"
    )]
    Behind {
        /// The cursor.
        cursor: String,
        /// What is no longer kept.
        #[source]
        why: Box<ReaderError>,
    },
    /// What computes the stream has failed.
    #[error("{0}")]
    Stopped(String),
    /// What was to be read next is no longer kept.
    #[error("{error}: {lost} records are lost")]
    Trimmed {
        /// How the log says so.
        error: Arc<dag_log::ReadError>,
        /// How many records are missed.
        lost: u64,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Read(Arc<dag_log::ReadError>),
    /// What was read cannot be put in order.
    #[error(transparent)]
    Order(Arc<ComputeError>),
    /// Reading has ended in a panic.
    #[error("the subscription has failed")]
    Lost,
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopping,
    /// Too many wait to read.
    #[error(transparent)]
    Full(#[from] Full),
    /// Something broke.
    #[error(transparent)]
    Broken(Arc<Broken>),
}

impl ReaderError {
    /// Whether what was wanted is no longer kept, and something later is.
    pub fn is_trimmed(&self) -> bool {
        match self {
            ReaderError::NotThere(NotThere::Trimmed { .. } | NotThere::Lost { .. })
            | ReaderError::NotCopied(_)
            | ReaderError::Removed { .. }
            | ReaderError::Behind { .. }
            | ReaderError::Lacking { .. }
            | ReaderError::Trimmed { .. } => true,
            ReaderError::Demand { error, .. } => {
                matches!(error, DemandError::TooEarly { .. } | DemandError::Gone { .. } | DemandError::Lost { .. })
            }
            _ => false,
        }
    }

    /// The same of a reader with a cursor, which is told how to go on.
    #[must_use]
    pub fn of_cursor(self, cursor: &str) -> ReaderError {
        match self.is_trimmed() {
            true => ReaderError::Behind { cursor: cursor.to_owned(), why: Box::new(self) },
            false => self,
        }
    }
}

impl From<NotChanged> for ReaderError {
    fn from(error: NotChanged) -> ReaderError {
        match error {
            NotChanged::Cursor(error) => ReaderError::Cursor(error),
            error => ReaderError::NotChanged(error),
        }
    }
}

impl From<dag_log::ReadError> for ReaderError {
    fn from(error: dag_log::ReadError) -> ReaderError {
        match error {
            dag_log::ReadError::Trimmed { asked, earliest } => {
                ReaderError::Trimmed { lost: earliest - asked, error: Arc::new(error) }
            }
            error => ReaderError::Read(Arc::new(error)),
        }
    }
}

/// Those that are no values are shared by who hears of them.
macro_rules! shared {
    ($($error:ty => $variant:ident),*) => {$(
        impl From<$error> for ReaderError {
            fn from(error: $error) -> ReaderError {
                ReaderError::$variant(Arc::new(error))
            }
        }
    )*};
}

shared!(BindError => Bind, StartError => Start, ComputeError => Order, Broken => Broken);
