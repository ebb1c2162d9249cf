//! When windows close and what is late: publishers, heartbeats, seals, and publishing the same thing twice.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dag_tests::records::{counting, csv, seconds_and_values};
use dag_tests::wait::fastest;
use dag_tests::{DEADLINE, Node, Options, Process, until};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

/// Long enough for what must not come to come.
const PATIENCE: Duration = Duration::from_millis(700);

fn now_in_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_secs()
}

/// A node with a stream `x`, made with these options.
fn with_stream(options: &[&str]) -> Node {
    let node = Node::start();
    node.create("x", "value float64", options);
    node
}

/// A subscriber to the 5-second averages of `x` from their beginning; lines are `time,value`.
fn averages(node: &Node) -> Process {
    let mut averages = node.spawn(&["subscribe", "avg(x, 5s)", "--from", "earliest", "--format", "csv"]);
    assert_eq!(averages.line().text, "time,value");
    averages
}

/// Joins `b`, which says nothing any more, and then lets `a` publish value i at E(i), i = 0..=20.
fn b_is_silent(node: &Node) {
    let answer = node.http().publish("x", &[("publisher", "b"), ("heartbeat", "1970-01-01T00:00:00Z")], "");
    assert_eq!(answer.status, 200, "{answer:?}");
    let records: String = (0..=20).map(|i| format!("{{\"time\":{i},\"value\":{i}}}\n")).collect();
    let answer = node.http().publish("x", &[("publisher", "a"), ("batch", "1")], &records);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["frontier"], "1970-01-01T00:00:00Z", "b holds it");
}

#[test]
fn the_windows_of_a_live_stream_close_with_no_further_record() {
    let node = with_stream(&[]);
    let mut results = node.spawn(&["subscribe", "avg(x, 2s)", "--format", "csv"]);
    let mut publisher = node.spawn(&["publish", "x", "--format", "json"]);
    let mut value = 0;
    fastest("closing a window of 2 s", Duration::from_secs(6), || {
        value += 1;
        let published = Instant::now();
        // No heartbeat has promised anything of the second that comes.
        publisher.send(&format!("{{\"time\":{},\"value\":{value}}}\n", now_in_seconds() + 1));
        if value == 1 {
            assert_eq!(results.line().text, "time,value");
        }
        let result = results.line();
        assert!(result.text.ends_with(&format!(",{value}.0")), "{result:?}");
        assert!(publisher.is_running(), "it is a heartbeat that closed the window");
        result.at - published
    });
}

#[test]
fn a_silent_publisher_holds_the_frontier_and_explain_names_it() {
    let node = with_stream(&[]);
    let mut averages = averages(&node);
    b_is_silent(&node);
    assert!(averages.line_within(PATIENCE).is_none(), "b holds all windows");
    let explained = node.dag(&["explain", "avg(x, 5s)"]).success();
    assert!(explained.contains("held by publisher `b`"), "{explained}");
}

#[test]
fn a_heartbeat_releases_what_came_before_it_and_goodbye_all() {
    let node = with_stream(&[]);
    let mut averages = averages(&node);
    b_is_silent(&node);
    node.http().publish("x", &[("publisher", "b"), ("heartbeat", "1970-01-01T00:00:12Z")], "");
    assert_eq!(averages.take(2), ["1970-01-01T00:00:00Z,2.0", "1970-01-01T00:00:05Z,7.0"]);
    assert!(averages.line_within(PATIENCE).is_none(), "the window from 10 on is open for b");
    node.http().publish("x", &[("publisher", "b"), ("leave", "true")], "");
    assert_eq!(averages.take(2), ["1970-01-01T00:00:10Z,12.0", "1970-01-01T00:00:15Z,17.0"]);
}

#[test]
fn a_publisher_that_is_silent_for_its_idle_time_holds_nothing_any_more() {
    let node = with_stream(&["--idle", "2s"]);
    let mut averages = averages(&node);
    let joined = Instant::now();
    b_is_silent(&node);
    // The other one goes on, so that only b can be taken to have left.
    until("b has left", DEADLINE, || {
        let answer = node.http().publish("x", &[("publisher", "a"), ("heartbeat", "1970-01-01T00:00:20Z")], "");
        (answer.json()["frontier"] == "1970-01-01T00:00:20Z").then_some(())
    });
    assert!(joined.elapsed() > Duration::from_millis(1_900), "b was joined for its idle time");
    assert_eq!(averages.take(4).last().map(String::as_str), Some("1970-01-01T00:00:15Z,17.0"));
}

#[test]
fn the_last_window_of_a_killed_publisher_closes_by_the_nodes_clock() {
    let node = with_stream(&["--clock", "node", "--idle", "1s", "--out-of-order", "2s"]);
    let mut results = node.spawn(&["subscribe", "avg(x, 1s)", "--format", "csv"]);
    node.until_subscribers(1);
    let mut publisher = node.spawn(&["publish", "x", "--format", "json", "--no-heartbeat"]);
    publisher.send(&format!("{{\"time\":{},\"value\":7}}\n", now_in_seconds()));
    until("the record is kept", DEADLINE, || (stream(&node)["records"] == 1).then_some(()));
    publisher.signal(Signal::KILL);
    assert_eq!(results.line().text, "time,value");
    assert!(results.line().text.ends_with(",7.0"));
}

#[test]
fn two_files_of_the_same_fortnight_count_within_the_allowance() {
    let node = with_stream(&["--out-of-order", "30d"]);
    node.publish("x", &fortnight(1.0), &[]);
    let second = node.publish("x", &fortnight(2.0), &["--seal"]);
    assert_eq!((&second["accepted"], &second["late"]), (&336.into(), &0.into()), "{second}");
    assert_eq!(total(&node.csv("count(x, 1d)")), 672.0);
}

#[test]
fn without_an_allowance_the_second_file_is_late_and_kept_apart() {
    let node = with_stream(&[]);
    node.publish("x", &fortnight(1.0), &[]);
    let second = node.publish("x", &fortnight(2.0), &["--seal"]);
    // Only its last record is not earlier than what the first file ended with.
    assert_eq!((&second["accepted"], &second["late"]), (&1.into(), &335.into()), "{second}");
    assert_eq!(total(&node.csv("count(x, 1d)")), 337.0);
    let late = node.csv("late(x)");
    assert_eq!(late.lines().count(), 1 + 335);
    assert!(late.lines().skip(1).all(|line| line.ends_with(",2.0")), "{late}");
    assert_eq!(stream(&node)["late"], 335);
}

#[test]
fn a_record_from_the_future_is_refused_with_what_its_integer_would_mean() {
    let node = with_stream(&[]);
    let record = "{\"time\":4102444800,\"value\":1}\n";
    let refused = node.dag_with_input(&["publish", "x", "-", "--format", "json"], record).code(3);
    for reading in ["2100-01-01T00:00:00Z", "1970-02-17T11:34:04.800Z", "--history"] {
        assert!(refused.stderr.contains(reading), "{reading} in: {}", refused.stderr);
    }
    assert_eq!(stream(&node)["records"], 0);
    node.dag_with_input(&["publish", "x", "-", "--format", "json", "--history"], record).success();
    assert_eq!(stream(&node)["records"], 1);
}

#[test]
fn done_closes_the_windows_up_to_the_last_record_and_no_more() {
    let node = with_stream(&["--out-of-order", "1h"]);
    let mut averages = averages(&node);
    node.publish("x", &counting(0..11), &[]);
    assert!(averages.line_within(PATIENCE).is_none(), "others may lie an hour behind");
    node.publish("x", &csv([(10, 30.0), (11, 30.0)]), &["--done"]);
    assert_eq!(averages.take(2), ["1970-01-01T00:00:00Z,2.0", "1970-01-01T00:00:05Z,7.0"]);
    assert!(averages.line_within(PATIENCE).is_none(), "the window from 10 on may get more");
    node.publish("x", &csv([(12, 50.0)]), &["--seal"]);
    assert_eq!(averages.finish().success(), "1970-01-01T00:00:10Z,30.0\n");
}

#[test]
fn a_sealed_stream_takes_nothing_and_all_its_windows_are_closed() {
    let node = with_stream(&[]);
    node.publish("x", &counting(0..3), &["--seal"]);
    assert_eq!(seconds_and_values(&node.csv("avg(x, 5s)")), [(0, 1.0)]);
    let answer = node.http().publish("x", &[], "{\"time\":4,\"value\":4}\n");
    assert_eq!((answer.status, code(&answer.json())), (409, "sealed".to_owned()));
    let refused = node.dag_with_input(&["publish", "x"], "{\"time\":4,\"value\":4}\n").code(1);
    assert!(refused.stderr.contains("sealed"), "{}", refused.stderr);
}

#[test]
fn a_batch_that_is_sent_again_counts_once() {
    let node = with_stream(&[]);
    let batch = |session: &str, batch: &str| {
        node.http().publish(
            "x",
            &[("publisher", "p"), ("session", session), ("batch", batch)],
            "{\"time\":1,\"value\":1}\n",
        )
    };
    assert_eq!(batch("1", "1").json()["repeat"], false);
    let again = batch("1", "1");
    assert_eq!((again.status, &again.json()["repeat"]), (200, &Value::Bool(true)));
    assert_eq!(stream(&node)["records"], 1);
    let gap = batch("1", "3");
    assert_eq!((gap.status, code(&gap.json())), (409, "out-of-sequence".to_owned()));
    assert_eq!(batch("2", "1").json()["repeat"], false);
    let fenced = batch("1", "2");
    assert_eq!((fenced.status, code(&fenced.json())), (409, "fenced".to_owned()));
    assert_eq!(stream(&node)["records"], 2);
}

/// A value at each hour of a fortnight.
#[test]
fn of_many_requests_at_once_no_record_is_late_that_the_node_stamps() {
    let node = with_stream(&["--no-time"]);
    let publishers = [(None, 40, 1), (None, 40, 1), (Some("p"), 40, 1), (None, 3, 20_000), (Some("q"), 3, 20_000)];
    let http = node.http();
    std::thread::scope(|scope| {
        for (name, requests, records) in publishers {
            scope.spawn(move || {
                let body = "{\"value\":1}\n".repeat(records);
                for number in 1..=requests {
                    let number = number.to_string();
                    let named = name.map(|name| [("publisher", name), ("batch", number.as_str())]);
                    let answer = http.publish("x", named.as_ref().map_or(&[], |named| named), &body);
                    assert_eq!((answer.status, &answer.json()["late"]), (200, &Value::from(0)), "{answer:?}");
                }
            });
        }
    });
    let sent: usize = publishers.iter().map(|(_, requests, records)| requests * records).sum();
    let stream = stream(&node);
    assert_eq!((&stream["records"], &stream["late"]), (&Value::from(sent), &Value::from(0)), "{stream}");
}

#[test]
fn a_clock_that_is_set_back_makes_no_record_late_that_the_node_stamps() {
    let folder = TempDir::new().unwrap();
    let clock = folder.path().join("clock");
    let environment = vec![("DAG_FAULT_CLOCK", clock.to_str().unwrap().to_owned())];
    let node = Node::with(Options { environment, ..Options::default() });
    node.create("x", "value float64", &["--no-time"]);
    let publish = |parameters: &[(&str, &str)]| {
        let answer = node.http().publish("x", parameters, "{\"value\":1}\n");
        let answer = (answer.status, answer.json());
        assert_eq!((answer.0, &answer.1["accepted"], &answer.1["late"]), (200, &Value::from(1), &Value::from(0)));
        answer.1["frontier"].as_str().unwrap().to_owned()
    };
    let before = publish(&[]);
    std::fs::write(&clock, "-3600").unwrap();
    assert_eq!(publish(&[]), before, "it has the latest time that there is");
    assert_eq!(publish(&[("publisher", "p"), ("batch", "1"), ("heartbeat", &before)]), before);
    std::fs::write(&clock, "0").unwrap();
    assert!(publish(&[("publisher", "p"), ("batch", "2")]) > before, "time goes on");
}

#[test]
fn a_request_without_a_name_is_waited_for_by_nobody_until_its_body_is_there() {
    let node = with_stream(&[]);
    let address = node.url().strip_prefix("http://").unwrap().to_owned();
    let (first, second) = ("{\"time\":100,\"value\":1}\n", "{\"time\":101,\"value\":1}\n");
    let mut slow = TcpStream::connect(&address).unwrap();
    let length = first.len() + second.len();
    let head =
        format!("POST /v1/streams/x/records HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-ndjson\r\n");
    write!(slow, "{head}Content-Length: {length}\r\nConnection: close\r\n\r\n{first}").unwrap();
    let quick = node.http().publish("x", &[], "{\"time\":500,\"value\":1}\n");
    assert_eq!(quick.json()["frontier"], "1970-01-01T00:08:20Z", "{quick:?}");
    slow.write_all(second.as_bytes()).unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"late\":2"), "who must be waited for has a name: {answer}");
}

fn fortnight(value: f64) -> String {
    csv((0..14 * 24).map(|hour| (hour * 3_600, value)))
}

/// The sum of the last column.
fn total(csv: &str) -> f64 {
    let value = |line: &str| line.rsplit(',').next()?.parse::<f64>().ok();
    csv.lines().skip(1).map(|line| value(line).unwrap_or_else(|| panic!("a number at the end of {line}"))).sum()
}

fn stream(node: &Node) -> Value {
    node.http().get("streams/x", &[]).json()
}

fn code(answer: &Value) -> String {
    answer["error"]["code"].as_str().unwrap_or_default().to_owned()
}
