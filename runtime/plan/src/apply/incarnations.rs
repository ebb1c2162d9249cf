//! What becomes of incarnations.
//!
//! An incarnation is used by the nodes that hold it and by the live incarnations that read it. Once the last node has let go, it lingers;
//! once the last incarnation that read it is not live any more, it is stored at once: only subscribers come back.

use std::collections::{BTreeMap, BTreeSet};

use dag_model::{Digest, IncarnationId, NodeId};

use super::{Given, Refusal, Step};
use crate::change::{Draft, DraftLog, Ending, Which};
use crate::course::{Course, Hold, Life};
use crate::entity::{Entity, Revision};
use crate::incarnation::{Incarnation, LogId, Ran, Skipped};
use crate::turn::Turn;

/// The most records that an incarnation skips: its record lists them, and is written anew with each.
pub const MAX_SKIPPED: usize = 10_000;

/// The most turns that an incarnation has ahead: as many deployments may come while it is behind.
pub const MAX_TURNS: usize = 1_000;

impl Step {
    pub(super) fn begin(&mut self, draft: &Draft) -> Result<Given, Refusal> {
        let id = IncarnationId(self.plan.counters.incarnation);
        if draft.inputs.is_empty() || draft.inputs.iter().any(|input| input.legs.is_empty()) {
            return Err(Refusal::Inputs(draft.stream.clone()));
        }
        let mut inputs = Vec::with_capacity(draft.inputs.len());
        for input in &draft.inputs {
            inputs.push(input.clone().try_rename(&mut |log| self.log(log))?);
        }
        let record = Incarnation {
            id,
            stream: draft.stream.clone(),
            ran: vec![Ran::first(draft.digest)],
            inputs,
            began: draft.began,
            until: draft.until,
            shards: draft.shards,
            windowing: draft.windowing,
            limits: draft.limits,
            skipped: Vec::new(),
        };
        self.plan.counters.incarnation += 1;
        let course = Course {
            record,
            turns: Vec::new(),
            life: Life::Live { idle: None },
            holds: BTreeMap::new(),
            revision: self.revision,
        };
        self.use_inputs(&course);
        self.put(course);
        self.started.push(id);
        Ok(Given::Incarnation(id))
    }

    pub(super) fn resume(&mut self, id: IncarnationId) -> Result<(), Refusal> {
        let mut course = self.course(id)?;
        if !course.is_stopped() {
            return Err(Refusal::State(id));
        }
        for log in course.record.logs() {
            self.is_readable(log)?;
        }
        course.life = Life::Live { idle: None };
        course.revision = self.revision;
        self.use_inputs(&course);
        self.put(course);
        self.started.push(id);
        Ok(())
    }

    pub(super) fn hold(&mut self, id: IncarnationId, node: NodeId, hold: Hold) -> Result<(), Refusal> {
        if self.plan.node(node).is_none_or(|there| there.boot != hold.boot) {
            return Err(Refusal::Boot(node));
        }
        let mut course = self.course(id)?;
        let Life::Live { idle } = course.life else {
            // Whoever lets go of what is over has nothing to say.
            return if hold.held { Err(Refusal::State(id)) } else { Ok(()) };
        };
        let known =
            course.holds.get(&node).is_some_and(|before| (before.boot, before.number) >= (hold.boot, hold.number));
        if known {
            return Ok(());
        }
        course.holds.insert(node, hold);
        let idle = match course.is_held() || self.plan.is_read(id) {
            true => None,
            false => idle.or(Some(self.revision)),
        };
        course.life = Life::Live { idle };
        self.put(course);
        Ok(())
    }

    pub(super) fn elapsed(&mut self, id: IncarnationId, since: Revision) -> Result<(), Refusal> {
        let course = self.course(id)?;
        if course.life != (Life::Live { idle: Some(since) }) {
            return Err(Refusal::State(id));
        }
        self.end(id, Life::Stored);
        Ok(())
    }

    pub(super) fn end_as(&mut self, id: IncarnationId, how: &Ending) -> Result<(), Refusal> {
        if !self.course(id)?.is_live() {
            return Err(Refusal::State(id));
        }
        let dependents = self.plan.dependents(id);
        match how {
            Ending::Finished => self.end(id, Life::Finished),
            Ending::Failed(why) => dependents.into_iter().for_each(|id| self.end(id, Life::Failed(why.clone()))),
            Ending::Quarantined(why) => {
                let of_readers = format!("`{}` is quarantined: {why}", self.course(id)?.record.stream);
                self.end(id, Life::Quarantined(why.clone()));
                dependents.into_iter().for_each(|id| self.end(id, Life::Failed(of_readers.clone())));
            }
            Ending::NeverBegun => {
                // Those that read come first, so that nothing is forgotten that is read.
                for id in dependents.into_iter().rev() {
                    self.end(id, Life::Stored);
                    self.drop_course(id);
                }
            }
        }
        Ok(())
    }

    /// The mark names the revision that the plan has with this, which is raised for that where a log has a mark of a greater one.
    pub(super) fn turn(&mut self, to: Digest, least: Revision, moves: &[(IncarnationId, bool)]) -> Given {
        self.revision = self.revision.max(least);
        let mark = self.revision;
        for (id, replay) in moves {
            let Ok(mut course) = self.course(*id) else { continue };
            let is_given = course.turns.last().is_some_and(|turn| turn.mark >= mark);
            if course.is_live() && !is_given && course.turns.len() < MAX_TURNS {
                course.turns.push(Turn { mark, to, replay: *replay });
                course.revision = mark;
                self.put(course);
            }
        }
        Given::Mark(mark)
    }

    pub(super) fn switch(&mut self, id: IncarnationId, mark: Revision, to: Option<&Ran>) -> Result<(), Refusal> {
        let mut course = self.course(id)?;
        if !course.is_live() || course.turns.first().is_none_or(|turn| turn.mark != mark) {
            return Err(Refusal::State(id));
        }
        course.turns.remove(0);
        course.record.ran.extend(to.cloned());
        course.revision = self.revision;
        self.put(course);
        Ok(())
    }

    pub(super) fn skip(&mut self, id: IncarnationId, record: &Skipped) -> Result<(), Refusal> {
        let mut course = self.course(id)?;
        if !course.is_live() {
            return Err(Refusal::State(id));
        }
        if course.record.skipped.len() >= MAX_SKIPPED {
            return Err(Refusal::Full { what: "skipped records of an incarnation", most: MAX_SKIPPED });
        }
        course.record.skipped.push(record.clone());
        course.revision = self.revision;
        self.put(course);
        Ok(())
    }

    pub(super) fn forget(&mut self, id: IncarnationId) -> Result<(), Refusal> {
        if self.course(id)?.is_live() {
            return Err(Refusal::State(id));
        }
        if let Some((by, _)) = self.plan.reading(&LogId::Derived(id)).next() {
            return Err(Refusal::Used { what: Entity::Incarnation(id), by });
        }
        self.drop_course(id);
        Ok(())
    }

    /// What began or goes on with this proposal, and that nobody uses after it, lingers from the start.
    pub(super) fn let_unused_linger(&mut self) {
        for id in std::mem::take(&mut self.started) {
            let Some(course) = self.plan.incarnation(id) else { continue };
            if course.life == (Life::Live { idle: None }) && !course.is_held() && !self.plan.is_read(id) {
                let idle = Some(self.revision);
                self.put(Course { life: Life::Live { idle }, ..Course::clone(course) });
            }
        }
    }

    /// All that a node has held is let go, as it is when it starts anew.
    pub(super) fn let_go_all(&mut self, node: NodeId) {
        let said =
            |id: &IncarnationId| self.plan.incarnation(*id).is_some_and(|course| course.holds.contains_key(&node));
        let idle: Vec<IncarnationId> = self.plan.idle().map(|(id, _)| id).filter(said).collect();
        let held: Vec<IncarnationId> = self.plan.held(node).map(|(id, _)| id).collect();
        for id in held.into_iter().chain(idle) {
            let Ok(mut course) = self.course(id) else { continue };
            course.holds.remove(&node);
            let unused = course.is_live() && !course.is_held() && !self.plan.is_read(id);
            self.put(course);
            if unused {
                self.end(id, Life::Stored);
            }
        }
    }

    /// Ends all incarnations that read a log, and those that read them.
    pub(super) fn lose(&mut self, log: &LogId, why: &str) {
        let readers: Vec<IncarnationId> = self.plan.readers(log).map(|(id, _)| id).collect();
        self.lose_all(readers, why);
    }

    /// Ends an incarnation that has read what is lost, and those that read it.
    pub(super) fn lose_input(&mut self, id: IncarnationId, why: &str) -> Result<(), Refusal> {
        self.course(id)?;
        self.lose_all(vec![id], why);
        Ok(())
    }

    fn lose_all(&mut self, readers: Vec<IncarnationId>, why: &str) {
        let all: BTreeSet<IncarnationId> = readers.into_iter().flat_map(|id| self.plan.all_dependents(id)).collect();
        for id in all {
            self.end(id, Life::Lost(why.to_owned()));
        }
    }

    /// Forgets all that has read a log, and what has read that.
    ///
    /// # Errors
    /// If one of them is live.
    pub(super) fn forget_readers(&mut self, log: &LogId, what: &Entity) -> Result<(), Refusal> {
        let readers: Vec<IncarnationId> = self.plan.readers(log).map(|(id, _)| id).collect();
        let all: BTreeSet<IncarnationId> = readers.into_iter().flat_map(|id| self.plan.all_dependents(id)).collect();
        if let Some(by) = all.iter().find(|id| self.plan.incarnation(**id).is_some_and(|course| course.is_live())) {
            return Err(Refusal::Used { what: what.clone(), by: *by });
        }
        all.into_iter().for_each(|id| self.drop_course(id));
        Ok(())
    }

    pub(super) fn which(&self, which: Which) -> Result<IncarnationId, Refusal> {
        match which {
            Which::There(id) => Ok(id),
            Which::New(place) => match self.given.get(place as usize) {
                Some(Given::Incarnation(id)) => Ok(*id),
                _ => Err(Refusal::Place(place)),
            },
        }
    }

    /// A log that is there, and of which more will come or all has.
    fn log(&self, log: DraftLog) -> Result<LogId, Refusal> {
        let log = match log {
            LogId::Source(id) => LogId::Source(id),
            LogId::Derived(which) => LogId::Derived(self.which(which)?),
        };
        self.is_readable(&log)?;
        Ok(log)
    }

    fn is_readable(&self, log: &LogId) -> Result<(), Refusal> {
        match log {
            LogId::Source(id) if self.plan.stream(*id).is_none_or(|stream| !stream.made) => {
                Err(Refusal::Missing(Entity::Stream(*id)))
            }
            LogId::Source(_) => Ok(()),
            LogId::Derived(id) => match self.course(*id)?.life {
                Life::Live { .. } | Life::Finished => Ok(()),
                _ => Err(Refusal::State(*id)),
            },
        }
    }

    fn course(&self, id: IncarnationId) -> Result<Course, Refusal> {
        let course = self.plan.incarnation(id).ok_or(Refusal::Missing(Entity::Incarnation(id)))?;
        Ok(Course::clone(course))
    }

    fn put(&mut self, course: Course) {
        let id = course.record.id;
        self.touched.insert(Entity::Incarnation(id));
        self.touched.insert(Entity::Expression(course.record.stream.clone()));
        self.plan.put_course(id, Some(course));
    }

    fn drop_course(&mut self, id: IncarnationId) {
        if let Some(course) = self.plan.incarnation(id) {
            self.touched.insert(Entity::Incarnation(id));
            self.touched.insert(Entity::Expression(course.record.stream.clone()));
            self.plan.put_course(id, None);
        }
    }

    /// What an incarnation reads does not linger.
    fn use_inputs(&mut self, course: &Course) {
        for id in course.inputs() {
            let Some(input) = self.plan.incarnation(id) else { continue };
            if matches!(input.life, Life::Live { idle: Some(_) }) {
                self.put(Course { life: Life::Live { idle: None }, ..Course::clone(input) });
            }
        }
    }

    /// Ends a live incarnation, or says otherwise what became of one that is not, and stores what only it has read.
    fn end(&mut self, id: IncarnationId, life: Life) {
        let Ok(mut course) = self.course(id) else { return };
        let was_live = course.is_live();
        if !was_live && matches!(course.life, Life::Quarantined(_) | Life::Lost(_)) {
            return;
        }
        if !matches!(life, Life::Stored | Life::Failed(_)) {
            // Nothing is computed that could take a turn.
            course.turns.clear();
        }
        course.life = life;
        course.holds.clear();
        course.revision = self.revision;
        let inputs: BTreeSet<IncarnationId> = course.inputs().collect();
        self.put(course);
        if !was_live {
            return;
        }
        for input in inputs {
            let unused = self.plan.incarnation(input).is_some_and(|input| input.is_live() && !input.is_held());
            if unused && !self.plan.is_read(input) {
                self.end(input, Life::Stored);
            }
        }
    }
}
