//! The node's clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dag_log::{Clock, Moment, Steady};
use dag_model::Timestamp;
use dag_plan::Millis;

/// The wall clock.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
    #[cfg(feature = "armed")]
    let now = now.saturating_add(crate::armed::clock_shift());
    now
}

/// The clocks of this node: the wall clock, and one that begins at zero when the node does and never goes back.
#[derive(Clone, Copy)]
pub struct Clocks(Instant);

impl Clocks {
    /// Starts at zero.
    pub fn start() -> Clocks {
        Clocks(Instant::now())
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
    pub fn instant(&self, moment: Steady) -> Instant {
        self.0 + Duration::from_nanos(u64::try_from(moment.0).unwrap_or(0))
    }

    /// The same the other way round.
    pub fn moment(&self, instant: Instant) -> Steady {
        let since = instant.saturating_duration_since(self.0);
        Steady(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl Clock for Clocks {
    fn now(&self) -> Moment {
        Moment { wall: now(), steady: self.moment(Instant::now()) }
    }
}
