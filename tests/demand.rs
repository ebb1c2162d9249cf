//! A computation runs while somebody wants its stream: once, and no longer.

use std::time::{Duration, Instant};

use dag_tests::records::{counting, csv};
use dag_tests::wait::fastest;
use dag_tests::{DEADLINE, Node, Options, Process, build_component, until};

const SECOND: Duration = Duration::from_secs(1);

const MIB: u64 = 1 << 20;

fn node() -> Node {
    Node::with(Options { linger: "1s", ..Options::default() })
}

/// Publishes without sealing; windows before `heartbeat` close.
#[track_caller]
fn publish(node: &Node, stream: &str, records: &str, heartbeat: &str) {
    let parameters = [("heartbeat", heartbeat), ("history", "true")];
    let answer = node.http().post(&format!("streams/{stream}/records"), &parameters, "text/csv", records.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// A subscriber whose header line has come.
#[track_caller]
fn subscriber(node: &Node, expression: &str) -> Process {
    let mut process = node.spawn(&["subscribe", expression, "--format", "csv"]);
    assert_eq!(process.line().text, "time,value");
    process
}

#[test]
fn a_stream_is_computed_once_for_all_its_subscribers_and_spellings() {
    let node = node();
    node.create("cpu_util", "value float64", &[]);
    publish(&node, "cpu_util", &counting(0..60), "1970-01-01T00:01:00Z");
    assert_eq!(node.computations(), [""; 0], "a publisher alone starts nothing");

    let mut first = subscriber(&node, "avg(cpu_util, 5min)");
    node.until_computing(&["avg(cpu_util,5m)"], DEADLINE);
    let mut second = subscriber(&node, "avg( cpu_util , 300 sec )");
    node.until_subscribers(2);
    assert_eq!(node.computations(), ["avg(cpu_util,5m)"]);
    let computation = |node: &Node| {
        let status = node.status();
        let all = status["computations"].as_array().expect("a status lists computations").clone();
        all.into_iter().find(|it| it["stream"] == "avg(cpu_util,5m)").expect("it is computed")
    };
    assert_eq!(computation(&node)["users"], 2);
    let incarnation = computation(&node)["incarnation"].clone();

    let third = subscriber(&node, "avg(cpu_util, 10s)");
    node.until_computing(&["avg(cpu_util,10s)", "avg(cpu_util,5m)"], DEADLINE);

    publish(&node, "cpu_util", &counting(60..900), "1970-01-01T00:15:00Z");
    let windows = ["1970-01-01T00:00:00Z,149.5", "1970-01-01T00:05:00Z,449.5", "1970-01-01T00:10:00Z,749.5"];
    assert_eq!(first.take(3), windows);
    assert_eq!(second.take(3), windows);

    drop(third);
    node.until_computing(&["avg(cpu_util,5m)"], DEADLINE);
    publish(&node, "cpu_util", &counting(900..1200), "1970-01-01T00:20:00Z");
    assert_eq!(first.take(1), ["1970-01-01T00:15:00Z,1049.5"], "who stays is not disturbed");
    assert_eq!(second.take(1), ["1970-01-01T00:15:00Z,1049.5"]);
    assert_eq!(computation(&node)["incarnation"], incarnation);

    drop(first);
    node.until_subscribers(1);
    assert_eq!(computation(&node)["users"], 1);
    drop(second);
    node.until_computing(&[], DEADLINE);
}

#[test]
fn a_computation_lingers_for_who_comes_back() {
    let node = Node::with(Options { linger: "1h", ..Options::default() });
    node.create("x", "value float64", &[]);
    drop(subscriber(&node, "avg(x, 5s)"));
    node.until_subscribers(0);
    let lingering = node.status()["computations"][0].clone();
    assert_eq!((lingering["stream"].as_str(), lingering["state"].as_str()), (Some("avg(x,5s)"), Some("lingering")));

    let _back = subscriber(&node, "avg(x, 5s)");
    let running = node.status()["computations"][0].clone();
    assert_eq!((&running["incarnation"], running["state"].as_str()), (&lingering["incarnation"], Some("running")));
}

#[test]
fn an_inner_stream_stays_while_anybody_needs_it_and_goes_with_its_last_user() {
    let node = node();
    node.create("x", "value float64", &[]);
    let direct = subscriber(&node, "avg(x, 5s)");
    let mean = subscriber(&node, "avg(avg(x, 5s), 30s)");
    let greatest = subscriber(&node, "max(avg(x, 5s), 1min)");
    node.until_computing(&["avg(avg(x,5s),30s)", "avg(x,5s)", "max(avg(x,5s),1m)"], DEADLINE);
    drop(direct);
    node.until_subscribers(2);
    drop(mean);
    node.until_computing(&["avg(x,5s)", "max(avg(x,5s),1m)"], DEADLINE);
    drop(greatest);
    node.until_computing(&[], DEADLINE);
}

/// An operator that gives its input, and holds 64 MiB of memory that it has written to.
const HOLDS_MEMORY: &str = r#"
use dag_guest::{About, Input, Inputs, Opened, Operator, Output, Result, Transform};

struct Hold {
    memory: Vec<u8>,
}

impl Operator for Hold {
    const ABOUT: About = About { name: "hold", doc: "Its input, at the cost of 64 MiB.", example: "hold(x)" };
}

impl Transform for Hold {
    type Arguments = ();

    fn open(_: (), inputs: &[Input]) -> Result<Opened<Hold>> {
        Ok(Opened::stateless(Hold { memory: vec![1; 64 << 20] }, inputs[0].schema.clone()))
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        let batch = inputs.first();
        let rows: Vec<u32> = (0..batch.rows() as u32).filter(|row| self.memory[*row as usize] == 1).collect();
        out.take(batch, &rows);
        Ok(())
    }
}

dag_guest::export_transforms!(component = "holder", version = "1.0.0", [Hold]);
"#;

#[test]
fn memory_that_a_computation_holds_is_given_back_when_it_goes() {
    let component = build_component("holder", HOLDS_MEMORY);
    // One worker: one instance.
    let node = Node::with(Options { workers: 1, linger: "0s", ..Options::default() });
    node.dag(&["deploy", component.to_str().expect("the name of a built file is UTF-8")]).success();
    node.create("x", "value float64", &[]);
    publish(&node, "x", &csv([(0, 1.0)]), "1970-01-01T00:00:01Z");

    let before = node.rss();
    let mut holding = node.spawn(&["subscribe", "hold(x)", "--from", "earliest", "--format", "csv"]);
    assert_eq!(holding.take(2), ["time,value", "1970-01-01T00:00:00Z,1.0"], "it works");
    let held = node.rss();
    assert!(held >= before + 60 * MIB, "before it {} MiB, with it {}", before / MIB, held / MIB);
    drop(holding);
    until("its memory is given back", DEADLINE, || (node.rss() <= held - 60 * MIB).then_some(()));
    // Its memory may be given back a moment before it is gone.
    node.until_computing(&[], DEADLINE);
}

/// How long a new subscriber waits for its first record, which must be this one.
#[track_caller]
fn first_result(node: &Node, expression: &str, expected: &str) -> Duration {
    let start = Instant::now();
    let mut subscriber = subscriber(node, expression);
    let line = subscriber.line();
    assert_eq!(line.text, expected, "{expression}");
    line.at.duration_since(start)
}

#[test]
fn who_comes_late_gets_the_last_full_window_within_a_second() {
    let node = node();
    node.create("x", "value float64", &[]);
    publish(&node, "x", &counting(0..3_700), "1970-01-01T01:01:40Z");
    for (expression, last) in [
        ("avg(x, 5min)", "1970-01-01T00:55:00Z,3449.5"),
        ("avg(x, 5min, every=1min)", "1970-01-01T00:56:00Z,3509.5"),
        ("avg(avg(x, 5s), 1min)", "1970-01-01T01:00:00Z,3629.5"),
        ("delta(max(x, 1min))", "1970-01-01T01:00:00Z,60.0"),
    ] {
        fastest(&format!("a result of {expression}, which nobody else computes"), SECOND, || {
            node.until_computing(&[], DEADLINE);
            first_result(&node, expression, last)
        });
        let mut earliest = node.spawn(&["subscribe", expression, "--from", "earliest", "--format", "csv"]);
        until(&format!("who reads {expression} from the beginning gets there"), DEADLINE, || {
            (earliest.line().text == last).then_some(())
        });
        fastest(&format!("a result of {expression}, which somebody else computes"), SECOND, || {
            first_result(&node, expression, last)
        });
    }
}

#[test]
fn a_status_lists_so_many_computations_and_counts_all() {
    let node = node();
    node.create("x", "value float64", &[]);
    let running = ["filter(x, value > 1)", "filter(x, value > 2)", "filter(x, value > 3)"];
    let _readers = running.map(|expression| subscriber(&node, expression));
    let _waiting = node.spawn(&["subscribe", "opens_never(x)", "--wait"]);
    until("one waits", DEADLINE, || (node.computations().len() == 4).then_some(()));
    let listed = |number: &str| {
        let status = node.http().get("status", &[("computations", number)]).json();
        assert_eq!(status["computations_total"], 4, "{status}");
        let computations = status["computations"].as_array().expect("they are listed").iter();
        computations.map(|it| it["state"].as_str().expect("each has one").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed("0"), [""; 0]);
    assert_eq!(listed("2"), ["running", "waiting"]);
    assert_eq!(listed("4"), ["running", "running", "running", "waiting"]);
    let shown = node.dag(&["status", "--computations", "1"]).success();
    assert!(shown.contains("3 computations more: dag status --computations 4"), "{shown}");
}
