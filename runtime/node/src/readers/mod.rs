//! Readers: read [`open`] (how a subscription comes to be), [`standing`] (where its position stands to what its log holds), [`subscription`]
//! (what it reads, and how it ends), [`subscriber`] (what it is told) and [`cursors`] (places that are kept for it).
//!
//! [`Readers`] owns them.

pub(crate) mod cursors;
pub(crate) mod error;
pub(crate) mod open;
pub(crate) mod standing;
pub(crate) mod subscriber;
pub(crate) mod subscription;
pub(crate) mod uses;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dag_lock::Mutex;
use dag_model::text::shortened;
use dag_plan::LeaseId;
use dag_wasm::Memory;
use tokio::sync::watch;

use crate::blocking::gate::Gate;
use crate::computations::Computations;
use crate::computations::end::Ended;
use crate::computations::news::Notices;
use crate::metadata::Metadata;
use crate::operators::Operators;
use crate::streams::Streams;
use cursors::Cursors;
use error::ReaderError;
use open::OPENING;
use subscriber::Subscriber;
use subscription::READING;

/// The most subscriptions at once.
const SUBSCRIBERS: usize = 10_000;

/// The owner of subscriptions and cursors.
pub(crate) struct Readers {
    meta: Arc<Metadata>,
    streams: Arc<Streams>,
    operators: Arc<Operators>,
    computations: Computations,
    cursors: Cursors,
    /// Those that are open. Nothing else is locked under it.
    subscribers: Mutex<BTreeMap<LeaseId, Arc<Subscriber>>>,
    /// Expressions that wait for a stream or an operator to appear, and what for. Nothing else is locked under it.
    waiting: Mutex<BTreeMap<LeaseId, (String, String)>>,
    /// Opening a subscription goes through this.
    opening: Arc<Gate<String>>,
    /// What is read from disks goes through this.
    reads: Arc<Gate<String>>,
    /// Looking at logs goes through this.
    looking: Arc<Gate<String>>,
    /// Bumped when a stream or an operator appears.
    appeared: watch::Sender<u64>,
    /// True once the node is stopping.
    stopping: watch::Sender<bool>,
    /// Bytes that a subscription in time order may hold, and of what it takes them.
    memory: (u64, Memory),
    next_lease: AtomicU64,
}

/// Nobody reads under that id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no subscription `{0}`, or not any more")]
pub struct NoSubscription(String);

/// What readers are given.
pub(crate) struct Parts {
    /// What lasts.
    pub meta: Arc<Metadata>,
    /// What is published to.
    pub streams: Arc<Streams>,
    /// What is applied.
    pub operators: Arc<Operators>,
    /// What runs.
    pub computations: Computations,
    /// Looking at logs goes through this.
    pub looking: Arc<Gate<String>>,
    /// Bumped when a stream or an operator appears.
    pub appeared: watch::Sender<u64>,
    /// True once the node is stopping.
    pub stopping: watch::Sender<bool>,
    /// Bytes that a subscription in time order may hold, and of what it takes them.
    pub memory: (u64, Memory),
}

impl Readers {
    /// Nobody yet. Of the cursors in `broken` nothing can be read but the name, and why.
    pub fn new(parts: Parts, broken: BTreeMap<String, String>) -> Readers {
        let Parts { meta, streams, operators, computations, looking, appeared, stopping, memory } = parts;
        Readers {
            cursors: Cursors::new(meta.clone(), broken),
            meta,
            streams,
            operators,
            computations,
            subscribers: Mutex::new("subscribers", BTreeMap::new()),
            waiting: Mutex::new("waiting", BTreeMap::new()),
            opening: Gate::new(OPENING),
            reads: Gate::new(READING),
            looking,
            appeared,
            stopping,
            memory,
            next_lease: AtomicU64::new(1),
        }
    }

    /// The cursors.
    pub fn cursors(&self) -> &Cursors {
        &self.cursors
    }

    /// How many subscriptions are open.
    pub fn len(&self) -> usize {
        self.subscribers.lock().len()
    }

    /// Expressions that wait for a stream or an operator to appear, and what for.
    pub fn waiting(&self) -> Vec<(String, String)> {
        self.waiting.lock().values().cloned().collect()
    }

    /// How many read each source itself.
    pub fn of_sources(&self) -> BTreeMap<String, usize> {
        let mut readers = BTreeMap::new();
        for name in self.subscribers.lock().values().filter_map(|subscriber| subscriber.source()) {
            *readers.entry(name.to_owned()).or_default() += 1;
        }
        readers
    }

    /// Tells those who read a source itself that it has ended.
    pub fn end_of_source(&self, source: &str, why: &Ended) {
        let subscribers = self.subscribers.lock();
        let own = subscribers.values().filter(|subscriber| subscriber.source() == Some(source));
        own.for_each(|subscriber| subscriber.listener.end(why.clone()));
    }

    /// The notices of the subscription of that id. Who knows it is the subscriber: it takes with it what has waited.
    pub fn notices(&self, id: &str) -> Result<Notices, NoSubscription> {
        let lease = id.split('-').next().and_then(|number| number.parse().ok()).map(LeaseId);
        let subscribers = self.subscribers.lock();
        let subscriber = lease.and_then(|lease| Some((lease, subscribers.get(&lease)?)));
        match subscriber.filter(|(lease, subscriber)| subscriber.id(*lease) == id) {
            Some((_, subscriber)) => Ok(subscriber.listener.notices()),
            None => Err(NoSubscription(shortened(id, 40).into_owned())),
        }
    }

    /// Lets all see that the node stops.
    pub fn wake(&self) {
        self.subscribers.lock().values().for_each(|subscriber| subscriber.listener.wake());
    }

    fn new_lease(&self) -> LeaseId {
        LeaseId(self.next_lease.fetch_add(1, Ordering::Relaxed))
    }

    /// A subscriber is there from now on.
    fn enter(&self, lease: LeaseId, subscriber: &Arc<Subscriber>) -> Result<(), ReaderError> {
        let mut subscribers = self.subscribers.lock();
        if subscribers.len() >= SUBSCRIBERS {
            return Err(ReaderError::TooMany);
        }
        subscribers.insert(lease, subscriber.clone());
        Ok(())
    }

    /// A subscriber is gone, and what it has demanded let go of.
    fn release(&self, lease: LeaseId) {
        let subscriber = self.subscribers.lock().remove(&lease);
        drop(subscriber);
        self.computations.release(lease);
    }
}
