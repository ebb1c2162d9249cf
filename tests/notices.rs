//! What subscribers hear when a computation that they depend on fails and is tried again.

use dag_tests::feed::Feed;
use dag_tests::{DEADLINE, Finished, Node, Options, build_component, until};
use serde_json::Value;

/// An operator that fails on a record with the value 13.
const SUPERSTITIOUS: &str = r#"
use dag_guest::{About, Input, Inputs, Opened, Operator, Output, Result, Transform};

struct Guests;

impl Operator for Guests {
    const ABOUT: About = About { name: "guests", doc: "The records as they are, none of which may be 13.", example: "guests(x)" };
}

impl Transform for Guests {
    type Arguments = ();

    fn open((): (), inputs: &[Input]) -> Result<Opened<Guests>> {
        Ok(Opened::stateless(Guests, inputs[0].schema.clone()))
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        let batch = inputs.first();
        let values = batch.column(0).as_f64().ok_or("expected float64")?;
        if values.contains(&13.0) {
            return Err("thirteen is one too many".to_owned());
        }
        out.take(batch, &(0..batch.rows() as u32).collect::<Vec<_>>());
        Ok(())
    }
}

dag_guest::export_transforms!(component = "superstitious", version = "1.0.0", [Guests]);
"#;

/// A node with an empty stream `x`, where `guests(x)` is to skip what it fails on, and the digest of its component.
fn node(snapshot_interval: &str) -> (Node, String) {
    let arguments = ["--snapshot-interval", snapshot_interval].map(str::to_owned).to_vec();
    let node = Node::with(Options { arguments, ..Options::default() });
    let component = build_component("superstitious", SUPERSTITIOUS);
    let deployed = node.dag(&["deploy", component.to_str().expect("it is UTF-8"), "--json"]).success();
    let deployed: Value = serde_json::from_str(&deployed).expect("it is JSON");
    let digest = deployed["digest"].as_str().expect("it has a digest")[..12].to_owned();
    node.create("x", "value float64", &[]);
    node.dag(&["alter", "guests(x)", "--on-error", "skip"]).success();
    (node, digest)
}

/// Publishes the values 0 to 19, one a second.
fn publish(node: &Node) {
    let records: String = (0..20).map(|i| format!("{{\"time\":{i},\"value\":{i}}}\n")).collect();
    assert_eq!(node.http().publish("x", &[], &records).status, 200);
}

/// What the node answers there.
fn feed(node: &Node, path: &str, parameters: &[(&str, &str)]) -> Feed {
    Feed::of(node.url(), path, parameters).expect("the node answers").expect("it is no refusal")
}

fn notice(line: Option<String>) -> Value {
    serde_json::from_str(&line.expect("a notice comes")).expect("it is JSON")
}

/// The next notice among server-sent events.
fn event(events: &mut Feed) -> Value {
    until("there is a notice", DEADLINE, || (events.line(DEADLINE)? == "event: notice").then_some(()));
    notice(events.line(DEADLINE).map(|line| line.replacen("data: ", "", 1)))
}

#[test]
fn a_failure_is_told_to_all_who_depend_on_it_and_so_is_that_it_goes_on_and_records_stay_as_they_are() {
    let (node, digest) = node("3s");
    let subscribe = |arguments: &[&str]| node.spawn(&[&["subscribe"], arguments, &["--format", "csv"]].concat());
    let mut events = feed(&node, "subscribe", &[("expr", "count(guests(x), 10s)"), ("format", "sse")]);
    let direct = subscribe(&["guests(x)"]);
    let with_cursor = subscribe(&["guests(x)", "--cursor", "c"]);
    let nested = subscribe(&["count(guests(x), 10s)"]);
    let beside = subscribe(&["x"]);
    node.until_subscribers(5);
    publish(&node);
    let told: Vec<Value> = (0..4).map(|_| event(&mut events)).collect();
    assert_eq!(event(&mut events)["message"], "`guests(x)` goes on");
    node.dag(&["publish", "x", "--seal"]).success();

    let expected = [
        "at 20 records from 1:0 of x to 1:19 of x: thirteen is one too many; trying again in 100ms (2 of 3 in this place)",
        "at 20 records from 1:0 of x to 1:19 of x: thirteen is one too many; trying again in 200ms (3 of 3 in this place)",
        "at 20 records from 1:0 of x to 1:19 of x: thirteen is one too many; looking for the record that it fails on",
        "at record 1:13 of x: thirteen is one too many; this record is skipped",
    ];
    let expected = expected.map(|what| format!("`guests(x)` failed: component superstitious 1.0.0 {digest}, {what}"));
    assert_eq!(told.iter().map(|notice| notice["message"].clone()).collect::<Vec<_>>(), expected);
    for notice in &told {
        assert_eq!(notice["stream"], "guests(x)");
        let message = notice["message"].as_str().expect("it has a message");
        assert!(message.contains(notice["error"].as_str().expect("it has an error")), "{notice}");
    }

    let said = format!("{}\n`guests(x)` goes on\n", expected.join("\n"));
    let records = |time: &str, kept: &dyn Fn(&u64) -> bool| {
        let rows = (0..20).filter(kept).map(|i| format!("1970-01-01T00:00:{i:02}Z,{i}.0\n"));
        time.to_owned() + &rows.collect::<String>()
    };
    let header = "time,value\n";
    let kept = records(header, &|i| *i != 13);
    let counts = format!("{header}1970-01-01T00:00:00Z,10\n1970-01-01T00:00:10Z,9\n");
    let all = [(direct, kept.clone()), (with_cursor, kept), (nested, counts)];
    for (subscriber, records) in all {
        let Finished { code, stdout, stderr } = subscriber.finish();
        assert_eq!((code, stdout, stderr), (Some(0), records, said.clone()));
    }
    let Finished { code, stdout, stderr } = beside.finish();
    assert_eq!((code, stdout, stderr), (Some(0), records(header, &|_| true), String::new()));
}

#[test]
fn notices_of_formats_that_have_no_place_for_them_are_beside_the_subscription_and_end_with_it() {
    let (node, digest) = node("1h");
    publish(&node);
    let subscribe = || {
        let parameters = [("expr", "guests(x)"), ("from", "earliest"), ("format", "csv")];
        let subscription = feed(&node, "subscribe", &parameters);
        let id = subscription.header("dag-subscription").expect("it has an id");
        let notices = feed(&node, &format!("subscriptions/{id}/notices"), &[]);
        (subscription, notices)
    };
    let (first, mut told) = subscribe();
    for guessed in ["1", "1-", "1-0000000000000000"] {
        let taken = node.http().get(&format!("subscriptions/{guessed}/notices"), &[]);
        assert_eq!(taken.status, 404, "what waits is for the subscriber only");
    }
    let error = format!("component superstitious 1.0.0 {digest}, at record 1:13 of x: thirteen is one too many");
    until("the record is skipped", DEADLINE, || {
        let notice = notice(told.line(DEADLINE));
        assert_eq!((&notice["stream"], &notice["state"]), (&"guests(x)".into(), &"restarting".into()));
        notice["message"].as_str().is_some_and(|said| said.ends_with("skipped")).then_some(())
    });

    // Nothing has been saved since, so the failure is still news to who comes now.
    let (second, mut told_later) = subscribe();
    assert_eq!(notice(told_later.line(DEADLINE))["error"], error);
    drop((first, second));
    for told in [&mut told, &mut told_later] {
        assert_eq!(told.line(DEADLINE), None);
        assert!(told.end().is_some());
    }
    assert_eq!(node.http().get("subscriptions/1000000/notices", &[]).status, 404);
}
