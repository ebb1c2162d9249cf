//! A computation as the flow is asked to run it, and what its operators on all workers share.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use dag_expr::Window;
use dag_log::Log;
use dag_model::{Frontier, Order, Schema, Timestamp};
use dag_wasm::{Component, InstanceOptions};
use timely::scheduling::SyncActivator;

use crate::cursor::Input;
use crate::error::ComputeError;

/// A computation to run.
#[derive(Clone)]
pub struct Computation {
    /// The operator.
    pub operator: Operator,
    /// Its inputs, in order.
    pub inputs: Vec<Input>,
    /// The schema of each input.
    pub schemas: Vec<Schema>,
    /// The schema of the output.
    pub schema: Schema,
    /// Results before this time are not shown.
    pub from: Timestamp,
    /// Results at this time or later are not shown; when none before it can follow, the computation ends.
    pub until: Option<Timestamp>,
    /// Where results go. What it holds already is not written again.
    pub output: Log,
    /// The worker that reads the inputs and writes the output.
    pub home: usize,
}

/// An application of an operator of a component.
#[derive(Clone)]
pub struct Operator {
    /// The component.
    pub component: Arc<Component>,
    /// The operator's name.
    pub name: String,
    /// Its arguments as (name, canonical text).
    pub arguments: Vec<(String, String)>,
    /// How instances are made.
    pub options: InstanceOptions,
    /// What the world takes besides.
    pub world: World,
}

/// The two worlds.
#[derive(Clone)]
pub enum World {
    /// A fold.
    Aggregate {
        /// How time is cut.
        window: Window,
        /// The key columns, as indexes into the input schema.
        by: Vec<usize>,
    },
    /// Everything else.
    Transform {
        /// How the operator wants its input.
        order: Order,
        /// The inputs' names.
        aliases: Vec<String>,
    },
}

/// What happens to a computation.
#[derive(Debug)]
pub enum Event {
    /// All that it will ever emit has been written.
    Finished,
    /// It cannot go on.
    Failed(ComputeError),
    /// Its operators are gone from all workers, after it was stopped, finished or failed.
    Gone,
}

/// Called by workers; must not block.
pub type OnEvent = Box<dyn Fn(Event) + Send + Sync>;

/// Counters of a computation.
#[derive(Debug, Default)]
pub struct Progress {
    records_in: AtomicU64,
    records_out: AtomicU64,
}

impl Progress {
    /// Records read.
    pub fn records_in(&self) -> u64 {
        self.records_in.load(Ordering::Relaxed)
    }

    /// Records written.
    pub fn records_out(&self) -> u64 {
        self.records_out.load(Ordering::Relaxed)
    }

    pub(crate) fn count_in(&self, records: usize) {
        self.records_in.fetch_add(records as u64, Ordering::Relaxed);
    }

    pub(crate) fn count_out(&self, records: usize) {
        self.records_out.fetch_add(records as u64, Ordering::Relaxed);
    }
}

/// What the operators of one computation share across workers.
pub(crate) struct Shared {
    stopped: AtomicBool,
    ended: AtomicBool,
    workers: AtomicUsize,
    operators: Mutex<Vec<SyncActivator>>,
    on_event: OnEvent,
    pub(crate) progress: Progress,
}

impl Shared {
    pub(crate) fn new(workers: usize, on_event: OnEvent) -> Arc<Shared> {
        Arc::new(Shared {
            stopped: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            workers: AtomicUsize::new(workers),
            operators: Mutex::new(Vec::new()),
            on_event,
            progress: Progress::default(),
        })
    }

    /// An operator to be told when the computation stops.
    pub(crate) fn enlist(&self, operator: SyncActivator) {
        self.operators.lock().expect("nobody panics holding it").push(operator);
    }

    /// Whether operators are to let go of everything.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Makes all operators let go of everything.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        for operator in self.operators.lock().expect("nobody panics holding it").iter() {
            // An error means that the worker is gone.
            let _ = operator.activate();
        }
    }

    /// Ends the computation for a reason; the first one counts.
    pub(crate) fn end(&self, event: Event) {
        if !self.ended.swap(true, Ordering::AcqRel) && !self.is_stopped() {
            (self.on_event)(event);
        }
        self.stop();
    }
}

/// Held by a computation's dataflow on one worker, and dropped with it.
pub(crate) struct OnWorker(pub(crate) Arc<Shared>);

impl Drop for OnWorker {
    fn drop(&mut self) {
        if self.0.workers.fetch_sub(1, Ordering::AcqRel) == 1 {
            (self.0.on_event)(Event::Gone);
        }
    }
}

/// A computation that was handed to the flow.
#[derive(Clone)]
pub struct Handle(pub(crate) Arc<Shared>);

impl Handle {
    /// Stops it. [`Event::Gone`] tells when that is done.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Its counters.
    pub fn progress(&self) -> &Progress {
        &self.0.progress
    }
}

/// The frontier that timely knows of an input: empty when nothing will follow.
pub(crate) fn frontier_of(antichain: &timely::progress::frontier::MutableAntichain<i64>) -> Frontier {
    antichain.frontier().iter().min().map_or(Frontier::Empty, |time| Frontier::At(Timestamp(*time)))
}
