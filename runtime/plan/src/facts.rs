//! What the plan asks of the world.

use dag_expr::Application;
use dag_model::{Digest, Frontier, IncarnationId, Lookback, Order, Timestamp};

use crate::incarnation::{Limits, LogId};

/// What is asked of the world while something is decided, under no lock: answers may take a disk or an operator.
pub trait Facts {
    /// A source stream's log as readers see it; none if there is no such stream.
    fn source(&self, name: &str) -> Option<SourceFacts>;
    /// The sequence of the first record that can be at `from` or later: all records before it are earlier.
    fn seek(&self, log: &LogId, from: Timestamp) -> u64;
    /// The sequence after a log's last visible record.
    fn end(&self, log: &LogId) -> u64;
    /// From where on a run that is not live needs its inputs to go on, where that is later than its start: for each input the leg,
    /// and the sequence there.
    ///
    /// # Errors
    /// If that cannot be told now. It may be told once the run is started.
    fn resumes(&self, run: IncarnationId) -> Result<Option<Vec<(usize, u64)>>, String>;
    /// What an operator says of an application of it.
    fn operator(&self, application: &Application) -> Result<OperatorFacts, String>;
}

/// A source stream's log as readers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceFacts {
    /// Its frontier.
    pub frontier: Frontier,
    /// The epoch of its earliest retained record.
    pub epoch: u64,
    /// The earliest retained record's sequence.
    pub earliest: u64,
    /// All records at or after this time are retained.
    pub complete_from: Timestamp,
    /// The greatest time of a record, if there is one.
    pub newest: Option<Timestamp>,
}

/// What an operator says of an application of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorFacts {
    /// The component that exports it.
    pub digest: Digest,
    /// How far back a result's causes may lie, besides its window.
    pub lookback: Lookback,
    /// How it wants its input.
    pub order: Order,
    /// What an instance of it may use.
    pub limits: Limits,
}
