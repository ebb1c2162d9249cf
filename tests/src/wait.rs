//! Waiting for a condition: until it holds, until another thread of the test has failed, or until nothing moves any more.
//!
//! What comes at once is waited for by [`until`], with a deadline; what takes its time by [`while_it_moves`], for as long as what is seen
//! instead changes. A wait that ends in vain says what it was for, what was seen last, and how the nodes of the test are.

use std::fmt::Debug;
use std::thread;
use std::time::{Duration, Instant};

use crate::alarm::Alarm;

/// How long a test waits for what should come at once, and for a sign of progress: generous, because tests share the machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// How long a test waits though there is progress.
pub(crate) const CAP: Duration = Duration::from_secs(600);

/// How often a condition is looked at.
pub(crate) const EVERY: Duration = Duration::from_millis(20);

/// Waits until `condition` gives a value, and returns it.
///
/// # Panics
/// If it gives none within `deadline`.
#[track_caller]
pub fn until<T>(what: &str, deadline: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let patience = Patience { quiet: deadline, ..Patience::new() };
    loop {
        if let Some(value) = condition() {
            return value;
        }
        patience.pause(|| format!("until {what}"));
    }
}

/// Waits until `look` gives a value, and returns it; what it gives instead is how far it has got.
///
/// # Panics
/// If that does not change for [`DEADLINE`].
#[track_caller]
pub fn while_it_moves<T, S: PartialEq + Debug>(what: &str, mut look: impl FnMut() -> Result<T, S>) -> T {
    let (mut patience, mut seen) = (Patience::new(), None);
    loop {
        match look() {
            Ok(value) => return value,
            Err(now) if seen.as_ref() != Some(&now) => {
                patience.moved();
                seen = Some(now);
            }
            Err(_) => {}
        }
        patience.pause(|| format!("until {what}; seen last: {seen:?}"));
    }
}

/// The shortest of a few tries that all do the same: what else the machine does makes some of them longer, and none shorter.
///
/// # Panics
/// If none takes less than `bound`.
#[track_caller]
pub fn fastest(what: &str, bound: Duration, mut attempt: impl FnMut() -> Duration) -> Duration {
    const TRIES: usize = 10;
    let mut taken = Vec::new();
    while taken.len() < TRIES {
        taken.push(attempt());
        if let Some(fast) = taken.last().filter(|taken| **taken < bound) {
            return *fast;
        }
    }
    panic!("{what} should take less than {bound:?}, and took {taken:?}");
}

/// How long a wait goes on.
#[derive(Debug)]
pub(crate) struct Patience {
    alarm: Alarm,
    begun: Instant,
    moved: Instant,
    quiet: Duration,
    ticks: u64,
}

impl Patience {
    pub fn new() -> Patience {
        let (alarm, now) = (Alarm::mine(), Instant::now());
        Patience { ticks: alarm.ticks(), alarm, begun: now, moved: now, quiet: DEADLINE }
    }

    /// Something has moved.
    pub fn moved(&mut self) {
        self.moved = Instant::now();
    }

    /// Takes it for a movement that the test's processes have worked, for those who do not give them work by looking.
    pub fn follow_work(&mut self) {
        let (ticks, second) = (self.alarm.ticks(), rustix::param::clock_ticks_per_second());
        // What idles takes less than this within the time that is waited.
        if ticks.abs_diff(self.ticks) > second {
            self.ticks = ticks;
            self.moved();
        }
    }

    /// Looks whether there is anything to wait for.
    ///
    /// # Panics
    /// If there is not: another thread has failed, or nothing has moved for long.
    #[track_caller]
    pub fn look(&self, what: impl FnOnce() -> String) {
        self.alarm.check();
        if self.moved.elapsed() > self.quiet || self.begun.elapsed() > CAP {
            panic!("waited {:.0?} in vain {}{}", self.begun.elapsed(), what(), self.alarm.scene());
        }
    }

    /// Looks, and lets some time pass.
    #[track_caller]
    pub fn pause(&self, what: impl FnOnce() -> String) {
        self.look(what);
        thread::sleep(EVERY);
    }
}
