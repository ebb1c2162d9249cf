//! Threads beside the workers, for guests: timely schedules cooperatively, and one slow operator must not be everyone's delay.
//!
//! There are as many as workers. While a job has waited for a thread for longer than [`PATIENCE`], because those there are all
//! busy with long calls, another one is started; it ends when it has had nothing to do for a while. Whether jobs outnumber the threads that
//! wait for one is judged by [`State::is_short`] alone, under the lock, as a thread that was woken may be any time from running.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use timely::scheduling::SyncActivator;

/// How long a job may wait for a thread.
const PATIENCE: Duration = Duration::from_millis(5);

/// How long a thread that was started for the rush stays without work.
const IDLE: Duration = Duration::from_secs(5);

/// The most threads. Beyond, jobs wait, which is told: that many guests at once are in long calls.
const THREADS: usize = 256;

/// How long after a thread could not be had until it is looked again.
const RETRY: Duration = Duration::from_millis(100);

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end, once their jobs are done, when the last clone is gone.
#[derive(Clone)]
pub(crate) struct Guests {
    crew: Arc<Crew>,
    _stop: Arc<StopOnDrop>,
}

/// How busy the threads for guests are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rush {
    /// How many threads there are.
    pub threads: usize,
    /// How many there may be.
    pub most: usize,
    /// How many jobs wait for one.
    pub waiting: usize,
}

struct Crew {
    state: Mutex<State>,
    /// A job has come, or the end.
    work: Condvar,
    /// There are more jobs than threads that wait for one, or the end.
    rush: Condvar,
    least: usize,
    most: usize,
}

#[derive(Default)]
struct State {
    /// With the time since when they wait.
    jobs: VecDeque<(Job, Instant)>,
    threads: usize,
    /// Threads that wait for a job. One that was woken for a job is among them until it runs.
    idle: usize,
    /// Whether it was told that there are no more threads to be had for the jobs that wait.
    told: bool,
    stopped: bool,
}

impl State {
    /// Whether some job waits for a thread that is not there: each of those that are takes one.
    fn is_short(&self) -> bool {
        self.jobs.len() > self.idle
    }
}

impl Guests {
    /// Starts so many threads, and the one that watches whether they are enough.
    pub fn start(threads: usize) -> Result<Guests, String> {
        Guests::with(threads, THREADS.max(threads))
    }

    /// The same, with so many threads at most.
    fn with(least: usize, most: usize) -> Result<Guests, String> {
        let state = Mutex::new(State::default());
        let crew = Arc::new(Crew { state, work: Condvar::new(), rush: Condvar::new(), least, most });
        let guests = Guests { crew: crew.clone(), _stop: Arc::new(StopOnDrop(crew.clone())) };
        for _ in 0..least {
            crew.hire(&mut crew.lock()).map_err(|error| error.to_string())?;
        }
        dag_alarm::thread("guests-watch", move || crew.watch()).map_err(|error| error.to_string())?;
        Ok(guests)
    }

    /// How busy they are.
    pub fn rush(&self) -> Rush {
        let state = self.crew.lock();
        let waiting = state.jobs.len().saturating_sub(state.idle);
        Rush { threads: state.threads, most: self.crew.most, waiting }
    }

    fn submit(&self, job: Job) {
        self.crew.submit(&mut self.crew.lock(), job);
    }
}

impl Crew {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(&self, state: &mut State, job: Job) {
        state.jobs.push_back((job, Instant::now()));
        if state.idle > 0 {
            self.work.notify_one();
        }
        if state.is_short() {
            self.rush.notify_one();
        }
    }

    fn hire(self: &Arc<Self>, state: &mut State) -> std::io::Result<()> {
        let crew = self.clone();
        dag_alarm::thread("guest", move || crew.work())?;
        state.threads += 1;
        Ok(())
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            if let Some((job, _)) = state.jobs.pop_front() {
                drop(state);
                job();
                state = self.lock();
                continue;
            }
            state.told = false;
            if state.stopped {
                break;
            }
            state.idle += 1;
            let mut dull = false;
            state = if state.threads > self.least {
                let (woken, waited) = self.work.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
                dull = waited.timed_out();
                woken
            } else {
                self.work.wait(state).unwrap_or_else(PoisonError::into_inner)
            };
            state.idle -= 1;
            if dull && state.jobs.is_empty() && state.threads > self.least {
                break;
            }
        }
        state.threads -= 1;
    }

    /// Starts another thread whenever a job waits too long, as long as there may be more.
    fn watch(self: Arc<Self>) {
        let mut state = self.lock();
        while !state.stopped {
            let Some((_, since)) = state.jobs.front().filter(|_| state.is_short()) else {
                state = self.rush.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = PATIENCE.saturating_sub(since.elapsed());
            let mut pause = left.max(PATIENCE / 5);
            if left.is_zero() {
                let hired = if state.threads < self.most { self.hire(&mut state) } else { Err(self.full()) };
                if let Err(error) = hired {
                    pause = RETRY;
                    if !std::mem::replace(&mut state.told, true) {
                        let (threads, jobs) = (state.threads, state.jobs.len());
                        tracing::warn!(%error, threads, jobs, "no other thread for guests: computations wait for long calls to end");
                    }
                }
            }
            (state, _) = self.rush.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn full(&self) -> std::io::Error {
        std::io::Error::other(format!("{} guests are in long calls, which is the limit", self.most))
    }
}

struct StopOnDrop(Arc<Crew>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.lock().stopped = true;
        self.0.work.notify_all();
        self.0.rush.notify_all();
    }
}

/// A state that jobs change beside the worker, one at a time, for the operator that is activated when a job is done.
pub(crate) struct Aside<S, R> {
    guests: Guests,
    operator: Arc<Mutex<SyncActivator>>,
    place: Place<S, R>,
}

enum Place<S, R> {
    Here(S),
    Away(Arc<Mutex<Option<(S, R)>>>),
}

impl<S: Send + 'static, R: Send + 'static> Aside<S, R> {
    /// The state is here.
    pub fn new(state: S, guests: Guests, operator: SyncActivator) -> Aside<S, R> {
        Aside { guests, operator: Arc::new(Mutex::new(operator)), place: Place::Here(state) }
    }

    /// The state, unless a job has it.
    pub fn here(&mut self) -> Option<&mut S> {
        match &mut self.place {
            Place::Here(state) => Some(state),
            Place::Away(_) => None,
        }
    }

    /// What the last job answered, once, when it is done; the state is here afterwards.
    pub fn back(&mut self) -> Option<R> {
        let Place::Away(slot) = &self.place else { return None };
        let (state, answer) = slot.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        self.place = Place::Here(state);
        Some(answer)
    }

    /// Gives the state to a job.
    ///
    /// # Panics
    /// If the state is not here.
    pub fn run(&mut self, job: impl FnOnce(&mut S) -> R + Send + 'static) {
        let slot = Arc::new(Mutex::new(None));
        let Place::Here(mut state) = std::mem::replace(&mut self.place, Place::Away(slot.clone())) else {
            panic!("one job at a time")
        };
        let operator = self.operator.clone();
        self.guests.submit(Box::new(move || {
            let answer = job(&mut state);
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some((state, answer));
            // An error means that the worker is gone, and nobody waits.
            let _ = operator.lock().unwrap_or_else(PoisonError::into_inner).activate();
        }));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::thread;

    use super::*;

    /// Longer than any machine is busy; a test that reaches it has failed.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// Submits jobs at one moment, in which all of so many threads wait for work.
    fn submit_at_once(guests: &Guests, idle: usize, jobs: Vec<Job>) {
        let begun = Instant::now();
        loop {
            let mut state = guests.crew.lock();
            if state.idle == idle {
                // None of them can run before the lock is let go.
                jobs.into_iter().for_each(|job| guests.crew.submit(&mut state, job));
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "threads become idle");
            drop(state);
            thread::yield_now();
        }
    }

    /// A job that goes on until its sender is dropped.
    fn long() -> (Sender<()>, Job) {
        let (release, held) = channel::<()>();
        (release, Box::new(move || assert!(held.recv().is_err())))
    }

    fn quick() -> (Receiver<()>, Job) {
        let (done, told) = channel();
        (told, Box::new(move || done.send(()).expect("the test waits")))
    }

    #[test]
    fn a_job_does_not_wait_for_long_ones_whenever_they_come() {
        for (threads, slow) in [(1, 1), (1, 2), (2, 3), (2, 1)] {
            let guests = Guests::start(threads).unwrap();
            let (held, mut jobs): (Vec<_>, Vec<Job>) = (0..slow).map(|_| long()).unzip();
            let (told, job) = quick();
            jobs.push(job);
            submit_at_once(&guests, threads, jobs);
            told.recv_timeout(PATIENCE).expect("another thread does it");
            drop(held);
        }
    }

    #[test]
    fn a_job_that_comes_while_all_threads_are_in_long_ones_does_not_wait_for_them() {
        let guests = Guests::start(1).unwrap();
        let (held, slow) = long();
        let (begun, begins) = channel();
        guests.submit(Box::new(move || {
            begun.send(()).unwrap();
            slow();
        }));
        begins.recv_timeout(PATIENCE).unwrap();
        let (told, job) = quick();
        guests.submit(job);
        told.recv_timeout(PATIENCE).expect("another thread does it");
        drop(held);
    }

    #[test]
    fn at_the_most_threads_jobs_wait_until_one_is_free() {
        let guests = Guests::with(1, 2).unwrap();
        let (held, jobs): (Vec<_>, Vec<Job>) = (0..3).map(|_| long()).unzip();
        submit_at_once(&guests, 1, jobs);
        let (told, job) = quick();
        guests.submit(job);
        let begun = Instant::now();
        // A thread is counted before it takes its first job.
        while guests.rush() != (Rush { threads: 2, most: 2, waiting: 2 }) || !guests.crew.lock().told {
            assert!(begun.elapsed() < PATIENCE, "the second thread comes, and that there is no third is told");
            thread::yield_now();
        }
        assert_eq!(told.try_recv().ok(), None);
        drop(held);
        told.recv_timeout(PATIENCE).expect("it has its turn");
    }
}
