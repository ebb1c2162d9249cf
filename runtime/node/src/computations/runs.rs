//! Runs: what there is of the dataflows of incarnations. One that is wanted again while its last dataflow is still going waits for that to be
//! gone, so that no log ever has two writers. Whatever takes a file or an operator to start one is done [elsewhere](super::start), under no
//! lock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use dag_flow::{Handle, Mark};
use dag_model::IncarnationId;
use dag_plan::{Life, Millis, Revision};
use tokio::sync::watch;

use crate::computations::reconcile::{Barriers, Flow, Found};
use crate::computations::retention::Idle;
use crate::computations::retry::Failures;
use crate::computations::turns::Turns;
use crate::streams::interest::Interest;

/// How long it takes until the plan is told again that a run has lingered for long enough, in milliseconds.
const AGAIN: Millis = 1_000;

/// The dataflows of runs.
pub struct Runs {
    flows: BTreeMap<IncarnationId, Dataflow>,
    /// What is remembered of turns.
    pub turns: Turns,
    /// Runs of which the plan is to learn something before they are started again.
    ending: BTreeSet<IncarnationId>,
    /// Runs that linger: since when in the plan, and until when here.
    lingering: BTreeMap<IncarnationId, (Revision, Millis)>,
    /// Runs of which the plan has not been told whether they are held here, since too much waited to be told.
    unsaid: BTreeSet<IncarnationId>,
    /// Those that are not live, for retention.
    pub idle: Idle,
    /// What runs have not got past yet.
    pub failures: BTreeMap<IncarnationId, Failures>,
}

/// What there is of a run's dataflow.
enum Dataflow {
    Starting(Starting),
    Running(Running),
}

/// What it takes is being opened.
struct Starting {
    /// Whether it is still to run once that is there.
    wanted: bool,
    /// Dropped once it runs, or does not.
    over: watch::Sender<()>,
}

struct Running {
    handle: Handle,
    /// When it stops without a last snapshot; none while it is to go on.
    stop_by: Option<Instant>,
    /// Whether it was told to stop.
    is_told: bool,
    /// Since when it has stood at the mark where it stops.
    marked: Option<Instant>,
    /// What it needs to hear of the sources below it.
    _interests: Vec<Interest>,
}

impl Dataflow {
    fn running(&self) -> Option<&Running> {
        match self {
            Dataflow::Running(running) => Some(running),
            Dataflow::Starting(_) => None,
        }
    }

    /// Tells it to stop, after a last snapshot if it comes to that in time.
    fn finish(&mut self) {
        match self {
            Dataflow::Starting(starting) => starting.wanted = false,
            Dataflow::Running(running) if running.is_told => {}
            Dataflow::Running(running) => {
                running.is_told = true;
                let patience = running.handle.finish();
                running.stop_by.get_or_insert_with(|| Instant::now() + patience);
            }
        }
    }
}

impl Runs {
    /// No runs yet.
    pub fn new() -> Runs {
        Runs {
            flows: BTreeMap::new(),
            turns: Turns::default(),
            ending: BTreeSet::new(),
            lingering: BTreeMap::new(),
            unsaid: BTreeSet::new(),
            idle: Idle::default(),
            failures: BTreeMap::new(),
        }
    }

    fn running(&self, id: IncarnationId) -> Option<&Running> {
        self.flows.get(&id).and_then(Dataflow::running)
    }

    /// The dataflow of a run, where it is there.
    pub fn handle(&self, id: IncarnationId) -> Option<&Handle> {
        self.running(id).map(|flow| &flow.handle)
    }

    /// A run is about to be started.
    pub fn begin(&mut self, id: IncarnationId) {
        let starting = Starting { wanted: true, over: watch::Sender::new(()) };
        self.flows.insert(id, Dataflow::Starting(starting));
    }

    /// What a run was started for is there, or failed: whether it is still to run.
    pub fn begun(&mut self, id: IncarnationId) -> bool {
        matches!(self.flows.remove(&id), Some(Dataflow::Starting(Starting { wanted: true, .. })))
    }

    /// A run whose start is over runs.
    pub fn insert(&mut self, id: IncarnationId, handle: Handle, interests: Vec<Interest>) {
        let running = Running { handle, stop_by: None, is_told: false, marked: None, _interests: interests };
        self.flows.insert(id, Dataflow::Running(running));
    }

    /// Closed once the start of a run is over; none where it is not being started.
    pub fn start_of(&self, id: IncarnationId) -> Option<watch::Receiver<()>> {
        match self.flows.get(&id)? {
            Dataflow::Starting(starting) => Some(starting.over.subscribe()),
            Dataflow::Running(_) => None,
        }
    }

    /// Whether a run is being started and still wanted.
    pub fn is_starting(&self, id: IncarnationId) -> bool {
        matches!(self.flows.get(&id), Some(Dataflow::Starting(Starting { wanted: true, .. })))
    }

    /// Tells all dataflows to stop after a last snapshot. Those that are being started never run.
    pub fn finish_all(&mut self) {
        self.flows.retain(|_, flow| flow.running().is_some());
        self.flows.values_mut().for_each(Dataflow::finish);
    }

    /// The next time that a dataflow has to stop without its last snapshot.
    pub fn next_stop(&self) -> Option<Instant> {
        self.flows.values().filter_map(|flow| flow.running()?.stop_by).min()
    }

    /// Stops the dataflows that have not come to their last snapshot in time: what they are at may take for ever.
    pub fn stop_overdue(&mut self) {
        let now = Instant::now();
        for (id, flow) in &mut self.flows {
            let Dataflow::Running(flow) = flow else { continue };
            if flow.stop_by.is_some_and(|by| by <= now) {
                flow.stop_by = None;
                flow.handle.stop();
                tracing::info!(incarnation = %id, "computation stops without a last snapshot: it is busy; it goes on from an earlier one");
            }
        }
    }

    /// Whether a dataflow is on its way out.
    pub fn is_stopping(&self, id: IncarnationId) -> bool {
        self.running(id).is_some_and(|flow| flow.handle.is_stopping())
    }

    /// Whether all dataflows are gone.
    pub fn are_gone(&self) -> bool {
        self.flows.is_empty()
    }

    /// A run is to come to a mark that is not in its inputs yet. One that has failed, and would stop there, is tried again at once: another
    /// component may take it over where it is.
    pub fn await_mark(&mut self, id: IncarnationId, mark: Mark) {
        match self.flows.get(&id) {
            Some(Dataflow::Running(flow)) => flow.handle.await_mark(mark),
            None if mark.stops => {
                let failures = self.failures.get_mut(&id).filter(|failures| failures.due.is_some());
                failures.into_iter().for_each(|failures| failures.due = Some(Instant::now()));
            }
            _ => {}
        }
    }

    /// A run's dataflow has come to the mark where it stops.
    pub fn is_marked(&mut self, id: IncarnationId) {
        if let Some(Dataflow::Running(flow)) = self.flows.get_mut(&id) {
            flow.marked = Some(Instant::now());
        }
    }

    /// A run's dataflow is gone.
    pub fn is_gone(&mut self, id: IncarnationId) {
        if let Some(Dataflow::Running(Running { marked: Some(since), .. })) = self.flows.remove(&id) {
            self.turns.stands(id, since);
        }
    }

    /// The next time that a failed run is tried again.
    pub fn next_try(&self) -> Option<Instant> {
        let awaited = self.failures.iter().filter(|(id, _)| !self.ending.contains(id));
        awaited.filter_map(|(_, failures)| failures.due).min()
    }

    /// The failed runs that are to be tried again now.
    pub fn due(&mut self) -> Vec<IncarnationId> {
        let now = Instant::now();
        let (flows, ending) = (&self.flows, &self.ending);
        let due = |(id, failures): (&IncarnationId, &mut Failures)| {
            let is_free = !flows.contains_key(id) && !ending.contains(id);
            let due = is_free && failures.due.is_some_and(|due| due <= now);
            due.then(|| {
                failures.due = None;
                *id
            })
        };
        self.failures.iter_mut().filter_map(due).collect()
    }

    /// A run is wanted; where it lingers, until then. One that is being started goes on.
    pub fn is_wanted(&mut self, id: IncarnationId, life: &Life, until: Millis) {
        self.idle.remove(id);
        match life {
            Life::Live { idle: Some(since) } => {
                let lingers = self.lingering.entry(id).or_insert((*since, until));
                if lingers.0 != *since {
                    *lingers = (*since, until);
                }
            }
            _ => drop(self.lingering.remove(&id)),
        }
        if let Some(Dataflow::Starting(starting)) = self.flows.get_mut(&id) {
            starting.wanted = true;
        }
    }

    /// A run is not wanted any more, for what became of it; none of one that is forgotten.
    pub fn is_not_wanted(&mut self, id: IncarnationId, life: Option<&Life>) {
        self.lingering.remove(&id);
        self.unsaid.remove(&id);
        self.ending.remove(&id);
        self.turns.forget(id);
        match (life, self.failures.get_mut(&id)) {
            // It goes on from there, should it be wanted again.
            (Some(Life::Stored), Some(failures)) => failures.due = None,
            (Some(Life::Stored), None) => {}
            _ => drop(self.failures.remove(&id)),
        }
        match life {
            Some(_) => self.idle.insert_new(id, Instant::now()),
            None => self.idle.remove(id),
        }
    }

    /// What there is of a run, and what stands against starting it.
    pub fn found(&self, id: IncarnationId, is_stopping: bool) -> Found {
        let flow = match self.flows.get(&id) {
            None => Flow::Absent,
            Some(Dataflow::Starting(_)) => Flow::Starting,
            Some(Dataflow::Running(flow)) if flow.is_told => Flow::Stopping,
            Some(Dataflow::Running(_)) => Flow::Running,
        };
        let is_due_later = self.failures.get(&id).is_some_and(|failures| failures.due.is_some());
        let is_ending = self.ending.contains(&id);
        Found { flow, barriers: Barriers { is_ending, is_due_later, is_stopping } }
    }

    /// Tells what runs of a run to stop, after a last snapshot.
    pub fn finish(&mut self, id: IncarnationId) {
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.finish();
        }
    }

    /// The runs that have lingered for long enough, and since when in the plan. They are due again a while later.
    pub fn elapsed(&mut self, now: Millis) -> Vec<(IncarnationId, Revision)> {
        let due = self.lingering.iter_mut().filter(|(_, (_, until))| *until <= now);
        due.map(|(id, (since, until))| {
            *until = now.saturating_add(AGAIN);
            (*id, *since)
        })
        .collect()
    }

    /// When the next run has lingered for long enough.
    pub fn lingers_until(&self) -> Option<Millis> {
        self.lingering.values().map(|(_, until)| *until).min()
    }

    /// The plan is to be told later whether a run is held here, or has been.
    pub fn say_later(&mut self, id: IncarnationId, later: bool) {
        match later {
            true => drop(self.unsaid.insert(id)),
            false => drop(self.unsaid.remove(&id)),
        }
    }

    /// The runs of which the plan is to be told whether they are held here.
    pub fn unsaid(&self) -> Vec<IncarnationId> {
        self.unsaid.iter().copied().collect()
    }

    /// The plan is to learn something of a run before that is started again.
    pub fn await_end(&mut self, id: IncarnationId) {
        self.ending.insert(id);
    }

    /// Whether the plan is to learn something of a run.
    pub fn is_end_awaited(&self, id: IncarnationId) -> bool {
        self.ending.contains(&id)
    }

    /// The plan has learnt it, or does not take it.
    pub fn end_awaited(&mut self, id: IncarnationId) {
        self.ending.remove(&id);
    }

    /// Whether a dataflow is there, running or on its way out.
    pub fn has_flow(&self, id: IncarnationId) -> bool {
        self.flows.contains_key(&id)
    }

    /// The incarnations of which there is one.
    pub fn flows(&self) -> impl Iterator<Item = IncarnationId> {
        self.flows.keys().copied()
    }
}
