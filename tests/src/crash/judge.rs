//! What a reader must have been given, by position and not by totals alone.

use serde_json::{Value, json};

use super::reader::position;

/// Each value once, in the order of the log's positions, which have no gap.
pub(super) fn judge_values(records: &[Value], count: u64) {
    let mut seen = vec![false; count as usize];
    for (at, record) in records.iter().enumerate() {
        assert_eq!(position(record), ("1", at as u64), "the positions of a source go on without a gap");
        let value = record["value"].as_u64().unwrap_or_else(|| panic!("a value in {record}"));
        assert!(!std::mem::replace(&mut seen[value as usize], true), "{value} is there twice");
    }
    assert!(seen.iter().all(|seen| *seen), "a value is missing");
}

/// Each window once, in order, of one incarnation, at positions without a gap.
pub(super) fn judge_windows(records: &[Value], windows: usize, expected: impl Fn(u64) -> Value) {
    assert_eq!(records.len(), windows);
    let run = position(&records[0]).0;
    for (at, record) in records.iter().enumerate() {
        assert_eq!(position(record), (run, at as u64), "{record}");
        let time = time_of(at as u64);
        assert_eq!((&record["time"], &record["value"]), (&json!(time), &expected(at as u64)), "{record}");
    }
}

/// The sum of all values.
pub(super) fn total(records: &[Value]) -> u64 {
    records.iter().filter_map(|record| record["value"].as_u64()).sum()
}

/// So many seconds after the epoch, less than a day.
fn time_of(second: u64) -> String {
    format!("1970-01-01T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}
