//! What a demand leads to: the logs to read one after the other, and what has to change for there to be more of them.

use dag_expr::{Application, Stream};
use dag_model::{Frontier, IncarnationId, NodeId, Timestamp};

use crate::apply::Given;
use crate::change::{Change, Draft, DraftLog, Proposal, Which};
use crate::demand::{Begin, DemandError, Route, Want};
use crate::entity::Entity;
use crate::facts::Facts;
use crate::horizon;
use crate::incarnation::{Leg, LogId};
use crate::plan::Plan;

/// What a demand leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// How to read what was demanded, once the proposal is applied.
    pub route: Route<DraftLog>,
    /// What has to change; nothing where all is there.
    pub proposal: Proposal,
}

/// A start of a node, and the number of its next word on what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The node.
    pub node: NodeId,
    /// Its start.
    pub boot: u64,
    /// The number of the word.
    pub number: u64,
}

/// How to read a stream, and what has to change for that. It is kept wanted by [holding](Decision::hold) what it leads to.
///
/// # Errors
/// If it cannot be had.
pub fn demand(plan: &Plan, stream: &Stream, want: Want, facts: &dyn Facts) -> Result<Decision, DemandError> {
    let mut deciding = Deciding { plan, facts, proposal: Proposal::default(), begun: Vec::new(), resumed: Vec::new() };
    let route = match stream {
        Stream::Source { name, .. } | Stream::Errors { name, .. } => deciding.source(stream, name, false, want)?,
        Stream::Late { name, .. } => deciding.source(stream, name, true, want)?,
        Stream::Apply(application) => deciding.derived(stream, application, want)?,
    };
    Ok(Decision { route, proposal: deciding.proposal })
}

impl Decision {
    /// The incarnations that are read and there already.
    pub fn there(&self) -> impl Iterator<Item = IncarnationId> {
        self.read().filter_map(|which| match which {
            Which::There(id) => Some(id),
            Which::New(_) => None,
        })
    }

    /// The incarnations that are read.
    fn read(&self) -> impl Iterator<Item = Which> {
        self.route.legs.iter().filter_map(|leg| match leg.log {
            LogId::Derived(which) => Some(which),
            LogId::Source(_) => None,
        })
    }

    /// The holder holds what is read, but for what it is `known` to hold or needs nobody to hold it.
    pub fn hold(&mut self, holder: Holder, known: impl Fn(IncarnationId) -> bool) {
        let Holder { node, boot, number } = holder;
        let unknown = self.read().filter(|which| !matches!(which, Which::There(id) if known(*id)));
        let holds = unknown.map(|incarnation| Change::Hold { incarnation, node, boot, number, held: true });
        let holds: Vec<Change> = holds.collect();
        self.proposal.changes.extend(holds);
    }
}

impl Route<DraftLog> {
    /// The route by what the changes of its proposal were given.
    ///
    /// # Panics
    /// If the proposal is not the one that the route was decided with.
    pub fn resolve(self, given: &[Given]) -> Route {
        let leg = |Leg { log, sequence }| {
            let log = match log {
                LogId::Source(id) => LogId::Source(id),
                LogId::Derived(Which::There(id)) => LogId::Derived(id),
                LogId::Derived(Which::New(place)) => match given[place as usize] {
                    Given::Incarnation(id) => LogId::Derived(id),
                    given => {
                        unreachable!("a route names changes that begin incarnations, this one was given {given:?}")
                    }
                },
            };
            Leg { log, sequence }
        };
        let Route { legs, from, late, begin } = self;
        Route { legs: legs.into_iter().map(leg).collect(), from, late, begin }
    }
}

/// A decision on its way.
pub(super) struct Deciding<'a> {
    pub plan: &'a Plan,
    pub facts: &'a dyn Facts,
    pub proposal: Proposal,
    /// What begins, by the place of its change.
    pub begun: Vec<(u32, Draft)>,
    /// What goes on.
    pub resumed: Vec<IncarnationId>,
}

impl Deciding<'_> {
    fn source(&mut self, stream: &Stream, name: &str, late: bool, want: Want) -> Result<Route<DraftLog>, DemandError> {
        let log = self.log_of(name)?;
        let source = self.facts.source(name).ok_or_else(|| DemandError::NoSuchStream(name.to_owned()))?;
        let mut from = Timestamp::MIN;
        let sequence = match want {
            Want::Newest | Want::Next => self.facts.end(&log),
            Want::Earliest => source.earliest,
            Want::From(time) if time < source.complete_from => {
                let stream = stream.to_string();
                return Err(DemandError::TooEarly { stream, asked: time, earliest: source.complete_from });
            }
            Want::From(time) => {
                from = time;
                self.facts.seek(&log, time)
            }
            Want::Position(position) => position.sequence,
        };
        Ok(Route { legs: vec![Leg { log: drafted(log), sequence }], from, late, begin: Begin::Sequence })
    }

    fn derived(
        &mut self,
        stream: &Stream,
        application: &Application,
        want: Want,
    ) -> Result<Route<DraftLog>, DemandError> {
        let facts = self.facts;
        let earliest = horizon::earliest(stream, facts)?;
        let reached = horizon::frontier(stream, facts)?;
        let next = horizon::in_log_order(application, facts)? && horizon::reads_a_source(application);
        let (from, begin) = match want {
            Want::Position(position) => return self.at_position(stream, application, position),
            Want::Earliest => (Some(earliest), Begin::Sequence),
            Want::From(time) if time < earliest => {
                return Err(DemandError::TooEarly { stream: stream.to_string(), asked: time, earliest });
            }
            Want::From(time) => (Some(time), Begin::Sequence),
            Want::Newest if next => (None, Begin::Newest(Frontier::START)),
            Want::Newest => (Some(horizon::newest(stream, facts)?.max(earliest)), Begin::Newest(reached)),
            Want::Next if next => (None, Begin::Sequence),
            Want::Next => match reached {
                Frontier::At(time) => (Some(time.max(earliest)), Begin::Sequence),
                Frontier::Empty => (Some(Timestamp::MAX), Begin::Sequence),
            },
        };
        let mut legs = self.legs(stream, application, from)?;
        if want == Want::Next
            && next
            && let [leg] = legs.as_mut_slice()
        {
            leg.sequence = self.end(&leg.log);
        }
        // A backfill in front has the newest result; then everything from its time on is read.
        let begin = if legs.len() > 1 { Begin::Sequence } else { begin };
        Ok(Route { legs, from: from.unwrap_or(Timestamp::MIN), late: false, begin })
    }

    /// The log of the stream of that name.
    pub fn log_of(&self, name: &str) -> Result<LogId, DemandError> {
        let found = self.plan.stream_named(name).map(|(id, _)| LogId::Source(id));
        found.ok_or_else(|| DemandError::NoSuchStream(name.to_owned()))
    }

    /// The first record of a log that can be at a time or later; a log that is about to be made has none before any time.
    pub fn seek(&self, log: &DraftLog, from: Timestamp) -> u64 {
        there(log).map_or(0, |log| self.facts.seek(&log, from))
    }

    fn end(&self, log: &DraftLog) -> u64 {
        there(log).map_or(0, |log| self.facts.end(&log))
    }

    /// What is decided holds only while that is as it is now.
    pub fn on(&mut self, entity: Entity) {
        let revision = self.plan.revision_of(&entity);
        if !self.proposal.on.iter().any(|(known, _)| *known == entity) {
            self.proposal.on.push((entity, revision));
        }
    }
}

pub(super) fn drafted(log: LogId) -> DraftLog {
    match log {
        LogId::Source(id) => LogId::Source(id),
        LogId::Derived(id) => LogId::Derived(Which::There(id)),
    }
}

/// The log, if it is there already.
fn there(log: &DraftLog) -> Option<LogId> {
    match log {
        LogId::Source(id) => Some(LogId::Source(*id)),
        LogId::Derived(Which::There(id)) => Some(LogId::Derived(*id)),
        LogId::Derived(Which::New(_)) => None,
    }
}
