//! What a live publisher says about time in silence: that it goes on.
//!
//! With a batch it says nothing: the batch's newest record, less the allowance, is its bound anyway, and to say more would make the
//! next batch late where it begins with a record of the same time.

/// How near to the clock a record's time has to be, when it is read, for its stream to count as live.
const LIVE_WITHIN: u64 = 60_000_000_000;

/// How much longer than the newest record took the next one may take to reach us.
const MARGIN: i64 = 500_000_000;

/// Steps that clocks count in, coarse to fine.
const RESOLUTIONS: [i64; 4] = [1_000_000_000, 1_000_000, 1_000, 1];

/// The newest record and what may be said because of it. All times and durations are nanoseconds; `now` is the clock's.
#[derive(Debug)]
pub struct Pace {
    allowance: i64,
    max_ahead: Option<i64>,
    /// The coarsest step that all times are multiples of: a time in whole seconds may be told almost a second after it.
    resolution: i64,
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
        Pace { allowance, max_ahead, resolution: RESOLUTIONS[0], newest: None }
    }

    /// Notes the times of records that were read. Those that the node may refuse as too far ahead say nothing: half the limit
    /// leaves room for its clock to differ from ours.
    pub fn read(&mut self, times: &[i64], now: i64) {
        let limit = self.max_ahead.map_or(i64::MAX, |ahead| now.saturating_add(ahead / 2));
        let is_step = |step: &i64| times.iter().all(|time| time % step == 0);
        self.resolution = RESOLUTIONS.into_iter().find(is_step).unwrap_or(1).min(self.resolution);
        let newest = times.iter().copied().filter(|time| *time <= limit).max();
        if let Some(time) = newest.filter(|time| self.newest.is_none_or(|newest| *time > newest.time)) {
            self.newest = Some(Newest { time, read: now });
        }
    }

    /// Whether the newest record was of now when it was read. A replayed history says nothing about when its next record will come.
    pub fn is_live(&self) -> bool {
        self.newest.is_some_and(|newest| newest.read.abs_diff(newest.time) <= LIVE_WITHIN)
    }

    /// The heartbeat of a silent second, once it says more than the newest record did.
    pub fn in_silence(&self, now: i64) -> Option<i64> {
        let newest = self.newest.filter(|_| self.is_live())?;
        let ahead = now - newest.read - MARGIN - self.resolution;
        (ahead > 0).then(|| newest.time + ahead - self.allowance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;
    const MS: i64 = 1_000_000;

    #[test]
    fn time_goes_on_in_silence_while_the_records_are_of_now() {
        let mut pace = Pace::new(30 * S, Some(600 * S));
        assert_eq!(pace.in_silence(1000 * S), None);
        pace.read(&[1000 * S + 5 * MS, 990 * S], 1002 * S);
        assert_eq!(pace.in_silence(1002 * S), None);
        assert_eq!(pace.in_silence(1005 * S), Some(1003 * S + 5 * MS - MARGIN - MS - 30 * S));
    }

    #[test]
    fn a_time_in_whole_seconds_may_be_told_a_second_later() {
        let mut pace = Pace::new(0, Some(600 * S));
        pace.read(&[1000 * S], 1000 * S);
        for tenths in 0..100 {
            let now = 1000 * S + tenths * S / 10;
            let next_record = now / S * S;
            assert!(pace.in_silence(now).is_none_or(|heartbeat| heartbeat <= next_record), "late at {now}");
        }
    }

    #[test]
    fn a_replayed_history_is_not_poisoned_by_silence() {
        let mut pace = Pace::new(0, None);
        pace.read(&[1000 * S], 2000 * S);
        assert!(!pace.is_live());
        assert_eq!(pace.in_silence(2010 * S), None);
    }

    #[test]
    fn a_record_from_the_future_says_nothing() {
        let mut pace = Pace::new(0, Some(600 * S));
        pace.read(&[5000 * S], 1000 * S);
        assert_eq!(pace.in_silence(1010 * S), None);
    }
}
