//! What goes wrong in a pipe.

use dag_codec::BodyError;

use crate::blocking::Broken;
use crate::deploy::DeployError;
use crate::node::ServeError;
use crate::readers::error::ReaderError;
use crate::streams::error::StreamError;
use crate::streams::publish::PublishError;

/// Why nothing, or not everything, came out.
#[derive(Debug, thiserror::Error)]
pub enum PipeError {
    /// The expression or the input makes no sense.
    #[error("{0}")]
    Expression(String),
    /// The stream of the input cannot be made.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The input is not taken.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The output cannot be had.
    #[error(transparent)]
    Read(#[from] ReaderError),
    /// The input has no columns that can be told.
    #[error(transparent)]
    Schema(#[from] BodyError),
    /// Something broke.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The engine does not start.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// A component is not taken.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The input can't be read.
    #[error("cannot read the input: {0}")]
    Input(std::io::Error),
    /// The output can't be written.
    #[error("cannot write the output: {0}")]
    Output(std::io::Error),
}
