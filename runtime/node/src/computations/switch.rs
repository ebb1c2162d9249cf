//! The switch: a run goes on with another component, at one place in its inputs and one in its output.
//!
//! At the mark the computation has stopped with a snapshot, in which all that lies before the mark has been emitted. There the other
//! component takes over, which one entry in the incarnation record says: with the state in the snapshot, where it reads that version
//! of it and takes it up in a trial; else by computing the state anew from the retained inputs, without showing what lies before. One that
//! fails before it gets to the mark is taken over where it has failed.

use std::io;
use std::time::{Duration, Instant};

use dag_expr::{Application, Stream};
use dag_flow::{Computation, Snapshot};
use dag_log::{Log, OpenError};
use dag_model::{Digest, Frontier, IncarnationId, Order, Position};
use dag_plan::upgrade::{self, Trimmed};
use dag_plan::{Change, Entity, Incarnation, InputStart, Leg, Proposal, Ran};
use dag_wasm::Component;

use crate::computations::error::StartError;
use crate::computations::resume::{reads, replay, resume};
use crate::computations::snapshots::SnapshotError;
use crate::computations::{Computations, View};
use crate::metadata::MetaError;

/// Why a computation keeps its component.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// It has stopped before the end of its output.
    #[error("it is still computing again what its log holds; try again later")]
    Behind,
    /// It was forgotten.
    #[error("it is gone")]
    Gone,
    /// Nobody has demanded it since the node was started.
    #[error("it has not been computed yet")]
    Unbound,
    /// There is nothing left to compute.
    #[error("it has everything")]
    Complete,
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
    /// Its snapshot cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// Its log cannot be opened.
    #[error(transparent)]
    Log(#[from] OpenError),
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

impl SwitchError {
    /// Whether there is nothing left that another component could compute: it has ended, though the plan may not say so yet.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, SwitchError::Complete | SwitchError::Gone)
    }
}

/// How a component took over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// With its predecessor's state.
    State,
    /// With a state that it computes anew.
    Replay,
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

impl By {
    /// As answers tell it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            By::State => "state",
            By::Replay => "replay",
        }
    }
}

impl Computations {
    /// A run has stopped at the mark of its next turn, which has lasted since then: lets the component take over. If it cannot, the run goes
    /// on as it was.
    pub(super) fn begin_turn(&self, id: IncarnationId, since: Instant) {
        let computations = self.clone();
        self.inner.tasks.spawn(dag_alarm::task("moving", async move {
            let moving = computations.clone();
            let turn = move || {
                let next = moving.state().runs.turns.next(id);
                Ok(next.map(|(to, replay)| moving.hand_over(id, to, replay)))
            };
            match computations.inner.starts.run(id, turn).await {
                Ok(Some(handed_over)) => computations.turn_is_over(id, since, handed_over),
                // It is not wanted any more.
                Ok(None) => {}
                Err(error) => computations.turn_is_over(id, since, Err(SwitchError::Build(error))),
            }
            let state = &mut *computations.state();
            state.runs.end_awaited(id);
            computations.compare_in(state, [id]);
        }));
    }

    /// A run is being started that has failed: where it is to go on with another component, that takes over where it is. What cannot be is
    /// told, and the run tries again as it was.
    pub(super) fn take_over_failed(&self, id: IncarnationId) {
        let next = {
            let state = self.state();
            // A file that could not be opened says nothing about the component.
            let failed = state.runs.failures.get(&id).is_some_and(|failures| failures.count() > 0);
            let has_failed = failed && state.runs.is_starting(id);
            state.runs.turns.next(id).filter(|_| has_failed)
        };
        let Some((to, replay)) = next else { return };
        let begun = Instant::now();
        let handed_over = self.hand_over(id, to, replay);
        self.turn_is_over(id, begun, handed_over);
    }

    /// Tells what came of a run's next turn, which has lasted since then.
    fn turn_is_over(&self, id: IncarnationId, since: Instant, handed_over: Result<(By, Ran), SwitchError>) {
        let switched = handed_over.map(|(by, ran)| {
            let position = Position { run: id.0, sequence: ran.output };
            Switched { by, from: ran.from, position, took: since.elapsed() }
        });
        match &switched {
            Ok(Switched { by, from, .. }) => tracing::info!(incarnation = %id, %from, ?by, "moved"),
            Err(why) => tracing::warn!(incarnation = %id, %why, "goes on with its component"),
        }
        let successor = {
            let state = &mut *self.state();
            if switched.is_ok() {
                // What its predecessor failed on says nothing about this one.
                state.runs.failures.remove(&id);
            }
            state.runs.turns.take(id)
        };
        if let Some(successor) = successor {
            // An error means that nobody waits any more.
            let _ = successor.told.send(switched);
        }
    }

    /// Lets a component take over a run that has stopped and that nobody else starts.
    fn hand_over(&self, id: IncarnationId, to: Digest, replay: bool) -> Result<(By, Ran), SwitchError> {
        let plan = self.inner.meta.plan();
        let course = plan.incarnation(id).ok_or(SwitchError::Gone)?;
        let record = &course.record;
        let stream = self.state().bound.get(&record.stream).cloned();
        // The state is not locked meanwhile: a guest is asked, and may take its time.
        let (by, ran) = self.succession(record, stream.as_ref(), to)?;
        if by == By::Replay && !replay {
            return Err(SwitchError::NeedsReplay);
        }
        // The record names a place in the output, and the state there: neither may be lost to a crash that the record survives.
        let output = self.view().logs.get(id)?;
        self.inner.snapshots.keep(id, &output)?;
        let switch = Proposal::of([Change::Switch { incarnation: id, to: ran.clone() }]);
        self.inner.meta.propose(switch.on(Entity::Incarnation(id), course.revision))?;
        if by == By::Replay
            && let Err(error) = self.inner.snapshots.remove(id)
        {
            // Going on from it fails as the trial did, and then the computation begins without it.
            tracing::warn!(incarnation = %id, %error, "cannot remove a snapshot that is not taken up");
        }
        Ok((by, ran))
    }

    /// How a component takes over from where a run has stopped.
    fn succession(&self, record: &Incarnation, stream: Option<&Stream>, to: Digest) -> Result<(By, Ran), SwitchError> {
        let Some(Stream::Apply(application)) = stream else { return Err(SwitchError::Unbound) };
        let view = self.view();
        let snapshot = view.snapshots.get(record.id)?;
        let output = view.logs.get(record.id)?;
        if output.visible().ended {
            return Err(SwitchError::Complete);
        }
        let Some(snapshot) = snapshot.filter(|snapshot| snapshot.output.sequence == output.visible().end) else {
            if self.inner.config.snapshots.is_some() && !self.state().runs.failures.contains_key(&record.id) {
                return Err(SwitchError::Behind);
            }
            return self.after_output(&view, record, application, &output, to);
        };
        let ran = Ran {
            digest: to,
            from: snapshot.written,
            output: snapshot.output.sequence,
            inputs: starts(record, &snapshot),
        };
        let mut next = record.clone();
        next.ran.push(ran.clone());
        let mut trial = self.computation_of(&view, &next, application, output)?;
        resume(&view, &mut trial, &next, application, Some(snapshot))?;
        if takes_up(&trial) {
            return Ok((By::State, ran));
        }
        replayable(&view, &trial.operator.component, &next, application)?;
        Ok((By::Replay, ran))
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
    ) -> Result<(By, Ran), SwitchError> {
        let component = view.catalog.code(to).map_err(SwitchError::Component)?;
        let order = view.catalog.bind_with(&component, application).map_err(SwitchError::Component)?.facts.order;
        let visible = output.visible();
        let in_log_order = application.window.is_none() && order == Order::Log;
        // Of what was emitted, all must lie before the frontier, and nothing of what was not.
        if in_log_order || !visible.frontier.passed(visible.max_time) {
            return Err(SwitchError::Between);
        }
        let mut next = record.clone();
        next.ran.push(Ran { digest: to, from: visible.frontier, output: visible.end, inputs: Vec::new() });
        let inputs = replayable(view, &component, &next, application)?;
        let ran = next.ran.pop().expect("it was just pushed");
        Ok((By::Replay, Ran { inputs, ..ran }))
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
