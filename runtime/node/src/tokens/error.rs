//! What can be wrong with a token.

use std::io;
use std::path::PathBuf;

use dag_model::Timestamp;

use crate::blocking::Broken;
use crate::metadata::MetaError;

/// Why a token is not made or revoked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// What is asked for makes no sense.
    #[error("{0}")]
    Request(String),
    /// There is one of that name.
    #[error("there is a token `{0}` already: `dag token revoke` ends it, and the name is free")]
    Exists(String),
    /// There is none of that name.
    #[error("there is no token `{0}`: `dag token list` shows those that there are")]
    Unknown(String),
    /// There are too many.
    #[error("there are {0} tokens, which is the limit: dag token revoke NAME removes one")]
    TooMany(usize),
    /// It cannot be written down.
    #[error("{}: {source}", file.display())]
    File {
        /// Where.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It cannot be kept.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// Something broke.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAccepted {
    /// None has this secret.
    #[error("this node has no such token: it was revoked, or is another node's")]
    Unknown,
    /// It is too late.
    #[error(
        "the token `{name}` has expired at {at}: whoever has one with the scope admin makes another with `dag token create`"
    )]
    Expired {
        /// What it is called.
        name: String,
        /// When.
        at: Timestamp,
    },
}
