//! The switch: a running computation goes on with another component, at one place in its inputs and one in its output.
//!
//! The computation stops with a last snapshot, in which all that lies before some frontier has been emitted. There the other
//! component takes over, which one entry in the incarnation record says: with the state in the snapshot, where it reads that version
//! of it and takes it up in a trial; else by computing the state anew from the retained inputs, without showing what lies before.

use std::time::{Duration, Instant};

use dag_expr::Stream;
use dag_flow::{Computation, Snapshot};
use dag_model::{Digest, Frontier, IncarnationId, Position};
use dag_plan::{Command, Incarnation, InputStart, Leg, Ran};
use tokio::runtime::Handle;

use crate::error::{Code, NodeError};
use crate::node::Node;
use crate::runs::{computation, reads, resume};

/// How long a computation may take to stop.
const PATIENCE: Duration = Duration::from_secs(60);

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

impl Node {
    /// Lets a live computation go on with another component; blocks until it does, so it must be called on a thread that tokio keeps
    /// for that. `replay` says whether the state may be
    /// computed anew. If the switch is refused, the computation goes on as it was.
    pub(crate) fn switch(&self, id: IncarnationId, to: Digest, replay: bool) -> Result<Switched, NodeError> {
        let begun = Instant::now();
        let gone = self.state().runs.interrupt(id);
        let refused = |message: String| NodeError::new(Code::Busy, message);
        let gone = gone.ok_or_else(|| refused(format!("incarnation {id} is not running, or is about to change")))?;
        let stopped = Handle::current().block_on(async { tokio::time::timeout(PATIENCE, gone).await });
        let stopped = matches!(stopped, Ok(Ok(())));
        let state = &mut *self.state();
        if stopped && state.runs.has_flow(id) {
            return Err(refused(format!("incarnation {id} was wanted again meanwhile")));
        }
        let Some(run) = state.plan.run(id) else { return Err(refused(format!("incarnation {id} is gone"))) };
        let (record, live, stream) = (run.record.clone(), run.is_live(), run.stream.clone());
        let taken =
            if stopped { self.succession(&record, stream.as_ref(), to) } else { Err("it does not stop".to_owned()) };
        let switched = taken.and_then(|(by, ran)| match by {
            By::Replay if !replay => Err("its state would have to be computed anew".to_owned()),
            By::Replay if !state.plan.can_replay(id, &self.view()) => {
                Err("its state can neither be taken up nor be computed anew: the inputs have been trimmed".to_owned())
            }
            by => Ok((by, ran)),
        });
        let answer = switched.map(|(by, ran)| {
            let position = Position { run: id.0, sequence: ran.output };
            let from = ran.from;
            state.plan.switch(id, ran);
            (by, from, position)
        });
        if let (Ok(_), Some(run)) = (&answer, state.plan.run(id)) {
            dag_fault::point("deploy");
            let kept = self.inner.meta.put_incarnation(&run.record);
            kept.map_err(|error| NodeError::new(Code::Internal, error.to_string()))?;
            dag_fault::point("deploy");
        }
        if live {
            self.execute(state, vec![Command::Start(id)]);
        }
        let (by, from, position) =
            answer.map_err(|why| refused(format!("`{}` cannot switch: {why}", record.stream)))?;
        Ok(Switched { by, from, position, took: begun.elapsed() })
    }

    /// How a component takes over from where a run has stopped.
    fn succession(&self, record: &Incarnation, stream: Option<&Stream>, to: Digest) -> Result<(By, Ran), String> {
        let Some(Stream::Apply(application)) = stream else { return Err("it has not been computed yet".to_owned()) };
        let view = self.view();
        let snapshot = view.snapshots.get(record.id).map_err(|error| error.to_string())?;
        let snapshot = snapshot.ok_or("it left no snapshot")?;
        let output = view.logs.get(record.id).map_err(|error| error.to_string())?;
        if output.visible().end != snapshot.output.sequence {
            return Err("its output is not where its snapshot is".to_owned());
        }
        let ran = Ran {
            digest: to,
            from: snapshot.written,
            output: snapshot.output.sequence,
            inputs: starts(record, &snapshot),
        };
        let mut next = record.clone();
        next.ran.push(ran.clone());
        let mut trial =
            computation(&view, &next, application, output, self.inner.flow.peers()).map_err(|error| error.message)?;
        resume(&mut trial, &next, Some(snapshot)).map_err(|error| error.message)?;
        Ok((if takes_up(&trial) { By::State } else { By::Replay }, ran))
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
