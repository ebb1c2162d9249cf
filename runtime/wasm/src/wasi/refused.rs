//! What nobody may do: a call ends the instance, by name.

use wasmtime::component::LinkerInstance;

use super::Asked;
use super::import::Answer;
use crate::host::Host;

/// Why a call of the host ended the instance.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Defines a function of whatever type whose call ends the instance.
pub fn function(into: &mut LinkerInstance<'_, Host>, answer: Answer, asked: Asked<'_>) -> wasmtime::Result<()> {
    let Asked { interface, function } = asked;
    let why = match answer {
        Answer::Ends => format!("it ended itself with `{interface}` {function}"),
        Answer::Refused => format!("it called `{interface}` {function}, and an operator has no network"),
        Answer::Empty => format!("it called `{interface}` {function}, and an operator has no files"),
        _ => format!("it called `{interface}` {function}, which nothing answers"),
    };
    let refused = Refused(why);
    into.func_new(function, move |_, _, _, _| Err(refused.clone().into()))
}
