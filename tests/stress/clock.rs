//! How long each kind of work takes, without trouble and with it, and when it last got on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dag_tests::Pace;

/// The clocks of all kinds of work.
///
/// Whether a kind stands still is told in ticks of a [`Pace`], not in seconds.
#[derive(Debug, Default)]
pub struct Clocks {
    kinds: Mutex<BTreeMap<&'static str, Times>>,
    disturbed: AtomicBool,
    ticks: AtomicU64,
    /// The tick at which the trouble began.
    since: AtomicU64,
}

#[derive(Debug, Default)]
struct Times {
    undisturbed: Vec<Duration>,
    /// Of what was begun with trouble.
    troubled: Vec<Duration>,
    /// The tick at which one was done last.
    last: u64,
}

impl Clocks {
    fn kinds(&self) -> MutexGuard<'_, BTreeMap<&'static str, Times>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is trouble from now on.
    pub fn disturb(&self) {
        self.since.store(self.ticks.load(Ordering::SeqCst), Ordering::SeqCst);
        self.disturbed.store(true, Ordering::SeqCst);
    }

    /// Ticks until it is over.
    pub fn tick(&self, pace: &Pace, over: &AtomicBool) {
        while !over.load(Ordering::SeqCst) {
            pace.tick();
            self.ticks.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Does a piece of work and takes its time.
    pub fn time<T>(&self, kind: &'static str, work: impl FnOnce() -> T) -> T {
        let (troubled, begun) = (self.disturbed.load(Ordering::SeqCst), Instant::now());
        let done = work();
        let mut kinds = self.kinds();
        let times = kinds.entry(kind).or_default();
        if troubled { &mut times.troubled } else { &mut times.undisturbed }.push(begun.elapsed());
        times.last = self.ticks.load(Ordering::SeqCst);
        done
    }

    /// For how many ticks nothing of that kind has been done, with trouble.
    pub fn still(&self, kind: &str) -> u64 {
        let last = self.kinds().get(kind).map_or(0, |times| times.last);
        self.ticks.load(Ordering::SeqCst) - last.max(self.since.load(Ordering::SeqCst))
    }

    /// Whether something of that kind was begun with trouble, and done.
    pub fn moved(&self, kind: &str) -> bool {
        self.kinds().get(kind).is_some_and(|times| !times.troubled.is_empty())
    }

    /// What at most one in a hundred took longer than, without trouble and with it.
    pub fn row(&self, kind: &str) -> String {
        let p99 = |times: &[Duration]| {
            let mut times = times.to_vec();
            times.sort_unstable();
            let at = (times.len() * 99).div_ceil(100).saturating_sub(1);
            times.get(at).map_or_else(|| "none".to_owned(), |took| format!("{:.1} ms", took.as_secs_f64() * 1e3))
        };
        let kinds = self.kinds();
        let times = &kinds[kind];
        format!(
            "{:>12} | {:>12} | of {} and {}",
            p99(&times.undisturbed),
            p99(&times.troubled),
            times.undisturbed.len(),
            times.troubled.len()
        )
    }
}
