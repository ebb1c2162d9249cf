//! The node's clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dag_log::{Clock, Moment};
use dag_model::Timestamp;
use dag_plan::Millis;

/// The wall clock.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
    now.saturating_add(dag_fault::clock_shift())
}

/// A clock that never goes back.
#[derive(Clone, Copy)]
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

    /// The moment that is so many milliseconds after the start; a century after it where clocks do not tell later ones.
    pub fn at(&self, millis: Millis) -> Instant {
        const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
        self.0.checked_add(Duration::from_millis(millis)).unwrap_or_else(|| self.0 + CENTURY)
    }

    /// A moment that a log has told.
    pub fn instant(&self, moment: dag_log::Steady) -> Instant {
        self.0 + Duration::from_nanos(u64::try_from(moment.0).unwrap_or(0))
    }

    /// The same the other way round.
    pub fn moment(&self, instant: Instant) -> dag_log::Steady {
        let since = instant.saturating_duration_since(self.0);
        dag_log::Steady(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl Clock for Steady {
    fn now(&self) -> Moment {
        Moment { wall: now(), steady: self.moment(Instant::now()) }
    }
}
