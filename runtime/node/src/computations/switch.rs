//! The switch: a run goes on with another component, at one place in its inputs and one in its output.
//!
//! At the mark the computation has stopped with a snapshot, in which all that lies before the mark has been emitted. There the other
//! component takes over, which one entry in the incarnation record says: with the state in the snapshot, where it reads that version
//! of it and takes it up in a trial; else by computing the state anew from the retained inputs, without showing what lies before. That waits
//! for no disk where the state is taken: who recovers from before the mark runs the earlier version up to it and hands over again. One that
//! fails before it gets to the mark is taken over where it has failed.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dag_expr::Application;
use dag_flow::{Computation, Snapshot};
use dag_log::Log;
use dag_model::{Digest, Frontier, IncarnationId, Order, Position};
use dag_plan::apply::MAX_TURNS;
use dag_plan::upgrade::{self, Trimmed};
use dag_plan::{By, Change, Incarnation, InputStart, Leg, Proposal, Ran, Revision, Turn};
use dag_wasm::Component;

use crate::computations::error::StartError;
use crate::computations::resume::{reads, replay, resume};
use crate::computations::{Computations, View};
use crate::metadata::MetaError;

/// Why a computation keeps its component.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// It has as many turns ahead as there may be.
    #[error("{MAX_TURNS} versions are to take over before this one, which is the limit; it is behind")]
    Ahead,
    /// It could not take over, and what went wrong has been said where that was.
    #[error("the version could not take over; the node's log says why")]
    Refused,
    /// A replay was not wanted.
    #[error("its state would have to be computed anew")]
    NeedsReplay,
    /// Some of what it emitted lies behind its last snapshot, and nobody knows what.
    #[error("it failed between two snapshots, where nobody can take over")]
    Between,
    /// Retention has removed what a replay takes.
    #[error(
        "its state is not taken up, and to compute it anew takes `{}` from {} on: its earliest record is {}",
        .0.input, .0.wanted, .0.earliest
    )]
    Trimmed(Trimmed),
    /// The component cannot be had, or takes the expression no longer.
    #[error("{0}")]
    Component(String),
    /// Its snapshot, or the output before it, cannot be kept.
    #[error(transparent)]
    Keep(#[from] io::Error),
    /// Its record cannot be kept.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// It cannot be built.
    #[error(transparent)]
    Build(#[from] StartError),
}

/// A switch that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switched {
    /// How.
    pub by: By,
    /// The output's frontier there.
    pub from: Frontier,
    /// Its first record in the output.
    pub position: Position,
    /// How long nothing was computed.
    pub took: Duration,
}

impl Switched {
    /// The switch that a run's record tells of, for which nothing was computed for so long.
    pub(super) fn of(id: IncarnationId, ran: &Ran, took: Duration) -> Switched {
        Switched { by: ran.by, from: ran.from, position: Position { run: id.0, sequence: ran.output }, took }
    }
}

/// A run that is being started and has a turn ahead, with what there is of it.
pub(super) struct Standing<'a> {
    pub record: &'a Incarnation,
    pub application: &'a Application,
    pub output: &'a Log,
    pub snapshot: Option<&'a Arc<Snapshot>>,
}

impl Computations {
    /// Lets the next component take over a run that is being started, where it is to: at the mark, if its snapshot is from there; or where
    /// it has failed. If it cannot, the run goes on as it was. Returns whether the plan has anything new of it.
    ///
    /// # Errors
    /// If the plan cannot be told: the run has to wait, or what it computes might not be what it computes another time.
    pub(super) fn take_turn(&self, view: &View<'_>, turn: &Turn, standing: &Standing<'_>) -> Result<bool, MetaError> {
        let id = standing.record.id;
        let at_mark = standing.snapshot.filter(|snapshot| snapshot.mark >= turn.mark.0);
        // A file that could not be opened says nothing about the component.
        let failed = || self.state().runs.failures.get(&id).is_some_and(|failures| failures.count() > 0);
        if at_mark.is_none() && !failed() {
            return Ok(false);
        }
        let begun = Instant::now();
        let ran = match at_mark {
            Some(snapshot) => self.take_over(view, turn, standing, snapshot, Some(turn.mark)),
            None => self.take_over_failed(view, turn, standing),
        };
        let ran = ran.and_then(|ran| match ran.by {
            By::Replay if !turn.replay => Err(SwitchError::NeedsReplay),
            _ => Ok(ran),
        });
        let to = ran.as_ref().ok().cloned();
        let told = self.inner.meta.propose(Proposal::of([Change::Switch { incarnation: id, mark: turn.mark, to }]));
        match told {
            // It is not wanted any more.
            Err(MetaError::Refused(_)) => return Ok(true),
            told => drop(told?),
        }
        if at_mark.is_none()
            && ran.as_ref().is_ok_and(|ran| ran.by == By::Replay)
            && let Err(error) = self.inner.snapshots.remove(id)
        {
            // Going on from it fails as the trial did, and then the computation begins without it.
            tracing::warn!(incarnation = %id, %error, "cannot remove a snapshot that is not taken up");
        }
        self.turn_is_over(id, turn, begun, ran);
        Ok(true)
    }

    /// Tells what came of a run's turn.
    fn turn_is_over(&self, id: IncarnationId, turn: &Turn, begun: Instant, ran: Result<Ran, SwitchError>) {
        match &ran {
            Ok(Ran { by, from, .. }) => tracing::info!(incarnation = %id, %from, ?by, "moved"),
            Err(why) => tracing::warn!(incarnation = %id, %why, "goes on with its component"),
        }
        let state = &mut *self.state();
        if ran.is_ok() {
            // What its predecessor failed on says nothing about this one.
            state.runs.failures.remove(&id);
        }
        let (since, told) = state.runs.turns.is_over(id, turn.mark);
        if let Some(told) = told {
            let took = since.unwrap_or(begun).elapsed();
            // An error means that nobody waits any more.
            let _ = told.send(ran.map(|ran| Switched::of(id, &ran, took)));
        }
    }

    /// How a component takes over at the place of a snapshot: with the state in it, where it takes that up in a trial.
    fn take_over(
        &self,
        view: &View<'_>,
        turn: &Turn,
        standing: &Standing<'_>,
        snapshot: &Arc<Snapshot>,
        mark: Option<Revision>,
    ) -> Result<Ran, SwitchError> {
        let Standing { record, application, output, .. } = *standing;
        let (from, sequence, inputs) = (snapshot.written, snapshot.output.sequence, starts(record, snapshot));
        let ran = Ran { digest: turn.to, from, output: sequence, inputs, mark, by: By::State };
        let mut next = record.clone();
        next.ran.push(ran.clone());
        let mut trial = self.computation_of(view, &next, application, output.clone())?;
        resume(view, &mut trial, &next, application, Some(snapshot.clone()))?;
        if takes_up(&trial) {
            return Ok(ran);
        }
        replayable(view, &trial.operator.component, &next, application)?;
        Ok(Ran { by: By::Replay, ..ran })
    }

    /// How a component takes over a run where that has failed. Nobody gets there again: neither the place in the output nor the state there may
    /// be lost to a crash that the record survives.
    fn take_over_failed(&self, view: &View<'_>, turn: &Turn, standing: &Standing<'_>) -> Result<Ran, SwitchError> {
        let Standing { record, application, output, snapshot } = *standing;
        let ran = match snapshot.filter(|snapshot| snapshot.output.sequence == output.visible().end) {
            Some(snapshot) => self.take_over(view, turn, standing, snapshot, None)?,
            None => self.after_output(view, record, application, output, turn.to)?,
        };
        self.inner.snapshots.keep(record.id, output)?;
        Ok(ran)
    }

    /// How a component takes over from a run that failed after its last snapshot, or that takes none: behind what its log has, with a
    /// state that is computed anew.
    fn after_output(
        &self,
        view: &View<'_>,
        record: &Incarnation,
        application: &Application,
        output: &Log,
        to: Digest,
    ) -> Result<Ran, SwitchError> {
        let component = view.catalog.code(to).map_err(SwitchError::Component)?;
        let order = view.catalog.bind_with(&component, application).map_err(SwitchError::Component)?.facts.order;
        let visible = output.visible();
        let in_log_order = application.window.is_none() && order == Order::Log;
        // Of what was emitted, all must lie before the frontier, and nothing of what was not.
        if in_log_order || !visible.frontier.passed(visible.max_time) {
            return Err(SwitchError::Between);
        }
        let mut next = record.clone();
        let (from, output) = (visible.frontier, visible.end);
        next.ran.push(Ran { digest: to, from, output, inputs: Vec::new(), mark: None, by: By::Replay });
        let inputs = replayable(view, &component, &next, application)?;
        let ran = next.ran.pop().expect("it was just pushed");
        Ok(Ran { inputs, ..ran })
    }
}

/// Where the component that runs last begins to compute its state anew; an error if that is not kept any more.
fn replayable(
    view: &View<'_>,
    component: &Component,
    record: &Incarnation,
    application: &Application,
) -> Result<Vec<InputStart>, SwitchError> {
    let starts = replay(view, component, record, application)?;
    match upgrade::trimmed(&view.plan, &starts, view) {
        None => Ok(starts),
        Some(trimmed) => Err(SwitchError::Trimmed(trimmed)),
    }
}

/// Tries whether the operator takes the state up.
fn takes_up(trial: &Computation) -> bool {
    let Some(snapshot) = &trial.resume.snapshot else { return false };
    match reads(&trial.operator, snapshot).then(|| dag_flow::probe(trial)) {
        Some(Ok(())) => true,
        Some(Err(error)) => {
            tracing::warn!(operator = trial.operator.name, %error, "a new version does not take up the state that it says it reads");
            false
        }
        None => false,
    }
}

/// Where a snapshot goes on in each input.
fn starts(record: &Incarnation, snapshot: &Snapshot) -> Vec<InputStart> {
    let start = |(input, place): (&InputStart, &dag_flow::Place)| {
        let mut legs: Vec<Leg> = input.legs.iter().skip(place.leg).cloned().collect();
        if let Some(leg) = legs.first_mut() {
            leg.sequence = leg.sequence.max(place.sequence);
        }
        InputStart { legs, from: input.from.max(place.from), late: input.late }
    };
    record.inputs.iter().zip(&snapshot.places).map(start).collect()
}
