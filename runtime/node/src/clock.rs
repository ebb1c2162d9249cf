//! The node's clocks.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use dag_model::Timestamp;
use dag_plan::Millis;

/// The wall clock.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// A clock that never goes back, for the plan.
pub struct Steady(Instant);

impl Steady {
    /// Starts at zero.
    pub fn start() -> Steady {
        Steady(Instant::now())
    }

    /// Milliseconds since the start.
    pub fn millis(&self) -> Millis {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The moment that is so many milliseconds after the start.
    pub fn at(&self, millis: Millis) -> Instant {
        self.0 + std::time::Duration::from_millis(millis)
    }
}
