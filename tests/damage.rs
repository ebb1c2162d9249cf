//! Data that is missing or damaged: the node names it, never makes it anew, and goes on with all else.

use std::fs;
use std::path::{Path, PathBuf};

use dag_tests::{Node, Options, data_folder};
use serde_json::json;

/// A node with the streams `x`, in the first folder, and `y`, each with 100 records.
fn two_streams() -> Node {
    let node = Node::start();
    for name in ["x", "y"] {
        node.create(name, "value int64", &["--idle", "1h"]);
        publish(&node, name, 1);
    }
    node
}

fn publish(node: &Node, stream: &str, batch: u64) {
    let body: String = (0..100).map(|i| format!("{}\n", json!({"time": batch * 100 + i, "value": i}))).collect();
    let numbered = [("publisher", "p"), ("session", "1"), ("batch", &batch.to_string())];
    let answer = node.http().publish(stream, &numbered, &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

fn records(node: &Node, stream: &str) -> u64 {
    node.http().get(&format!("streams/{stream}"), &[]).json()["records"].as_u64().expect("a number")
}

fn folder(node: &Node, number: u64) -> PathBuf {
    node.data().join("sources").join(number.to_string())
}

/// The node is there, without `x`: whoever asks for it is told this, and `y` works.
fn goes_on_without(node: &Node, why: &str) {
    let told = |text: &str| assert!(text.contains("stream `x` cannot be opened") && text.contains(why), "{text}");
    let answer = node.http().publish("x", &[], "{\"time\": 1, \"value\": 1}\n");
    assert_eq!(answer.status, 500, "{}", answer.body);
    told(&answer.body);
    told(&node.dag(&["subscribe", "x", "--from", "earliest"]).code(1).stderr);
    told(&node.dag(&["subscribe", "sum(x, 10s)", "--wait"]).code(1).stderr);
    told(&node.dag(&["create", "x", "--schema", "value int64"]).code(1).stderr);
    told(&node.dag(&["backup", data_folder().path().join("copy").to_str().expect("UTF-8")]).code(1).stderr);
    told(&node.dag(&["status"]).success());
    told(&node.dag(&["streams", "x"]).success());
    let listed = node.http().get("streams", &[]).json();
    let state = |name: &str| {
        let streams = listed["streams"].as_array().expect("a list");
        streams.iter().find(|stream| stream["name"] == name).expect("it is listed")["state"].clone()
    };
    assert_eq!((state("x"), state("y")), (json!("unavailable"), json!("open")));
    publish(node, "y", 2);
    assert_eq!(records(node, "y"), 200);
}

fn rename(from: &Path, to: &Path) {
    fs::rename(from, to).expect("files can be renamed");
}

#[test]
fn a_stream_whose_log_is_gone_is_not_made_anew_and_is_there_again_with_its_log() {
    let mut node = two_streams();
    let (log, aside) = (folder(&node, 1), node.data().join("aside"));
    node.restart_after(|_| rename(&log, &aside));
    goes_on_without(&node, "no log here");
    assert!(!log.exists(), "nothing was made in its place");
    node.restart_after(|_| rename(&aside, &log));
    assert_eq!(records(&node, "x"), 100);
    publish(&node, "x", 2);
    assert_eq!((records(&node, "x"), records(&node, "y")), (200, 200));
}

#[test]
fn a_stream_whose_log_is_damaged_is_named_and_the_others_work() {
    let mut node = two_streams();
    let segment = folder(&node, 1).join("00000000000000000000.seg");
    let mut damaged = Vec::new();
    node.restart_after(|_| {
        damaged = fs::read(&segment).expect("a segment");
        damaged[40] ^= 1;
        fs::write(&segment, &damaged).expect("it can be written");
    });
    goes_on_without(&node, "damaged at offset 0");
    assert_eq!(fs::read(&segment).expect("a segment"), damaged, "nothing of it was changed");
}

#[test]
fn a_stream_whose_creation_a_crash_interrupted_is_made_by_whoever_creates_it_again() {
    // It dies when the log's folder is there and nothing tells that it is whole.
    let environment = vec![("DAG_FAULT_KILL", "rename sources/1/:2".to_owned())];
    let mut node = Node::with(Options { environment, ..Options::default() });
    let request = json!({"name": "x", "schema": [{"name": "value", "type": "int64"}]}).to_string();
    let answer = node.http().try_post("streams", &[], "application/json", request.as_bytes());
    assert!(answer.is_err(), "the node is killed");
    assert!(folder(&node, 1).join("00000000000000000000.seg").exists());
    node.crash_into(Options::default());
    assert_eq!(node.http().get("streams/x", &[]).status, 404);
    node.create("x", "value int64", &["--idle", "1h"]);
    publish(&node, "x", 1);
    node.crash();
    assert_eq!(records(&node, "x"), 100);
}

#[test]
fn a_row_of_the_metadata_that_cannot_be_read_is_named_and_all_else_works() {
    let mut node = two_streams();
    node.dag(&["subscribe", "x", "--from", "earliest", "-n", "1", "--cursor", "c"]).success();
    node.dag(&["subscribe", "x", "--from", "earliest", "-n", "1", "--cursor", "d"]).success();
    node.dag(&["subscribe", "count(x, 10s)", "--from", "earliest", "-n", "1"]).success();
    let derived = |node: &Node| fs::read_dir(node.data().join("derived")).expect("it is there").count();
    let before = derived(&node);
    node.restart_after(|data| {
        let database = redb::Database::create(data.join("meta.redb")).expect("it can be opened");
        let transaction = database.begin_write().expect("it can be written");
        let numbered = |table: &'static str| {
            let table = transaction.open_table(redb::TableDefinition::<u64, &[u8]>::new(table));
            table.expect("it is there").insert(1, &b"\xff"[..]).expect("it can be written");
        };
        ["sources", "incarnations"].into_iter().for_each(numbered);
        let cursors = transaction.open_table(redb::TableDefinition::<&str, &[u8]>::new("cursors"));
        cursors.expect("it is there").insert("c", &b"\xff"[..]).expect("it can be written");
        transaction.commit().expect("it can be written");
    });
    let shown = node.dag(&["status"]).success();
    for row in ["sources 1", "incarnations 1", "cursors c"] {
        assert!(shown.contains(&format!("the metadata's row {row} cannot be read")), "{row}: {shown}");
    }
    assert_eq!(derived(&node), before, "the log of a run that cannot be told stays");
    assert!(folder(&node, 1).exists(), "and so does that of a stream");
    publish(&node, "y", 2);
    assert_eq!(records(&node, "y"), 200);
    node.dag(&["subscribe", "count(y, 10s)", "--from", "earliest", "-n", "1"]).success();
    let refused = node.dag(&["subscribe", "y", "--cursor", "c", "-n", "1"]).code(1).stderr;
    assert!(refused.contains("cursor `c` cannot be read") && refused.contains("dag cursors delete c"), "{refused}");
    node.dag(&["cursors", "delete", "c"]).success();
    node.dag(&["subscribe", "y", "--from", "earliest", "--cursor", "c", "-n", "1"]).success();
}
