//! What a node answers where it cannot do what was asked.

use crate::metadata::MetaError;

/// A class of failure. `docs/http.md` lists their names, which are stable, and their status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// A parameter or body says something that makes no sense.
    BadRequest,
    /// The expression cannot be parsed or bound.
    BadExpression,
    /// The body as a whole is not in its format.
    BadBody,
    /// The component cannot be deployed.
    BadComponent,
    /// The records could not all be taken.
    RefusedRecords,
    /// The request is not addressed to this node, or comes from a foreign page.
    ForeignHost,
    /// No stream of that name.
    UnknownStream,
    /// No operator of that name.
    UnknownOperator,
    /// No publisher of that name.
    UnknownPublisher,
    /// No cursor of that name.
    UnknownCursor,
    /// Nothing there.
    NotFound,
    /// Something is there, but not for this method.
    MethodNotAllowed,
    /// It is there already, and different.
    Exists,
    /// The stream is at its end.
    Sealed,
    /// Another session has taken over the publisher's name, or another reader the cursor.
    Fenced,
    /// A batch is missing before this one.
    OutOfSequence,
    /// Another component exports an operator of that name.
    OperatorTaken,
    /// The component's version does not follow the one that is deployed.
    Version,
    /// The component would change what expressions mean, or what runs cannot move to it.
    Incompatible,
    /// Something that runs could move to the component by replay only, which was not wanted.
    NeedsReplay,
    /// Something uses it.
    InUse,
    /// What was asked for is no longer kept.
    Trimmed,
    /// The body does not come, or comes too slowly.
    TooSlow,
    /// Too much at once.
    TooLarge,
    /// Too many at once.
    Busy,
    /// The disk takes no more.
    DiskFull,
    /// A bug, or a broken machine.
    Internal,
}

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
