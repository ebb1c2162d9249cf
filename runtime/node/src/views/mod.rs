//! What a node shows, changing nothing: [`status`] (streams, computations, the node itself), [`explain`] (why a stream has no output) and
//! [`operators`] (what they take, and which versions of them there are).

pub(crate) mod explain;
pub(crate) mod operators;
pub(crate) mod status;

use crate::blocking::Broken;
use crate::blocking::gate::Full;
use crate::operators::error::BindError;
use crate::streams::error::StreamError;

/// Why something is not shown.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// There is no such stream, or it cannot be opened.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The expression makes no sense.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Nobody has demanded the stream so far.
    #[error("nothing has computed `{0}` yet")]
    NotComputed(String),
    /// Too many look at logs.
    #[error(transparent)]
    Full(#[from] Full),
    /// Something broke.
    #[error(transparent)]
    Broken(#[from] Broken),
}
