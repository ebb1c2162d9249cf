//! The real data that tests use where it is there, a shuffle of it, and comparing output with what is expected of it.

use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::chance::Chance;

/// A file of the real data: from the folder that `DAG_SHARED_DATA` names, else from `shared/data` beside the repository. None, and a
/// word on standard error, where it is missing.
///
/// # Panics
/// If it is there and can't be read.
pub fn shared(name: &str) -> Option<String> {
    let folder = env::var_os("DAG_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let path = folder.join(name);
    if !path.is_file() {
        eprintln!("skipped: {} is missing; DAG_SHARED_DATA may name its folder", path.display());
        return None;
    }
    Some(fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// The same CSV in another order, always the same: every record comes up to 30 minutes too late, so that none lies 30 minutes or more
/// behind one before it. Lines begin with an RFC 3339 time in UTC.
pub fn shuffled_within_half_an_hour(csv: &str) -> String {
    let (header, body) = csv.split_once('\n').expect("CSV begins with a header");
    let mut chance = Chance::new(0);
    let mut lines: Vec<(u64, &str)> = body.lines().map(|line| (seconds(line) + chance.below(30 * 60), line)).collect();
    lines.sort_by_key(|(arrival, _)| *arrival);
    lines.iter().fold(format!("{header}\n"), |text, (_, line)| text + line + "\n")
}

/// The seconds of the time that a line begins with, as if every month had 31 days: never less than there are between two times.
fn seconds(line: &str) -> u64 {
    let part = |range: std::ops::Range<usize>| line[range].parse::<u64>().expect("a line begins with a time");
    let days = (part(0..4) * 12 + part(5..7)) * 31 + part(8..10);
    ((days * 24 + part(11..13)) * 60 + part(14..16)) * 60 + part(17..19)
}

/// Checks that two CSV texts hold the same records in the same order: numbers within 1e-9 of each other's greater, all else to the byte.
///
/// # Panics
/// If they don't; the message shows the first line that differs.
#[track_caller]
pub fn assert_same_records(found: &str, expected: &str, what: &str) {
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert!(same_line(found, expected), "{what}, line {}: found {found}, expected {expected}", number + 1);
    }
    assert_eq!(found.lines().count(), expected.lines().count(), "{what}: lines");
}

fn same_line(found: &str, expected: &str) -> bool {
    let (found, expected): (Vec<_>, Vec<_>) = (found.split(',').collect(), expected.split(',').collect());
    found.len() == expected.len() && found.iter().zip(&expected).all(|(found, expected)| same_field(found, expected))
}

fn same_field(found: &str, expected: &str) -> bool {
    found == expected
        || match (found.parse::<f64>(), expected.parse::<f64>()) {
            (Ok(found), Ok(expected)) => (found - expected).abs() <= 1e-9 * found.abs().max(expected.abs()),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_differ_in_their_last_digits_and_nothing_else_may() {
        assert!(same_line("a,0.30000000000000004", "a,0.3"));
        assert!(!same_line("a,0.300001", "a,0.3"));
        assert!(!same_line("a,0.3", "b,0.3"));
        assert!(!same_line("a,0.3,", "a,0.3"));
    }

    #[test]
    fn a_shuffle_keeps_the_records_and_puts_none_half_an_hour_behind_another() {
        let line = |minute: u64| format!("2014-02-14T{:02}:{:02}:00Z,{minute}", minute / 60, minute % 60);
        let lines: Vec<String> = (0..240).map(line).collect();
        let shuffled = shuffled_within_half_an_hour(&format!("time,value\n{}\n", lines.join("\n")));
        let mut found: Vec<&str> = shuffled.lines().skip(1).collect();
        let mut latest = 0;
        let behind = found.iter().map(|line| {
            latest = latest.max(seconds(line));
            latest - seconds(line)
        });
        let most = behind.max().unwrap();
        assert!((20 * 60..30 * 60).contains(&most), "{most} s behind");
        found.sort_unstable();
        assert_eq!(found, lines);
    }
}
