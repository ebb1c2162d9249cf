//! A run of a computation, and who uses it.

use std::collections::BTreeSet;

use dag_expr::Stream;
use dag_model::IncarnationId;

use crate::demand::{LeaseId, Millis};
use crate::incarnation::Incarnation;

/// The state of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Computing.
    Running,
    /// Its last subscriber left; it stops at this time.
    Lingering(Millis),
    /// Its log has everything and ends.
    Finished,
    /// It could not go on, and why.
    Failed(String),
    /// It computed something else than it had before, and what.
    Quarantined(String),
    /// Not running; its log stays for a while, and it can go on from there.
    Stored,
}

/// A run of a computation.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its record.
    pub record: Incarnation,
    /// What it computes; only of a run that is live, or that could not go on.
    pub stream: Option<Stream>,
    /// Its state.
    pub state: State,
    /// The subscriptions that use it.
    pub(crate) leases: BTreeSet<LeaseId>,
    /// The computations that use it.
    pub(crate) runs: BTreeSet<IncarnationId>,
}

impl Run {
    /// How many subscriptions and computations use it.
    pub fn users(&self) -> usize {
        self.leases.len() + self.runs.len()
    }

    /// Whether the computation is there, or about to be.
    pub fn is_live(&self) -> bool {
        matches!(self.state, State::Running | State::Lingering(_))
    }
}
