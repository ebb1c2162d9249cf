//! Runs that nobody uses: how many are kept, and for how long, for those who come back to a position.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use dag_model::IncarnationId;

/// How long a run is kept.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);

/// How many are kept, those used last: each takes a few kilobytes of memory, and a folder.
const KEPT: usize = 2048;

/// How long as many are kept as there are: when a node is started again, its readers are back within that time.
pub(crate) const GRACE: Duration = Duration::from_secs(60);

/// The runs that are not live, and when they were last used.
#[derive(Default)]
pub struct Idle {
    since: BTreeMap<IncarnationId, Instant>,
}

impl Idle {
    /// A run is not live any more.
    pub fn insert(&mut self, id: IncarnationId, since: Instant) {
        self.since.insert(id, since);
    }

    /// The same, unless that is known already.
    pub fn insert_new(&mut self, id: IncarnationId, since: Instant) {
        self.since.entry(id).or_insert(since);
    }

    /// A run is live again, or forgotten.
    pub fn remove(&mut self, id: IncarnationId) {
        self.since.remove(&id);
    }

    /// All of them, or those used since `spared`; those used last at the end.
    pub fn oldest_first(&self, spared: Option<Instant>) -> Vec<IncarnationId> {
        let all = self.since.iter().map(|(id, since)| (*since, *id));
        let mut oldest: Vec<_> = all.filter(|(since, _)| spared.is_none_or(|spared| *since > spared)).collect();
        oldest.sort_unstable();
        oldest.into_iter().map(|(_, id)| id).collect()
    }

    /// The runs that are not kept. However many there are, those that are `held` are kept for as long as any.
    pub fn outdated(&self, held: &BTreeSet<IncarnationId>, now: Instant) -> Vec<IncarnationId> {
        let mut oldest: Vec<(Instant, IncarnationId)> = self.since.iter().map(|(id, since)| (*since, *id)).collect();
        oldest.sort_unstable();
        let free = oldest.iter().filter(|(_, id)| !held.contains(id)).count();
        let mut surplus = free.saturating_sub(KEPT);
        let outdated = oldest.into_iter().filter(|(since, id)| {
            let unused = now.saturating_duration_since(*since);
            let is_surplus = surplus > 0 && !held.contains(id);
            surplus -= usize::from(is_surplus);
            unused >= KEPT_FOR || is_surplus && unused >= GRACE
        });
        outdated.map(|(_, id)| id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// So many idle runs: each since a second later than the one before.
    fn idle(count: usize, first: Instant) -> Idle {
        let mut idle = Idle::default();
        for number in 0..count as u32 {
            idle.insert(IncarnationId(number.into()), first + number * SECOND);
        }
        idle
    }

    #[test]
    fn the_runs_used_last_are_kept() {
        let first = Instant::now();
        let mut idle = idle(KEPT, first);
        let later = first + KEPT as u32 * SECOND;
        assert_eq!(idle.outdated(&BTreeSet::new(), later), []);
        idle.insert(IncarnationId(0), later);
        idle.insert(IncarnationId(1 << 20), later);
        assert_eq!(idle.outdated(&BTreeSet::new(), later), [IncarnationId(1)], "the first one has been used again");
    }

    #[test]
    fn when_room_is_short_those_go_last_that_were_used_last_and_some_are_spared() {
        let first = Instant::now();
        let mut idle = idle(3, first);
        idle.insert(IncarnationId(0), first + 9 * SECOND);
        assert_eq!(idle.oldest_first(None), [1, 2, 0].map(IncarnationId));
        assert_eq!(idle.oldest_first(Some(first + SECOND)), [2, 0].map(IncarnationId));
    }

    #[test]
    fn all_are_kept_until_their_readers_had_time_to_come_back() {
        let now = Instant::now();
        let mut idle = Idle::default();
        (0..2 * KEPT as u64).for_each(|number| idle.insert(IncarnationId(number), now));
        assert_eq!(idle.outdated(&BTreeSet::new(), now + GRACE - SECOND), []);
        assert_eq!(idle.outdated(&BTreeSet::new(), now + GRACE).len(), KEPT);
    }

    #[test]
    fn a_run_that_a_cursor_is_in_is_kept_however_many_there_are_and_for_a_day_like_any() {
        let first = Instant::now();
        let idle = idle(KEPT + 2, first);
        let held = BTreeSet::from([IncarnationId(0)]);
        assert_eq!(idle.outdated(&held, first + KEPT as u32 * SECOND), [IncarnationId(1)]);
        assert_eq!(idle.outdated(&held, first + KEPT_FOR), [IncarnationId(0), IncarnationId(1)]);
    }
}
