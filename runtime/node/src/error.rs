//! What a node answers where it cannot do what was asked.

use std::net::SocketAddr;
use std::path::PathBuf;

pub use dag_api::Code;

use crate::metadata::MetaError;

/// A failure, with a message that is complete and made for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NodeError {
    /// Its class.
    pub code: Code,
    /// What was found, what was expected, what to do.
    pub message: String,
}

impl NodeError {
    /// A failure of this class.
    pub fn new(code: Code, message: impl Into<String>) -> NodeError {
        NodeError { code, message: message.into() }
    }
}

impl From<MetaError> for NodeError {
    fn from(error: MetaError) -> NodeError {
        NodeError::new(if error.is_full() { Code::DiskFull } else { Code::Internal }, error.to_string())
    }
}

/// Why a node does not start, or ends other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another node has the data folder.
    #[error("another node uses {}: stop it, or give this one a folder of its own with --data", .0.display())]
    Locked(PathBuf),
    /// The data folder can't be used.
    #[error("{}: {why}", path.display())]
    Data {
        /// What in it.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The metadata can't be used.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// The address can't be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// There are no threads or no memory to run operators with.
    #[error("cannot start: {0}")]
    Start(String),
    /// Something that is kept can't be read.
    #[error(transparent)]
    Kept(#[from] NodeError),
}
