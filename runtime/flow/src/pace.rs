//! When snapshots of a computation are taken.

use std::time::{Duration, Instant};

/// When snapshots are taken: one at a time, and no more often than makes up for what they take.
pub(crate) struct Pace {
    pub interval: Option<Duration>,
    /// How long the work until the next one takes at least, by how long the last one took.
    pub work: Duration,
    pub since: Instant,
    pub under_way: bool,
    /// Whether the operator is there that begins them. It may be gone long before the others, where its input has ended.
    pub can_begin: bool,
    /// How long the last one took.
    pub took: Duration,
}

impl Pace {
    /// How long until the next one; none if there are none.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        Some(self.interval?.max(self.work).saturating_sub(now.saturating_duration_since(self.since)))
    }

    /// One that was begun at `since` has been taken.
    pub fn taken(&mut self, now: Instant) {
        self.took = now.saturating_duration_since(self.since);
        self.work = self.took.saturating_mul(SHARE).min(LONGEST);
        self.since = now;
    }
}

/// How much longer than the making of a snapshot the work between two takes, at least.
const SHARE: u32 = 20;

/// No work between two snapshots is made longer than this: one may have taken long because the machine was busy.
const LONGEST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_that_takes_long_makes_only_the_next_one_late_and_by_no_more_than_the_longest_pause() {
        let (interval, slow, quick) = (Duration::from_secs(5), Duration::from_secs(1), Duration::from_millis(1));
        let begun = Instant::now();
        let mut pace = Pace {
            interval: Some(interval),
            work: Duration::ZERO,
            since: begun,
            under_way: false,
            can_begin: true,
            took: Duration::ZERO,
        };
        assert_eq!(pace.left(begun), Some(interval));
        pace.taken(begun + slow);
        assert_eq!(pace.left(begun + slow), Some(slow * SHARE));
        assert_eq!(pace.left(begun + slow + slow * SHARE), Some(Duration::ZERO));
        pace.since = begun;
        pace.taken(begun + quick);
        assert_eq!(pace.left(begun + quick), Some(interval));
        pace.since = begun;
        pace.taken(begun + LONGEST);
        assert_eq!(pace.left(begun + LONGEST), Some(LONGEST));
    }
}
