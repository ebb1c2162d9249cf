//! The incarnation record: all that a computation's output depends on besides its input logs.

use std::time::Duration;

use dag_model::{Digest, Frontier, IncarnationId, StreamId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::entity::Revision;

/// One run of a computation from one starting point. Persisted; fixed when made and only appended to.
///
/// `L` is how it names logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incarnation<L = LogId> {
    /// Names this run, and its log.
    pub id: IncarnationId,
    /// The canonical expression.
    pub stream: String,
    /// The components that it has run.
    pub ran: Vec<Ran<L>>,
    /// Where it starts in each input.
    pub inputs: Vec<InputStart<L>>,
    /// Which of its results are complete, and so shown.
    pub began: Began,
    /// Where it ends by itself: set for a backfill.
    pub until: Option<Until>,
    /// The number of key ranges that a transform runs as.
    pub shards: u32,
    /// The number of the version of the host's [windowing](dag_model::Windowing).
    pub windowing: u32,
    /// What each instance of its operator may use.
    pub limits: Limits,
    /// The input records that it was told to skip.
    pub skipped: Vec<Skipped<L>>,
}

/// What an instance of an operator may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: u64,
    /// Time that one call may take.
    pub call: Duration,
    /// Bytes that one call may return.
    pub output: u64,
}

/// An input record that a computation was told to skip, because its operator fails on it every time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped<L = LogId> {
    /// Which of the inputs it came from.
    pub input: u32,
    /// Its log.
    pub log: L,
    /// Its number there.
    pub sequence: u64,
    /// What the operator did.
    pub why: String,
}

/// How a component took over from another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    /// With its predecessor's state.
    State,
    /// With a state that it computes anew, as the first one does.
    Replay,
}

/// A component that an incarnation ran, and where and how it took over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran<L = LogId> {
    /// The component.
    pub digest: Digest,
    /// The frontier of the output at which it took over: what was emitted before is its predecessor's.
    pub from: Frontier,
    /// The sequence of its first record in the output.
    pub output: u64,
    /// Where it took over in each input; empty for the first one, which begins where the incarnation does.
    pub inputs: Vec<InputStart<L>>,
    /// The mark from which on it runs; none for the first one, and for one that took over where its predecessor had failed.
    pub mark: Option<Revision>,
    /// How it took over.
    pub by: By,
}

impl<L> Ran<L> {
    /// The component that an incarnation starts with.
    pub fn first(digest: Digest) -> Ran<L> {
        Ran { digest, from: Frontier::START, output: 0, inputs: Vec::new(), mark: None, by: By::Replay }
    }
}

/// Where a computation starts in an input stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputStart<L = LogId> {
    /// The logs to read one after the other; each but the last ends.
    pub legs: Vec<Leg<L>>,
    /// Earlier records are dropped.
    pub from: Timestamp,
    /// Whether the late records of a source are meant, instead of those on time.
    pub late: bool,
}

/// A log and where to start in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg<L = LogId> {
    /// The log.
    pub log: L,
    /// The first record to read.
    pub sequence: u64,
}

/// A log, by `S` for sources and `I` for incarnations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LogId<S = StreamId, I = IncarnationId> {
    /// Of a source stream, or of one that holds what a derived stream has skipped.
    Source(S),
    /// Of a run of a derived stream.
    Derived(I),
}

impl<L> InputStart<L> {
    /// The same with its logs named otherwise.
    ///
    /// # Errors
    /// The first of `rename`.
    pub fn try_rename<M, E>(self, rename: &mut impl FnMut(L) -> Result<M, E>) -> Result<InputStart<M>, E> {
        let leg = |Leg { log, sequence }| Ok(Leg { log: rename(log)?, sequence });
        let legs = self.legs.into_iter().map(leg).collect::<Result<_, E>>()?;
        Ok(InputStart { legs, from: self.from, late: self.late })
    }
}

impl<L> Ran<L> {
    /// The same with its logs named otherwise.
    ///
    /// # Errors
    /// The first of `rename`.
    pub fn try_rename<M, E>(self, rename: &mut impl FnMut(L) -> Result<M, E>) -> Result<Ran<M>, E> {
        let inputs = self.inputs.into_iter().map(|input| input.try_rename(rename)).collect::<Result<_, E>>()?;
        let Ran { digest, from, output, mark, by, .. } = self;
        Ok(Ran { digest, from, output, inputs, mark, by })
    }
}

impl<L> Incarnation<L> {
    /// The same with its logs named otherwise.
    ///
    /// # Errors
    /// The first of `rename`.
    pub fn try_rename<M, E>(self, rename: &mut impl FnMut(L) -> Result<M, E>) -> Result<Incarnation<M>, E> {
        let Incarnation { id, stream, ran, inputs, began, until, shards, windowing, limits, skipped } = self;
        let ran = ran.into_iter().map(|ran| ran.try_rename(rename)).collect::<Result<_, E>>()?;
        let inputs = inputs.into_iter().map(|input| input.try_rename(rename)).collect::<Result<_, E>>()?;
        let skip = |Skipped { input, log, sequence, why }| Ok(Skipped { input, log: rename(log)?, sequence, why });
        let skipped = skipped.into_iter().map(skip).collect::<Result<_, E>>()?;
        Ok(Incarnation { id, stream, ran, inputs, began, until, shards, windowing, limits, skipped })
    }

    /// The logs that it reads, each as often as it does.
    pub fn logs(&self) -> impl Iterator<Item = &L> {
        self.inputs.iter().flat_map(|input| &input.legs).map(|leg| &leg.log)
    }
}

/// From where on a run's results are complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Began {
    /// All results at or after this time are there, and none before.
    At(Timestamp),
    /// In input order, from a record of its input on that no time describes.
    Next,
}

/// Where a backfill ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Until {
    /// It shows only results before this time.
    Time(Timestamp),
    /// It reads its only input up to this sequence, exclusive.
    Sequence(u64),
}
