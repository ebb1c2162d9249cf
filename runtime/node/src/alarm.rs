//! What wakes the timers before they wake by themselves.

use std::sync::atomic::{AtomicI64, Ordering};

use dag_model::Timestamp;
use tokio::sync::Notify;

use crate::clock::now;

/// The timers' alarm. It takes no lock, so that it may be rung from anywhere, also while a log tells that it has grown.
pub struct Alarm {
    rung: Notify,
    /// When the timers wake by themselves, by the wall clock.
    due: AtomicI64,
}

impl Alarm {
    /// An alarm for timers that sleep until they are woken.
    pub fn new() -> Alarm {
        Alarm { rung: Notify::new(), due: AtomicI64::new(i64::MAX) }
    }

    /// Wakes the timers.
    pub fn notify_one(&self) {
        self.rung.notify_one();
    }

    /// Wakes the timers if they would sleep for longer than until `wanted`.
    pub fn wake_by(&self, wanted: Timestamp) {
        if wanted.0 < self.due.load(Ordering::Relaxed) {
            self.notify_one();
        }
    }

    /// Notes that the timers wake by themselves once so many nanoseconds have passed.
    pub fn sleeps_for(&self, nanoseconds: i64) {
        self.due.store(now().saturating_add(nanoseconds).0, Ordering::Relaxed);
    }

    /// Resolves when somebody has woken the timers.
    pub async fn notified(&self) {
        self.rung.notified().await;
    }
}
