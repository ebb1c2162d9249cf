//! Times that are too far past the node's clock, which are most often integers in another unit than was declared.

use std::time::Duration;

use arrow_buffer::BooleanBuffer;
use dag_model::Timestamp;

/// A row that was refused because its time is too far past the node's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its index in the batch.
    pub row: usize,
    /// Its time.
    pub time: Timestamp,
}

impl Refused {
    /// Why, for the publisher: `unit` is the declared unit of its times in nanoseconds.
    ///
    /// ```
    /// use dag_log::Refused;
    /// use dag_model::Timestamp;
    ///
    /// let refused = Refused { row: 3, time: Timestamp(1_900_000_000_000_000_000) };
    /// let now = Timestamp(1_800_000_000_000_000_000);
    /// let message = refused.message(now, std::time::Duration::from_secs(600), 1_000_000_000);
    /// assert!(message.contains("1900000000 would be 2030-03-17T17:46:40Z in s"));
    /// ```
    pub fn message(&self, now: Timestamp, max_ahead: Duration, unit: i64) -> String {
        let integer = self.time.0 / unit;
        format!(
            "time {} is more than {max_ahead:?} past the node's clock, {now}; {}; send history with `--history`",
            self.time,
            readings(integer)
        )
    }
}

/// What an integer means as a time in s, ms, us and ns, for messages.
pub fn readings(integer: i64) -> String {
    let reading = |(unit, name): (i64, &str)| match integer.checked_mul(unit) {
        Some(ns) => format!("{} in {name}", Timestamp(ns)),
        None => format!("no time in {name}"),
    };
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us"), (1, "ns")];
    format!("{integer} would be {}", units.map(reading).join(", "))
}

/// The rows whose times are later than `limit`; none when no row is.
pub(crate) fn beyond(times: &[i64], limit: Timestamp) -> Option<BooleanBuffer> {
    let greatest = times.iter().copied().fold(i64::MIN, i64::max);
    (greatest > limit.0).then(|| BooleanBuffer::collect_bool(times.len(), |row| times[row] > limit.0))
}
