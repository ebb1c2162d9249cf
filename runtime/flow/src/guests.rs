//! Threads beside the workers, for guests: timely schedules cooperatively, and one slow operator must not be everyone's delay.
//!
//! There are as many as workers. While a job has waited for a thread for longer than [`PATIENCE`], because those there are all
//! busy with long calls, another one is started; it ends when it has had nothing to do for a while.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use timely::scheduling::SyncActivator;

/// How long a job may wait for a thread.
const PATIENCE: Duration = Duration::from_millis(5);

/// How long a thread that was started for the rush stays without work.
const IDLE: Duration = Duration::from_secs(5);

/// The most threads. Beyond, jobs wait: that many guests at once are in long calls.
const THREADS: usize = 256;

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end, once their jobs are done, when the last clone is gone.
#[derive(Clone)]
pub(crate) struct Guests {
    crew: Arc<Crew>,
    _stop: Arc<StopOnDrop>,
}

struct Crew {
    state: Mutex<State>,
    /// A job has come, or the end.
    work: Condvar,
    /// A job has to wait.
    rush: Condvar,
    least: usize,
}

#[derive(Default)]
struct State {
    /// With the time since when they wait.
    jobs: VecDeque<(Job, Instant)>,
    threads: usize,
    idle: usize,
    stopped: bool,
}

impl Guests {
    /// Starts so many threads, and the one that watches whether they are enough.
    pub fn start(threads: usize) -> Result<Guests, String> {
        let state = Mutex::new(State::default());
        let crew = Arc::new(Crew { state, work: Condvar::new(), rush: Condvar::new(), least: threads });
        let guests = Guests { crew: crew.clone(), _stop: Arc::new(StopOnDrop(crew.clone())) };
        for _ in 0..threads {
            crew.hire(&mut crew.lock()).map_err(|error| error.to_string())?;
        }
        let watch = thread::Builder::new().name("guests-watch".into()).spawn(move || crew.watch());
        watch.map_err(|error| error.to_string())?;
        Ok(guests)
    }

    fn submit(&self, job: Job) {
        let mut state = self.crew.lock();
        state.jobs.push_back((job, Instant::now()));
        match state.idle {
            0 => self.crew.rush.notify_one(),
            _ => self.crew.work.notify_one(),
        }
    }
}

impl Crew {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hire(self: &Arc<Self>, state: &mut State) -> std::io::Result<()> {
        let crew = self.clone();
        thread::Builder::new().name("guest".into()).spawn(move || crew.work())?;
        state.threads += 1;
        Ok(())
    }

    fn work(&self) {
        let _alarm = crate::flow::Alarm;
        let mut state = self.lock();
        loop {
            if let Some((job, _)) = state.jobs.pop_front() {
                drop(state);
                job();
                state = self.lock();
                continue;
            }
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

    /// Starts another thread whenever a job waits too long.
    fn watch(self: Arc<Self>) {
        let mut state = self.lock();
        while !state.stopped {
            let Some((_, since)) = state.jobs.front() else {
                state = self.rush.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = PATIENCE.saturating_sub(since.elapsed());
            let more = left.is_zero() && state.idle == 0 && state.threads < THREADS;
            if more && let Err(error) = self.hire(&mut state) {
                tracing::warn!(%error, "cannot start another thread for guests");
            }
            let left = left.max(PATIENCE / 5);
            (state, _) = self.rush.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
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
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_job_does_not_wait_for_long_ones() {
        let guests = Guests::start(1).unwrap();
        let (release, held) = channel::<()>();
        let held = Mutex::new(held);
        guests.submit(Box::new(move || assert!(held.lock().unwrap().recv().is_err())));
        let (done, told) = channel();
        guests.submit(Box::new(move || done.send(()).unwrap()));
        told.recv_timeout(Duration::from_secs(20)).expect("another thread does it");
        drop(release);
    }
}
