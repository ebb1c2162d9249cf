//! What is demanded, how to read that, and why it cannot be had.

use dag_model::{Frontier, Position, Timestamp};

use crate::incarnation::{Leg, LogId};

/// Milliseconds on a clock that never goes back.
pub type Millis = u64;

/// A demand that somebody holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(pub u64);

/// Which records somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// The newest complete result and what follows; of a source, what comes next.
    Newest,
    /// What comes next.
    Next,
    /// Everything that is there or can be computed.
    Earliest,
    /// Records at this time or later.
    From(Timestamp),
    /// This record and those after it.
    Position(Position),
}

/// How to read what was demanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route<L = LogId> {
    /// The logs, one after the other; each but the last ends.
    pub legs: Vec<Leg<L>>,
    /// Records before this time are not wanted.
    pub from: Timestamp,
    /// Whether the late records of a source are meant.
    pub late: bool,
    /// Where in the legs the wanted records begin.
    pub begin: Begin,
}

/// Where in a route the wanted records begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At the first leg's sequence.
    Sequence,
    /// Once the last leg has got to this frontier, with the records of the greatest time there.
    Newest(Frontier),
}

/// Why a demand cannot be met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DemandError {
    /// There is no source of that name.
    #[error("unknown stream `{0}`")]
    NoSuchStream(String),
    /// The operator refuses the application.
    #[error("{0}")]
    Operator(String),
    /// The inputs no longer hold what it takes.
    #[error("`{stream}` cannot be had from {asked}: earliest is {earliest}")]
    TooEarly {
        /// The stream.
        stream: String,
        /// What was asked for.
        asked: Timestamp,
        /// What can be had.
        earliest: Timestamp,
    },
    /// The inputs no longer hold what it takes to go on from there.
    #[error("`{stream}` cannot go on from {position}, for its inputs have been trimmed: earliest is {earliest}")]
    Gone {
        /// The stream.
        stream: String,
        /// What was asked for.
        position: Position,
        /// What can be had.
        earliest: Timestamp,
    },
    /// The incarnation of that position cannot be trusted.
    #[error("`{stream}` is quarantined: {why}")]
    Quarantined {
        /// The stream.
        stream: String,
        /// What was found.
        why: String,
    },
    /// Records that the incarnation of that position had read were lost.
    #[error("`{stream}` cannot go on from {position}: {why}")]
    Lost {
        /// The stream.
        stream: String,
        /// What was asked for.
        position: Position,
        /// What was lost.
        why: String,
    },
    /// The position is not of this stream.
    #[error("{position} is not a position of `{stream}`")]
    NoSuchPosition {
        /// The stream.
        stream: String,
        /// What was asked for.
        position: Position,
    },
}
