//! What the plan wants of this node, compared with what it runs: what follows from each change of an incarnation.
//!
//! It is compared again whenever the incarnation or what runs of it has changed, always with the plan as it is then. So it does not matter
//! who notices a change first, nor how many changes are seen as one. What is to be done is decided [by value](super::reconcile).

use std::sync::Arc;

use dag_expr::Stream;
use dag_model::IncarnationId;
use dag_plan::decide::Holder;
use dag_plan::{Change, Course, LeaseId, Life, Plan, Proposal, Which, wanted_of};

use crate::computations::end::Ended;
use crate::computations::reconcile::{Action, action};
use crate::computations::{Computations, State};
use crate::metadata::{ALONE, MetaError};

/// How many incarnations are compared before others get the lock.
const STEP: usize = 64;

impl Computations {
    /// Compares what changes, until the node stops.
    pub(crate) async fn keep_compared(&self) {
        let mut stopping = self.inner.stopping.subscribe();
        loop {
            let changed = tokio::select! {
                changed = self.inner.meta.changed() => changed,
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            let changed: Vec<IncarnationId> = changed.into_iter().collect();
            for some in changed.chunks(STEP) {
                self.compare(some.iter().copied());
            }
        }
    }

    /// Compares incarnations with what runs of them, and acts on the difference.
    pub(crate) fn compare(&self, ids: impl IntoIterator<Item = IncarnationId>) {
        self.compare_in(&mut self.state(), ids);
    }

    /// The same under the lock.
    pub(super) fn compare_in(&self, state: &mut State, ids: impl IntoIterator<Item = IncarnationId>) {
        let plan = self.inner.meta.plan();
        for id in ids {
            self.compare_one(state, &plan, id);
        }
        self.inner.timers.notify_one();
    }

    fn compare_one(&self, state: &mut State, plan: &Arc<Plan>, id: IncarnationId) {
        let wanted = wanted_of(plan, ALONE, self.inner.boot, id);
        let found = state.runs.found(id, *self.inner.stopping.borrow());
        match wanted {
            Some(course) => self.is_wanted(state, course),
            None => {
                let course = plan.incarnation(id).map(|course| &**course);
                tell(state, id, course);
                state.runs.is_not_wanted(id, course.map(|course| &course.life));
            }
        }
        match (action(wanted.is_some(), found), wanted) {
            (Action::Start, Some(course)) => self.begin_start(state, course),
            (Action::Stop, _) => state.runs.finish(id),
            _ => {}
        }
    }

    /// Notes that an incarnation is wanted, and says that it is held here where the plan does not know.
    fn is_wanted(&self, state: &mut State, course: &Course) {
        let id = course.record.id;
        if state.holds.is_used(id) && !self.holds(course) {
            self.say(state, id, true);
        }
        let until = self.inner.clock.millis().saturating_add(millis(self.inner.config.linger));
        state.runs.is_wanted(id, &course.life, until);
    }

    /// Whether this node holds an incarnation, as far as the plan knows.
    pub(super) fn holds(&self, course: &Course) -> bool {
        course.holds.get(&ALONE).is_some_and(|hold| hold.held && hold.boot == self.inner.boot)
    }

    /// This start of the node, with the number of its next word on what it holds.
    pub(super) fn holder(&self, state: &mut State) -> Holder {
        Holder { node: ALONE, boot: self.inner.boot, number: state.holds.next() }
    }

    /// Lets go of what only that subscription has read.
    pub(super) fn unhold(&self, state: &mut State, lease: LeaseId) {
        for id in state.holds.remove(lease) {
            self.say(state, id, false);
        }
    }

    /// Tells the plan whether an incarnation is held here. Where too much waits to be told, it is told later.
    fn say(&self, state: &mut State, id: IncarnationId, held: bool) {
        let Holder { node, boot, number } = self.holder(state);
        let hold = Change::Hold { incarnation: Which::There(id), node, boot, number, held };
        let busy = matches!(self.inner.meta.send(Proposal::of([hold])).try_recv(), Ok(Err(MetaError::Busy { .. })));
        state.runs.say_later(id, busy);
    }

    /// Tells the plan what could not be told before, and what has lingered for long enough.
    pub(super) fn say_what_is_due(&self, state: &mut State) {
        for id in state.runs.unsaid() {
            let held = state.holds.is_used(id);
            self.say(state, id, held);
        }
        for (incarnation, idle) in state.runs.elapsed(self.inner.clock.millis()) {
            if !state.holds.is_used(incarnation) {
                // Where it is not taken, it is due again in a while.
                drop(self.inner.meta.send(Proposal::of([Change::Elapsed { incarnation, idle }])));
            }
        }
    }
}

/// Tells whoever reads an incarnation that has come to an end before all of it was there.
fn tell(state: &State, id: IncarnationId, course: Option<&Course>) {
    let Some(course) = course else { return };
    let why = match &course.life {
        Life::Failed(why) => Ended::Failed(why.clone()),
        Life::Quarantined(why) => Ended::Failed(format!("`{}` is quarantined: {why}", course.record.stream)),
        Life::Lost(why) => Ended::Lost { stream: course.record.stream.clone(), why: why.clone() },
        Life::Live { .. } | Life::Stored | Life::Finished => return,
    };
    for listener in state.holds.users(id).filter_map(|lease| state.listeners.get(&lease)) {
        listener.end(why.clone());
    }
}

impl State {
    /// Remembers what a stream and those that it is computed from mean. What is computed keeps the meaning that it began with.
    pub(super) fn bind(&mut self, plan: &Plan, stream: &Stream) {
        let Stream::Apply(application) = stream else { return };
        let name = stream.to_string();
        let is_live = plan.incarnations_of(&name).any(|(_, course)| course.is_live());
        if !is_live || !self.bound.contains_key(&name) {
            self.bound.insert(name, stream.clone());
        }
        application.inputs.iter().for_each(|input| self.bind(plan, &input.stream));
    }

    /// Forgets what nothing that is computed means.
    pub(super) fn unbind(&mut self, plan: &Plan) {
        self.bound.retain(|name, _| plan.incarnations_of(name).any(|(_, course)| course.is_live()));
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
