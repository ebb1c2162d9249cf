//! Operators come to a running node, and nothing that runs notices.

use std::thread;
use std::time::{Duration, Instant};

use dag_tests::records::counting;
use dag_tests::{Node, build_component};

/// The root mean square, as the SDK's documentation has it.
const RMS: &str = r#"
use dag_guest::{About, Fold, Operator, Result, Timestamp};

dag_guest::state! {
    /// What each window of each key holds.
    struct Rms { squares: f64, count: i64 }
}

impl Operator for Rms {
    const ABOUT: About = About { name: "rms", doc: "The root mean square.", example: "rms(voltage, 1s)" };
}

impl Fold for Rms {
    type Value = f64;
    type Result = f64;

    fn update(&mut self, value: &f64, _: Timestamp) -> Result {
        self.squares += value * value;
        self.count += 1;
        Ok(())
    }

    fn combine(&mut self, later: &Rms) -> Result {
        self.squares += later.squares;
        self.count += later.count;
        Ok(())
    }

    fn result(&self) -> Option<f64> {
        (self.count > 0).then(|| (self.squares / self.count as f64).sqrt())
    }
}

dag_guest::export_aggregates!(component = "electric", version = "1.0.0", [Rms]);
"#;

/// The longest that a subscriber to one record a second may have to wait for the next one.
const MAX_GAP: Duration = Duration::from_millis(1_500);

fn rms() -> String {
    build_component("electric", RMS).to_str().expect("it is UTF-8").to_owned()
}

/// A node with a sealed stream `x` of value i at E(i), i = 0..10.
fn node() -> Node {
    let node = Node::start();
    node.create("x", "value float64", &[]);
    node.publish("x", &counting(0..10), &["--seal"]);
    node
}

#[test]
fn an_operator_works_within_a_second_and_nobody_waits_meanwhile() {
    let component = rms();
    let node = Node::start();
    node.create("x", "value float64", &[]);
    let mut subscriber = node.spawn(&["subscribe", "filter(x, value >= 0)", "--from", "earliest"]);
    node.until_subscribers(1);
    let pid = node.status()["pid"].clone();
    let http = node.http().clone();
    let publisher = thread::spawn(move || {
        for i in 1..=8 {
            let answer = http.publish("x", &[], &format!("{{\"time\":{i},\"value\":{i}}}\n"));
            assert_eq!(answer.status, 200, "{answer:?}");
            thread::sleep(Duration::from_secs(1));
        }
    });

    let mut arrivals = vec![subscriber.line().at];
    arrivals.push(subscriber.line().at);
    let reply = node.dag(&["deploy", &component]).success();
    let replied = Instant::now();
    assert!(reply.contains("rms(STREAM, [WINDOW]") && reply.contains("rms(voltage, 1s)"), "{reply}");
    let first = node.spawn(&["subscribe", "rms(x)", "--from", "earliest", "-n", "1"]).line();
    assert!(first.text.ends_with("\"value\":1.0}"), "{first:?}");
    let took = first.at.saturating_duration_since(replied);
    assert!(took < Duration::from_secs(1), "the first result came {took:?} after the reply");

    arrivals.extend((2..8).map(|_| subscriber.line().at));
    publisher.join().expect("it publishes");
    let longest = arrivals.windows(2).map(|pair| pair[1] - pair[0]).max().expect("there are several");
    assert!(longest < MAX_GAP, "a gap of {longest:?}");
    assert_eq!(node.status()["pid"], pid, "it is the same process");
}

#[test]
fn a_subscription_that_waits_starts_when_its_operator_appears() {
    let component = rms();
    let node = node();
    let refused = node.dag(&["subscribe", "rms(x)"]).code(1);
    assert!(refused.stderr.contains("there is no operator `rms`"), "{}", refused.stderr);
    let mut waiting = node.spawn(&["subscribe", "rms( x, 5000ms )", "--wait", "--from", "earliest", "--format", "csv"]);
    dag_tests::until("it waits", dag_tests::DEADLINE, || node.status().to_string().contains("rms( x").then_some(()));
    assert!(waiting.line_within(Duration::from_millis(300)).is_none());
    let reply = node.dag(&["deploy", &component]).success();
    assert!(reply.contains("rms(x,5s)"), "what started because of it: {reply}");
    assert_eq!(waiting.take(2), ["time,value".to_owned(), format!("1970-01-01T00:00:00Z,{:?}", 6.0_f64.sqrt())]);
    assert_eq!(waiting.finish().success().lines().count(), 1);
}

#[test]
fn a_subscription_that_waits_starts_when_its_stream_appears() {
    let node = Node::start();
    let mut waiting = node.spawn(&["subscribe", "count(later)", "--wait", "--format", "csv"]);
    assert!(waiting.line_within(Duration::from_millis(300)).is_none());
    node.create("later", "value float64", &[]);
    assert_eq!(waiting.line().text, "time,value");
    node.publish("later", &counting(0..1), &["--seal"]);
    assert_eq!(waiting.finish().success(), "1970-01-01T00:00:00Z,1\n");
}

#[test]
fn a_deployed_operator_is_there_again_after_a_restart_and_a_crash() {
    let component = rms();
    let mut node = node();
    node.dag(&["deploy", &component]).success();
    let before = node.csv("rms(x, 5s)");
    assert_eq!(before.lines().count(), 3, "{before}");
    node.restart();
    assert_eq!(node.csv("rms(x, 5s)"), before);
    assert_eq!(node.csv("rms(x, 4s)").lines().count(), 4);
    node.crash();
    assert_eq!(node.csv("rms(x, 3s)").lines().count(), 5);
}

#[test]
fn deploying_the_same_again_changes_nothing() {
    let component = std::fs::read(rms()).expect("it was built");
    let node = node();
    let deploy = || node.http().post("components", &[], "application/wasm", &component);
    let (first, again) = (deploy().json(), deploy().json());
    assert_eq!((&first["repeat"], &again["repeat"]), (&false.into(), &true.into()), "{first} {again}");
    assert_eq!(first["digest"], again["digest"]);
    let operators = node.http().get("operators", &[]).json();
    let listed = operators["operators"].as_array().expect("it is a list");
    assert_eq!(listed.iter().filter(|operator| operator["name"] == "rms").count(), 1);
}

#[test]
fn what_is_no_component_and_what_asks_for_more_than_the_host_gives_is_refused() {
    let node = node();
    let refused = |bytes: &[u8]| {
        let answer = node.http().post("components", &[], "application/wasm", bytes);
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &"bad-component".into()), "{answer:?}");
        answer.json()["error"]["message"].as_str().expect("it says why").to_owned()
    };
    let why = refused(b"no wasm at all");
    assert!(why.to_lowercase().contains("webassembly") || why.contains("wasm"), "{why}");
    let clock = wat::parse_str(r#"(component (import "wasi:clocks/wall-clock@0.2.0" (instance)))"#);
    let why = refused(&clock.expect("it is WAT"));
    assert!(why.contains("wasi:clocks/wall-clock@0.2.0"), "{why}");
    refused(&wat::parse_str("(component)").expect("it is WAT"));
    let module = wat::parse_str(r#"(module (import "env" "clock" (func)))"#).expect("it is WAT");
    refused(&module);
}
