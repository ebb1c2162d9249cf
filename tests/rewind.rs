//! Reading again from where one wants, also after the node has stopped or crashed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dag_tests::Node;
use dag_tests::records::csv;

/// How many records there are, a minute apart; the last of them half a minute old.
const MINUTES: i64 = 60;

/// A node whose sealed stream `x` has a record for each of the last minutes; and the time of the first, in seconds.
fn with_the_last_hour() -> (Node, i64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    let first = now.as_secs() as i64 - MINUTES * 60 + 30;
    let node = Node::start();
    node.create("x", "value float64", &[]);
    node.publish("x", &csv((0..MINUTES).map(|i| (first + i * 60, i as f64))), &["--seal"]);
    (node, first)
}

/// What a subscriber gets who begins there, without the header.
fn from(node: &Node, expression: &str, begin: [&str; 2]) -> Vec<String> {
    let arguments = ["subscribe", expression, begin[0], begin[1], "--with-position", "--format", "csv"];
    node.dag(&arguments).success().lines().skip(1).map(str::to_owned).collect()
}

/// The time and the position of a record with its position.
fn time_and_position(record: &str) -> (&str, &str) {
    let fields: Vec<_> = record.split(',').collect();
    let position = fields.iter().find(|field| !field.contains('T') && field.contains(':'));
    (fields[0], position.expect("there is a position"))
}

/// Checks every way of going back against all records, which it returns.
#[track_caller]
fn every_way_leads_back(node: &Node, expression: &str) -> Vec<String> {
    let all = from(node, expression, ["--from", "earliest"]);
    let (time, position) = time_and_position(&all[20]);
    assert_eq!(from(node, expression, ["--from", time]), all[20..], "{expression} from a time");
    assert_eq!(from(node, expression, ["--from", position]), all[20..], "{expression} from a position");
    let recent = from(node, expression, ["--since", "30min"]);
    assert_eq!(recent, all[all.len() - recent.len()..], "{expression} since an age");
    // Half a minute of leeway on both sides, for the test itself takes its time.
    assert_eq!(recent.len(), all.len() - MINUTES as usize / 2, "{expression} since an age");
    all
}

#[test]
fn a_source_is_read_again_from_a_time_an_age_and_a_position_also_after_restarts() {
    let (mut node, _) = with_the_last_hour();
    let before = every_way_leads_back(&node, "x");
    assert_eq!(before.len(), MINUTES as usize);
    node.restart();
    assert_eq!(every_way_leads_back(&node, "x"), before, "after a restart");
    node.crash();
    assert_eq!(every_way_leads_back(&node, "x"), before, "after a crash");
}

#[test]
fn a_derived_stream_is_read_again_from_a_time_an_age_and_a_position_also_after_restarts() {
    let (mut node, _) = with_the_last_hour();
    let before = every_way_leads_back(&node, "filter(x, value >= 0)");
    assert_eq!(before.len(), MINUTES as usize);
    node.restart();
    assert_eq!(every_way_leads_back(&node, "filter(x, value >= 0)"), before, "after a restart");
    node.crash();
    assert_eq!(every_way_leads_back(&node, "filter(x, value >= 0)"), before, "after a crash");
}

#[test]
fn windows_are_read_again_from_a_time_and_a_position_also_after_restarts() {
    let (mut node, _) = with_the_last_hour();
    let all = from(&node, "avg(x, 2min)", ["--from", "earliest"]);
    let (time, position) = time_and_position(&all[10]);
    let check = |node: &Node| {
        assert_eq!(from(node, "avg(x, 2min)", ["--from", time]), all[10..]);
        assert_eq!(from(node, "avg(x, 2min)", ["--from", position]), all[10..]);
        assert_eq!(from(node, "avg(x, 2min)", ["--from", "earliest"]), all);
    };
    check(&node);
    node.restart();
    check(&node);
    node.crash();
    check(&node);
}

#[test]
fn a_running_computation_is_read_from_before_its_beginning() {
    let node = Node::start();
    node.create("x", "value float64", &[]);
    node.publish("x", &csv((0..100).map(|i| (i, i as f64))), &[]);
    let mut newest = node.spawn(&["subscribe", "avg(x, 5s)", "--format", "csv"]);
    assert_eq!(newest.take(2), ["time,value", "1970-01-01T00:01:30Z,92.0"]);
    let earlier = ["subscribe", "avg(x, 5s)", "--from", "earliest", "-n", "19", "--format", "csv"];
    let earlier = node.dag(&earlier).success();
    assert_eq!(earlier.lines().nth(1), Some("1970-01-01T00:00:00Z,2.0"));
    assert_eq!(earlier.lines().last(), Some("1970-01-01T00:01:30Z,92.0"));
    assert!(newest.line_within(Duration::from_millis(500)).is_none(), "who reads the newest gets nothing of that");
}

#[test]
fn what_is_no_longer_kept_is_refused_with_the_earliest_position() {
    let mut node = Node::start();
    // Small enough that most of it goes, in whole segments.
    node.create("x", "value float64", &["--retention-bytes", "200000", "--durability", "os"]);
    for part in 0..40 {
        let records = csv((0..5_000).map(|i| (part * 5_000 + i, (i * 7_919 % 5_003) as f64 + 0.1)));
        node.publish("x", &records, &[]);
    }
    // A node looks at what it keeps when it starts, and then once a minute.
    node.restart();
    let earliest = dag_tests::until("old records are gone", dag_tests::DEADLINE, || {
        let stream = node.http().get("streams/x", &[]).json();
        let earliest = stream["earliest"].as_str().expect("something is kept").to_owned();
        (!earliest.ends_with(":0")).then_some(earliest)
    });
    let refused = |expression: &str, begin: &str| {
        let answer = node.http().get("subscribe", &[("expr", expression), ("from", begin)]);
        assert_eq!(answer.status, 410, "{expression} from {begin}: {answer:?}");
        node.dag(&["subscribe", expression, "--from", begin]).code(1).stderr
    };
    for begin in ["1:0", "1970-01-01T00:00:01Z"] {
        let why = refused("x", begin);
        assert!(why.contains(&earliest), "{begin}: {why}");
    }
    // Where nothing of it is stored, its earliest result follows from its input.
    for expression in ["avg(x, 5s)", "filter(x, value > 0)"] {
        let why = refused(expression, "1970-01-01T00:00:01Z");
        let time = why.split("earliest is ").nth(1).expect("it says what there is").trim();
        let first = node.dag(&["subscribe", expression, "--from", time, "-n", "1"]).success();
        assert_eq!(first, node.dag(&["subscribe", expression, "--from", "earliest", "-n", "1"]).success());
        // Where something of it is stored, it has a position, too.
        let why = refused(expression, "1970-01-01T00:00:01Z");
        let position = why.split("its log begins at position ").nth(1).expect("it says what there is").trim();
        assert_eq!(first, node.dag(&["subscribe", expression, "--from", position, "-n", "1"]).success());
    }
    let first = node.dag(&["subscribe", "x", "--from", "earliest", "-n", "1", "--with-position"]).success();
    assert!(first.contains(&format!("\"{earliest}\"")), "{first}");
}
