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
