//! Upgrades: what moves when another version of a component becomes the current one, how, and what stands against it.
//!
//! All of it is decided before anything changes. [`succession`] judges what the versions say of themselves, for every expression that
//! somebody may have written down; [`decide`] judges what runs.

use dag_expr::{Application, Signature, Stream, Window};
use dag_model::{Frontier, Hops, IncarnationId, Lookback, Order, Position, Schema, Timestamp};

use crate::demand::DemandError;
use crate::facts::Facts;
use crate::incarnation::{Incarnation, InputStart, LogId};
use crate::plan::Plan;

/// A running computation whose operator gets another version.
#[derive(Clone, Debug)]
pub struct Running {
    /// Its record.
    pub record: Incarnation,
    /// Its operator as the component has it that it runs now.
    pub signature: Signature,
    /// In which order it gets its records now.
    pub order: Order,
    /// What it computes.
    pub application: Application,
    /// How far its output has got.
    pub reached: Frontier,
    /// What the other version makes of it.
    pub next: Next,
}

/// What the other version makes of a running computation's expression.
#[derive(Clone, Debug)]
pub enum Next {
    /// It has no such operator.
    Dropped,
    /// It refuses the application.
    Refused(String),
    /// It takes it.
    Bound {
        /// The stream that the expression names now.
        stream: Stream,
        /// The operator as the other version has it.
        signature: Box<Signature>,
    },
}

/// A running computation's way to another version of its operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The computation.
    pub id: IncarnationId,
    /// Its canonical expression.
    pub stream: String,
    /// How.
    pub way: Way,
}

/// How a running computation goes on with another version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// With its state, which the other version reads.
    State,
    /// By computing what it has to remember from retained input: from where in each.
    Replay(Vec<InputStart>),
}

/// Why a version cannot become the current one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Expressions would change their meaning.
    #[error(
        "`{operator}` {how}, so expressions that use it would no longer mean the same: give the changed operator another name"
    )]
    Changed {
        /// The operator.
        operator: String,
        /// In which way, as a sentence without its subject.
        how: String,
    },
    /// An operator is missing that a computation runs.
    #[error("it does not export `{operator}`, which `{stream}` uses")]
    Dropped {
        /// The operator.
        operator: String,
        /// What runs.
        stream: String,
    },
    /// The operator does not take an application that runs.
    #[error("`{stream}` is running, and it does not take that: {why}")]
    Refused {
        /// What runs.
        stream: String,
        /// What it said.
        why: String,
    },
    /// An expression names another stream.
    #[error("`{stream}` is running, and would mean something else: a new parameter has the name of something in it")]
    Meaning {
        /// What runs.
        stream: String,
    },
    /// The columns are others.
    #[error(
        "`{stream}` is running with the columns ({found}), and would have ({next}): give the changed operator another name"
    )]
    Schema {
        /// What runs.
        stream: String,
        /// Its columns.
        found: String,
        /// Those that it would have.
        next: String,
    },
    /// Records would come in another order.
    #[error(
        "`{stream}` is running, and would get its records in another order: give the changed operator another name"
    )]
    Order {
        /// What runs.
        stream: String,
    },
    /// The state is of a version that the other one does not read, and what it was made of is gone.
    #[error(
        "`{stream}` (incarnation {id}) could move neither with its state, which is of version {written} where {read:?} are read, nor by \
         replay, which takes `{input}` from {wanted} on: its earliest record is {earliest}"
    )]
    Stuck {
        /// What runs.
        stream: String,
        /// Its run.
        id: IncarnationId,
        /// The version of its state.
        written: u32,
        /// Those that the other version reads.
        read: Vec<u32>,
        /// Where a replay would begin.
        wanted: Position,
        /// The input that it takes.
        input: String,
        /// The earliest record that is kept of that.
        earliest: Position,
    },
    /// The inputs cannot be asked.
    #[error(transparent)]
    Input(#[from] DemandError),
}

/// Whether the operators of a version leave every expression its meaning that was written for those of the one before. An operator may
/// be missing; [`decide`] tells whether it is in use.
pub fn succession(earlier: &[Signature], next: &[Signature]) -> Result<(), Refusal> {
    for old in earlier {
        let Some(new) = next.iter().find(|new| new.name == old.name) else { continue };
        new.succeeds(old).map_err(|how| Refusal::Changed { operator: old.name.clone(), how })?;
    }
    Ok(())
}

/// How a computation would move. `facts` answer for operators as the other version does.
pub fn decide(plan: &Plan, running: &Running, facts: &dyn Facts) -> Result<Move, Refusal> {
    let (id, stream) = (running.record.id, running.record.stream.clone());
    let (next, signature) = match &running.next {
        Next::Dropped => return Err(Refusal::Dropped { operator: running.signature.name.clone(), stream }),
        Next::Refused(why) => return Err(Refusal::Refused { stream, why: why.clone() }),
        Next::Bound { stream, signature } => (stream, signature),
    };
    let application = match next {
        Stream::Apply(application) if means_the_same(application, &running.application) => application,
        _ => return Err(Refusal::Meaning { stream }),
    };
    if application.schema != running.application.schema {
        let (found, next) = (columns(&running.application.schema), columns(&application.schema));
        return Err(Refusal::Schema { stream, found, next });
    }
    let operator = facts.operator(application).map_err(DemandError::Operator)?;
    if operator.order != running.order {
        return Err(Refusal::Order { stream });
    }
    if signature.state_read.contains(&running.signature.state_written) {
        return Ok(Move { id, stream, way: Way::State });
    }
    let starts = replay(plan, &running.record, application, operator.lookback, running.reached, facts);
    if let Some(Trimmed { input, wanted, earliest }) = trimmed(plan, &starts, facts) {
        let (written, read) = (running.signature.state_written, signature.state_read.clone());
        return Err(Refusal::Stuck { stream, id, written, read, wanted, input, earliest });
    }
    Ok(Move { id, stream, way: Way::Replay(starts) })
}

/// Whether the same is applied to the same; what the other version has besides is at its default. The text alone does not tell: what
/// was a condition `value=1` may have become a named argument.
fn means_the_same(next: &Application, now: &Application) -> bool {
    let given = next.arguments.iter().filter(|argument| {
        let known = now.arguments.iter().any(|other| other.name == argument.name);
        known || !argument.default
    });
    let inputs = |application: &Application| application.inputs.iter().map(ToString::to_string).collect::<Vec<_>>();
    let meaning = |argument: &dag_expr::Argument| (argument.name.clone(), argument.value.clone());
    given.map(meaning).eq(now.arguments.iter().map(meaning))
        && inputs(next) == inputs(now)
        && (&next.component, &next.operator, next.kind) == (&now.component, &now.operator, now.kind)
        && (next.window, &next.by) == (now.window, &now.by)
}

/// Where a replay begins in each input that gives what an application remembers once its output has got to a frontier, if its operator
/// looks back so far.
pub fn replay(
    plan: &Plan,
    record: &Incarnation,
    application: &Application,
    lookback: Lookback,
    reached: Frontier,
    facts: &dyn Facts,
) -> Vec<InputStart> {
    let mut starts = record.inputs.clone();
    let Some(needed) = reached.time().and_then(|reached| needed(application, lookback, reached)) else { return starts };
    for start in starts.iter_mut().filter(|start| start.from < needed) {
        start.from = needed;
        for leg in &mut start.legs {
            // Where the log no longer reaches back to that time, only the incarnation's own start is known to be early enough.
            let reaches_back = match &leg.log {
                LogId::Source(id) => plan
                    .stream(*id)
                    .and_then(|stream| facts.source(&stream.name))
                    .is_some_and(|source| source.complete_from <= needed),
                LogId::Derived(_) => true,
            };
            if reaches_back {
                leg.sequence = leg.sequence.max(facts.seek(&leg.log, needed));
            }
        }
    }
    starts
}

/// The time from which on the inputs give all results from `reached` on; none where only their beginning does.
fn needed(application: &Application, lookback: Lookback, reached: Timestamp) -> Option<Timestamp> {
    match (application.window, lookback) {
        (Some(Window::Hopping { size, every, offset }), _) => Some(Hops { size, every, offset }.start_after(reached)),
        (Some(Window::Running | Window::Session { .. }), _) | (None, Lookback::Unbounded) => None,
        (None, Lookback::None) => Some(reached),
        (None, Lookback::Duration(reach)) => Some(reached.saturating_add(-reach)),
    }
}

/// An input that no longer has what a replay takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trimmed {
    /// The source.
    pub input: String,
    /// Where the replay would begin.
    pub wanted: Position,
    /// The earliest record that is there.
    pub earliest: Position,
}

/// The first source that no longer has what a replay takes, if there is one.
pub fn trimmed(plan: &Plan, starts: &[InputStart], facts: &dyn Facts) -> Option<Trimmed> {
    let legs = starts.iter().flat_map(|start| start.legs.iter().map(|leg| (start.from, leg)));
    legs.into_iter().find_map(|(from, leg)| {
        let LogId::Source(id) = &leg.log else { return None };
        let name = &plan.stream(*id)?.name;
        let source = facts.source(name)?;
        let at = |sequence| Position { run: source.epoch, sequence };
        (source.earliest > leg.sequence && source.complete_from > from).then(|| Trimmed {
            input: name.clone(),
            wanted: at(leg.sequence),
            earliest: at(source.earliest),
        })
    })
}

fn columns(schema: &Schema) -> String {
    let columns: Vec<String> = schema.fields.iter().map(|field| format!("{} {}", field.name, field.ty)).collect();
    columns.join(", ")
}
