//! Waiting for a condition, with a deadline.

use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for what should come at once: generous, because tests share the machine.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// How often a condition is looked at.
const EVERY: Duration = Duration::from_millis(20);

/// Waits until `condition` gives a value, and returns it.
///
/// # Panics
/// If it gives none within `deadline`; the message says `what` was waited for.
#[track_caller]
pub fn until<T>(what: &str, deadline: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < deadline, "waited {deadline:?} in vain until {what}");
        thread::sleep(EVERY);
    }
}
