//! What a node answers where it cannot do what was asked.

pub use dag_api::Code;

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
