//! What timely carries between the workers of one process: moved, never serialized.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arrow_array::RecordBatch;
use dag_model::Frontier;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use timely::scheduling::SyncActivator;

use crate::budget::{Budget, Charge, Part as Held, Share, memory};
use crate::search::Span;
use crate::snapshot::{Barrier, Part};

/// A value that stays in this process. Timely asks that what is exchanged could be serialized; between threads it never is, and trying
/// is an error.
#[derive(Clone)]
pub struct Local<T>(pub T);

impl<T> Serialize for Local<T> {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("a local value does not leave its process"))
    }
}

impl<'de, T> Deserialize<'de> for Local<T> {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("a local value does not come from another process"))
    }
}

/// What goes from operator to operator.
#[derive(Clone)]
pub enum Message {
    /// Records.
    Records(Parcel),
    /// On its way to an operator with state on this worker.
    Barrier {
        /// The worker that it is for.
        worker: usize,
        /// The mark.
        barrier: Arc<Barrier>,
    },
    /// The barrier, with what the operator on a worker holds, on its way to the sink.
    Part {
        /// The worker that it is for.
        worker: usize,
        /// The worker that it comes from.
        from: usize,
        /// The mark.
        barrier: Arc<Barrier>,
        /// Before this, everything that comes of what lies before the barrier has been emitted.
        promise: Frontier,
        /// None if that operator holds nothing.
        part: Option<Box<Part>>,
    },
}

impl Message {
    /// The worker that it is for.
    pub fn worker(&self) -> usize {
        match self {
            Message::Records(parcel) => parcel.worker,
            Message::Barrier { worker, .. } | Message::Part { worker, .. } => *worker,
        }
    }

    /// The worker that it comes from.
    pub fn from(&self) -> Option<usize> {
        match self {
            Message::Records(parcel) => Some(parcel.from),
            Message::Part { from, .. } => Some(*from),
            Message::Barrier { .. } => None,
        }
    }
}

/// A batch on its way to a worker, with the credits that it takes up.
#[derive(Clone)]
pub struct Parcel {
    /// The worker that it is for.
    pub worker: usize,
    /// The worker that it comes from.
    pub from: usize,
    /// The records.
    pub batch: RecordBatch,
    /// Given back when the last parcel made from the same entry is dropped.
    pub credit: Option<Arc<Credit>>,
    /// Where the records lie in the inputs; of records as they were read only, where that is known.
    pub span: Option<Span>,
    /// Taken in for the state's sake: what comes of it is not shown.
    pub muted: bool,
    /// Of results: the memory that they take until they are written.
    pub held: Option<Arc<Charge>>,
}

/// How many records of one input may be under way.
const CREDITS: usize = 65_536;

/// The credits of one input: a bound on what is in flight from its source to where it is folded or written, in records and in bytes.
pub struct Credits {
    out: AtomicUsize,
    starved: AtomicBool,
    source: Arc<SyncActivator>,
    budget: Arc<Budget>,
}

/// Some credits that are out. Dropping gives them back and wakes the source that waits for them.
pub struct Credit {
    credits: Arc<Credits>,
    records: usize,
    _bytes: Charge,
}

impl Credits {
    /// Credits for the source with this activator.
    pub fn new(source: SyncActivator, budget: Arc<Budget>) -> Arc<Credits> {
        let (out, starved) = (AtomicUsize::new(0), AtomicBool::new(false));
        Arc::new(Credits { out, starved, source: Arc::new(source), budget })
    }

    /// Whether more may be sent. If not, the source is activated once it may.
    pub fn available(&self) -> bool {
        self.records_available() && self.budget.has_room(Share::Queue, &self.source)
    }

    fn records_available(&self) -> bool {
        if self.out.load(Ordering::Acquire) < CREDITS {
            return true;
        }
        self.starved.store(true, Ordering::SeqCst);
        // What came back between the two looks did not see the flag.
        self.out.load(Ordering::SeqCst) < CREDITS
    }

    /// Takes credits for a batch. One entry may overdraw: it is sent whole.
    pub fn take(self: &Arc<Self>, batch: &RecordBatch) -> Arc<Credit> {
        let records = batch.num_rows();
        self.out.fetch_add(records, Ordering::AcqRel);
        let bytes = self.budget.hold(Held::Queued, memory(batch));
        Arc::new(Credit { credits: self.clone(), records, _bytes: bytes })
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        self.credits.out.fetch_sub(self.records, Ordering::SeqCst);
        if self.credits.starved.swap(false, Ordering::SeqCst) {
            // An error means that the worker is gone, and then nobody waits.
            let _ = self.credits.source.activate();
        }
    }
}
