//! How the process ends: exit codes, and which errors map to which.

use std::fmt;
use std::io;
use std::process::{self, ExitCode};

use anyhow::Error;
use dag_api::Code;

use crate::client::ClientError;
use crate::folder;
use crate::output;

/// The exit codes of every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All is done.
    Done = 0,
    /// Something failed; stderr says what.
    Failed = 1,
    /// The command line asks for something that makes no sense.
    Misuse = 2,
    /// All is done, but some records were refused.
    Refused = 3,
    /// `--timeout` passed.
    TimedOut = 4,
    /// Ctrl-C, or another signal that asks it to end.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Ends the process at once, from any thread, and leaves no folder of its own behind.
pub fn now(exit: Exit) -> ! {
    folder::remove_all();
    process::exit(exit as i32)
}

/// A command line that parses but makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Misuse(pub String);

/// A [`Misuse`] as an error.
pub fn misuse(message: impl fmt::Display) -> Error {
    Error::new(Misuse(message.to_string()))
}

/// Prints the error, if there is one, and tells the exit code.
pub fn report(outcome: Result<Exit, Error>) -> Exit {
    let error = match outcome {
        Ok(exit) => return exit,
        Err(error) => error,
    };
    if is_closed_pipe(&error) {
        return Exit::Done;
    }
    output::note(&format!("error: {error:#}"));
    if is_misuse(&error) { Exit::Misuse } else { Exit::Failed }
}

/// Whether the command line makes no sense, be it to us or to the node.
fn is_misuse(error: &Error) -> bool {
    let refused = error.downcast_ref::<ClientError>().and_then(ClientError::code);
    error.is::<Misuse>() || refused == Some(Code::BadRequest)
}

/// Whether the reader of our output went away, which is how `dag subscribe x | head` ends.
fn is_closed_pipe(error: &Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
