//! Operators come to a running node, and nothing that runs notices.

use std::thread;
use std::time::{Duration, Instant};

use dag_tests::records::counting;
use dag_tests::wait::fastest;
use dag_tests::{Node, build_component, crew};

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

/// The longest that a subscriber to one record a second may have to wait for the next one, also on a busy machine.
const MAX_GAP: Duration = Duration::from_secs(10);

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
    let publisher = crew::spawn("the publisher", move || {
        for i in 1..=8 {
            let answer = http.publish("x", &[], &format!("{{\"time\":{i},\"value\":{i}}}\n"));
            assert_eq!(answer.status, 200, "{answer:?}");
            thread::sleep(Duration::from_secs(1));
        }
    });

    let mut arrivals = vec![subscriber.line().at];
    arrivals.push(subscriber.line().at);
    let reply = node.dag(&["deploy", &component]).success();
    assert!(reply.contains("rms(STREAM, [WINDOW]") && reply.contains("rms(voltage, 1s)"), "{reply}");
    fastest("the first result after the reply", Duration::from_secs(1), || {
        let asked = Instant::now();
        let first = node.spawn(&["subscribe", "rms(x)", "--from", "earliest", "-n", "1"]).line();
        assert!(first.text.ends_with("\"value\":1.0}"), "{first:?}");
        first.at - asked
    });

    arrivals.extend((2..8).map(|_| subscriber.line().at));
    publisher.join();
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
    let clock = wat::parse_str(r#"(component (import "wasi:clocks/wall-clock@0.3.0" (instance)))"#);
    let why = refused(&clock.expect("it is WAT"));
    assert!(why.contains("imports `wasi:clocks/wall-clock@0.3.0`, which nothing here answers"), "{why}");
    refused(&wat::parse_str("(component)").expect("it is WAT"));
    let module = wat::parse_str(r#"(module (import "env" "clock" (func)))"#).expect("it is WAT");
    refused(&module);
}

#[test]
fn what_is_undeployed_is_gone_from_memory_and_disk_and_can_come_again_with_other_bytes() {
    let component = rms();
    let mut node = node();
    let files = |node: &Node| {
        let folders =
            ["components", "compiled"].map(|it| std::fs::read_dir(node.data().join(it)).expect("it is there"));
        folders.into_iter().flatten().count()
    };
    let before = files(&node);
    node.dag(&["deploy", &component]).success();
    assert_eq!(files(&node), before + 2);
    assert_eq!(node.csv("rms(x, 5s)").lines().count(), 3);
    node.until_computing(&[], dag_tests::DEADLINE);
    let would = node.dag(&["undeploy", "electric", "--dry-run"]).success();
    assert!(would.contains("electric 1.0.0 would be removed\n  rms\n"), "{would}");
    assert_eq!(files(&node), before + 2);
    assert_eq!(node.dag(&["undeploy", "electric"]).success(), "electric 1.0.0 removed\n  rms\n");
    assert_eq!(files(&node), before);
    for _ in 0..2 {
        let unknown = node.dag(&["subscribe", "rms(x, 5s)", "--from", "earliest"]).code(1).stderr;
        assert!(unknown.contains("there is no operator `rms`"), "{unknown}");
        let unknown = node.dag(&["undeploy", "electric"]).code(1).stderr;
        assert!(unknown.contains("there is no component `electric`"), "{unknown}");
        node.restart();
    }
    // As far as the node knows, this version was never there.
    let other = build_component("electric-other", &RMS.replace("The root mean square.", "Another."));
    node.dag(&["deploy", other.to_str().expect("UTF-8")]).success();
    assert_eq!(node.csv("rms(x, 4s)").lines().count(), 4);
    let own = node.dag(&["undeploy", "aggregates"]).code(2).stderr;
    assert!(own.contains("component `aggregates` is a part of this dag"), "{own}");
}

#[test]
fn what_is_used_is_not_undeployed_unless_that_is_wanted_and_then_who_uses_it_is_told() {
    let component = rms();
    let node = Node::start();
    node.create("x", "value float64", &[]);
    node.publish("x", &counting(0..10), &["--seal"]);
    node.create("live", "value float64", &[]);
    node.publish("live", &counting(0..10), &[]);
    node.dag(&["deploy", &component]).success();
    node.dag(&["subscribe", "rms(x, 5s)", "--from", "earliest", "-n", "1", "--cursor", "billing"]).success();
    node.until_computing(&[], dag_tests::DEADLINE);
    let used = node.dag(&["undeploy", "electric"]).code(1).stderr;
    assert!(used.contains("cursor `billing` is in it") && used.contains("--force"), "{used}");
    node.dag(&["cursors", "delete", "billing"]).success();

    let reader = node.spawn(&["subscribe", "sum(rms(live, 5s), 5s)", "--from", "earliest"]);
    node.until_computing(&["rms(live,5s)", "sum(rms(live,5s),5s)"], dag_tests::DEADLINE);
    let used = node.dag(&["undeploy", "electric"]).code(1).stderr;
    assert!(used.contains("`rms(live,5s)` runs"), "{used}");
    let ended = node.dag(&["undeploy", "electric", "--force"]).success();
    assert!(ended.contains("ended rms(live,5s)"), "{ended}");
    let told = reader.finish().code(1).stderr;
    assert!(told.contains("component `electric` was undeployed"), "{told}");
    assert_eq!(node.csv("count(x, 5s)").lines().count(), 3);
}
