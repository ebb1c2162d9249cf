//! The timely operators of a computation.
//!
//! Hopping aggregates: [`source`] -> exchange by key -> [`aggregate`] -> [`sink`]. Other aggregates: [`scan`] -> [`order`] -> exchange by
//! key -> [`aggregate`] -> [`sink`]. Transforms in log order: [`source`] -> [`transform`] -> [`sink`]; in time order: a [`scan`] for each
//! input -> [`transform`] -> [`sink`]. Sources, order, transforms and the sink live on the computation's home worker.

pub mod aggregate;
mod barriers;
pub mod order;
pub mod scan;
pub mod shard;
pub mod sink;
pub mod source;
pub mod transform;
mod work;

use std::sync::Arc;
use std::time::Instant;

use dag_model::{Frontier, Timestamp};
use timely::dataflow::operators::Capability;
use timely::scheduling::{Activator, SyncActivator};

use crate::cursor::Notify;
use crate::shared::Shared;

/// Timely's capability to emit, in event time; none once nothing will be emitted.
pub(crate) type Hold = Option<Capability<i64>>;

/// Where an operator that reads a log has come to when its turn is over.
pub(crate) enum Turn {
    /// Something else has to happen first.
    Waits,
    /// There is more, after the turns of others.
    More,
    /// Nothing will come.
    Over,
}

/// Promises that nothing before `frontier` will be emitted.
pub(crate) fn downgrade(hold: &mut Hold, frontier: Frontier) {
    match frontier.time() {
        None => *hold = None,
        Some(time) => {
            if let Some(capability) = hold
                && *capability.time() < time.0
            {
                capability.downgrade(&time.0);
            }
        }
    }
}

/// Wakes the operator that sends barriers once a snapshot of what is new is due, though nothing else may happen until then.
pub(crate) struct Reminder {
    operator: Activator,
    due: Option<Instant>,
}

impl Reminder {
    pub(crate) fn new(operator: Activator) -> Reminder {
        Reminder { operator, due: None }
    }

    /// To be called when the operator has done what there was to do.
    pub(crate) fn set(&mut self, shared: &Shared, news: bool) {
        if !news || self.due.is_some_and(|due| due > Instant::now()) {
            return;
        }
        if let Some(wait) = shared.snapshot_after() {
            self.operator.activate_after(wait);
            self.due = Some(Instant::now() + wait);
        }
    }
}

/// Wakes an operator; many wakes before it runs count as one.
pub(crate) struct Waker {
    pending: std::sync::atomic::AtomicBool,
    operator: SyncActivator,
}

impl Waker {
    pub(crate) fn new(operator: SyncActivator) -> Arc<Waker> {
        Arc::new(Waker { pending: std::sync::atomic::AtomicBool::new(false), operator })
    }

    /// The operator is about to look: wakes from now on count again.
    pub(crate) fn rearm(&self) {
        self.pending.store(false, std::sync::atomic::Ordering::SeqCst);
    }

    pub(crate) fn notify(self: &Arc<Waker>) -> Notify {
        let waker = self.clone();
        Arc::new(move || {
            if !waker.pending.swap(true, std::sync::atomic::Ordering::SeqCst) {
                // An error means that the worker is gone.
                let _ = waker.operator.activate();
            }
        })
    }
}

/// The frontier that timely knows of an input: empty when nothing will follow.
pub(crate) fn frontier_of(antichain: &timely::progress::frontier::MutableAntichain<i64>) -> Frontier {
    antichain.frontier().iter().min().map_or(Frontier::Empty, |time| Frontier::At(Timestamp(*time)))
}
