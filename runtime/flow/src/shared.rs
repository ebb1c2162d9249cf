//! What the operators of one computation share on all workers, and what who had it run holds of it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use dag_model::Frontier;
use timely::scheduling::SyncActivator;

use crate::budget::Budget;
use crate::computation::Computation;
use crate::error::Failure;
use crate::pace::Pace;
use crate::snapshot::{Mark, Snapshot};

/// What happens to a computation.
#[derive(Debug)]
pub enum Event {
    /// All that it will ever emit has been written.
    Finished,
    /// It cannot go on.
    Failed(Failure),
    /// How to go on from here.
    Snapshot(Box<Snapshot>),
    /// It has come to the mark with that revision, where it stops. The snapshot there follows.
    Marked(u64),
    /// Nothing of it is left on any thread, after it was stopped, finished or failed.
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
    finishing: AtomicBool,
    pace: Mutex<Pace>,
    /// The marks that it is to come to, in their order.
    marks: Mutex<VecDeque<Mark>>,
    /// How many hold a [`Present`].
    present: AtomicUsize,
    operators: Mutex<Vec<SyncActivator>>,
    on_event: OnEvent,
    pub(crate) progress: Progress,
    budget: Arc<Budget>,
    /// No result before this time is waited for; [`i64::MIN`] while nothing may be written.
    written_up_to: AtomicI64,
}

/// How long a last snapshot is waited for, at least and at most: twice as long as the one before it took.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(4));

impl Shared {
    pub(crate) fn new(workers: usize, computation: &Computation, on_event: OnEvent) -> Arc<Shared> {
        let interval = computation.interval;
        Arc::new(Shared {
            stopped: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            finishing: AtomicBool::new(false),
            pace: Mutex::new(Pace {
                interval,
                work: Duration::ZERO,
                since: Instant::now(),
                under_way: false,
                can_begin: true,
                took: Duration::ZERO,
            }),
            marks: Mutex::new(computation.marks.iter().copied().collect()),
            present: AtomicUsize::new(workers),
            operators: Mutex::new(Vec::new()),
            on_event,
            progress: Progress::default(),
            budget: computation.budget.clone(),
            written_up_to: AtomicI64::new(i64::MIN),
        })
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().expect("nobody panics holding it")
    }

    /// Makes the computation stop after a last snapshot, if it takes any; returns how long that is worth waiting for.
    pub(crate) fn finish(&self) -> Duration {
        let pace = self.pace();
        let (begins, patience) = (pace.interval.is_some() && pace.can_begin, pace.took.saturating_mul(2));
        // Under the lock, so that the one who begins snapshots either sees this or has been seen to be gone.
        self.finishing.store(true, Ordering::Release);
        drop(pace);
        match begins {
            true => self.wake(),
            false => self.stop(),
        }
        patience.clamp(PATIENCE.0, PATIENCE.1)
    }

    /// The operator that begins snapshots has nothing more to send: all is on its way, and there is nothing left to go on from.
    pub(crate) fn begins_no_more(&self) {
        let mut pace = self.pace();
        pace.can_begin = false;
        let finishing = self.is_finishing();
        drop(pace);
        if finishing {
            self.stop();
        }
    }

    /// What the computation holds in memory.
    pub(crate) fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Nothing before that time is missing for results to be written; see [`Frontier::START`] where nothing may be written.
    pub(crate) fn write_up_to(&self, frontier: Frontier) {
        let time = frontier.time().map_or(i64::MAX, |time| time.0);
        if self.written_up_to.swap(time, Ordering::AcqRel) != time {
            self.budget.wake();
        }
    }

    /// The time before which nothing is missing for results to be written.
    pub(crate) fn written_up_to(&self) -> i64 {
        self.written_up_to.load(Ordering::Acquire)
    }

    /// Held by whatever goes on beside the dataflow on the workers.
    pub(crate) fn present(self: &Arc<Shared>) -> Present {
        self.present.fetch_add(1, Ordering::AcqRel);
        Present(self.clone())
    }

    /// Whether the computation stops after its next snapshot.
    pub(crate) fn is_finishing(&self) -> bool {
        self.finishing.load(Ordering::Acquire)
    }

    /// Whether a snapshot is to be taken now, given whether there is anything new; if so, it is under way, and its barrier is to be
    /// sent.
    pub(crate) fn snapshot_due(&self, news: bool) -> bool {
        let mut pace = self.pace();
        let due = self.is_finishing() || (news && pace.left(Instant::now()).is_some_and(|left| left.is_zero()));
        let begin = due && !pace.under_way;
        if begin {
            (pace.under_way, pace.since) = (true, Instant::now());
        }
        begin
    }

    /// How long until a snapshot of what is new would be due; none if that is never.
    pub(crate) fn snapshot_after(&self) -> Option<Duration> {
        Some(self.pace().left(Instant::now())?.max(Duration::from_millis(1)))
    }

    /// The snapshot under way has been taken.
    pub(crate) fn snapshot(&self, snapshot: Snapshot, last: bool) {
        let mut pace = self.pace();
        pace.taken(Instant::now());
        pace.under_way = last;
        drop(pace);
        (self.on_event)(Event::Snapshot(Box::new(snapshot)));
        if last {
            self.stop();
        } else if self.is_finishing() {
            self.wake();
        }
    }

    fn marks(&self) -> MutexGuard<'_, VecDeque<Mark>> {
        self.marks.lock().expect("nobody panics holding it")
    }

    /// The next mark that the computation is to come to, where one with that revision is it.
    pub(crate) fn mark_at(&self, revision: u64) -> Option<Mark> {
        self.marks().front().copied().filter(|mark| mark.revision <= revision)
    }

    /// The computation has come to that mark: its barrier is on its way.
    pub(crate) fn is_at(&self, mark: Mark) {
        self.marks().retain(|other| *other != mark);
    }

    /// All that lies before the mark is written.
    pub(crate) fn marked(&self, mark: Mark) {
        if mark.stops {
            (self.on_event)(Event::Marked(mark.revision));
        }
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
        self.wake();
    }

    /// Lets all operators look what there is to do.
    fn wake(&self) {
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

/// Held by a computation's dataflow on one worker, and by each job beside it, and dropped with it.
pub(crate) struct Present(pub(crate) Arc<Shared>);

impl Present {
    /// What the computation's operators share.
    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        if self.0.present.fetch_sub(1, Ordering::AcqRel) == 1 {
            (self.0.on_event)(Event::Gone);
        }
    }
}

/// A computation that was handed to the flow.
#[derive(Clone)]
pub struct Handle(pub(crate) Arc<Shared>);

impl Handle {
    /// Stops it at once. [`Event::Gone`] tells when that is done.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Stops it after a last snapshot, if it comes to that: [`Event::Gone`] tells. Returns how long that is worth waiting for:
    /// an operator may have much to do before it gets there, and [`stop`](Handle::stop) ends that, too.
    pub fn finish(&self) -> Duration {
        self.0.finish()
    }

    /// Has it come to a mark, too, which is not in its inputs yet.
    pub fn await_mark(&self, mark: Mark) {
        let mut marks = self.0.marks();
        if let Err(place) = marks.binary_search_by_key(&mark.revision, |other| other.revision) {
            marks.insert(place, mark);
        }
    }

    /// Whether it has been told to stop, or has ended by itself, and something of it is left.
    pub fn is_stopping(&self) -> bool {
        self.0.is_finishing() || self.0.is_stopped()
    }

    /// Its counters.
    pub fn progress(&self) -> &Progress {
        &self.0.progress
    }

    /// What it holds in memory.
    pub fn budget(&self) -> &Budget {
        &self.0.budget
    }
}
