//! How long each kind of work takes, without trouble and with it, and when it last got on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The clocks of all kinds of work.
#[derive(Debug)]
pub struct Clocks {
    kinds: Mutex<BTreeMap<&'static str, Times>>,
    disturbed: AtomicBool,
    since: Mutex<Instant>,
}

#[derive(Debug, Default)]
struct Times {
    undisturbed: Vec<Duration>,
    /// Of what was begun with trouble.
    troubled: Vec<Duration>,
    last: Option<Instant>,
}

impl Default for Clocks {
    fn default() -> Clocks {
        Clocks { kinds: Mutex::default(), disturbed: AtomicBool::new(false), since: Mutex::new(Instant::now()) }
    }
}

impl Clocks {
    fn kinds(&self) -> MutexGuard<'_, BTreeMap<&'static str, Times>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is trouble from now on.
    pub fn disturb(&self) {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.disturbed.store(true, Ordering::SeqCst);
    }

    /// Does a piece of work and takes its time.
    pub fn time<T>(&self, kind: &'static str, work: impl FnOnce() -> T) -> T {
        let (troubled, begun) = (self.disturbed.load(Ordering::SeqCst), Instant::now());
        let done = work();
        let mut kinds = self.kinds();
        let times = kinds.entry(kind).or_default();
        if troubled { &mut times.troubled } else { &mut times.undisturbed }.push(begun.elapsed());
        times.last = Some(Instant::now());
        done
    }

    /// How long nothing of that kind has been done, with trouble.
    pub fn still(&self, kind: &str) -> Duration {
        let since = *self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let last = self.kinds().get(kind).and_then(|times| times.last);
        last.map_or(since, |last| last.max(since)).elapsed()
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
