//! What may change of a stream while it lives, and what may not.

use dag_tests::Node;
use dag_tests::records::csv;

/// How many records came late of a publisher who sends these seconds in one request, after all others.
#[track_caller]
fn late(node: &Node, seconds: &[i64]) -> u64 {
    let records = csv(seconds.iter().map(|second| (*second, 1.0)));
    let answer = node.http().post("streams/x/records", &[("history", "true")], "text/csv", records.as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["late"].as_u64().expect("it is counted")
}

#[test]
fn an_allowance_holds_from_the_moment_it_is_given_and_through_a_crash() {
    let mut node = Node::start();
    node.create("x", "value float64", &[]);
    assert_eq!(late(&node, &[100]), 0);
    assert_eq!(late(&node, &[99]), 1, "the frontier is at 100");
    let shown = node.dag(&["alter", "x", "--out-of-order", "10s", "--idle", "1min"]).success();
    assert_eq!(shown, "x: out of order 10s, retention 7d, max ahead 10m, idle 1min, clock publishers\n");
    assert_eq!(late(&node, &[98]), 1, "what has been promised stays");
    assert_eq!(late(&node, &[120]), 0);
    assert_eq!(late(&node, &[111]), 0, "it may lie ten seconds behind now");
    node.crash();
    assert_eq!(late(&node, &[140]), 0);
    assert_eq!(late(&node, &[131, 129]), 1, "the crash has changed nothing");
    assert_eq!(node.http().get("streams/x", &[]).json()["settings"]["idle"], "1min");
}

#[test]
fn how_much_is_kept_and_who_moves_time_on_can_be_altered() {
    let node = Node::start();
    node.create("x", "value float64", &["--retention-bytes", "200000000"]);
    node.create("for_ever", "value float64", &["--retention", "none", "--retention-bytes", "0"]);
    let made = node.http().get("streams/for_ever", &[]).json();
    assert_eq!(made["settings"]["retention"], serde_json::json!({"age": null, "bytes": null}));
    let shown = node.dag(&["alter", "x", "--retention", "none", "--retention-bytes", "0", "--json"]).success();
    let settings = &serde_json::from_str::<serde_json::Value>(&shown).expect("it is JSON")["settings"];
    assert_eq!((&settings["retention"]["age"], &settings["retention"]["bytes"]), (&().into(), &().into()));
    let shown = node.dag(&["alter", "x", "--clock", "node", "--max-ahead", "1h"]).success();
    assert_eq!(shown, "x: out of order 0s, retention none, max ahead 1h, idle 30s, clock node\n");
}

#[test]
fn what_was_promised_of_a_stream_cannot_be_altered() {
    let node = Node::start();
    node.create("x", "value float64", &[]);
    let refused = |name: &str, body: &str| {
        let answer = node.http().patch(&format!("streams/{name}"), body);
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &"bad-request".into()), "{answer:?}");
        answer.json()["error"]["message"].as_str().expect("it says why").to_owned()
    };
    for (what, body) in [
        ("schema", r#"{"schema": []}"#),
        ("time", r#"{"time": {"column": "at"}}"#),
        ("durability", r#"{"durability": "os"}"#),
    ] {
        let why = refused("x", body);
        assert!(why.starts_with(&format!("the {what} of `x` cannot be changed: ")), "{why}");
    }
    assert!(refused("x", r#"{"out_of_order": "a while"}"#).contains("out_of_order"));
    assert!(refused("x", r#"{"on_error": "skip"}"#).contains("runs no operator"));
    assert!(refused("x", "{}").contains("nothing to change"));
    assert!(refused("avg(x,5s)", r#"{"idle": "1h"}"#).contains("only `on_error`"));
    assert!(refused("late(x)", r#"{"idle": "1h"}"#).ends_with("alter `x`"));
    let unknown = node.dag(&["alter", "y", "--idle", "1h"]).code(1).stderr;
    assert!(unknown.contains('y'), "{unknown}");
    node.dag(&["alter", "x"]).code(2);
}

#[test]
fn what_becomes_of_records_that_fail_is_kept_by_the_streams_canonical_name() {
    let mut node = Node::start();
    node.create("x", "value float64", &["--clock", "node"]);
    let shown = node.dag(&["alter", "avg( x , 5 sec )", "--on-error", "skip"]).success();
    assert_eq!(shown, "avg(x,5s): skips records that fail, and keeps them in errors(avg(x,5s))\n");
    node.crash();
    let _reading = node.http().lines("subscribe", &[("expr", "avg(x, 5000ms)")]);
    let _other = node.http().lines("subscribe", &[("expr", "avg(x, 6s)")]);
    assert_eq!(node.http().get("streams/avg(x,5s)", &[]).json()["on_error"], "skip");
    assert_eq!(node.http().get("streams/avg(x,6s)", &[]).json()["on_error"], "stop");
    let shown = node.dag(&["alter", "avg(x, 5s)", "--on-error", "stop"]).success();
    assert_eq!(shown, "avg(x,5s): stops at a record that fails\n");
}

#[test]
fn a_declaration_can_be_repeated_and_another_is_refused_by_what_differs() {
    let node = Node::start();
    let create = |options: &[&str]| node.dag(&[&["create", "x", "--schema"], options].concat());
    assert_eq!(create(&["value float64"]).success(), "x: value float64\n");
    assert_eq!(create(&["value float64", "--idle", "30s"]).success(), "x: value float64\n", "that is the default");
    let told = create(&["value int64, host utf8", "--idle", "5s", "--durability", "os"]).code(1).stderr;
    for difference in [
        "its columns are `value float64`, not `value int64, host utf8`",
        "its idle is 30s, not 5s",
        "its durability is fsync, not os",
    ] {
        assert!(told.contains(difference), "{told}");
    }
    assert!(!told.contains("its clock") && told.contains("--if-not-exists"), "{told}");
    assert_eq!(create(&["value int64", "--if-not-exists"]).success(), "x: value float64\n", "it stays as it is");
    let body = r#"{"name": "x", "schema": [{"name": "value", "type": "int64"}]}"#;
    let post = |parameters: &[(&str, &str)]| {
        node.http().post("streams", parameters, "application/json", body.as_bytes()).status
    };
    assert_eq!((post(&[]), post(&[("if_not_exists", "true")]), post(&[("if_exists", "true")])), (409, 200, 400));
    create(&["value", "--if-not-exists"]).code(2);
    let made = node.dag(&["create", "y", "--schema", "value int64", "--if-not-exists"]).success();
    assert_eq!(made, "y: value int64\n");
}
