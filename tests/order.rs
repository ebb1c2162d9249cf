//! Time order over several streams: nothing before both have got there, and nothing held back for longer.

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use dag_tests::records::{counting, csv, seconds_and_values};
use dag_tests::{Http, Node, crew};

/// The wall time that a second of event time takes here.
const SECOND: Duration = Duration::from_millis(60);

/// By how much `b` comes later than `a`.
const DELAY: Duration = Duration::from_secs(3);

/// How long most records may take once both frontiers have passed them.
const PROMPT: Duration = Duration::from_millis(500);

/// A node with the streams `a` and `b`.
fn node() -> Node {
    let node = Node::start();
    node.create("a", "value float64", &[]);
    node.create("b", "value float64", &[]);
    node
}

fn time(second: usize) -> String {
    format!("1970-01-01T00:{:02}:{:02}Z", second / 60, second % 60)
}

/// When a publisher was about to say that a second has passed, and when that was acknowledged.
type Passed = HashMap<usize, (Instant, Instant)>;

/// Publishes these seconds one by one, each with the word that it and the next have passed.
fn publish_live(http: &Http, stream: &str, seconds: impl Iterator<Item = usize>, start: Instant) -> Passed {
    let mut passed = Passed::new();
    for (batch, second) in (1..).zip(seconds) {
        // The pace of the wall clock is what is tested here.
        thread::sleep((start + SECOND * second as u32).saturating_duration_since(Instant::now()));
        let (batch, heartbeat) = (format!("{batch}"), time(second + 2));
        let parameters = [("publisher", stream), ("batch", batch.as_str()), ("heartbeat", heartbeat.as_str())];
        let sent = Instant::now();
        let answer = http.publish(stream, &parameters, &format!("{{\"time\":{second},\"value\":{second}}}\n"));
        assert_eq!(answer.status, 200, "{answer:?}");
        passed.insert(second, (sent, Instant::now()));
        passed.insert(second + 1, (sent, Instant::now()));
    }
    passed
}

#[test]
fn a_union_is_in_time_order_and_no_later_than_the_slower_stream() {
    let node = node();
    let mut union = node.spawn(&["subscribe", "union(a, b)", "--from", "earliest", "--format", "csv"]);
    node.until_subscribers(1);
    let start = Instant::now();
    let (a, b) = (node.http().clone(), node.http().clone());
    let even = crew::spawn("a", move || publish_live(&a, "a", (0..60).step_by(2), start));
    let odd = crew::spawn("b", move || publish_live(&b, "b", (1..60).step_by(2), start + DELAY));
    let (even, mut odd) = (even.join(), odd.join());
    // The first odd record passes the even one before it, too.
    odd.insert(0, odd[&1]);
    assert_eq!(union.line().text, "time,value");
    let mut late = Vec::new();
    for second in 0..60 {
        let line = union.line();
        assert_eq!(line.text, format!("{},{second}.0", time(second)));
        let (may_come, must_come) = (even[&second].0.max(odd[&second].0), even[&second].1.max(odd[&second].1));
        assert!(line.at >= may_come, "second {second} came before both had passed it");
        late.push(line.at.saturating_duration_since(must_come));
    }
    // What else the machine does holds up some of them, a wait in the node all.
    late.sort_unstable();
    assert!(late[30] < PROMPT, "half of them came {:?} or more after both had passed them", late[30]);
}

#[test]
fn nothing_past_the_frontier_of_a_silent_stream_comes() {
    let node = node();
    let mut union = node.spawn(&["subscribe", "union(a, b)", "--from", "earliest", "--format", "csv"]);
    node.http().publish("b", &[("publisher", "b"), ("heartbeat", &time(10))], "");
    node.publish("a", &csv((0..30).map(|i| (i * 2, i as f64))), &["--done"]);
    let seconds: Vec<_> = union.take(6).iter().skip(1).map(|line| line[17..19].to_owned()).collect();
    assert_eq!(seconds, ["00", "02", "04", "06", "08"]);
    assert!(union.line_within(Duration::from_secs(1)).is_none(), "b may still have a record at 10");
    node.http().publish("b", &[("publisher", "b"), ("heartbeat", &time(11))], "");
    assert_eq!(union.line().text, format!("{},5.0", time(10)));
}

#[test]
fn an_ordered_reader_gets_time_order_and_others_the_order_of_arrival() {
    let node = Node::start();
    node.create("x", "value float64", &["--out-of-order", "30s"]);
    let arrival = [3, 1, 2, 9, 5, 0, 8];
    node.publish("x", &csv(arrival.map(|second| (second, second as f64))), &["--seal"]);
    let times = |csv: &str| seconds_and_values(csv).iter().map(|(second, _)| *second).collect::<Vec<_>>();
    assert_eq!(times(&node.csv("x")), arrival);
    let ordered = ["subscribe", "x", "--ordered", "--from", "earliest", "--format", "csv"];
    assert_eq!(times(&node.dag(&ordered).success()), [0, 1, 2, 3, 5, 8, 9]);
}

#[test]
fn a_join_is_the_same_whichever_stream_comes_first() {
    let outputs = [["a", "b"], ["b", "a"]].map(|streams| {
        let node = node();
        for stream in streams {
            node.publish(stream, &counting(0..20), &["--seal"]);
        }
        node.csv("join(a as l, b as r, on=value, within=1s)")
    });
    assert_eq!(outputs[0], outputs[1]);
    assert_eq!(outputs[0].lines().count(), 1 + 20, "{}", outputs[0]);
    assert!(outputs[0].lines().nth(20).is_some_and(|line| line.starts_with("1970-01-01T00:00:19Z,")));
}

#[test]
fn records_of_one_time_stay_in_the_order_of_arrival_where_a_stream_lies_in_two_logs() {
    let node = node();
    let record = |value: i64| format!("{{\"time\":5,\"value\":{value}}}\n");
    let stay = [("publisher", "p"), ("history", "true")];
    node.http().publish("a", &[&stay[..], &[("batch", "1")]].concat(), &[record(1), record(2)].concat());
    // This one gets what comes next, so that whoever asks for the beginning reads what lies before in a log of its own.
    let _latest = node.http().lines("subscribe", &[("expr", "filter(a, value > 0)"), ("from", "latest")]);
    node.http().publish(
        "a",
        &[&stay[..], &[("batch", "2"), ("done", "true")]].concat(),
        &[record(3), record(4)].concat(),
    );
    let ordered =
        ["subscribe", "filter(a, value > 0)", "--ordered", "--from", "earliest", "--with-position", "-n", "4"];
    let output = node.dag(&ordered).success();
    let found: Vec<serde_json::Value> = output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let values: Vec<f64> = found.iter().filter_map(|record| record["value"].as_f64()).collect();
    assert_eq!(values, [1.0, 2.0, 3.0, 4.0]);
    let runs: Vec<&str> = found.iter().filter_map(|record| record["position"].as_str()?.split(':').next()).collect();
    assert!(
        runs[0] == runs[1] && runs[1] != runs[2] && runs[2] == runs[3],
        "each has the run that it lies in: {runs:?}"
    );
}
