//! How what somebody wants to read comes to be wanted of this node: decided on the plan and on facts, proposed, held, and started.

use std::collections::BTreeSet;
use std::sync::Arc;

use dag_expr::Stream;
use dag_model::IncarnationId;
use dag_plan::decide::{self, Decision};
use dag_plan::{Change, DemandError, Given, LeaseId, Life, LogId, Proposal, Refusal, Route, Want};
use tokio::sync::watch;

use crate::computations::Computations;
use crate::computations::news::Listener;
use crate::computations::start::over;
use crate::metadata::MetaError;

/// How often a demand is decided, where what it was decided on changes each time.
const ATTEMPTS: usize = 16;

impl Computations {
    /// Demands a stream, and waits until what is started for that is there, or has failed. It is decided under no lock, on the plan and
    /// the facts as they are then, and again where the plan has moved on by the time that it is proposed.
    pub fn demand(
        &self,
        lease: LeaseId,
        listener: &Arc<Listener>,
        stream: &Stream,
        want: Want,
    ) -> Result<Route, Undecided> {
        self.state().listeners.insert(lease, listener.clone());
        for _ in 0..ATTEMPTS {
            let view = self.view();
            let decision = decide::demand(&view.plan, stream, want, &view)?;
            drop(view);
            if let Some(route) = self.enact(lease, stream, decision)? {
                return Ok(route);
            }
            // Whoever has changed what this was decided on is ahead in the queue: after this it is done.
            self.inner.meta.propose(Proposal::default())?;
        }
        Err(Undecided::Moving)
    }

    /// Lets a subscription hold what was decided on, and waits for what is started for that; none where what it was decided on has changed.
    fn enact(&self, lease: LeaseId, stream: &Stream, decision: Decision) -> Result<Option<Route>, Undecided> {
        let Some(Decision { route, proposal }) = self.claim(lease, stream, decision) else { return Ok(None) };
        let resumed = proposal.changes.iter().filter_map(|change| match change {
            Change::Resume(id) => Some(*id),
            _ => None,
        });
        let resumed: Vec<IncarnationId> = resumed.collect();
        let Some(given) = self.enact_in_plan(lease, proposal)? else { return Ok(None) };
        let route = route.resolve(&given);
        let begun = given.iter().filter_map(|given| match given {
            Given::Incarnation(id) => Some(*id),
            _ => None,
        });
        let Some(starts) = self.hold(lease, &route, resumed.iter().copied().chain(begun)) else { return Ok(None) };
        self.inner.tasks.block_on(async {
            for start in starts {
                over(start).await;
            }
        });
        if derived(&route).any(|id| self.state().runs.is_end_awaited(id)) {
            // Of a start that has failed readers are told before they read.
            self.inner.meta.propose(Proposal::default())?;
            self.compare(derived(&route));
        }
        if !resumed.is_empty() {
            // An error means that the node stops.
            let _ = self.inner.resumed.blocking_send(resumed);
        }
        Ok(Some(route))
    }

    /// Changes the plan, if anything is to change. Returns what was given; none where what it was decided on has changed.
    fn enact_in_plan(&self, lease: LeaseId, proposal: Proposal) -> Result<Option<Vec<Given>>, Undecided> {
        if proposal.changes.is_empty() {
            return Ok(Some(Vec::new()));
        }
        match self.inner.meta.propose(proposal) {
            Ok(applied) => Ok(Some(applied.given)),
            Err(MetaError::Refused(Refusal::Stale { .. } | Refusal::State(_) | Refusal::Missing(_))) => {
                self.unhold(&mut self.state(), lease);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Lets a subscription hold a route, and begins to start what of it does not run yet, these first. Returns the starts that are under
    /// way; none where something of the route is not there any more.
    fn hold(
        &self,
        lease: LeaseId,
        route: &Route,
        first: impl Iterator<Item = IncarnationId>,
    ) -> Option<Vec<watch::Receiver<()>>> {
        let state = &mut *self.state();
        for id in derived(route) {
            state.holds.add(lease, id);
        }
        // Inputs come first: what reads them waits for their start.
        self.compare_in(state, first.chain(derived(route)));
        let plan = self.inner.meta.plan();
        let is_there = |id| {
            plan.incarnation(id).is_some_and(|course| match course.life {
                Life::Live { .. } => self.holds(course),
                Life::Stored => false,
                // Readers of what has failed are told.
                _ => true,
            })
        };
        if !derived(route).all(is_there) {
            self.unhold(state, lease);
            return None;
        }
        self.notify_of_failures(state, lease);
        Some(derived(route).filter_map(|id| state.runs.start_of(id)).collect())
    }

    /// Notes that a subscription is about to read what was decided on, so that nobody lets go of it meanwhile, and lets the decision hold
    /// what is not held yet; none where something of it is about to be forgotten.
    fn claim(&self, lease: LeaseId, stream: &Stream, mut decision: Decision) -> Option<Decision> {
        let plan = self.inner.meta.plan();
        let state = &mut *self.state();
        if decision.there().any(|id| state.forgetting.contains(&id)) {
            return None;
        }
        state.bind(&plan, stream);
        let needs_no_hold = |id: &IncarnationId| {
            let used = state.holds.add(lease, *id);
            let course = plan.incarnation(*id);
            // What is finished needs nobody to keep it.
            course.is_some_and(|course| course.life == Life::Finished || used && self.holds(course))
        };
        let known: BTreeSet<IncarnationId> = decision.there().filter(needs_no_hold).collect();
        let holder = self.holder(state);
        decision.hold(holder, |id| known.contains(&id));
        Some(decision)
    }

    /// Lets go of a demand, and of who is told what becomes of it.
    pub fn release(&self, lease: LeaseId) {
        let state = &mut *self.state();
        state.listeners.remove(&lease);
        self.unhold(state, lease);
    }
}

/// Why a demand leads to nothing.
pub(crate) enum Undecided {
    /// It is refused.
    Refused(DemandError),
    /// What it was decided on changed each time.
    Moving,
    /// The plan does not take it.
    Meta(MetaError),
}

impl From<MetaError> for Undecided {
    fn from(error: MetaError) -> Undecided {
        Undecided::Meta(error)
    }
}

impl From<DemandError> for Undecided {
    fn from(error: DemandError) -> Undecided {
        Undecided::Refused(error)
    }
}

/// The runs that a route reads.
fn derived(route: &Route) -> impl Iterator<Item = IncarnationId> {
    route.legs.iter().filter_map(|leg| match leg.log {
        LogId::Derived(id) => Some(id),
        LogId::Source(_) => None,
    })
}
