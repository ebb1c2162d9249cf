//! Deleting streams: what goes with them, what holds them, and that nothing of them comes back.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use dag_tests::crew;
use dag_tests::fixture;
use dag_tests::{DEADLINE, Http, Node, Options, Process, data_folder, until};
use serde_json::{Value, json};

const SUM: &str = "sum(x, 1s)";
const CANONICAL: &str = "sum(x,1s)";

/// A node with a stream `x` of ten records, one a second.
fn with_x(options: Options) -> Node {
    let node = Node::with(options);
    node.create("x", "value int64", &["--idle", "1h"]);
    publish(&node, 0..10);
    node
}

fn publish(node: &Node, times: std::ops::Range<u64>) {
    let body: String = times.map(|time| format!("{}\n", json!({"time": time, "value": time}))).collect();
    let answer = node.http().publish("x", &[], &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

fn names(node: &Node) -> Vec<String> {
    let listed = node.http().get("streams", &[]).json();
    let name = |stream: &Value| stream["name"].as_str().expect("a name").to_owned();
    listed["streams"].as_array().expect("a list").iter().map(name).collect()
}

/// The numbers of the folders below that one of the node's data.
fn folders(node: &Node, below: &str) -> Vec<String> {
    let folder: PathBuf = node.data().join(below);
    let mut names: Vec<String> = fs::read_dir(folder)
        .expect("it is there")
        .map(|entry| entry.expect("it is listed").file_name().into_string().expect("a number"))
        .collect();
    names.sort();
    names
}

/// Computes the sums, and leaves.
fn store_sums(node: &Node) {
    let sums = node.dag(&["subscribe", SUM, "--from", "earliest", "-n", "3"]).success();
    assert_eq!(sums.lines().count(), 3, "{sums}");
    until("nobody computes", DEADLINE, || node.computations().is_empty().then_some(()));
}

#[test]
fn a_stream_goes_with_all_that_was_computed_from_it_and_its_positions_are_never_used_again() {
    let mut node = with_x(Options::default());
    store_sums(&node);
    let cursor = ["subscribe", SUM, "--cursor", "c", "--from", "earliest", "-n", "1"];
    node.dag(&cursor).success();
    node.dag(&["cursors", "delete", "c"]).success();
    let dry = node.dag(&["delete", "x", "--dry-run"]).success();
    assert_eq!(dry, format!("x would be deleted\n  with it what is stored of {CANONICAL}\n"));
    assert_eq!(names(&node), ["x", CANONICAL], "nothing was done");
    until("nobody computes", DEADLINE, || node.computations().is_empty().then_some(()));
    let said = node.dag(&["delete", "x", "--yes"]).success();
    assert_eq!(said, format!("x deleted\n  with it what is stored of {CANONICAL}\n"));
    let gone = |node: &Node| {
        assert_eq!(names(node), [] as [&str; 0]);
        assert_eq!((folders(node, "sources").len(), folders(node, "derived").len()), (0, 0));
        let refused = node.http().publish("x", &[], "{\"time\": 1, \"value\": 1}\n");
        assert_eq!((refused.status, &refused.json()["error"]["code"]), (404, &json!("unknown-stream")));
        let again = node.dag(&["delete", "x", "--yes"]).code(1);
        assert!(again.stderr.contains("there is no stream `x`"), "{}", again.stderr);
    };
    gone(&node);
    node.crash();
    gone(&node);

    node.create("x", "value int64", &["--idle", "1h"]);
    publish(&node, 100..103);
    assert_eq!(folders(&node, "sources"), ["2"], "a number is given once");
    let records = node.dag(&["subscribe", "x", "--from", "earliest", "--with-position", "-n", "3"]).success();
    assert!(records.lines().next().is_some_and(|line| line.contains("\"2:0\"")), "{records}");
    let old = node.dag(&["subscribe", "x", "--from", "1:2"]).code(1);
    assert!(old.stderr.contains("1:2") && old.stderr.contains("deleted"), "{}", old.stderr);
    let sums = node.dag(&["subscribe", SUM, "--from", "earliest", "-n", "2"]).success();
    assert!(sums.contains("100") && sums.contains("101"), "nothing that was computed before is shown: {sums}");
    node.dag(&["delete", "x", "--yes", "--force"]).success();
    node.create("x", "value int64", &[]);
    assert_eq!(node.http().get("streams/x", &[]).json()["earliest"], "3:0");
}

#[test]
fn a_stream_that_is_used_stays_until_its_users_are_ended_by_force() {
    let node = with_x(Options::default());
    node.dag(&["subscribe", "x", "--cursor", "own", "--from", "earliest", "-n", "1"]).success();
    node.dag(&["subscribe", SUM, "--cursor", "sums", "--from", "earliest", "-n", "1"]).success();
    let mut reads = node.spawn(&["subscribe", "x", "--from", "earliest"]);
    let mut sums = node.spawn(&["subscribe", SUM, "--from", "earliest"]);
    let mut nested = node.spawn(&["subscribe", "max(sum(x, 1s), 2s)", "--from", "earliest"]);
    [&mut reads, &mut sums, &mut nested].into_iter().for_each(|reader| drop(reader.line()));
    let uses = [
        "3 subscriptions read it",
        "`max(sum(x,1s),2s)` runs",
        "`sum(x,1s)` runs",
        "cursor `own` is in it",
        "cursor `sums` is in `sum(x,1s)`",
    ];
    for dry_run in [&["--dry-run"][..], &["--yes"]] {
        let refused = node.dag(&[&["delete", "x"][..], dry_run].concat()).code(1).stderr;
        assert!(uses.iter().all(|used| refused.contains(used)) && refused.contains("--force"), "{refused}");
    }
    let answer = node.http().delete("streams/x", &[]);
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (409, &json!("in-use")));
    publish(&node, 10..12);
    assert_eq!(reads.take(11).len(), 11, "nothing was ended");

    let deleted: Value =
        serde_json::from_str(&node.dag(&["delete", "x", "--yes", "--force", "--json"]).success()).expect("JSON");
    let expected = json!({
        "stream": "x", "derived": ["max(sum(x,1s),2s)", CANONICAL], "cursors": ["own", "sums"],
        "stopped": ["max(sum(x,1s),2s)", CANONICAL], "readers": 3, "dry_run": false,
    });
    assert_eq!(deleted, expected);
    for reader in [reads, sums, nested] {
        let ended = reader.finish().code(1);
        assert!(ended.stderr.contains("`x` was deleted"), "{}", ended.stderr);
    }
    assert_eq!((names(&node), node.computations()), (vec![], vec![]));
    assert_eq!(node.http().get("cursors", &[]).json()["cursors"], json!([]));
}

#[test]
fn what_is_stored_of_a_derived_stream_goes_by_its_expression_and_is_computed_again() {
    let node = with_x(Options::default());
    let none = node.dag(&["delete", SUM, "--yes"]).code(1);
    assert!(none.stderr.contains("nothing of `sum(x,1s)` is stored"), "{}", none.stderr);
    store_sums(&node);
    let before = folders(&node, "derived");
    assert_eq!(node.dag(&["delete", SUM, "--yes"]).success(), format!("{CANONICAL} deleted\n"));
    assert_eq!((names(&node), folders(&node, "derived").len()), (vec!["x".to_owned()], 0));
    let again = node.dag(&["subscribe", SUM, "--from", "earliest", "--with-position", "-n", "3"]).success();
    assert!(again.lines().count() == 3 && !again.contains(&format!("\"{}:", before[0])), "{again}");

    let mut reads = node.spawn(&["subscribe", SUM, "--from", "earliest"]);
    reads.line();
    let used = node.dag(&["delete", SUM, "--yes"]).code(1);
    assert!(used.stderr.contains("1 subscription reads it"), "{}", used.stderr);
    node.dag(&["delete", SUM, "--yes", "--force"]).success();
    assert!(reads.finish().code(1).stderr.contains("`sum(x,1s)` was deleted"));
    let records = node.http().get("streams/x", &[]).json()["records"].clone();
    assert_eq!(records, 10, "its source stays as it is");
}

#[test]
fn the_stream_of_what_is_skipped_goes_after_what_skips() {
    let node = with_x(Options::default());
    node.dag(&["alter", SUM, "--on-error", "skip"]).success();
    store_sums(&node);
    let errors = format!("errors({CANONICAL})");
    let held = node.dag(&["delete", &errors, "--yes"]).code(2);
    assert!(held.stderr.contains(&format!("delete `{CANONICAL}` first")), "{}", held.stderr);
    node.dag(&["delete", SUM, "--yes"]).success();
    assert_eq!(node.dag(&["delete", "errors(sum(x, 1s))", "--yes"]).success(), format!("{errors} deleted\n"));
    assert_eq!(names(&node), ["x"]);
}

#[test]
fn a_stream_that_cannot_be_opened_is_deleted_and_its_name_is_free() {
    let mut node = with_x(Options::default());
    store_sums(&node);
    let segment = node.data().join("sources/1/00000000000000000000.seg");
    node.restart_after(|_| {
        let mut damaged = fs::read(&segment).expect("a segment");
        damaged[40] ^= 1;
        fs::write(&segment, damaged).expect("it can be written");
    });
    assert_eq!(node.http().get("streams/x", &[]).json()["state"], "unavailable");
    let said = node.dag(&["delete", "x", "--yes"]).success();
    assert_eq!(said, format!("x deleted\n  with it what is stored of {CANONICAL}\n"));
    assert_eq!((names(&node), folders(&node, "sources").len()), (vec![], 0));
    node.create("x", "value int64", &[]);
    publish(&node, 0..3);
    let begins = node.http().get("streams/x", &[]).json()["earliest"].as_str().expect("a position").to_owned();
    assert!(!["1:0", "2:0"].contains(&begins.as_str()), "it may have come to any epoch: {begins}");
    node.restart();
    assert_eq!(node.http().get("streams/x", &[]).json()["records"], 3);
}

#[test]
fn a_crash_between_the_change_and_the_files_or_among_them_leaves_nothing() {
    for kill in ["remove sources/1/:1", "remove sources/1/:2", "remove sources/1/:4"] {
        let killed = Options { environment: vec![("DAG_FAULT_KILL", kill.to_owned())], ..Options::default() };
        let mut node = with_x(killed);
        node.create("y", "value int64", &[]);
        store_sums(&node);
        node.dag(&["delete", "x", "--yes"]).code(1);
        assert_eq!((folders(&node, "sources"), folders(&node, "derived").len()), (vec!["1".into(), "2".into()], 1));
        node.crash_into(Options::default());
        assert_eq!((names(&node), folders(&node, "sources")), (vec!["y".to_owned()], vec!["2".to_owned()]), "{kill}");
        assert_eq!(folders(&node, "derived").len(), 0);
        node.create("x", "value float64", &[]);
        assert_eq!(folders(&node, "sources"), ["2", "3"]);
        assert_eq!(node.http().get("streams/x", &[]).json()["earliest"], "2:0");
    }
}

#[test]
fn a_backup_has_no_stream_that_was_deleted_before_it_and_its_epochs_are_not_given_again() {
    let folder = data_folder();
    let copies = folder.path().to_str().expect("UTF-8").to_owned();
    let node = with_x(Options { arguments: vec!["--backup-dir".to_owned(), copies], ..Options::default() });
    let copy = data_folder();
    let to = folder.path().join("copy");
    let back_up = || node.dag(&["backup", to.to_str().expect("UTF-8")]).success();
    back_up();
    assert!(to.join("sources/1").exists());
    node.dag(&["delete", "x", "--yes"]).success();
    back_up();
    assert!(!to.join("sources/1").exists());
    fixture::copy_folder(&to, copy.path());
    let restored = Node::on(copy, Options::default());
    assert_eq!(names(&restored), [] as [&str; 0]);
    restored.create("x", "value int64", &[]);
    assert_eq!(restored.http().get("streams/x", &[]).json()["earliest"], "2:0");
    assert_eq!(folders(&restored, "sources"), ["2"]);
}

#[test]
fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let node = with_x(Options::default());
    let refused = |arguments: &[&str], code: i32, why: &str| {
        let told = node.dag(&[&["delete"], arguments].concat()).code(code).stderr;
        assert!(told.contains(why), "{arguments:?}: {told}");
    };
    refused(&["x"], 2, "say --yes");
    refused(&["y", "--yes"], 1, "there is no stream `y`");
    refused(&["late(x)", "--yes"], 2, "`late(x)` is a view of `x`");
    refused(&["sum(x", "--yes"], 1, "column");
    for (path, parameters, status) in [
        ("streams/x", [("force", "maybe")], 400),
        ("streams/x", [("recursive", "true")], 400),
        ("streams/nope", [("force", "true")], 404),
    ] {
        assert_eq!(node.http().delete(path, &parameters).status, status, "{path} {parameters:?}");
    }
    assert_eq!(names(&node), ["x"]);
}

#[test]
fn whoever_is_at_a_terminal_is_asked() {
    let node = with_x(Options::default());
    let asked = |answer: &str| {
        let mut command = Command::new("script");
        let delete = format!("'{}' delete x", node.command(&[]).get_program().to_str().expect("UTF-8"));
        command.args(["-qec", &delete, "/dev/null"]).env("DAG_NODE", node.url());
        Process::with_input(command, answer.as_bytes()).finish()
    };
    let kept = asked("n\n").code(1);
    assert!(kept.stdout.contains("Delete `x`? [y/N]") && kept.stdout.contains("nothing was deleted"), "{kept:?}");
    assert_eq!(names(&node), ["x"]);
    asked("y\n").code(0);
    assert_eq!(names(&node), [] as [&str; 0]);
}

#[test]
fn those_who_publish_meanwhile_are_told_and_the_stream_can_be_made_again_at_once() {
    let node = with_x(Options::default());
    for round in 0..5 {
        let answers: Vec<u16> = {
            let publish = |_| {
                let http = Http::new(node.url());
                let body = |time: u64| format!("{{\"time\":{time},\"value\":1}}\n");
                crew::spawn("publisher", move || {
                    (0..20).map(|time| http.publish("x", &[], &body(time)).status).collect()
                })
            };
            let publishers: Vec<crew::Hand<Vec<u16>>> = (0..4).map(publish).collect();
            node.dag(&["delete", "x", "--yes", "--force"]).success();
            node.create("x", "value int64", &["--idle", "1h"]);
            publishers.into_iter().flat_map(crew::Hand::join).collect()
        };
        assert!(answers.iter().all(|status| [200, 404].contains(status)), "round {round}: {answers:?}");
    }
    let before = node.http().get("streams/x", &[]).json()["records"].as_u64().expect("a number");
    publish(&node, 1000..1010);
    assert_eq!(node.http().get("streams/x", &[]).json()["records"], before + 10);
}

#[test]
fn nothing_that_was_computed_from_a_stream_is_ever_shown_of_another_of_its_name() {
    let node = with_x(Options { linger: "0s", ..Options::default() });
    for round in 1..=6 {
        let subscribe = |_| {
            let http = Http::new(node.url());
            let parameters = [("expr", SUM), ("from", "earliest"), ("limit", "2")];
            crew::spawn("subscriber", move || (0..5).for_each(|_| drop(http.try_get("subscribe", &parameters))))
        };
        let subscribers: Vec<crew::Hand<()>> = (0..4).map(subscribe).collect();
        node.dag(&["delete", "x", "--yes", "--force"]).success();
        node.create("x", "value int64", &["--idle", "1h"]);
        let body: String =
            (0..4).map(|time| format!("{}\n", json!({"time": time, "value": round * 1000 + time}))).collect();
        assert_eq!(node.http().publish("x", &[], &body).status, 200);
        let sums = node.dag(&["subscribe", SUM, "--from", "earliest", "-n", "3"]).success();
        let sums: Vec<u64> = sums
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["value"].as_u64().expect("a sum"))
            .collect();
        assert_eq!(sums, [0, 1, 2].map(|time| round * 1000 + time), "round {round}");
        subscribers.into_iter().for_each(crew::Hand::join);
    }
}
