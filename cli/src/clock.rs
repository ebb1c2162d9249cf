//! The clock of a process that says something about time: it never goes back, even where the machine's does.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The machine's clock when the process looked at it first, and what has passed since.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Nanoseconds since 1970-01-01T00:00:00Z at the first look.
    pub began: i64,
    looked: Instant,
}

impl Clock {
    /// Looks at the machine's clock.
    pub fn start() -> Clock {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { began: i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX), looked: Instant::now() }
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub fn now(&self) -> i64 {
        self.began.saturating_add(i64::try_from(self.looked.elapsed().as_nanos()).unwrap_or(i64::MAX))
    }
}
