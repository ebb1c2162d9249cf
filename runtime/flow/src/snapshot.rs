//! Snapshots: what a computation needs besides its logs to go on, and how it is gathered.
//!
//! A `Barrier` travels with the records from the operator that reads the inputs to the sink, on each worker's way (Carbone et
//! al., "Lightweight asynchronous snapshots for distributed dataflows", 2015). Each operator with state adds its [`Part`] when the
//! barrier passes; the sink holds back what follows the barrier from one worker until it has come from all of them. So the
//! snapshot is of one place in the inputs: everything before it is in the state or the output, and nothing after it is.

use std::sync::Arc;

use dag_log::RunningHash;
use dag_model::{Digest, Frontier, Timestamp};
use dag_wasm::Holder;
use serde::{Deserialize, Serialize};

use crate::local::{Local, Message};

/// The version of the encoding, which is [`Snapshot`] in postcard: its fields in order, integers as varints. Version 1 has no `mark`, the
/// last field.
pub const VERSION: u16 = 2;

/// A place in an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Which leg of the input.
    pub leg: usize,
    /// The next record's number in that leg's log.
    pub sequence: u64,
    /// Records before this time have been taken in already, or are not wanted.
    pub from: Timestamp,
}

/// What a computation needs besides its logs to go on from some place. Persisted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The component that wrote the state.
    pub digest: Digest,
    /// The version of its state.
    pub state: u32,
    /// The place in each input.
    pub places: Vec<Place>,
    /// The inputs' joint frontier there.
    pub frontier: Frontier,
    /// The output up to there, which this builds on: how many records, and their hash.
    pub output: RunningHash,
    /// The output's frontier there.
    pub written: Frontier,
    /// Results that wait for the frontier, as frames.
    pub waiting: Vec<Vec<u8>>,
    /// What the operators hold, one part for each worker that has any.
    pub parts: Vec<Part>,
    /// The revision of the last mark that it has come to: where its component took over, or where it stops; 0 if there was none.
    pub mark: u64,
    /// The memory that it takes.
    #[serde(skip)]
    pub held: Held,
}

/// Memory of all computations that a snapshot takes, until the last clone is gone. It is no part of what the snapshot says.
#[derive(Clone, Debug, Default)]
pub struct Held(Option<Arc<Weight>>);

#[derive(Debug)]
struct Weight {
    holder: Arc<Holder>,
    bytes: u64,
}

impl Snapshot {
    /// The most bytes that it takes, in memory or on disk, but for a few.
    pub fn bytes(&self) -> u64 {
        let bytes = |part: &Part| match part {
            Part::Folded(folded) => folded.pieces.iter().map(Piece::bytes).sum(),
            Part::Transformed(transformed) => bytes_of(&transformed.chunks),
        };
        bytes_of(&self.waiting) + self.parts.iter().map(bytes).sum::<u64>()
    }

    /// Counts it with what its computation holds: it is there, whether or not there is memory for it, so others find less.
    pub(crate) fn weigh(&mut self, holder: &Arc<Holder>) {
        self.held = Held::of(holder.clone(), self.bytes());
    }

    /// The same without what operators take up once.
    pub(crate) fn without_windows(&self) -> Snapshot {
        Snapshot {
            digest: self.digest,
            state: self.state,
            places: self.places.clone(),
            frontier: self.frontier,
            output: self.output.clone(),
            written: self.written,
            waiting: Vec::new(),
            parts: Vec::new(),
            mark: self.mark,
            held: Held::default(),
        }
    }
}

impl Held {
    fn of(holder: Arc<Holder>, bytes: u64) -> Held {
        // An error says that there is no room, and it is there all the same.
        let _ = holder.grow(bytes);
        Held(Some(Arc::new(Weight { holder, bytes })))
    }

    /// The same once more, for a copy.
    #[must_use]
    pub fn again(&self) -> Held {
        self.0.as_ref().map_or_else(Held::default, |weight| Held::of(weight.holder.clone(), weight.bytes))
    }
}

impl PartialEq for Held {
    fn eq(&self, _: &Held) -> bool {
        true
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.holder.shrink(self.bytes);
    }
}

fn bytes_of(frames: &[Vec<u8>]) -> u64 {
    frames.iter().map(|frame| frame.len() as u64).sum()
}

/// What an operator holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Part {
    /// A fold's windows.
    Folded(Folded),
    /// A transform.
    Transformed(Transformed),
}

impl Part {
    /// The windows, if it is a fold's.
    pub(crate) fn folded(&self) -> Option<&Folded> {
        match self {
            Part::Folded(folded) => Some(folded),
            Part::Transformed(_) => None,
        }
    }

    /// The transform's state, if it is one's.
    pub(crate) fn transformed(&self) -> Option<&Transformed> {
        match self {
            Part::Transformed(transformed) => Some(transformed),
            Part::Folded(_) => None,
        }
    }
}

/// The open windows of an aggregate on one worker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Folded {
    /// Where the guest's generator is.
    pub random: u64,
    /// What is open, in pieces of limited size.
    pub pieces: Vec<Piece>,
}

/// Some open windows: row by row, the key columns, the times, and the state that the guest gave for them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Piece {
    /// A pane's start, a session's first and last time; 0 where the window is for ever.
    pub spans: Vec<(i64, i64)>,
    /// A frame of the key columns.
    pub keys: Vec<u8>,
    /// The guest's frame.
    pub states: Vec<u8>,
}

impl Piece {
    /// Two varints of a time take as much as 20 bytes.
    fn bytes(&self) -> u64 {
        (self.spans.len() * 20 + self.keys.len() + self.states.len()) as u64
    }
}

/// A transform's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transformed {
    /// Where the guest's generator is.
    pub random: u64,
    /// What the guest gave.
    pub chunks: Vec<Vec<u8>>,
    /// No output before this will follow.
    pub promise: Frontier,
    /// The greatest time that was emitted.
    pub last: Timestamp,
}

/// A mark between the records before a snapshot and those after it.
#[derive(Debug)]
pub(crate) struct Barrier {
    pub places: Vec<Place>,
    pub frontier: Frontier,
    /// Nothing comes after it: the computation stops here.
    pub last: bool,
    /// The inputs have this mark here.
    pub mark: Option<Mark>,
}

impl Barrier {
    /// The barrier on its way to the operators with state on these workers.
    pub fn to(self, workers: &[usize]) -> impl Iterator<Item = Local<Message>> {
        let barrier = Arc::new(self);
        workers.iter().map(move |worker| Local(Message::Barrier { worker: *worker, barrier: barrier.clone() }))
    }

    /// Whether a snapshot is taken here. A mark that is only handed on takes none.
    pub fn saves(&self) -> bool {
        self.mark.is_none_or(|mark| mark.stops)
    }
}

/// A mark that a computation is to come to: an entry of its inputs that names this revision, or a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The revision.
    pub revision: u64,
    /// Whether the computation stops there, with a snapshot; else it only hands the mark on.
    pub stops: bool,
}
