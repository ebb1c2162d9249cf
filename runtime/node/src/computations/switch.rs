//! The switch: a running computation goes on with another component, at one place in its inputs and one in its output.
//!
//! The computation stops with a last snapshot, in which all that lies before some frontier has been emitted. There the other
//! component takes over, which one entry in the incarnation record says: with the state in the snapshot, where it reads that version
//! of it and takes it up in a trial; else by computing the state anew from the retained inputs, without showing what lies before.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use dag_expr::{Application, Stream};
use dag_flow::{Computation, Snapshot};
use dag_log::{Log, OpenError};
use dag_model::{Digest, Frontier, IncarnationId, Order, Position};
use dag_plan::upgrade::{self, Trimmed};
use dag_plan::{Change, Entity, Incarnation, InputStart, Leg, Proposal, Ran};
use dag_wasm::Component;
use tokio::runtime::Handle;

use crate::computations::error::StartError;
use crate::computations::runs::{reads, replay, resume};
use crate::computations::snapshots::SnapshotError;
use crate::computations::{Computations, View};
use crate::metadata::MetaError;

/// How long a computation may take to stop, and to compute again what a crash took.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a computation that is behind its output goes on before it is looked at again, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));

/// Why a computation keeps its component.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// It has not got on to the end of its output.
    #[error("it is still computing again what its log holds; try again later")]
    Behind,
    /// It is in a call that lasts.
    #[error("it does not stop")]
    Busy,
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

/// A computation that goes on as it was.
#[derive(Debug, thiserror::Error)]
#[error("incarnation {id} keeps its component: {why}")]
pub struct NotSwitched {
    id: IncarnationId,
    #[source]
    why: SwitchError,
}

impl NotSwitched {
    /// Whether there is nothing left that another component could compute: it has ended, though the plan may not say so yet.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.why, SwitchError::Complete | SwitchError::Gone)
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
    /// Lets a live computation go on with another component. `replay` says whether the state may be computed anew. If the switch is
    /// refused, the computation goes on as it was. One that computes again what its log holds first gets on to the end of that. Blocks
    /// until it goes on, and so must be called on a thread that may wait.
    pub(crate) fn switch(&self, id: IncarnationId, to: Digest, replay: bool) -> Result<Switched, NotSwitched> {
        let refused = |why| NotSwitched { id, why };
        let (begun, mut pause) = (Instant::now(), PAUSE.0);
        loop {
            match self.try_switch(id, to, replay) {
                Ok(Some(switched)) => return Ok(switched),
                Ok(None) if begun.elapsed() < PATIENCE => thread::sleep(pause),
                Ok(None) => return Err(refused(SwitchError::Behind)),
                Err(why) => return Err(refused(why)),
            }
            pause = PAUSE.1.min(pause * 2);
        }
    }

    /// Answers nothing where the computation is about to start, or behind its output.
    fn try_switch(&self, id: IncarnationId, to: Digest, replay: bool) -> Result<Option<Switched>, SwitchError> {
        let begun = Instant::now();
        let Some(gone) = self.state().runs.interrupt(id) else { return Ok(None) };
        let stopped = Handle::current().block_on(async { tokio::time::timeout(PATIENCE, gone).await });
        let handed_over = match stopped {
            Ok(Ok(())) => self.hand_over(id, to, replay),
            _ => Err(SwitchError::Busy),
        };
        let state = &mut *self.state();
        state.runs.let_go(id);
        if let Ok(Some(_)) = handed_over {
            // What its predecessor failed on says nothing about this one.
            state.runs.failures.remove(&id);
        }
        self.compare_in(state, [id]);
        let switched = |(by, ran): (By, Ran)| {
            let position = Position { run: id.0, sequence: ran.output };
            Switched { by, from: ran.from, position, took: begun.elapsed() }
        };
        Ok(handed_over?.map(switched))
    }

    /// Lets a component take over a run that has stopped and that nobody else starts; answers nothing where that is behind its output.
    fn hand_over(&self, id: IncarnationId, to: Digest, replay: bool) -> Result<Option<(By, Ran)>, SwitchError> {
        let plan = self.inner.meta.plan();
        let course = plan.incarnation(id).ok_or(SwitchError::Gone)?;
        let record = &course.record;
        let stream = self.state().bound.get(&record.stream).cloned();
        // The state is not locked meanwhile: a guest is asked, and may take its time.
        let Some((by, ran)) = self.succession(record, stream.as_ref(), to)? else { return Ok(None) };
        if by == By::Replay && !replay {
            return Err(SwitchError::NeedsReplay);
        }
        // The record names a place in the output, and the state there: neither may be lost to a crash that the record survives.
        let output = self.view().logs.get(id)?;
        self.inner.snapshots.keep(id, &output)?;
        dag_fault::point("deploy");
        let switch = Proposal::of([Change::Switch { incarnation: id, to: ran.clone() }]);
        self.inner.meta.propose(switch.on(Entity::Incarnation(id), course.revision))?;
        dag_fault::point("deploy");
        if by == By::Replay
            && let Err(error) = self.inner.snapshots.remove(id)
        {
            // Going on from it fails as the trial did, and then the computation begins without it.
            tracing::warn!(incarnation = %id, %error, "cannot remove a snapshot that is not taken up");
        }
        Ok(Some((by, ran)))
    }

    /// How a component takes over from where a run has stopped; nothing where it will get on to the end of its output.
    fn succession(
        &self,
        record: &Incarnation,
        stream: Option<&Stream>,
        to: Digest,
    ) -> Result<Option<(By, Ran)>, SwitchError> {
        let Some(Stream::Apply(application)) = stream else { return Err(SwitchError::Unbound) };
        let view = self.view();
        let snapshot = view.snapshots.get(record.id)?;
        let output = view.logs.get(record.id)?;
        if output.visible().ended {
            return Err(SwitchError::Complete);
        }
        let Some(snapshot) = snapshot.filter(|snapshot| snapshot.output.sequence == output.visible().end) else {
            if self.inner.config.snapshots.is_some() && !self.state().runs.failures.contains_key(&record.id) {
                return Ok(None);
            }
            return self.after_output(&view, record, application, &output, to).map(Some);
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
            return Ok(Some((By::State, ran)));
        }
        replayable(&view, &trial.operator.component, &next, application)?;
        Ok(Some((By::Replay, ran)))
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
