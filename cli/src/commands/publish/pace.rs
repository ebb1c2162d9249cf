//! What a live publisher says about time: with each batch that nothing earlier will come, and in silence that time goes on.

/// How near to the clock a record's time has to be, when it is read, for its stream to count as live.
const LIVE_WITHIN: i64 = 60_000_000_000;

/// How much longer than the newest record took the next one may take to reach us.
const MARGIN: i64 = 500_000_000;

/// The newest record and what may be said because of it. All times and durations are nanoseconds; `now` is the clock's.
#[derive(Debug)]
pub struct Pace {
    allowance: i64,
    max_ahead: Option<i64>,
    newest: Option<Newest>,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    time: i64,
    read: i64,
}

impl Pace {
    /// Of a stream with this out-of-order allowance, and, if that is checked, this limit on records from the future.
    pub fn new(allowance: i64, max_ahead: Option<i64>) -> Pace {
        Pace { allowance, max_ahead, newest: None }
    }

    /// Notes the times of records that were read. Those that the node may refuse as too far ahead say nothing: half the limit
    /// leaves room for its clock to differ from ours.
    pub fn read(&mut self, times: &[i64], now: i64) {
        let limit = self.max_ahead.map_or(i64::MAX, |ahead| now.saturating_add(ahead / 2));
        let newest = times.iter().copied().filter(|time| *time <= limit).max();
        if let Some(time) = newest.filter(|time| self.newest.is_none_or(|newest| *time > newest.time)) {
            self.newest = Some(Newest { time, read: now });
        }
    }

    /// The heartbeat that goes with a batch: just past the earliest that the allowance leaves open.
    pub fn with_batch(&self) -> Option<i64> {
        Some(self.newest?.time.saturating_sub(self.allowance).saturating_add(1))
    }

    /// The heartbeat of a silent second. None for records that were old when they were read: a replayed history says nothing
    /// about when its next record will come.
    pub fn in_silence(&self, now: i64) -> Option<i64> {
        let newest = self.newest.filter(|newest| newest.read.abs_diff(newest.time) <= LIVE_WITHIN as u64)?;
        let heartbeat = newest.time + (now - newest.read) - self.allowance - MARGIN;
        Some(heartbeat).filter(|heartbeat| Some(*heartbeat) > self.with_batch())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    #[test]
    fn a_batch_s_heartbeat_leaves_the_allowance_open() {
        let mut pace = Pace::new(30 * S, Some(600 * S));
        assert_eq!(pace.with_batch(), None);
        pace.read(&[100 * S, 90 * S], 101 * S);
        assert_eq!(pace.with_batch(), Some(70 * S + 1));
        pace.read(&[95 * S], 102 * S);
        assert_eq!(pace.with_batch(), Some(70 * S + 1));
    }

    #[test]
    fn time_goes_on_in_silence_while_the_records_are_of_now() {
        let mut pace = Pace::new(0, Some(600 * S));
        pace.read(&[1000 * S], 1002 * S);
        assert_eq!(pace.in_silence(1002 * S), None, "it says no more than the batch did");
        assert_eq!(pace.in_silence(1005 * S), Some(1003 * S - MARGIN));
    }

    #[test]
    fn a_replayed_history_is_not_poisoned_by_silence() {
        let mut pace = Pace::new(0, None);
        pace.read(&[1000 * S], 2000 * S);
        assert_eq!(pace.in_silence(2010 * S), None);
        assert_eq!(pace.with_batch(), Some(1000 * S + 1));
    }

    #[test]
    fn a_record_from_the_future_says_nothing() {
        let mut pace = Pace::new(0, Some(600 * S));
        pace.read(&[1000 * S, 5000 * S], 1000 * S);
        assert_eq!(pace.with_batch(), Some(1000 * S + 1));
    }
}
