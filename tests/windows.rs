//! Windows over much: many panes, many keys, wide records, the edges of time. Results are those of a few lines of arithmetic, and what the
//! node takes for them is bounded by what is open.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, Instant};

use dag_tests::{DEADLINE, Node, Options, until};

const MIB: u64 = 1 << 20;

/// 2024-01-01T00:00:00Z, a multiple of all windows here but those of seven days.
const START: i64 = 1_704_067_200;

const DAY: i64 = 86_400;

/// A value whose sums are not exact.
fn value(number: i64) -> f64 {
    (number * 37 % 101) as f64 * 0.1
}

/// A sealed stream with a record each `step` seconds for so many days, on a node of its own.
fn readings(step: i64, days: i64) -> (Node, BTreeMap<i64, f64>) {
    let readings: BTreeMap<i64, f64> =
        (0..days * DAY / step).map(|number| (START + number * step, value(number))).collect();
    let mut csv = String::from("time,value\n");
    readings.iter().for_each(|(time, value)| writeln!(csv, "{time},{value}").expect("writing to text does not fail"));
    let node = Node::start();
    node.create("x", "value float64", &[]);
    node.publish("x", &csv, &["--seal"]);
    (node, readings)
}

/// The averages of all windows that hold any of the readings, by their start.
fn averages(readings: &BTreeMap<i64, f64>, size: i64, every: i64) -> Vec<(i64, f64)> {
    let (first, last) = (readings.keys().next().expect("there are some"), readings.keys().last().expect("there are"));
    let starts = ((first - size).div_euclid(every) * every + every..=*last).step_by(every as usize);
    // Exact to the last few bits: the sum of as many tenths, rounded once.
    let tenths: BTreeMap<i64, i64> =
        readings.iter().map(|(time, value)| (*time, (value * 10.0).round() as i64)).collect();
    let mut sum = (0, 0);
    let (mut from, mut to) = (tenths.iter(), tenths.iter().peekable());
    let mut averages = Vec::new();
    let mut oldest = from.next();
    for start in starts {
        while let Some((_, value)) = to.next_if(|(time, _)| **time < start + size) {
            sum = (sum.0 + value, sum.1 + 1);
        }
        while let Some((_, value)) = oldest.filter(|(time, _)| **time < start) {
            sum = (sum.0 - value, sum.1 - 1);
            oldest = from.next();
        }
        assert!(sum.1 > 0, "these readings leave no window empty");
        averages.push((start, sum.0 as f64 / 10.0 / f64::from(sum.1)));
    }
    averages
}

/// Seconds since 1970 of a time in 2023 or 2024.
fn seconds(time: &str) -> i64 {
    let part = |range: std::ops::Range<usize>| time[range].parse::<i64>().expect("times are RFC 3339");
    let lengths = |year: i64| [31, if year == 2024 { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let year = part(0..4);
    let months: i64 = lengths(year).iter().take(part(5..7) as usize - 1).sum();
    let days = (year - 2024) * 365 + months + part(8..10) - 1;
    START + days * DAY + part(11..13) * 3_600 + part(14..16) * 60 + part(17..19)
}

/// That CSV of times and values is these, to within rounding.
#[track_caller]
fn assert_averages(csv: &str, expected: &[(i64, f64)]) {
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("time,value"));
    let mut count = 0;
    for (line, (start, average)) in lines.by_ref().zip(expected) {
        let (time, found) = line.split_once(',').expect("two columns");
        let found: f64 = found.parse().expect("an average is a number");
        assert_eq!(seconds(time), *start, "{line}");
        assert!((found - average).abs() <= 1e-9 * average.abs().max(1.0), "{line}, expected {average}");
        count += 1;
    }
    assert_eq!((count, lines.count()), (expected.len(), 0));
}

#[track_caller]
fn assert_took_at_most(node: &Node, limit: u64) {
    let peak = node.memory_peak();
    assert!(peak <= limit, "the node took {} MiB at its peak, expected {} at most", peak / MIB, limit / MIB);
}

#[test]
fn long_windows_over_two_weeks_of_readings_every_five_minutes() {
    let (node, readings) = readings(300, 14);
    let found = node.csv("avg(x, 7d, every=5min)");
    assert_averages(&found, &averages(&readings, 7 * DAY, 300));
    // A million results, of which each is in a sum; as numbers they are checked one by one where there are fewer.
    let mut sums: BTreeMap<i64, f64> = BTreeMap::new();
    for (start, average) in averages(&readings, 3_600, 1) {
        *sums.entry(start.div_euclid(DAY) * DAY).or_default() += average;
    }
    let found = node.csv("sum(avg(x, 1h, every=1s), 1d)");
    assert_averages(&found, &sums.into_iter().collect::<Vec<_>>());
    assert_took_at_most(&node, 256 * MIB);
}

#[test]
fn windows_of_days_each_minute_over_nine_days_of_minutes() {
    let (node, readings) = readings(60, 9);
    for days in [1, 2] {
        let found = node.csv(&format!("avg(x, {days}d, every=1min)"));
        assert_averages(&found, &averages(&readings, days * DAY, 60));
    }
    assert_took_at_most(&node, 256 * MIB);
}

#[test]
fn keys_that_come_once_take_memory_once() {
    const KEYS: i64 = 40_000;
    let mut csv = String::from("time,id\n");
    (0..KEYS).for_each(|key| writeln!(csv, "{},{key}", START + key).expect("writing to text does not fail"));
    let node = Node::start();
    node.create("orders", "id int64", &[]);
    node.publish("orders", &csv, &["--seal"]);
    let found = node.csv("count(orders, 1s, by=id)");
    for (line, key) in found.lines().skip(1).zip(0..) {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!((seconds(fields[0]), fields[1], fields[2]), (START + key, key.to_string().as_str(), "1"));
    }
    assert_eq!(found.lines().count() as i64, 1 + KEYS);
    assert_took_at_most(&node, 256 * MIB);
}

#[test]
fn a_million_keys_in_one_second_come_in_their_order() {
    const KEYS: i64 = 1_000_000;
    let mut csv = String::from("time,id\n");
    // 7,919 and a million have no divisor in common: each key comes once.
    (0..KEYS).for_each(|key| {
        writeln!(csv, "{START},{}", key * 7_919 % KEYS).expect("writing to text does not fail");
    });
    let node = Node::start();
    node.create("orders", "id int64", &[]);
    node.publish("orders", &csv, &["--seal"]);
    let found = node.csv("count(orders, 1s, by=id)");
    let expected = "2024-01-01T00:00:00Z";
    for (line, key) in found.lines().skip(1).zip(0..) {
        assert_eq!(line, format!("{expected},{key},1"));
    }
    assert_eq!(found.lines().count() as i64, 1 + KEYS);
    assert_took_at_most(&node, 768 * MIB);
}

#[test]
fn what_nobody_reads_any_more_is_not_closed_any_further() {
    let node = Node::with(Options { linger: "200ms", ..Options::default() });
    node.create("one", "value int64", &[]);
    node.publish("one", "time,value\n2024-01-31T00:00:00Z,1\n", &["--seal"]);
    // 31 million results of one record.
    let mut reader = node.spawn(&["subscribe", "count(one, 365d, every=1s)", "--from", "earliest", "--format", "csv"]);
    assert_eq!(reader.take(3), ["time,value", "2023-01-31T00:00:01Z,1", "2023-01-31T00:00:02Z,1"]);
    drop(reader);
    node.until_computing(&[], DEADLINE);
    // The clock of a process counts what it has done: nothing, if there is nothing to do.
    until("the node does nothing", DEADLINE, || {
        let before = node.cpu_time();
        std::thread::sleep(Duration::from_secs(1));
        (node.cpu_time() - before < Duration::from_millis(100)).then_some(())
    });
    assert_took_at_most(&node, 256 * MIB);
}

#[test]
fn results_go_out_while_windows_are_closed_up_to_a_snapshot() {
    let node = Node::start();
    node.create("one", "value int64", &["--idle", "1h"]);
    // Not sealed, so that snapshots are taken; ten million results of a publisher who has told how far it is.
    node.publish("one", "time,value\n2024-01-31T00:00:00Z,1\n2024-05-31T00:00:00Z,1\n", &[]);
    let mut reader = node.spawn(&["subscribe", "count(one, 120d, every=1s)", "--from", "earliest", "--format", "csv"]);
    // Longer than the time between two snapshots.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(8) {
        // Each has a deadline.
        assert_eq!(reader.take(1_000).len(), 1_000);
    }
    assert_took_at_most(&node, 512 * MIB);
}

#[test]
fn keys_are_limited_in_bytes_and_the_error_says_so() {
    let node = Node::with(Options {
        arguments: vec!["--computation-memory".to_owned(), "16MiB".to_owned()],
        ..Options::default()
    });
    node.create("texts", "k utf8", &[]);
    let text = "long".repeat(50_000);
    let mut csv = String::from("time,k\n");
    // Half of the memory is for keys and windows: forty keys fit, a hundred do not.
    (0..100).for_each(|key| writeln!(csv, "{START},{key}{text}").expect("writing to text does not fail"));
    node.publish("texts", &csv, &["--seal", "--batch-rows", "10"]);
    let told = node.dag(&["subscribe", "count(texts, 1d, by=k)", "--from", "earliest"]).code(1).stderr;
    for words in ["its keys would take", "more than the 8MiB", "shorter windows or fewer keys", "--computation-memory"]
    {
        assert!(told.contains(words), "{told}");
    }
    assert_took_at_most(&node, 384 * MIB);
    // Without them as keys they are no more than records.
    assert!(node.csv("count(texts, 1d)").ends_with(",100\n"));
}

#[test]
fn columns_that_an_aggregate_does_not_ask_for_do_not_reach_it() {
    let options = ["--operator-memory", "4MiB", "--computation-memory", "16MiB"];
    let node = Node::with(Options { arguments: options.map(str::to_owned).to_vec(), ..Options::default() });
    node.create("docs", "body utf8, value int64", &[]);
    let body = "wide".repeat(25_000);
    let mut csv = String::from("time,body,value\n");
    (0..200).for_each(|i| writeln!(csv, "{},{body},{i}", START + i).expect("writing to text does not fail"));
    node.publish("docs", &csv, &["--seal", "--batch-rows", "100"]);
    assert!(node.csv("sum(docs, 1d)").ends_with(",19900\n"));
    assert!(node.csv("sum(docs, session=1h)").ends_with(",19900\n"));
}

#[test]
fn results_are_asked_for_as_many_at_once_as_may_be_returned() {
    let node = Node::start();
    node.create("texts", "value utf8", &[]);
    let widest = "z".repeat(100_000);
    let mut csv = format!("time,value\n{START},{widest}\n");
    (1..2_000).for_each(|i| writeln!(csv, "{},a", START + i).expect("writing to text does not fail"));
    node.publish("texts", &csv, &["--seal"]);
    // Each record has the widest value so far as its result: 200 MB of 100 KB, where a call may return 64 MiB.
    assert!(node.csv("count(max(texts), 1d)").ends_with(",2000\n"));
    // Each of these windows has it in its state and its result.
    assert!(node.csv("count(max(texts, 2000s, every=1s), 1d)").ends_with(",2000\n"));
    assert_took_at_most(&node, 512 * MIB);
}

#[test]
fn zeros_of_either_sign_are_one_key() {
    let node = Node::start();
    node.create("x", "k float64", &[]);
    node.publish("x", "time,k\n1,0.0\n2,-0.0\n3,0\n", &["--seal"]);
    for expression in ["count(x, 1min, by=k)", "count(x, session=1min, by=k)"] {
        let found = node.csv(expression);
        let lines: Vec<&str> = found.lines().collect();
        assert_eq!(lines.len(), 2, "{expression}: {found}");
        assert!(lines[1].contains(",0.0,") && lines[1].ends_with(",3"), "{expression}: {found}");
    }
}

/// A node with a sealed stream of records at these times, in nanoseconds.
fn at_nanoseconds(times: &[i64]) -> Node {
    let node = Node::start();
    node.create("x", "value int64", &["--unit", "ns"]);
    let records: String = times.iter().map(|time| format!("{{\"time\":{time},\"value\":1}}\n")).collect();
    let answer = node.http().publish("x", &[("history", "true"), ("seal", "true")], &records);
    assert_eq!(answer.status, 200, "{}", answer.body);
    node
}

#[test]
fn at_the_last_nanosecond_windows_are_right_and_end() {
    let node = at_nanoseconds(&[i64::MAX - 7, i64::MAX - 1, i64::MAX]);
    // The windows of seven nanoseconds end with the last one that there is.
    assert_eq!(i64::MAX % 7, 0);
    let found = node.csv("count(x, 7ns)");
    let expected = "time,value\n2262-04-11T23:47:16.854775800Z,2\n2262-04-11T23:47:16.854775807Z,1\n";
    assert_eq!(found, expected);
    node.until_computing(&[], DEADLINE);
    let found = node.csv("count(x, 10ns, every=5ns)");
    let counts: Vec<&str> = found.lines().skip(1).filter_map(|line| line.rsplit(',').next()).collect();
    assert_eq!(counts, ["1", "3", "2"], "{found}");
}

#[test]
fn a_record_before_whose_windows_time_does_not_reach_is_told_and_can_be_skipped() {
    let node = at_nanoseconds(&[i64::MIN, i64::MIN + 1, i64::MIN + 12]);
    for (expression, skipped, shown) in [
        ("count(x, 5ns, offset=3ns)", 1, &["1677-09-21T00:12:43.145224193Z,1", "1677-09-21T00:12:43.145224203Z,1"]),
        ("count(x, 10ns, every=5ns)", 2, &["1677-09-21T00:12:43.145224195Z,1", "1677-09-21T00:12:43.145224200Z,1"]),
    ] {
        let read = ["subscribe", expression, "--from", "earliest", "--format", "csv"];
        let told = node.dag(&read).code(1).stderr;
        assert!(told.contains("would start before the first time there is, 1677-09-21T00:12:43.145224192Z"), "{told}");
        node.dag(&["alter", expression, "--on-error", "skip"]).success();
        let found = node.csv(expression);
        assert_eq!(found.lines().skip(1).collect::<Vec<_>>(), shown);
        let errors = format!("errors({expression})");
        let count = skipped.to_string();
        let errors =
            node.dag(&["subscribe", &errors, "--from", "earliest", "-n", &count, "--format", "json"]).success();
        assert!(errors.lines().all(|line| line.contains("before the first time there is")), "{errors}");
    }
}
