//! Routing: which logs give a stream from some place on, and which incarnations have to begin or go on for that.

use dag_expr::{Application, Stream};
use dag_model::{IncarnationId, Position, Timestamp, Windowing};

use super::demand::{Deciding, drafted};
use crate::change::{Change, Draft, DraftLog, Which};
use crate::course::{Course, Life};
use crate::demand::{Begin, DemandError, Route};
use crate::entity::Entity;
use crate::horizon;
use crate::incarnation::{Began, Incarnation, InputStart, Leg, LogId, Until};

/// Where an incarnation begins, of one that is there or is to begin.
struct Beginning<'a, L> {
    began: Began,
    until: Option<Until>,
    inputs: &'a [InputStart<L>],
}

impl<L> Beginning<'_, L> {
    /// Whether it has all results from a time on; `sequence` is that of the time in its only input, where records tell it.
    fn covers(&self, from: Option<Timestamp>, sequence: impl FnOnce(&L, Timestamp) -> Option<u64>) -> bool {
        match (self.began, from) {
            (_, None) => true,
            (Began::At(began), Some(from)) => began <= from,
            (Began::Next, Some(from)) => {
                let start = &self.inputs[0].legs[0];
                sequence(&start.log, from).is_some_and(|sequence| start.sequence <= sequence)
            }
        }
    }

    /// Where a backfill before it ends.
    fn until(&self) -> Until {
        match self.began {
            Began::At(time) => Until::Time(time),
            Began::Next => Until::Sequence(self.inputs[0].legs[0].sequence),
        }
    }

    /// Whether its first result is the next after those of a backfill that ends there.
    fn is_after(&self, end: Until) -> bool {
        match end {
            Until::Time(time) => self.began == Began::At(time),
            Until::Sequence(sequence) => self.began == Began::Next && self.inputs[0].legs[0].sequence == sequence,
        }
    }
}

fn of_record(record: &Incarnation) -> Beginning<'_, LogId> {
    Beginning { began: record.began, until: record.until, inputs: &record.inputs }
}

fn of_draft(draft: &Draft) -> Beginning<'_, DraftLog> {
    Beginning { began: draft.began, until: draft.until, inputs: &draft.inputs }
}

impl Deciding<'_> {
    /// The logs that together hold the derived stream from a time on (from what comes next if none), with what has to begin for that.
    pub(super) fn legs(
        &mut self,
        stream: &Stream,
        application: &Application,
        from: Option<Timestamp>,
    ) -> Result<Vec<Leg<DraftLog>>, DemandError> {
        let canonical = stream.to_string();
        let by_sequence = horizon::begins_by_sequence(application, self.facts)?;
        if let Some(log) = self.running(&canonical, from, by_sequence) {
            let sequence = from.map_or(0, |from| self.seek(&log, from));
            return Ok(vec![Leg { log, sequence }]);
        }
        if let (Some(from), Some((running, until))) = (from, self.live(&canonical)) {
            let backfill = self.begin(stream, application, Some(from), Some(until))?;
            return Ok([backfill, running].map(|log| Leg { log, sequence: 0 }).into());
        }
        if let Some(id) = from.and_then(|from| self.stored(&canonical, from, by_sequence)) {
            self.resume(id);
            let log = drafted(LogId::Derived(id));
            let sequence = from.map_or(0, |from| self.seek(&log, from));
            return Ok(vec![Leg { log, sequence }]);
        }
        let log = self.begin(stream, application, from, None)?;
        let sequence = from.map_or(0, |from| self.seek(&log, from));
        Ok(vec![Leg { log, sequence }])
    }

    /// A log that holds the stream from a time on and is written or ended.
    fn running(&self, stream: &str, from: Option<Timestamp>, by_sequence: bool) -> Option<DraftLog> {
        let sequence = |log: &LogId, from| by_sequence.then(|| self.facts.seek(log, from));
        let covers = |course: &Course| of_record(&course.record).covers(from, sequence);
        let there = self.plan.incarnations_of(stream).filter(|(_, course)| course.record.until.is_none()).find(
            |(id, course)| {
                let has_log = self.is_running(*id, course) || (course.life == Life::Finished && !self.is_old(course));
                has_log && covers(course)
            },
        );
        let there = there.map(|(id, _)| Which::There(id));
        let new = || {
            let sequence = |log: &DraftLog, from| by_sequence.then(|| self.seek(log, from));
            let mut drafts = self.begun.iter().filter(|(_, draft)| draft.stream == stream && draft.until.is_none());
            drafts.find(|(_, draft)| of_draft(draft).covers(from, sequence)).map(|(place, _)| Which::New(*place))
        };
        there.or_else(new).map(LogId::Derived)
    }

    /// The log of a live incarnation, and where a backfill before it ends.
    fn live(&self, stream: &str) -> Option<(DraftLog, Until)> {
        let there = self
            .plan
            .incarnations_of(stream)
            .find(|(id, course)| course.record.until.is_none() && self.is_running(*id, course));
        let there = there.map(|(id, course)| (Which::There(id), of_record(&course.record).until()));
        let new = || {
            let draft = self.begun.iter().find(|(_, draft)| draft.stream == stream && draft.until.is_none());
            draft.map(|(place, draft)| (Which::New(*place), of_draft(draft).until()))
        };
        there.or_else(new).map(|(which, until)| (LogId::Derived(which), until))
    }

    /// A stored incarnation that has the stream from a time on and can go on.
    fn stored(&self, stream: &str, from: Timestamp, by_sequence: bool) -> Option<IncarnationId> {
        let sequence = |log: &LogId, from| by_sequence.then(|| self.facts.seek(log, from));
        let found = self.plan.incarnations_of(stream).find(|(_, course)| {
            course.life == Life::Stored
                && course.record.until.is_none()
                && !self.is_old(course)
                && of_record(&course.record).covers(Some(from), sequence)
                && self.can_resume(course)
        });
        found.map(|(id, _)| id)
    }

    /// Whether it is live, or goes on by this decision.
    fn is_running(&self, id: IncarnationId, course: &Course) -> bool {
        course.is_live() || self.resumed.contains(&id)
    }

    /// Whether an earlier version left it, for those who go on reading it by position.
    fn is_old(&self, course: &Course) -> bool {
        course.goes_on_with().is_some_and(|version| self.plan.superseded(version))
    }

    fn begin(
        &mut self,
        stream: &Stream,
        application: &Application,
        from: Option<Timestamp>,
        until: Option<Until>,
    ) -> Result<DraftLog, DemandError> {
        let facts = self.facts;
        let operator = facts.operator(application).map_err(DemandError::Operator)?;
        let from = from.map(|from| match horizon::hops(application.window) {
            Some(hops) => hops.start_after(from),
            None => from,
        });
        let mut inputs = Vec::with_capacity(application.inputs.len());
        for input in &application.inputs {
            inputs.push(self.input(application, &input.stream, from)?);
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
        let draft = Draft {
            stream: stream.to_string(),
            digest: operator.digest,
            inputs,
            began,
            until,
            shards: 1,
            windowing: Windowing::NEWEST.number(),
            limits: operator.limits,
        };
        Ok(self.draft(draft))
    }

    fn draft(&mut self, draft: Draft) -> DraftLog {
        self.on(Entity::Expression(draft.stream.clone()));
        let place = u32::try_from(self.proposal.changes.len()).expect("an expression applies a hundred operators");
        self.proposal.changes.push(Change::Begin(draft.clone()));
        self.begun.push((place, draft));
        LogId::Derived(Which::New(place))
    }

    /// Lets an incarnation go on: what it reads is wanted again exactly as its record has it.
    fn resume(&mut self, id: IncarnationId) {
        let Some(course) = self.plan.incarnation(id) else { return };
        if self.resumed.contains(&id) {
            return;
        }
        for input in course.inputs() {
            if self.plan.incarnation(input).is_some_and(|input| input.life == Life::Stored) {
                self.resume(input);
            }
        }
        self.on(Entity::Incarnation(id));
        self.proposal.changes.push(Change::Resume(id));
        self.resumed.push(id);
    }

    /// Whether everything that the incarnation needs to go on is still there.
    fn can_resume(&self, course: &Course) -> bool {
        // Starting it is tried until that can be told.
        let Ok(places) = self.facts.resumes(course.record.id) else { return true };
        course.record.inputs.iter().enumerate().all(|(at, input)| {
            let place = places.as_ref().and_then(|places| places.get(at).copied());
            let (first, sequence) = place.unwrap_or((0, 0));
            input.legs.iter().enumerate().skip(first).all(|(leg, start)| match &start.log {
                LogId::Source(id) => {
                    let wanted = if leg == first { start.sequence.max(sequence) } else { start.sequence };
                    let source = self.plan.stream(*id).and_then(|stream| self.facts.source(&stream.name));
                    source.is_some_and(|source| source.earliest <= wanted)
                }
                LogId::Derived(id) => self.plan.incarnation(*id).is_some_and(|input| match input.life {
                    Life::Stored => self.can_resume(input),
                    Life::Failed(_) | Life::Quarantined(_) | Life::Lost(_) => false,
                    Life::Live { .. } | Life::Finished => true,
                }),
            })
        })
    }

    fn input(
        &mut self,
        application: &Application,
        input: &Stream,
        from: Option<Timestamp>,
    ) -> Result<InputStart<DraftLog>, DemandError> {
        let facts = self.facts;
        let needed = from.map(|from| horizon::needed(application, input, from, facts)).transpose()?;
        let legs = match input {
            Stream::Source { name, .. } | Stream::Late { name, .. } | Stream::Errors { name, .. } => {
                let log = self.log_of(name)?;
                let source = facts.source(name).ok_or_else(|| DemandError::NoSuchStream(name.clone()))?;
                let sequence = match needed {
                    Some(Timestamp::MIN) => source.earliest,
                    Some(from) => facts.seek(&log, from),
                    None => facts.end(&log),
                };
                vec![Leg { log: drafted(log), sequence }]
            }
            Stream::Apply(inner) => self.legs(input, inner, needed)?,
        };
        let late = matches!(input, Stream::Late { .. });
        Ok(InputStart { legs, from: needed.unwrap_or(Timestamp::MIN), late })
    }

    pub(super) fn at_position(
        &mut self,
        stream: &Stream,
        application: &Application,
        position: Position,
    ) -> Result<Route<DraftLog>, DemandError> {
        let (id, canonical) = (IncarnationId(position.run), stream.to_string());
        let plan = self.plan;
        let course = plan.incarnation(id).filter(|course| course.record.stream == canonical);
        let Some(course) = course else { return Err(DemandError::NoSuchPosition { stream: canonical, position }) };
        match &course.life {
            Life::Quarantined(why) => {
                return Err(DemandError::Quarantined { stream: canonical, why: why.clone() });
            }
            Life::Lost(why) => return Err(DemandError::Lost { stream: canonical, position, why: why.clone() }),
            _ => {}
        }
        let earliest = horizon::earliest(stream, self.facts)?;
        let gone = DemandError::Gone { stream: canonical, position, earliest };
        // Whoever asks for a place in a failed incarnation wants it to be tried again.
        if course.is_stopped() {
            if !self.can_resume(course) {
                return Err(gone);
            }
            self.resume(id);
        }
        let mut legs = vec![Leg { log: drafted(LogId::Derived(id)), sequence: position.sequence }];
        if let Some(until) = course.record.until {
            let log = self.following(stream, application, until)?.ok_or(gone)?;
            legs.push(Leg { log, sequence: 0 });
        }
        Ok(Route { legs, from: Timestamp::MIN, late: false, begin: Begin::Sequence })
    }

    /// The log whose first result is the next after those of a backfill that ends there: that of the incarnation that was running then
    /// or, where that is gone, of a new one. None where the inputs no longer give it.
    fn following(
        &mut self,
        stream: &Stream,
        application: &Application,
        end: Until,
    ) -> Result<Option<DraftLog>, DemandError> {
        let (canonical, plan, facts) = (stream.to_string(), self.plan, self.facts);
        let found = plan.incarnations_of(&canonical).find(|(id, course)| {
            let beginning = of_record(&course.record);
            beginning.until.is_none()
                && beginning.is_after(end)
                && (self.is_running(*id, course)
                    || course.life == Life::Finished
                    || course.is_stopped() && self.can_resume(course))
        });
        if let Some((id, course)) = found {
            if course.is_stopped() {
                self.resume(id);
            }
            return Ok(Some(drafted(LogId::Derived(id))));
        }
        match end {
            // What it remembered lies before the inputs' beginning now, or is not what a new one would remember.
            _ if horizon::is_unbounded(application, facts)? => Ok(None),
            Until::Time(time) if time < horizon::earliest(stream, facts)? => Ok(None),
            Until::Time(time) => self.begin(stream, application, Some(time), None).map(Some),
            Until::Sequence(sequence) if !self.is_kept(application, sequence) => Ok(None),
            Until::Sequence(sequence) => {
                let log = self.begin(stream, application, None, None)?;
                let Some(Change::Begin(draft)) = self.proposal.changes.last_mut() else {
                    unreachable!("it was just drafted")
                };
                draft.inputs[0].legs[0].sequence = sequence;
                Ok(Some(log))
            }
        }
    }

    /// Whether the source that the application reads still has that record.
    fn is_kept(&self, application: &Application, sequence: u64) -> bool {
        let is_kept = |name: &str| self.facts.source(name).is_some_and(|source| source.earliest <= sequence);
        application.inputs.iter().all(|input| input.stream.source().is_some_and(is_kept))
    }
}
