//! Routing: which logs give a stream from some place on, and which runs it takes to have them.

use std::collections::BTreeSet;

use dag_expr::{Application, Stream};
use dag_model::{IncarnationId, Position, Timestamp, Windowing};

use super::Demands;
use crate::demand::{Begin, Command, DemandError, Route};
use crate::facts::Facts;
use crate::horizon;
use crate::incarnation::{Began, Incarnation, InputStart, Leg, LogId, Ran, Until};
use crate::run::{Run, State};

impl Demands {
    /// The logs that together hold the derived stream from a time on (from what comes next if none), starting what it takes.
    pub(super) fn legs(
        &mut self,
        stream: &Stream,
        application: &Application,
        from: Option<Timestamp>,
        facts: &dyn Facts,
        commands: &mut Vec<Command>,
    ) -> Result<Vec<Leg>, DemandError> {
        let canonical = stream.to_string();
        let leg = |id: IncarnationId| {
            let log = LogId::Derived(id);
            let sequence = from.map_or(0, |from| facts.seek(&log, from));
            Leg { log, sequence }
        };
        // What an earlier version left is for those who go on reading it, by position.
        let old = |run: &Run| run.record.ran.last().is_some_and(|ran| facts.superseded(ran.digest));
        let of_stream =
            |run: &&Run| run.record.stream == canonical && run.record.until.is_none() && (run.is_live() || !old(run));
        let has_log = |run: &&Run| run.is_live() || run.state == State::Finished;
        let by_sequence = horizon::begins_by_sequence(application, facts)?;
        let covers = |run: &&Run| match (run.record.began, from) {
            (Began::At(began), Some(from)) => began <= from,
            (Began::Next, Some(from)) => {
                let start = &run.record.inputs[0].legs[0];
                by_sequence && start.sequence <= facts.seek(&start.log, from)
            }
            (_, None) => true,
        };
        if let Some(run) = self.runs.values().filter(of_stream).filter(has_log).find(covers) {
            let id = run.record.id;
            return Ok(vec![leg(id)]);
        }
        if let Some(run) = self.runs.values().filter(of_stream).find(|run| run.is_live())
            && let Some(from) = from
        {
            let (running, began) = (run.record.id, run.record.began);
            let until = match began {
                Began::At(time) => Until::Time(time),
                Began::Next => Until::Sequence(run.record.inputs[0].legs[0].sequence),
            };
            let backfill = self.start(stream, application, Some(from), Some(until), facts, commands)?;
            return Ok(vec![
                Leg { log: LogId::Derived(backfill), sequence: 0 },
                Leg { log: LogId::Derived(running), sequence: 0 },
            ]);
        }
        let stored = |run: &&Run| run.state == State::Stored && self.can_resume(&run.record, facts);
        let found = self.runs.values().filter(of_stream).filter(|run| from.is_some() && covers(run)).find(stored);
        if let Some(id) = found.map(|run| run.record.id) {
            self.resume(id, stream, application, commands);
            return Ok(vec![leg(id)]);
        }
        let id = self.start(stream, application, from, None, facts, commands)?;
        Ok(vec![leg(id)])
    }

    fn start(
        &mut self,
        stream: &Stream,
        application: &Application,
        from: Option<Timestamp>,
        until: Option<Until>,
        facts: &dyn Facts,
        commands: &mut Vec<Command>,
    ) -> Result<IncarnationId, DemandError> {
        let operator = facts.operator(application).map_err(DemandError::Operator)?;
        let from = from.map(|from| match horizon::hops(application.window) {
            Some(hops) => hops.start_after(from),
            None => from,
        });
        let mut inputs = Vec::with_capacity(application.inputs.len());
        for input in &application.inputs {
            inputs.push(self.input(application, &input.stream, from, facts, commands)?);
        }
        let by_sequence = horizon::begins_by_sequence(application, facts)?;
        if by_sequence {
            inputs[0].from = Timestamp::MIN;
        }
        let began = match from {
            _ if by_sequence => Began::Next,
            // An operator that remembers without bound starts where its inputs do, whatever was asked for.
            Some(_) if horizon::is_unbounded(application, facts)? => Began::At(horizon::earliest(stream, facts)?),
            Some(from) => Began::At(from),
            None => Began::Next,
        };
        let id = IncarnationId(self.next_id);
        self.next_id += 1;
        let record = Incarnation {
            id,
            stream: stream.to_string(),
            ran: vec![Ran::first(operator.digest)],
            inputs,
            began,
            until,
            shards: 1,
            windowing: Windowing::NEWEST.number(),
            limits: operator.limits,
            skipped: Vec::new(),
        };
        let run = Run {
            record,
            stream: Some(stream.clone()),
            state: State::Running,
            leases: BTreeSet::new(),
            runs: BTreeSet::new(),
        };
        self.runs.insert(id, run);
        self.use_inputs(id);
        commands.push(Command::Start(id));
        Ok(id)
    }

    /// Whether everything that the run needs to go on is still there.
    fn can_resume(&self, record: &Incarnation, facts: &dyn Facts) -> bool {
        // Starting it is tried until that can be told.
        let Ok(places) = facts.resumes(record.id) else { return true };
        record.inputs.iter().enumerate().all(|(at, input)| {
            let place = places.as_ref().and_then(|places| places.get(at).copied());
            let (first, sequence) = place.unwrap_or((0, 0));
            input.legs.iter().enumerate().skip(first).all(|(leg, start)| match &start.log {
                LogId::Source(name) => {
                    let wanted = if leg == first { start.sequence.max(sequence) } else { start.sequence };
                    facts.source(name).is_some_and(|source| source.earliest <= wanted)
                }
                LogId::Derived(id) => self.runs.get(id).is_some_and(|run| match run.state {
                    State::Stored => self.can_resume(&run.record, facts),
                    State::Failed(_) | State::Quarantined(_) => false,
                    State::Running | State::Lingering(_) | State::Finished => true,
                }),
            })
        })
    }

    fn input(
        &mut self,
        application: &Application,
        input: &Stream,
        from: Option<Timestamp>,
        facts: &dyn Facts,
        commands: &mut Vec<Command>,
    ) -> Result<InputStart, DemandError> {
        let needed = from.map(|from| horizon::needed(application, input, from, facts)).transpose()?;
        let legs = match input {
            Stream::Source { name, .. } | Stream::Late { name, .. } | Stream::Errors { name, .. } => {
                let log = LogId::Source(name.clone());
                let source = facts.source(name).ok_or_else(|| DemandError::NoSuchStream(name.clone()))?;
                let sequence = match needed {
                    Some(Timestamp::MIN) => source.earliest,
                    Some(from) => facts.seek(&log, from),
                    None => facts.end(&log),
                };
                vec![Leg { log, sequence }]
            }
            Stream::Apply(inner) => self.legs(input, inner, needed, facts, commands)?,
        };
        let late = matches!(input, Stream::Late { .. });
        Ok(InputStart { legs, from: needed.unwrap_or(Timestamp::MIN), late })
    }

    pub(super) fn at_position(
        &mut self,
        stream: &Stream,
        position: Position,
        facts: &dyn Facts,
        commands: &mut Vec<Command>,
    ) -> Result<Route, DemandError> {
        let Stream::Apply(application) = stream else { unreachable!("sources have positions of their own") };
        let id = IncarnationId(position.run);
        let canonical = stream.to_string();
        let unknown = DemandError::NoSuchPosition { stream: canonical.clone(), position };
        let run = self.runs.get(&id).filter(|run| run.record.stream == canonical).ok_or(unknown)?;
        let (state, until) = (run.state.clone(), run.record.until);
        if let State::Quarantined(why) = state {
            return Err(DemandError::Quarantined { stream: canonical, why });
        }
        let earliest = horizon::earliest(stream, facts)?;
        let gone = DemandError::Gone { stream: canonical, position, earliest };
        // Whoever asks for a place in a failed run wants it to be tried again.
        if is_stopped(&self.runs[&id]) {
            if !self.can_resume(&self.runs[&id].record, facts) {
                return Err(gone);
            }
            self.resume(id, stream, application, commands);
        }
        let mut legs = vec![Leg { log: LogId::Derived(id), sequence: position.sequence }];
        if let Some(until) = until {
            let next = self.following(stream, application, until, facts, commands)?.ok_or(gone)?;
            legs.push(Leg { log: LogId::Derived(next), sequence: 0 });
        }
        Ok(Route { legs, from: Timestamp::MIN, late: false, begin: Begin::Sequence })
    }

    /// The run whose first result is the next after those of a backfill that ends there: the one that was running then or, where that is
    /// gone, a new one. None where the inputs no longer give it.
    fn following(
        &mut self,
        stream: &Stream,
        application: &Application,
        end: Until,
        facts: &dyn Facts,
        commands: &mut Vec<Command>,
    ) -> Result<Option<IncarnationId>, DemandError> {
        let canonical = stream.to_string();
        let begins_there = |run: &Run| match end {
            Until::Time(time) => run.record.began == Began::At(time),
            Until::Sequence(sequence) => {
                run.record.began == Began::Next && run.record.inputs[0].legs[0].sequence == sequence
            }
        };
        let mut runs = self.runs.values().filter(|run| {
            run.record.stream == canonical
                && run.record.until.is_none()
                && begins_there(run)
                && (run.is_live()
                    || run.state == State::Finished
                    || is_stopped(run) && self.can_resume(&run.record, facts))
        });
        if let Some((id, stopped)) = runs.next().map(|run| (run.record.id, is_stopped(run))) {
            if stopped {
                self.resume(id, stream, application, commands);
            }
            return Ok(Some(id));
        }
        match end {
            // What it remembered lies before the inputs' beginning now, or is not what a new run would remember.
            _ if horizon::is_unbounded(application, facts)? => Ok(None),
            Until::Time(time) if time < horizon::earliest(stream, facts)? => Ok(None),
            Until::Time(time) => self.start(stream, application, Some(time), None, facts, commands).map(Some),
            Until::Sequence(sequence) if !kept(application, sequence, facts) => Ok(None),
            Until::Sequence(sequence) => {
                let id = self.start(stream, application, None, None, facts, commands)?;
                self.runs.get_mut(&id).expect("just started").record.inputs[0].legs[0].sequence = sequence;
                Ok(Some(id))
            }
        }
    }
}

/// Whether it could go on, but does not run; also one that failed, which may do better now.
fn is_stopped(run: &Run) -> bool {
    matches!(run.state, State::Stored | State::Failed(_))
}

/// Whether the source that the application reads still has that record.
fn kept(application: &Application, sequence: u64, facts: &dyn Facts) -> bool {
    let is_kept = |name: &str| facts.source(name).is_some_and(|source| source.earliest <= sequence);
    application.inputs.iter().all(|input| input.stream.source().is_some_and(is_kept))
}
