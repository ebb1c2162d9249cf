//! Horizons: from which times on streams can be had, how far they have got, and what an input must give for that.

use dag_expr::{Application, Stream, Window};
use dag_model::{Frontier, Hops, Lookback, Order, Timestamp};

use crate::demand::DemandError;
use crate::facts::Facts;

/// The hops of a hopping window.
pub fn hops(window: Option<Window>) -> Option<Hops> {
    match window? {
        Window::Hopping { size, every, offset } => Some(Hops { size, every, offset }),
        Window::Running | Window::Session { .. } => None,
    }
}

/// How far back an application reaches, its window included; hopping windows are exact and asked for with [`hops`].
fn lookback(application: &Application, facts: &dyn Facts) -> Result<Lookback, DemandError> {
    match application.window {
        Some(Window::Running | Window::Session { .. }) => Ok(Lookback::Unbounded),
        _ => Ok(facts.operator(application).map_err(DemandError::Operator)?.lookback),
    }
}

/// Whether the application works on its only input's log as it comes.
pub fn in_log_order(application: &Application, facts: &dyn Facts) -> Result<bool, DemandError> {
    let order = facts.operator(application).map_err(DemandError::Operator)?.order;
    Ok(order == Order::Log && application.window.is_none())
}

/// Whether the application reads one source and nothing else.
pub fn reads_a_source(application: &Application) -> bool {
    matches!(application.inputs.as_slice(), [input] if !matches!(input.stream, Stream::Apply(_)))
}

/// Whether a run of the application begins with a record of its source's log and not at a time: it answers records one by one, in the
/// log's order, in which those before and after a time lie mixed.
pub fn begins_by_sequence(application: &Application, facts: &dyn Facts) -> Result<bool, DemandError> {
    let remembers = lookback(application, facts)? != Lookback::None;
    Ok(reads_a_source(application) && !remembers && in_log_order(application, facts)?)
}

/// The frontier that the stream would have if everything that its sources hold had passed through.
pub fn frontier(stream: &Stream, facts: &dyn Facts) -> Result<Frontier, DemandError> {
    match stream {
        Stream::Source { name, .. } | Stream::Errors { name, .. } => Ok(source(name, facts)?.frontier),
        // Late records say nothing about what follows them.
        Stream::Late { name, .. } => match source(name, facts)?.frontier {
            Frontier::Empty => Ok(Frontier::Empty),
            Frontier::At(_) => Ok(Frontier::START),
        },
        Stream::Apply(application) => {
            let inputs = application.inputs.iter().map(|input| frontier(&input.stream, facts));
            let joint = inputs.collect::<Result<Vec<_>, _>>()?.into_iter().min().unwrap_or(Frontier::Empty);
            Ok(match application.window {
                Some(Window::Hopping { size, every, offset }) => Hops { size, every, offset }.frontier(joint),
                Some(Window::Session { gap }) => joint.map(|time| time.saturating_add(-gap)),
                Some(Window::Running) | None => joint,
            })
        }
    }
}

/// The earliest time from which on the retained inputs give complete results.
pub fn earliest(stream: &Stream, facts: &dyn Facts) -> Result<Timestamp, DemandError> {
    let application = match stream {
        Stream::Source { name, .. } | Stream::Late { name, .. } | Stream::Errors { name, .. } => {
            return Ok(source(name, facts)?.complete_from);
        }
        Stream::Apply(application) => application,
    };
    let inputs = application.inputs.iter().map(|input| earliest(&input.stream, facts));
    let joint = inputs.collect::<Result<Vec<_>, _>>()?.into_iter().max().unwrap_or(Timestamp::MIN);
    if let Some(hops) = hops(application.window) {
        return Ok(hops.start_after(joint));
    }
    Ok(match lookback(application, facts)? {
        Lookback::Duration(reach) if joint != Timestamp::MIN => joint.saturating_add(reach),
        _ => joint,
    })
}

/// The time of the newest complete result, or a little earlier.
pub fn newest(stream: &Stream, facts: &dyn Facts) -> Result<Timestamp, DemandError> {
    let application = match stream {
        Stream::Source { name, .. } | Stream::Errors { name, .. } => {
            let source = source(name, facts)?;
            return Ok(match source.frontier {
                Frontier::At(time) => time,
                Frontier::Empty => source.newest.unwrap_or(Timestamp::MIN),
            });
        }
        Stream::Late { .. } => return Ok(Timestamp::MIN),
        Stream::Apply(application) => application,
    };
    let inputs = application.inputs.iter().map(|input| newest(&input.stream, facts));
    let joint = inputs.collect::<Result<Vec<_>, _>>()?.into_iter().min().unwrap_or(Timestamp::MIN);
    let Some(hops) = hops(application.window) else { return Ok(joint) };
    Ok(match frontier(stream, facts)? {
        Frontier::At(Timestamp::MIN) => Timestamp::MIN,
        Frontier::At(time) => time.saturating_add(-hops.every),
        Frontier::Empty if joint == Timestamp::MIN => joint,
        Frontier::Empty => Timestamp(hops.start_before(joint.0)),
    })
}

/// The time from which on an input must be complete for the application's results to be complete from `from` on.
pub fn needed(
    application: &Application,
    input: &Stream,
    from: Timestamp,
    facts: &dyn Facts,
) -> Result<Timestamp, DemandError> {
    if let Some(hops) = hops(application.window) {
        return Ok(hops.start_after(from));
    }
    Ok(match lookback(application, facts)? {
        Lookback::None => from,
        Lookback::Duration(_) if from == Timestamp::MIN => from,
        Lookback::Duration(reach) => from.saturating_add(-reach),
        Lookback::Unbounded => earliest(input, facts)?,
    })
}

/// Whether the application's results can start anywhere, or only where its inputs start.
pub fn is_unbounded(application: &Application, facts: &dyn Facts) -> Result<bool, DemandError> {
    Ok(lookback(application, facts)? == Lookback::Unbounded)
}

fn source(name: &str, facts: &dyn Facts) -> Result<crate::SourceFacts, DemandError> {
    facts.source(name).ok_or_else(|| DemandError::NoSuchStream(name.to_owned()))
}
