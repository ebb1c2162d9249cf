//! Group commit: a few threads make what was appended to any log of a node durable, and then show it.
//!
//! While a log is synced what is appended to it gathers, and shares the next sync; so the busier the node, the more appends share one. No log
//! waits for another: one whose sync is under way is not looked at again until that is over, and while syncs stand still, of a
//! disk that hangs, others get threads of their own.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::entry::Location;
use crate::inner::Inner;
use crate::progress::Until;
use crate::publishers::Remembered;
use crate::reserve::Reserve;
use dag_storage::{OsStorage, Storage};

/// Logs that are synced at the same time while they get on. Beyond a few, the disk gains nothing from more.
const PARALLEL: usize = 8;
/// The most logs that are synced at the same time.
const MOST: usize = 64;
/// How long nothing may get on before a log that waits gets a thread of its own.
const STANDING: Duration = Duration::from_millis(100);

/// The threads that make appended entries durable, one set per node, and the files that its logs lie in.
#[derive(Clone)]
pub struct Committer {
    queue: Arc<Queue>,
    storage: Arc<dyn Storage>,
    reserve: Arc<Reserve>,
    remembered: Arc<Remembered>,
    _stop: Arc<StopOnDrop>,
}

impl Committer {
    /// Starts the threads. They end when the last clone, and the last log, is gone.
    pub fn new() -> Committer {
        Committer::over(Arc::new(OsStorage))
    }

    /// The same for logs on other storage than the operating system's files.
    pub fn over(storage: Arc<dyn Storage>) -> Committer {
        let queue = Arc::new(Queue::default());
        let stop = Arc::new(StopOnDrop(queue.clone()));
        let work = queue.clone();
        dag_alarm::thread("log-commit", move || work.oversee()).expect("a node can start a thread");
        // Where there is no other thread, the overseer commits.
        let _ = queue.clone().employ(&mut queue.lock());
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
        let mut state = self.queue.lock();
        state.logs.push_back(log);
        let is_short = state.is_short();
        drop(state);
        self.queue.more.notify_one();
        if is_short {
            self.queue.short.notify_one();
        }
    }
}

impl Default for Committer {
    fn default() -> Self {
        Committer::new()
    }
}

/// The logs that wait. Its lock is held for as long as it takes to look at them; whoever holds that of a log may take it.
#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    /// There is a log for a thread that is idle, or nothing will follow.
    more: Condvar,
    /// There are more logs than idle threads, or nothing will follow.
    short: Condvar,
}

#[derive(Default)]
struct QueueState {
    /// Each at most once, and none whose sync is under way: a log remembers both.
    logs: VecDeque<Arc<Inner>>,
    threads: usize,
    idle: usize,
    /// How many logs have been taken from here.
    taken: u64,
    stopped: bool,
}

impl QueueState {
    /// Whether logs wait that no idle thread is going to take.
    fn is_short(&self) -> bool {
        self.logs.len() > self.idle
    }

    fn take(&mut self) -> Option<Arc<Inner>> {
        let log = self.logs.pop_front()?;
        self.taken += 1;
        Some(log)
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts one more thread that commits; says whether there is one.
    fn employ(self: Arc<Self>, state: &mut QueueState) -> bool {
        state.threads += 1;
        let started = dag_alarm::thread("log-sync", move || self.commit()).is_ok();
        if !started {
            state.threads -= 1;
        }
        started
    }

    /// Commits logs, for as long as there are any or some may follow.
    fn commit(&self) {
        let mut state = self.lock();
        loop {
            if let Some(log) = state.take() {
                drop(state);
                log.commit();
                drop(log);
                state = self.lock();
            } else if state.stopped || state.threads > PARALLEL {
                state.threads -= 1;
                return;
            } else {
                state.idle += 1;
                state = self.more.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
        }
    }

    /// Sees to it that logs which wait are committed.
    fn oversee(self: Arc<Self>) {
        let mut state = self.lock();
        loop {
            let content = |state: &mut QueueState| !state.is_short() && !state.stopped;
            state = self.short.wait_while(state, content).unwrap_or_else(PoisonError::into_inner);
            if !state.is_short() {
                self.more.notify_all();
                return;
            }
            if state.threads >= PARALLEL {
                let taken = state.taken;
                let stands = |state: &mut QueueState| state.taken == taken && state.is_short();
                let waited = self.short.wait_timeout_while(state, STANDING, stands);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                if state.taken != taken || !state.is_short() || state.threads >= MOST {
                    continue;
                }
            }
            if !self.clone().employ(&mut state)
                && let Some(log) = state.take()
            {
                // The system has no more threads: one log waits for the other.
                drop(state);
                log.commit();
                drop(log);
                state = self.lock();
            }
        }
    }
}

/// Ends the threads when the last [`Committer`] is gone, once they have nothing left to do.
struct StopOnDrop(Arc<Queue>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.lock().stopped = true;
        self.0.more.notify_all();
        self.0.short.notify_all();
    }
}

/// A promise that what was appended will be durable, or committed.
#[derive(Clone)]
pub struct Commit {
    /// The log, the place in it and how often the log had been mended then; none where durability was not asked for.
    awaited: Option<(Arc<Inner>, Location, Until, u64)>,
}

/// The log could not be written; it takes nothing more until it is mended, as sources are, or opened again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log failed: {0}")]
pub struct CommitError(pub String);

impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Commit").field(&self.awaited.as_ref().map(|(_, at, ..)| at)).finish()
    }
}

impl Commit {
    /// Kept already.
    pub(crate) fn done() -> Commit {
        Commit { awaited: None }
    }

    /// Kept when what is before `at` is durable, or committed.
    pub(crate) fn at(log: Arc<Inner>, at: Location, until: Until) -> Commit {
        let mended = log.progress().mended;
        Commit { awaited: Some((log, at, until, mended)) }
    }

    /// Blocks until it is kept, or the log has failed. Not for asynchronous tasks, which have [`kept`](Commit::kept).
    pub fn wait(&self) -> Result<(), CommitError> {
        dag_lock::may_wait("a sync");
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
            Some((log, at, until, mended)) => log.when(*at, *until, *mended, waiting),
        }
        told
    }
}

fn told(outcome: Result<Result<(), CommitError>, oneshot::error::RecvError>) -> Result<(), CommitError> {
    outcome.unwrap_or_else(|_| Err(CommitError("the committer is gone".into())))
}
