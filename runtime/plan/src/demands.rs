//! Demand, and the life of the computations that it keeps running.
//!
//! `demand` turns a wish into a [`Route`] (the logs to read one after the other) and into commands; computations are shared by canonical
//! expression, linger when their last subscriber leaves, and release their own inputs when they stop. `routing` finds the logs.

mod part;
mod routing;

use std::collections::{BTreeMap, BTreeSet};

use dag_expr::{Application, Stream};
use dag_model::{Frontier, IncarnationId, Timestamp};

use crate::demand::{Begin, Command, DemandError, LeaseId, Millis, Route, Want};
use crate::facts::Facts;
use crate::horizon;
use crate::incarnation::{Incarnation, Leg, LogId, Ran, Skipped};
use crate::run::{Run, State};

/// The state machine.
#[derive(Debug, Default)]
pub struct Demands {
    next_id: u64,
    linger: Millis,
    runs: BTreeMap<IncarnationId, Run>,
}

impl Demands {
    /// An empty plan whose computations linger for so long.
    pub fn new(linger: Millis) -> Demands {
        Demands { next_id: 1, linger, runs: BTreeMap::new() }
    }

    /// Numbers up to this one are never used again, although nothing is left of the runs that had them.
    pub fn skip(&mut self, last: IncarnationId) {
        self.next_id = self.next_id.max(last.0 + 1);
    }

    /// Takes in a run that was recorded earlier; `finished` when its log ends.
    pub fn restore(&mut self, record: Incarnation, finished: bool) {
        self.next_id = self.next_id.max(record.id.0 + 1);
        let state = if finished { State::Finished } else { State::Stored };
        self.runs
            .insert(record.id, Run { record, stream: None, state, leases: BTreeSet::new(), runs: BTreeSet::new() });
    }

    /// A run that was taken in had been quarantined.
    pub fn restore_quarantine(&mut self, id: IncarnationId, why: String) {
        if let Some(run) = self.runs.get_mut(&id) {
            run.state = State::Quarantined(why);
        }
    }

    /// All runs, by age.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values()
    }

    /// One run.
    pub fn run(&self, id: IncarnationId) -> Option<&Run> {
        self.runs.get(&id)
    }

    /// Keeps `stream` wanted until the lease is released, and tells how to read it.
    pub fn demand(
        &mut self,
        lease: LeaseId,
        stream: &Stream,
        want: Want,
        facts: &dyn Facts,
    ) -> Result<(Route, Vec<Command>), DemandError> {
        let (name, late) = match stream {
            Stream::Source { name, .. } | Stream::Errors { name, .. } => (name, false),
            Stream::Late { name, .. } => (name, true),
            Stream::Apply(application) => {
                let mut commands = Vec::new();
                let route = self.demand_derived(lease, stream, application, want, facts, &mut commands);
                return match route {
                    Ok(route) => Ok((route, commands)),
                    Err(error) => {
                        self.undo(&commands);
                        Err(error)
                    }
                };
            }
        };
        let source = facts.source(name).ok_or_else(|| DemandError::NoSuchStream(name.clone()))?;
        let log = LogId::Source(name.clone());
        let mut from = Timestamp::MIN;
        let sequence = match want {
            Want::Newest | Want::Next => facts.end(&log),
            Want::Earliest => source.earliest,
            Want::From(time) if time < source.complete_from => {
                let stream = stream.to_string();
                return Err(DemandError::TooEarly { stream, asked: time, earliest: source.complete_from });
            }
            Want::From(time) => {
                from = time;
                facts.seek(&log, time)
            }
            Want::Position(position) => position.sequence,
        };
        Ok((Route { legs: vec![Leg { log, sequence }], from, late, begin: Begin::Sequence }, Vec::new()))
    }

    fn demand_derived(
        &mut self,
        lease: LeaseId,
        stream: &Stream,
        application: &Application,
        want: Want,
        facts: &dyn Facts,
        commands: &mut Vec<Command>,
    ) -> Result<Route, DemandError> {
        let earliest = horizon::earliest(stream, facts)?;
        let reached = horizon::frontier(stream, facts)?;
        let next = horizon::in_log_order(application, facts)? && horizon::reads_a_source(application);
        let (from, begin) = match want {
            Want::Position(position) => {
                let route = self.at_position(stream, position, facts, commands)?;
                self.lease(lease, &route);
                return Ok(route);
            }
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
        let mut legs = self.legs(stream, application, from, facts, commands)?;
        if want == Want::Next
            && next
            && let [leg] = legs.as_mut_slice()
        {
            leg.sequence = facts.end(&leg.log);
        }
        // A backfill in front has the newest result; then everything from its time on is read.
        let begin = if legs.len() > 1 { Begin::Sequence } else { begin };
        let route = Route { legs, from: from.unwrap_or(Timestamp::MIN), late: false, begin };
        self.lease(lease, &route);
        Ok(route)
    }

    /// Takes back what was to be started for a demand that comes to nothing.
    fn undo(&mut self, commands: &[Command]) {
        for command in commands.iter().rev() {
            if let Command::Start(id) = command {
                // Nothing runs yet, so there is nothing to be told to stop.
                self.stop(*id, &mut Vec::new());
            }
        }
    }

    /// Lets go of a demand.
    pub fn release(&mut self, lease: LeaseId, now: Millis) -> Vec<Command> {
        let held: Vec<IncarnationId> =
            self.runs.values().filter(|run| run.leases.contains(&lease)).map(|run| run.record.id).collect();
        for id in held {
            let run = self.runs.get_mut(&id).expect("just found");
            run.leases.remove(&lease);
            if run.users() == 0 && run.state == State::Running {
                run.state = State::Lingering(now.saturating_add(self.linger));
            }
        }
        self.tick(now)
    }

    /// Stops what has lingered long enough.
    pub fn tick(&mut self, now: Millis) -> Vec<Command> {
        let mut commands = Vec::new();
        let due: Vec<IncarnationId> = self
            .runs
            .values()
            .filter(|run| lingers_until(run).is_some_and(|end| end <= now))
            .map(|run| run.record.id)
            .collect();
        due.into_iter().for_each(|id| self.stop(id, &mut commands));
        commands
    }

    /// When `tick` has something to do next.
    pub fn deadline(&self) -> Option<Millis> {
        self.runs.values().filter_map(lingers_until).min()
    }

    /// The computation has emitted everything that it ever will.
    pub fn finished(&mut self, id: IncarnationId) -> Vec<Command> {
        self.ended(id, State::Finished)
    }

    /// The computation does not repeat itself: what it computes now is not to be trusted. Answers as [`failed`](Demands::failed) does.
    pub fn quarantine(&mut self, id: IncarnationId, why: &str) -> (Vec<IncarnationId>, Vec<Command>) {
        let answer = self.failed(id, why);
        if let Some(run) = self.runs.get_mut(&id) {
            run.state = State::Quarantined(why.to_owned());
        }
        answer
    }

    /// The computation cannot go on, and neither can those that read it. Answers the runs that failed.
    pub fn failed(&mut self, id: IncarnationId, why: &str) -> (Vec<IncarnationId>, Vec<Command>) {
        let (mut failed, mut commands) = (Vec::new(), Vec::new());
        for id in self.dependents(id) {
            if self.runs[&id].is_live() {
                commands.push(Command::Stop(id));
                commands.extend(self.ended(id, State::Failed(why.to_owned())));
                failed.push(id);
            }
        }
        (failed, commands)
    }

    /// The run and the live ones that read it, directly or not: what happens to it is news to those who have a lease on one of them.
    pub fn dependents(&self, id: IncarnationId) -> Vec<IncarnationId> {
        let mut found = Vec::new();
        let mut next = vec![id];
        while let Some(id) = next.pop() {
            if let Some(run) = self.runs.get(&id).filter(|run| run.is_live() && !found.contains(&id)) {
                found.push(id);
                next.extend(&run.runs);
            }
        }
        found
    }

    /// Who holds a demand on a run.
    pub fn leases(&self, id: IncarnationId) -> impl Iterator<Item = LeaseId> {
        self.runs.get(&id).into_iter().flat_map(|run| run.leases.iter().copied())
    }

    /// Runs that nobody uses beyond the newest `kept` of each stream.
    pub fn surplus(&self, kept: usize) -> Vec<IncarnationId> {
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        let unused = self.runs.values().rev().filter(|run| !run.is_live() && run.users() == 0);
        let beyond = unused.filter(|run| {
            let count = found.entry(&run.record.stream).or_default();
            *count += 1;
            *count > kept
        });
        beyond.map(|run| run.record.id).collect()
    }

    /// Forgets a run that is not live; its log is removed by the caller. Answers whether there was one.
    pub fn forget(&mut self, id: IncarnationId) -> bool {
        let idle = self.runs.get(&id).is_some_and(|run| !run.is_live() && run.users() == 0);
        idle && self.runs.remove(&id).is_some()
    }

    fn ended(&mut self, id: IncarnationId, state: State) -> Vec<Command> {
        let mut commands = Vec::new();
        if let Some(run) = self.runs.get_mut(&id).filter(|run| run.is_live()) {
            run.state = state;
            if run.state == State::Finished {
                run.stream = None;
            }
            self.release_inputs(id, &mut commands);
        }
        commands
    }

    fn stop(&mut self, id: IncarnationId, commands: &mut Vec<Command>) {
        if let Some(run) = self.runs.get_mut(&id).filter(|run| run.is_live()) {
            (run.state, run.stream) = (State::Stored, None);
            commands.push(Command::Stop(id));
            if !dag_fault::planted("linger-keeps-inputs") {
                self.release_inputs(id, commands);
            }
        }
    }

    fn release_inputs(&mut self, id: IncarnationId, commands: &mut Vec<Command>) {
        let inputs: Vec<IncarnationId> =
            self.runs.values().filter(|run| run.runs.contains(&id)).map(|run| run.record.id).collect();
        for input in inputs {
            let run = self.runs.get_mut(&input).expect("just found");
            run.runs.remove(&id);
            if run.users() == 0 {
                self.stop(input, commands);
            }
        }
    }

    fn lease(&mut self, lease: LeaseId, route: &Route) {
        for id in derived(&route.legs) {
            let run = self.runs.get_mut(&id).expect("legs name runs of this plan");
            run.leases.insert(lease);
            if let State::Lingering(_) = run.state {
                run.state = State::Running;
            }
        }
    }

    /// Lets a stored run go on: its inputs are wanted again exactly as its record has them.
    fn resume(&mut self, id: IncarnationId, stream: &Stream, application: &Application, commands: &mut Vec<Command>) {
        let inputs = self.runs[&id].record.inputs.clone();
        for (start, input) in inputs.iter().zip(&application.inputs) {
            let Stream::Apply(inner) = &input.stream else { continue };
            for leg in derived(&start.legs) {
                let stored = self.runs.get(&leg).is_some_and(|run| run.state == State::Stored);
                if stored {
                    self.resume(leg, &input.stream, inner, commands);
                }
            }
        }
        let run = self.runs.get_mut(&id).expect("the caller found it");
        run.stream = Some(stream.clone());
        run.state = State::Running;
        self.use_inputs(id);
        commands.push(Command::Start(id));
    }

    /// Another component takes over a run.
    pub fn switch(&mut self, id: IncarnationId, to: Ran) {
        if let Some(run) = self.runs.get_mut(&id) {
            run.record.ran.push(to);
        }
    }

    /// A run passes over a record of its input from now on.
    pub fn pass_over(&mut self, id: IncarnationId, record: Skipped) {
        if let Some(run) = self.runs.get_mut(&id) {
            run.record.skipped.push(record);
        }
    }

    fn use_inputs(&mut self, id: IncarnationId) {
        let used: Vec<IncarnationId> =
            self.runs[&id].record.inputs.iter().flat_map(|input| derived(&input.legs)).collect();
        for input in used {
            let run = self.runs.get_mut(&input).expect("inputs name runs of this plan");
            run.runs.insert(id);
            if let State::Lingering(_) = run.state {
                run.state = State::Running;
            }
        }
    }
}

fn lingers_until(run: &Run) -> Option<Millis> {
    match run.state {
        State::Lingering(end) => Some(end),
        _ => None,
    }
}

fn derived(legs: &[Leg]) -> impl Iterator<Item = IncarnationId> + '_ {
    legs.iter().filter_map(|leg| match leg.log {
        LogId::Derived(id) => Some(id),
        LogId::Source(_) => None,
    })
}
