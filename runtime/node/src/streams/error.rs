//! What can be wrong with a stream.

use dag_log::{AppendError, OpenError};

use crate::blocking::Broken;
use crate::blocking::gate::Full;
use crate::layout::DataError;
use crate::metadata::MetaError;
use crate::streams::settings::SettingsError;
use crate::streams::unavailable::NotOpened;

/// The most streams that are published to or hold what others skip: each takes files, and some memory.
const MAX_STREAMS: usize = 10_000;

/// Why a stream is not had, made or changed.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// Its settings are not taken.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// There are too many.
    #[error("there are {MAX_STREAMS} streams, which is the limit: dag delete NAME removes one")]
    TooMany,
    /// Its log cannot be made.
    #[error("stream `{name}` cannot be made: {source}")]
    Make {
        /// The stream.
        name: String,
        /// Why.
        source: OpenError,
    },
    /// Its log cannot begin where those of removed streams have ended.
    #[error("stream `{name}` cannot be made: {error}")]
    Begin {
        /// The stream.
        name: String,
        /// Why.
        error: AppendError,
    },
    /// There is none of that name.
    #[error("unknown stream `{name}`: {hint}")]
    Unknown {
        /// The name.
        name: String,
        /// What may help.
        hint: String,
    },
    /// Its log cannot be opened.
    #[error(transparent)]
    NotOpened(#[from] NotOpened),
    /// Only the node makes streams of such names.
    #[error("`{0}` cannot be created: names that begin with `errors(` are those of streams that the node writes")]
    Reserved(String),
    /// It is there, and other.
    #[error(
        "stream `{name}` is there already, with other settings: {differences}; `dag alter` changes what can be changed, and --if-not-exists \
         (`if_not_exists=true`) takes it as it is"
    )]
    Differs {
        /// The stream.
        name: String,
        /// What is other than asked for.
        differences: String,
    },
    /// A published stream has the name that one of skipped records would have.
    #[error("a stream that is published has the name `{0}`")]
    NameTaken(String),
    /// The folder of its log cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The change cannot be kept.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// Too many wait to make or alter streams.
    #[error(transparent)]
    Full(#[from] Full),
    /// Something broke.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// Refuses another stream where there are so many.
pub(crate) fn room_for_stream(there: usize) -> Result<(), StreamError> {
    match there < MAX_STREAMS {
        true => Ok(()),
        false => Err(StreamError::TooMany),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_a_number_of_streams() {
        assert!(room_for_stream(MAX_STREAMS - 1).is_ok());
        let full = room_for_stream(MAX_STREAMS).unwrap_err();
        assert_eq!(full.to_string(), "there are 10000 streams, which is the limit: dag delete NAME removes one");
    }
}
