//! What there is of incarnations, as it is shown.

use std::collections::{BTreeMap, BTreeSet};

use dag_expr::Stream;
use dag_flow::Handle;
use dag_model::IncarnationId;
use dag_plan::{Course, LeaseId, Life, LogId, Plan};

use crate::computations::Computations;

/// What there is of an incarnation here.
pub(crate) struct Look {
    /// How many subscriptions read it.
    pub readers: usize,
    /// Its dataflow, where that runs.
    pub running: Option<Handle>,
    /// Whether its dataflow is on its way out.
    pub is_stopping: bool,
    /// What it has not got past yet.
    pub failure: Option<FailureLook>,
}

/// A failure that an incarnation has not got past.
pub(crate) struct FailureLook {
    /// What it was.
    pub why: String,
    /// Whether it waits to be tried again.
    pub is_due: bool,
}

impl Look {
    /// How many subscriptions and computations use it.
    pub fn users(&self, plan: &Plan, id: IncarnationId) -> usize {
        self.readers + plan.reading(&LogId::Derived(id)).count()
    }

    /// What became of it. One that nobody here uses any more lingers, also before the plan has been told.
    pub fn life(&self, plan: &Plan, course: &Course) -> &'static str {
        match course.is_live() && self.users(plan, course.record.id) == 0 {
            true => "lingering",
            false => life(&course.life),
        }
    }
}

impl Computations {
    /// Looks at incarnations, at all of them in one moment.
    pub fn look(&self, ids: impl IntoIterator<Item = IncarnationId>) -> Vec<Look> {
        let state = self.state();
        let look = |id| {
            let failures = state.runs.failures.get(&id);
            Look {
                readers: state.holds.users(id).count(),
                running: state.runs.handle(id).cloned(),
                is_stopping: state.runs.is_stopping(id),
                failure: failures.map(|it| FailureLook { why: it.why.clone(), is_due: it.due.is_some() }),
            }
        };
        ids.into_iter().map(look).collect()
    }

    /// Looks at one.
    pub fn look_at(&self, id: IncarnationId) -> Look {
        self.look([id]).pop().expect("it was looked at")
    }

    /// The incarnations of which there is a dataflow.
    pub fn flows(&self) -> Vec<IncarnationId> {
        self.state().runs.flows().collect()
    }

    /// The subscriptions that read each of these incarnations, of those that any reads.
    pub fn leases(&self, ids: &BTreeSet<IncarnationId>) -> BTreeMap<IncarnationId, BTreeSet<LeaseId>> {
        let state = self.state();
        let used = ids.iter().filter(|id| state.holds.is_used(**id));
        used.map(|id| (*id, state.holds.users(*id).collect())).collect()
    }

    /// What the canonical name of something that is computed means.
    pub fn meaning(&self, stream: &str) -> Option<Stream> {
        self.state().bound.get(stream).cloned()
    }
}

/// What became of an incarnation.
pub(crate) fn life(life: &Life) -> &'static str {
    match life {
        Life::Live { idle: None } => "running",
        Life::Live { idle: Some(_) } => "lingering",
        Life::Finished => "finished",
        Life::Failed(_) => "failed",
        Life::Quarantined(_) => "quarantined",
        Life::Lost(_) => "lost",
        Life::Stored => "stored",
    }
}

/// Whether it has ended before all of it was there.
pub(crate) fn has_failed(life: &Life) -> bool {
    matches!(life, Life::Failed(_) | Life::Quarantined(_) | Life::Lost(_))
}

/// The incarnation that is shown of a derived stream, the newest of those that are live, else the newest; and how many are live.
pub(crate) fn shown_of<'a>(plan: &'a Plan, name: &str) -> Option<(&'a Course, usize)> {
    let mut found: Option<(&Course, usize)> = None;
    for (_, course) in plan.incarnations_of(name) {
        let (shown, live) = found.unwrap_or((course, 0));
        let shown = if course.is_live() || !shown.is_live() { course } else { shown };
        found = Some((shown, live + usize::from(course.is_live())));
    }
    found
}
