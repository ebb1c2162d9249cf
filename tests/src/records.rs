//! Input for tests, and comparing output: CSV in, values out.

use std::fmt::Write;

/// CSV of one value at each of these seconds, whose times are integers: E(i) is a record with time i seconds.
pub fn csv(records: impl IntoIterator<Item = (i64, f64)>) -> String {
    let mut text = String::from("time,value\n");
    for (second, value) in records {
        writeln!(text, "{second},{value}").expect("writing to text does not fail");
    }
    text
}

/// CSV of value i at E(i) for these.
pub fn counting(seconds: std::ops::Range<i64>) -> String {
    csv(seconds.map(|second| (second, second as f64)))
}

/// The first so many records of CSV, with its header.
pub fn first_records(csv: &str, count: usize) -> String {
    csv.split_inclusive('\n').take(count + 1).collect()
}

/// The times in seconds and the values of CSV with the columns `time` and `value`.
///
/// # Panics
/// If it is not such CSV, or a time is not one of the days around 1970-01-01 in whole seconds.
#[track_caller]
pub fn seconds_and_values(csv: &str) -> Vec<(i64, f64)> {
    let (header, body) = csv.split_once('\n').expect("CSV begins with a header");
    assert_eq!(header, "time,value");
    let record = |line: &str| {
        let (time, value) = line.split_once(',')?;
        Some((seconds(time)?, value.parse().ok()?))
    };
    body.lines()
        .map(|line| record(line).unwrap_or_else(|| panic!("expected a time and a value, found {line}")))
        .collect()
}

/// The seconds since the epoch of a time near it: `1970-01-01T00:01:05Z` is 65.
pub fn seconds(time: &str) -> Option<i64> {
    let (day, clock) = time.strip_suffix('Z')?.split_once('T')?;
    let days = match day {
        "1969-12-31" => -1,
        "1970-01-01" => 0,
        _ => return None,
    };
    let mut parts = clock.split(':').map(str::parse::<i64>);
    let mut part = || parts.next()?.ok();
    Some(days * 86_400 + part()? * 3_600 + part()? * 60 + part()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_around_the_epoch_are_counted_in_seconds() {
        let text = "time,value\n1969-12-31T23:59:55Z,2.0\n1970-01-01T01:01:05Z,-1.5\n";
        assert_eq!(seconds_and_values(text), [(-5, 2.0), (3_665, -1.5)]);
    }
}
