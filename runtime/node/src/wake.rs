//! What wakes the timers before they wake by themselves.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use dag_log::Steady;
use tokio::sync::Notify;

use crate::clock::Clocks;

/// How much longer than their windows the node speaks for single streams that have fallen silent.
pub const GRACE: Duration = Duration::from_secs(2);

/// Wakes the timers. It takes no lock, so that anybody may call it, also a log that reports that it has grown.
pub struct Wake {
    clock: Clocks,
    called: Notify,
    /// When the timers wake by themselves.
    due: AtomicI64,
}

impl Wake {
    /// For timers that sleep until they are woken.
    pub fn new(clock: Clocks) -> Wake {
        Wake { clock, called: Notify::new(), due: AtomicI64::new(i64::MAX) }
    }

    /// The clock that it goes by.
    pub fn clock(&self) -> Clocks {
        self.clock
    }

    /// Wakes the timers.
    pub fn notify_one(&self) {
        self.called.notify_one();
    }

    /// Wakes the timers if they would sleep for longer than until `wanted`.
    pub fn wake_by(&self, wanted: Steady) {
        if wanted.0 < self.due.load(Ordering::Relaxed) {
            self.notify_one();
        }
    }

    /// The same for what is wanted in a while.
    pub fn wake_within(&self, patience: Duration) {
        self.wake_by(self.clock.moment(Instant::now() + patience));
    }

    /// Notes when the timers wake by themselves.
    pub fn sleeps_until(&self, due: Instant) {
        self.due.store(self.clock.moment(due).0, Ordering::Relaxed);
    }

    /// Resolves when somebody has woken the timers.
    pub async fn notified(&self) {
        self.called.notified().await;
    }
}
