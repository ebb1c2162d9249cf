//! Group commit: one thread makes what was appended to any log of a node durable, and then shows it.
//!
//! While it syncs one group, the next one gathers; so the busier the node, the more appends share a sync.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use crate::entry::Location;
use crate::inner::Inner;
use crate::publishers::Remembered;
use crate::reserve::Reserve;
use crate::storage::{OsStorage, Storage};

/// Logs that are synced at the same time. Beyond a few, the disk gains nothing from more.
const PARALLEL: usize = 8;

/// The thread that makes appended entries durable, one per node, and the files that its logs lie in.
#[derive(Clone)]
pub struct Committer {
    queue: Arc<Queue>,
    storage: Arc<dyn Storage>,
    reserve: Arc<Reserve>,
    remembered: Arc<Remembered>,
    _stop: Arc<StopOnDrop>,
}

impl Committer {
    /// Starts the thread. It ends when the last clone, and the last log, is gone.
    pub fn new() -> Committer {
        Committer::over(Arc::new(OsStorage))
    }

    /// The same for logs on other storage than the operating system's files.
    pub fn over(storage: Arc<dyn Storage>) -> Committer {
        let queue = Arc::new(Queue::default());
        let stop = Arc::new(StopOnDrop(queue.clone()));
        let work = queue.clone();
        dag_alarm::thread("log-commit", move || work.run()).expect("a node can start a thread");
        Committer { queue, storage, reserve: Arc::default(), remembered: Arc::default(), _stop: stop }
    }

    pub(crate) fn with_reserve(self, reserve: Reserve) -> Committer {
        Committer { reserve: Arc::new(reserve), ..self }
    }

    /// The publishers of all sources.
    pub(crate) fn remembered(&self) -> Arc<Remembered> {
        self.remembered.clone()
    }

    pub(crate) fn reserve(&self) -> &Reserve {
        &self.reserve
    }

    /// The files that the logs lie in; what is kept beside them is written through the same.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// Asks for a log to be made durable.
    pub(crate) fn queue(&self, log: Arc<Inner>) {
        self.queue.lock().logs.push(log);
        self.queue.more.notify_one();
    }
}

impl Default for Committer {
    fn default() -> Self {
        Committer::new()
    }
}

#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    more: Condvar,
}

#[derive(Default)]
struct QueueState {
    /// Each at most once: a log remembers that it is here.
    logs: Vec<Arc<Inner>>,
    stopped: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        loop {
            let idle = |state: &mut QueueState| state.logs.is_empty() && !state.stopped;
            let mut state = self.more.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
            let group = std::mem::take(&mut state.logs);
            drop(state);
            if group.is_empty() {
                return;
            }
            group.chunks(PARALLEL).for_each(commit_all);
        }
    }
}

fn commit_all(logs: &[Arc<Inner>]) {
    thread::scope(|scope| {
        let (first, rest) = logs.split_first().expect("a group is not empty");
        let begins = |log: &&Arc<Inner>| {
            let log = Arc::clone(log);
            thread::Builder::new().spawn_scoped(scope, move || log.commit()).is_ok()
        };
        let alone: Vec<_> = rest.iter().filter(|log| !begins(log)).collect();
        first.commit();
        // Where the system has no more threads, one log waits for the other.
        alone.into_iter().for_each(|log| log.commit());
    });
}

/// Ends the thread when the last [`Committer`] is gone, once it has nothing left to do.
struct StopOnDrop(Arc<Queue>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.lock().stopped = true;
        self.0.more.notify_one();
    }
}

/// A promise that what was appended will be durable.
#[derive(Clone)]
pub struct Commit {
    /// The log, the place in it and how often the log had been mended then; none where durability was not asked for.
    awaited: Option<(Arc<Inner>, Location, u64)>,
}

/// The log could not be written; it takes nothing more until it is mended, as sources are, or opened again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log failed: {0}")]
pub struct CommitError(pub String);

impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Commit").field(&self.awaited.as_ref().map(|(_, at, _)| at)).finish()
    }
}

impl Commit {
    /// Kept already.
    pub(crate) fn done() -> Commit {
        Commit { awaited: None }
    }

    /// Kept when what is before `at` is durable.
    pub(crate) fn at(log: Arc<Inner>, at: Location) -> Commit {
        let mended = log.progress().mended;
        Commit { awaited: Some((log, at, mended)) }
    }

    /// Blocks until it is kept, or the log has failed. Not for asynchronous tasks, which have [`kept`](Commit::kept).
    pub fn wait(&self) -> Result<(), CommitError> {
        told(self.outcome().blocking_recv())
    }

    /// Resolves when it is kept, or the log has failed.
    pub async fn kept(&self) -> Result<(), CommitError> {
        told(self.outcome().await)
    }

    fn outcome(&self) -> oneshot::Receiver<Result<(), CommitError>> {
        let (waiting, told) = oneshot::channel();
        match &self.awaited {
            // An error would mean that nobody waits, and here somebody does.
            None => drop(waiting.send(Ok(()))),
            Some((log, at, mended)) => log.when_durable(*at, *mended, waiting),
        }
        told
    }
}

fn told(outcome: Result<Result<(), CommitError>, oneshot::error::RecvError>) -> Result<(), CommitError> {
    outcome.unwrap_or_else(|_| Err(CommitError("the committer is gone".into())))
}
