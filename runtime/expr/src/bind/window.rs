//! The parameters that the host adds to every aggregate.

use crate::argument::duration_of;
use crate::bind::call::Call;
use crate::bind::parameter::Scope;
use crate::error::Error;
use crate::stream::Window;
use crate::syntax::ast::{Argument, Expr};

/// In the order in which a [`Call`] holds them. The first may be given without its name.
pub(crate) const PARAMETERS: [&str; 5] = ["window", "every", "offset", "session", "by"];

/// The window and the key columns of an aggregate's application.
pub(crate) fn bind(call: &Call, scope: &Scope) -> Result<(Window, Vec<String>), Error> {
    let [size, every, offset, session, by] = call.window[..] else {
        unreachable!("an aggregate has window parameters")
    };
    let by = match by {
        Some(by) => scope.names(&by.value)?,
        None => Vec::new(),
    };
    let window = match (size, session) {
        (Some(_), Some(session)) => {
            return Err(Error::new(session.span.clone(), "a session has no fixed length: give a window or session="));
        }
        (Some(size), None) => hopping(size, every, offset)?,
        (None, session) => {
            if let Some(argument) = every.or(offset) {
                return Err(Error::new(argument.span.clone(), "every= and offset= need a window")
                    .help("the window is the argument behind the stream: avg(x, 5min, every=1min)"));
            }
            match session {
                Some(session) => Window::Session { gap: positive(session)? },
                None => Window::Running,
            }
        }
    };
    Ok((window, by))
}

fn hopping(size: &Argument, every: Option<&Argument>, offset: Option<&Argument>) -> Result<Window, Error> {
    let length = positive(size)?;
    let distance = every.map_or(Ok(length), positive)?;
    if let Some(every) = every.filter(|_| distance > length) {
        return Err(Error::new(every.span.clone(), "windows further apart than they are long would leave records out")
            .help("every= is at most the window"));
    }
    let offset = offset.map_or(Ok(0), |offset| duration_of(unaliased(offset)?))?.rem_euclid(distance);
    Ok(Window::Hopping { size: length, every: distance, offset })
}

fn positive(argument: &Argument) -> Result<i64, Error> {
    match duration_of(unaliased(argument)?)? {
        ns @ 1.. => Ok(ns),
        _ => Err(Error::new(argument.value.span.clone(), "this duration must be positive")),
    }
}

fn unaliased(argument: &Argument) -> Result<&Expr, Error> {
    match &argument.alias {
        None => Ok(&argument.value),
        Some(alias) => Err(Error::new(alias.span.clone(), "`as` names streams and computed columns, not this")),
    }
}
