//! Backup: a node's data is copied while everybody goes on, and a node runs on the copy.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dag_tests::{DEADLINE, Http, Node, Options, Process, crew, dag, data_folder, fixture, until};
use serde_json::{Value, json};

fn backup(node: &Node, folder: &Path) -> Value {
    let folder = folder.to_str().expect("the name of a temporary folder is UTF-8");
    serde_json::from_str(&node.dag(&["backup", folder, "--json"]).success()).expect("the answer is JSON")
}

fn bytes(answer: &Value, which: &str) -> u64 {
    answer[which].as_u64().unwrap_or_else(|| panic!("{which} in {answer}"))
}

/// So many values from `first` on, one a second.
fn publish(http: &Http, batch: u64, first: u64, count: u64) {
    let body: String = (first..first + count).map(|i| format!("{}\n", json!({"time": i, "value": i}))).collect();
    let answer = http.publish("x", &[("publisher", "p"), ("session", "1"), ("batch", &batch.to_string())], &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

fn cursor(node: &Node, name: &str) -> Value {
    node.http().get(&format!("cursors/{name}"), &[]).json()
}

/// The number in a position.
fn sequence(position: &Value) -> u64 {
    let position = position.as_str().and_then(|position| position.split_once(':')).expect("a position");
    position.1.parse().expect("a position ends with a number")
}

/// All records of a stream that is sealed, read with a cursor that is there, or by position.
fn read(node: &Node, expression: &str, from: &[&str]) -> Vec<Value> {
    let text = node.dag(&[&["subscribe", expression, "--with-position", "--format", "json"], from].concat()).success();
    text.lines().map(|line| serde_json::from_str(line).expect("records are JSON")).collect()
}

#[test]
fn a_copy_made_under_load_goes_on_where_it_was_made() {
    let node = Node::start();
    node.create("x", "value int64", &["--idle", "1h"]);
    let copy = data_folder();
    publish(node.http(), 1, 0, 100);
    let subscribe = |expression: &str, name: &str| {
        node.spawn(&["subscribe", expression, "--cursor", name, "--from", "earliest", "--format", "json"])
    };
    let mut readers = [subscribe("x", "values"), subscribe("sum(x, 10s)", "sums")];
    readers.iter_mut().for_each(|reader| drop(reader.line()));
    let over = Arc::new(AtomicBool::new(false));
    let (http, told) = (node.http().clone(), over.clone());
    let publisher = crew::spawn("the publisher", move || {
        let mut batch = 1;
        while !told.load(Ordering::SeqCst) {
            publish(&http, batch + 1, batch * 100, 100);
            batch += 1;
        }
        batch
    });
    for name in ["values", "sums"] {
        until("a cursor has moved", DEADLINE, || (sequence(&cursor(&node, name)["next"]) > 5).then_some(()));
    }
    backup(&node, copy.path());
    over.store(true, Ordering::SeqCst);
    let batches = publisher.join();
    node.http().publish("x", &[("seal", "true")], "");
    let original = BTreeMap::from(["x", "sum(x, 10s)"].map(|it| (it, read(&node, it, &["--from", "earliest"]))));

    let served = Node::on(copy, Options::default());
    let progress = served.http().get("streams/x/publishers/p", &[]).json();
    let (kept, records) =
        (progress["batch"].as_u64().expect("a batch"), &served.http().get("streams/x", &[]).json()["records"]);
    assert!(kept >= 1 && kept <= batches, "{progress}");
    assert_eq!(records, kept * 100, "what is there is whole batches, those that its publisher's number says");
    let places = ["values", "sums"].map(|name| cursor(&served, name));
    served.http().publish("x", &[("seal", "true")], "");
    for (place, expression) in places.iter().zip(["x", "sum(x, 10s)"]) {
        let next = sequence(&place["next"]);
        assert!(next > 5, "the cursor was copied: {place}");
        let rest = read(&served, expression, &["--cursor", place["name"].as_str().expect("a name")]);
        let of_before =
            |records: &[Value]| records.iter().map(|it| (it["time"].clone(), it["value"].clone())).collect::<Vec<_>>();
        let until = next as usize + rest.len();
        assert_eq!(rest.first().map(|record| sequence(&record["position"])), Some(next), "{expression}");
        // The last window is one that the copy's end cut short, if any.
        let last = if expression == "x" { rest.len() } else { rest.len() - 1 };
        assert_eq!(
            of_before(&rest[..last]),
            of_before(&original[expression][next as usize..until][..last]),
            "{expression}"
        );
        assert_eq!(if expression == "x" { until as u64 } else { until as u64 * 10 }, kept * 100, "{expression}");
    }
}

/// So many records of an expression from there on, which is a position or a word.
fn some(node: &Node, expression: &str, from: &str, count: u64) -> Vec<Value> {
    read(node, expression, &["--from", from, "-n", &count.to_string()])
}

fn position(record: &Value) -> &str {
    record["position"].as_str().expect("it has a position")
}

/// The run, or the epoch, that a record is of.
fn run(record: &Value) -> u64 {
    position(record).split_once(':').and_then(|(run, _)| run.parse().ok()).expect("a position begins with a number")
}

#[test]
fn what_a_reader_has_seen_of_the_original_alone_is_never_mistaken_for_what_follows_in_a_copy() {
    const SUM: &str = "sum(x, 10s)";
    let node = Node::start();
    node.create("x", "value int64", &["--idle", "1h"]);
    publish(node.http(), 1, 0, 105);
    let before = [some(&node, "x", "earliest", 105), some(&node, SUM, "earliest", 10)];
    let copies = [data_folder(), data_folder()];
    copies.iter().for_each(|copy| drop(backup(&node, copy.path())));
    publish(node.http(), 2, 105, 50);
    let [seen, sums] = ["x", SUM].map(|it| some(&node, it, "earliest", 15).pop().expect("fifteen"));
    let last = some(&node, "x", "1:150", 1).remove(0);
    assert_eq!(position(&seen), "1:14", "within what was copied");

    let mut runs = vec![run(&last), run(&sums)];
    for copy in copies {
        let mut copy = Node::on(copy, Options::default());
        publish(copy.http(), 2, 1_000, 50);
        for _ in 0..2 {
            for (expression, past) in [("x", &last), (SUM, &sums)] {
                let refused = copy.dag(&["subscribe", expression, "--from", position(past)]);
                assert!(matches!(refused.code, Some(1 | 2)), "{refused:?}");
                assert!(refused.stderr.contains(position(past)), "{}", refused.stderr);
            }
            for (expression, before) in ["x", SUM].iter().zip(&before) {
                // The whole of what was copied, and one that is the copy's own.
                let again = some(&copy, expression, position(&before[5]), before.len() as u64 - 5 + 1);
                let (own, copied) = again.split_last().expect("there are some");
                let values = |records: &[Value]| records.iter().map(|it| it["value"].clone()).collect::<Vec<_>>();
                assert_eq!(values(copied), values(&before[5..]), "{expression}");
                runs.push(run(own));
            }
            copy.crash();
        }
    }
    let (sources, derived): (Vec<_>, Vec<_>) = runs.chunks(2).map(|pair| (pair[0], pair[1])).unzip();
    for runs in [sources, derived] {
        let [original, one, one_later, other, other_later] = runs.try_into().expect("the original and two copies");
        assert_eq!((one, other), (one_later, other_later), "a restart changes nothing");
        assert!(original != one && original != other && one != other, "each goes on under a number of its own");
    }
}

#[test]
fn a_crash_while_a_copy_becomes_data_of_its_own_changes_nothing() {
    let node = Node::start();
    node.create("x", "value int64", &["--idle", "1h"]);
    publish(node.http(), 1, 0, 105);
    let sums = some(&node, "sum(x, 10s)", "earliest", 10);
    for kill in ["rename derived/:1", "sync-dir /derived:1"] {
        let copy = data_folder();
        backup(&node, copy.path());
        let mut dying = node.command(&["serve", "--listen", "127.0.0.1:0", "--data"]);
        dying.arg(copy.path()).env("DAG_FAULT_KILL", kill);
        assert_eq!(Process::start(dying).finish().code, None, "it is killed");
        let served = Node::on(copy, Options::default());
        publish(served.http(), 2, 105, 50);
        let again = some(&served, "sum(x, 10s)", position(&sums[0]), 12);
        let sequences: Vec<_> = again.iter().map(|record| sequence(&record["position"])).collect();
        assert_eq!(sequences, (0..12).collect::<Vec<_>>());
        assert!(again.iter().all(|record| run(record) == run(&again[0]) && run(record) != run(&sums[0])));
    }
}

#[test]
fn a_second_backup_copies_only_what_is_new() {
    let node = Node::start();
    node.create("side", "text utf8", &["--no-time", "--retention-bytes", "1000000"]);
    node.create("x", "value int64", &[]);
    let fill = |number: u64| {
        let text: String = (0..4_096)
            .map(|i: u64| format!("{:016x}", (i + number * 4_096).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
            .collect();
        let answer = node.http().publish("side", &[], &json!({"text": text}).to_string());
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    (0..8).for_each(fill);
    publish(node.http(), 1, 0, 100);
    let folder = data_folder();
    let copy = folder.path().join("copy");
    let first = backup(&node, &copy);
    assert_eq!(bytes(&first, "reused"), 0);
    assert!(bytes(&first, "written") > 4 * 65_536, "{first}");

    fill(8);
    let second = backup(&node, &copy);
    let metadata = fs::metadata(copy.join("meta.redb")).expect("it is there").len();
    let (written, reused) = (bytes(&second, "written"), bytes(&second, "reused"));
    assert!(written < metadata + 4 * 65_536, "the last segments and the metadata, {metadata} bytes: {second}");
    assert!(reused > 3 * 65_536, "{second}");

    // Nothing has changed since, so nothing but the metadata is written.
    let third = backup(&node, &copy);
    assert!(bytes(&third, "written") <= metadata, "{third}");
}

#[test]
fn what_cannot_hold_a_backup_is_refused_and_left_alone() {
    let node = Node::start();
    node.create("x", "value int64", &[]);
    let folder = data_folder();
    let refused = |path: &Path, why: &str| {
        let path = path.to_str().expect("UTF-8");
        let finished = node.dag(&["backup", path]);
        assert!(finished.code != Some(0) && finished.stderr.contains(why), "{finished:?}");
    };
    refused(&node.data().join("backup"), "lie in one another");
    assert!(!node.data().join("backup").exists());
    refused(node.data().parent().expect("it lies somewhere"), "lie in one another");
    let full = folder.path().join("full");
    fs::create_dir(&full).expect("a folder can be made");
    fs::write(full.join("letter.txt"), "dear").expect("a file can be written");
    refused(&full, "is not empty and holds no backup");
    assert_eq!(fixture::files(&full), [("letter.txt".into(), b"dear".to_vec())]);
    // Neither somebody's file of that name nor what a link leads to is emptied.
    let (locked, victim) = (folder.path().join("locked"), folder.path().join("victim"));
    fs::create_dir(&locked).expect("a folder can be made");
    fs::write(locked.join("lock"), "the combination of somebody's safe   ").expect("a file can be written");
    refused(&locked, "is not empty and holds no backup");
    assert_eq!(fixture::files(&locked)[0].1.len(), 37);
    let linked = folder.path().join("linked");
    fs::create_dir(&linked).expect("a folder can be made");
    fs::write(&victim, "dear").expect("a file can be written");
    symlink(&victim, linked.join("lock")).expect("a link can be made");
    refused(&linked, "is not empty and holds no backup");
    let made = folder.path().join("made");
    backup(&node, &made);
    fs::remove_file(made.join("meta.redb")).expect("it is there");
    symlink(&victim, made.join("meta.redb")).expect("a link can be made");
    refused(&made, "meta.redb is a link, and a backup has none");
    assert_eq!(fs::read(&victim).expect("it is there"), b"dear");
    let other = Node::start();
    let theirs = folder.path().join("theirs");
    backup(&other, &theirs);
    refused(&theirs, "holds a backup of other data");

    // Whoever serves a copy makes it data of its own.
    let ours = data_folder();
    backup(&node, ours.path());
    let mut served = Node::on(ours, Options::default());
    refused(served.data(), "is in use");
    served.stop().code(0);
    refused(served.data(), "is not empty and holds no backup");
}

#[test]
fn backups_go_only_where_the_node_was_told_and_are_for_its_owner_alone() {
    let folder = data_folder();
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let arguments = vec!["--backup-dir".to_owned(), path("allowed"), "--backup-dir".to_owned(), path("too")];
    let node = Node::with(Options { arguments, ..Options::default() });
    node.create("x", "value int64", &[]);
    publish(node.http(), 1, 0, 10);
    let refused = node.dag(&["backup", &path("elsewhere")]);
    assert!(refused.code != Some(0) && refused.stderr.contains("--backup-dir"), "{refused:?}");
    fs::create_dir(path("allowed")).expect("a folder can be made");
    fs::create_dir(path("elsewhere")).expect("a folder can be made");
    symlink(path("elsewhere"), path("allowed/out")).expect("a link can be made");
    let by_a_link = node.dag(&["backup", &path("allowed/out/of")]);
    assert!(by_a_link.code != Some(0) && by_a_link.stderr.contains("--backup-dir"), "{by_a_link:?}");
    assert_eq!(fixture::files(&folder.path().join("elsewhere")), []);
    fs::remove_file(path("allowed/out")).expect("it is there");

    backup(&node, &folder.path().join("allowed/a/b"));
    backup(&node, &folder.path().join("too"));
    // Whatever the process that started the node leaves to others.
    let mut folders = vec![node.data().to_owned(), folder.path().join("allowed/a"), folder.path().join("too")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("it is there").map(|entry| entry.expect("it is listed")) {
            let Ok(metadata) = entry.metadata() else { continue };
            assert_eq!(metadata.permissions().mode() & 0o077, 0, "{}", entry.path().display());
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                files += 1;
            }
        }
    }
    assert!(files > 20, "{files}");
}

#[test]
fn a_backup_that_was_cut_short_says_so_and_is_completed() {
    // It dies when the metadata and one log are copied.
    let environment = vec![("DAG_FAULT_KILL", "rename meta.part:1".to_owned())];
    let mut node = Node::with(Options { environment, ..Options::default() });
    node.create("x", "value int64", &[]);
    publish(node.http(), 1, 0, 100);
    let copy = data_folder();
    let path = copy.path().to_str().expect("UTF-8").to_owned();
    let request = json!({ "directory": path }).to_string();
    assert!(node.http().try_post("backup", &[], "application/json", request.as_bytes()).is_err(), "the node is killed");
    node.crash_into(Options::default());

    let before = fixture::files(copy.path());
    let refused = dag(&["serve", "--data", &path, "--listen", "127.0.0.1:0"]).code(1);
    assert!(refused.stderr.contains(&format!("this backup is not complete; complete it with `dag backup {path}`")));
    assert_eq!(fixture::files(copy.path()), before, "nothing was touched");
    assert!(bytes(&backup(&node, copy.path()), "reused") > 0, "what was there is used");
    let served = Node::on(copy, Options::default());
    assert_eq!(served.http().get("streams/x", &[]).json()["records"], 100);
}
