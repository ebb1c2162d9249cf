//! What can be wrong with a stream.

use dag_log::OpenError;

use crate::metadata::MetaError;
use crate::streams::settings::SettingsError;

/// The most streams that are published to or hold what others pass over: each takes files, and some memory.
const MAX_STREAMS: usize = 10_000;

/// Why a stream is not had, made or changed.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// Its settings are not taken.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// There are too many.
    #[error("there are {MAX_STREAMS} streams, which is the limit")]
    TooMany,
    /// Its log cannot be made.
    #[error("stream `{name}` cannot be made: {source}")]
    Make {
        /// The stream.
        name: String,
        /// Why.
        source: OpenError,
    },
    /// The change cannot be kept.
    #[error(transparent)]
    Meta(#[from] MetaError),
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
        assert_eq!(full.to_string(), "there are 10000 streams, which is the limit");
    }
}
