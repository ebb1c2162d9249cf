//! A node opens what older ones wrote, and leaves alone what newer ones did.

use std::fs;
use std::path::{Path, PathBuf};

use dag_tests::{Node, Options, dag, fixture};
use redb::{Database, TableDefinition};
use serde_json::{Value, json};

/// The first moment of the records of the fixture, in seconds.
const START: i64 = 1_767_225_600;

fn ndjson(records: &[Value]) -> String {
    records.iter().map(|record| record.to_string() + "\n").collect()
}

/// So many records of a stream with their positions.
fn records(node: &Node, expression: &str, from: &str, count: usize) -> Vec<Value> {
    let limit = count.to_string();
    let parameters = [("expr", expression), ("from", from), ("positions", "true"), ("limit", &limit)];
    let answer = node.http().get("subscribe", &parameters);
    assert_eq!(answer.status, 200, "{expression}: {}", answer.body);
    answer.body.lines().map(|line| serde_json::from_str(line).expect("records are JSON")).collect()
}

/// All that the first version said of its data is still so.
fn is_as_it_was(node: &Node, expected: &Value) {
    for (expression, expected) in expected["streams"].as_object().expect("there are streams") {
        let expected = expected.as_array().expect("they have records");
        assert_eq!(&records(node, expression, "earliest", expected.len()), expected, "{expression}");
    }
}

#[test]
fn the_data_of_the_first_version_is_all_there_and_goes_on() {
    let expected = fixture::json("data-1/expected.json");
    let mut node = Node::on(fixture::data("data-1/data"), Options::default());
    is_as_it_was(&node, &expected);
    for (name, progress) in expected["publishers"].as_object().expect("there are publishers") {
        let stream = if name == "counter" { "steps" } else { "readings" };
        let found = node.http().get(&format!("streams/{stream}/publishers/{name}"), &[]).json();
        assert_eq!(&found, progress, "{name}");
    }

    // The last batch again is a repeat, and the one after it goes on.
    let publish = |name: &str, session: &str, batch: &str, records: &[Value]| {
        let parameters = [("publisher", name), ("session", session), ("batch", batch)];
        let answer = node.http().publish("readings", &parameters, &ndjson(records));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    let record = |host: &str, i: i64| json!({"time": START + i, "host": host, "value": i});
    assert_eq!(publish("north", "7", "112", &[record("north", 109)])["repeat"], true);
    let next = |host: &str| (110..=125).map(|i| record(host, i)).collect::<Vec<_>>();
    assert_eq!(publish("north", "7", "113", &next("north"))["first"], "1:224");
    assert_eq!(publish("south", "9", "111", &next("south"))["end"], "1:256");

    // Stored runs go on where they stopped, in the same incarnation.
    let sums = records(&node, "sum(readings, 10s, by=host)", "3:20", 4);
    let values: Vec<_> = sums.iter().map(|sum| (&sum["position"], &sum["host"], &sum["value"])).collect();
    let expected_sums = [
        (json!("3:20"), json!("north"), json!(1045.0)),
        (json!("3:21"), json!("south"), json!(1050.0)),
        (json!("3:22"), json!("north"), json!(1145.0)),
        (json!("3:23"), json!("south"), json!(1145.0)),
    ];
    assert_eq!(values, expected_sums.iter().map(|(at, host, sum)| (at, host, sum)).collect::<Vec<_>>());
    let rms = records(&node, "rms(readings, 10s)", "4:10", 2);
    assert_eq!(rms[1]["time"], "2026-01-01T00:01:50Z");
    let squares: f64 = (110..120).map(|i| f64::from(i * i)).sum();
    assert_eq!(rms[1]["value"], (2.0 * squares / 20.0).sqrt());

    // Rewritten in the present formats, it is the same.
    node.restart();
    is_as_it_was(&node, &expected);
    assert_eq!(records(&node, "sum(readings, 10s, by=host)", "3:20", 4), sums);
}

/// What the version that wrote the data said of all windows, those included that came to an end after it had stopped.
#[test]
fn windows_that_began_with_the_first_windowing_keep_it() {
    let expected = fixture::json("data-2/expected.json");
    let node = Node::on(fixture::data("data-2/data"), Options::default());
    let record = |i: i64| {
        let sign = if i % 2 == 0 { -0.0 } else { 0.0 };
        json!({"time": START + i, "sign": sign, "value": (i * 37 % 101) as f64 * 0.1})
    };
    let parameters = [("publisher", "p"), ("session", "1"), ("batch", "2")];
    let answer = node.http().publish("loads", &parameters, &ndjson(&(100..200).map(record).collect::<Vec<_>>()));
    assert_eq!((answer.status, &answer.json()["first"]), (200, &json!("1:100")), "{}", answer.body);
    is_as_it_was(&node, &expected);
    let of = |key: f64| {
        records(&node, "count(loads, 10s, by=sign)", "earliest", 36)
            .into_iter()
            .filter(move |count| count["sign"].as_f64().is_some_and(|sign| sign.to_bits() == key.to_bits()))
    };
    assert_eq!((of(0.0).count(), of(-0.0).count()), (18, 18), "keys were told apart by their bits");
}

#[test]
fn what_format_4_kept_of_streams_cursors_and_policies_is_in_the_plan() {
    let expected = fixture::json("data-4/expected.json");
    let mut node = Node::on(fixture::data("data-4/data"), Options::default());
    for _ in 0..2 {
        is_as_it_was(&node, &expected);
        for (name, cursor) in expected["cursors"].as_object().expect("there are cursors") {
            let found = node.http().get(&format!("cursors/{name}"), &[]).json();
            for field in ["stream", "next", "reader"] {
                assert_eq!(found[field], cursor[field], "{field} of {name}");
            }
        }
        let stream = |name: &str| {
            let streams = node.http().get("streams", &[]).json();
            let found =
                streams["streams"].as_array().expect("a list").iter().find(|stream| stream["name"] == name).cloned();
            found.unwrap_or_else(|| panic!("there is no {name}"))
        };
        assert_eq!(stream("loads")["settings"]["out_of_order"], "5s");
        assert_eq!(stream("errors(filter(loads,value/7>3))")["kind"], "errors");
        // Rewritten in the present format, it is the same.
        node.restart();
    }
    // Who comes back with a cursor goes on behind what it has acknowledged, and what is new has a number of its own.
    let next = node.dag(&["subscribe", "loads", "--cursor", "raw", "--with-position", "-n", "1"]).success();
    assert!(next.contains(r#""position":"1:40""#), "{next}");
    let next = node.dag(&["subscribe", "sum(loads, 10s)", "--cursor", "sums", "--with-position", "-n", "1"]).success();
    assert!(next.contains(r#""position":"1:5""#), "{next}");
    node.create("new", "value int64", &[]);
    assert!(node.data().join("sources/4").exists());
}

#[test]
fn incarnations_that_format_5_kept_beside_the_plan_are_in_it_and_go_on() {
    let expected = fixture::json("data-5/expected.json");
    let mut node = Node::on(fixture::data("data-5/data"), Options::default());
    for _ in 0..2 {
        is_as_it_was(&node, &expected);
        for (position, following) in expected["positions"].as_object().expect("there are positions") {
            let records_there = following["records"].as_array().expect("records follow");
            let stream = following["stream"].as_str().expect("of a stream");
            assert_eq!(
                &records(&node, stream, position, records_there.len()),
                records_there,
                "{stream} from {position}"
            );
        }
        let (found, cursor) = (node.http().get("cursors/sums", &[]).json(), &expected["cursors"]["sums"]);
        for field in ["stream", "next", "reader"] {
            assert_eq!(found[field], cursor[field], "{field}");
        }
        // Rewritten in the present format, it is the same.
        node.restart();
    }
    let next = node.dag(&["subscribe", "sum(loads, 10s)", "--cursor", "sums", "--with-position", "-n", "1"]).success();
    assert!(next.contains(r#""position":"3:5""#), "{next}");
    // Computations go on, and a number is never given twice.
    let record = json!({"time": START + 100, "host": "north", "value": 100});
    let answer = node.http().publish("loads", &[], &ndjson(&[record]));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let passed = &records(&node, "filter(loads, value > 50)", "6:48", 2)[1];
    assert_eq!((&passed["value"], &passed["position"]), (&json!(100), &json!("6:49")));
    let new = &records(&node, "min(loads, 10s)", "earliest", 1)[0]["position"];
    assert_eq!(new, "7:0");
}

#[test]
fn what_format_6_had_switched_goes_on_from_the_switch_with_the_version_that_took_over() {
    let expected = fixture::json("data-6/expected.json");
    let mut node = Node::on(fixture::data("data-6/data"), Options::default());
    is_as_it_was(&node, &expected);
    let following = &expected["positions"]["1:0"];
    let all = following["records"].as_array().expect("records follow");
    let (stream, before) = ("rms(loads,10s)", 5);
    assert_eq!(&records(&node, stream, "1:0", before), &all[..before]);
    let record = |i: i64| {
        let host = if i % 2 == 0 { "north" } else { "south" };
        json!({"time": START + i, "host": host, "value": i})
    };
    let answer = node.http().publish("loads", &[], &ndjson(&(60..100).map(record).collect::<Vec<_>>()));
    assert_eq!(answer.status, 200, "{}", answer.body);
    for _ in 0..2 {
        assert_eq!(&records(&node, stream, "1:0", all.len()), all);
        let operator = node.http().get("operators/rms", &[]).json();
        let current = &operator["versions"][1];
        assert_eq!(
            (&current["version"], &current["runs"][0]["incarnation"]),
            (&json!("1.1.0"), &json!(1)),
            "{operator}"
        );
        // Rewritten in the present format, it is the same.
        node.restart();
    }
}

/// A node on the fixture, changed in that way, ends at once: with exit code 1, all of these words, and no byte changed.
#[track_caller]
fn is_refused(change: impl FnOnce(&Path), words: &[&str]) {
    is_refused_but_for(&[], change, words);
}

/// The same, but for files whose names end so.
#[track_caller]
fn is_refused_but_for(changed: &[&str], change: impl FnOnce(&Path), words: &[&str]) {
    let data = fixture::data("data-1/data");
    change(data.path());
    // Neither of the first two says anything of the data.
    let files = || {
        let mut files = fixture::files(data.path());
        files.retain(|(path, _)| path != Path::new("lock") && !path.starts_with("compiled"));
        files.retain(|(path, _)| !changed.iter().any(|changed| path.to_string_lossy().ends_with(changed)));
        files
    };
    let before = files();
    let path = data.path().to_str().expect("the name of a temporary folder is UTF-8");
    let finished = dag(&["serve", "--data", path, "--listen", "127.0.0.1:0"]).code(1);
    for word in words {
        assert!(finished.stderr.contains(word), "expected `{word}` in: {}", finished.stderr);
    }
    let after = files();
    let names = |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&before), names(&after));
    for (before, after) in before.iter().zip(&after) {
        assert!(before == after, "{} was changed", before.0.display());
    }
}

/// Changes the bytes of a file.
fn patch(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("the fixture has it");
    change(&mut bytes);
    fs::write(path, bytes).expect("a copy can be changed");
}

#[test]
fn segments_of_a_newer_version_are_refused() {
    for segment in [
        "sources/1/00000000000000000001.seg",
        "sources/1/00000000000000000000.seg",
        "derived/3/00000000000000000000.seg",
    ] {
        let newer = |data: &Path| patch(&data.join(segment), |bytes| bytes[4] = 3);
        is_refused(newer, &[segment, "written by a newer dag", "segments have version 3", "reads up to 2"]);
    }
}

/// The layout of entries is drawn in `runtime/log`.
#[test]
fn a_whole_entry_of_a_newer_version_is_refused_and_not_taken_for_a_torn_one() {
    let newer = |data: &Path| {
        patch(&data.join("sources/1/00000000000000000001.seg"), |bytes| {
            let offset = bytes.windows(4).rposition(|window| window == b"dagE").expect("it has entries");
            bytes[offset + 4] = 3;
            let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize;
            let end = offset + 24 + word(offset + 8).next_multiple_of(8);
            let mut checksum = crc32fast::Hasher::new();
            checksum.update(&1_u64.to_le_bytes());
            checksum.update(&(offset as u64).to_le_bytes());
            checksum.update(&bytes[offset..offset + 20]);
            checksum.update(&bytes[offset + 24..end]);
            let checksum = checksum.finalize();
            bytes[offset + 20..offset + 24].copy_from_slice(&checksum.to_le_bytes());
        });
    };
    // No node writes such a thing: the segment's version would be newer, too. By then the metadata is in the present format,
    // and the logs say from where on they are kept.
    let words = ["00000000000000000001.seg", "written by a newer dag", "entries have version 3", "reads up to 2"];
    is_refused_but_for(&["meta.redb", ".first", ".last"], newer, &words);
}

#[test]
fn metadata_of_a_newer_version_is_refused() {
    let newer = |data: &Path| {
        let database = Database::create(data.join("meta.redb")).expect("it can be opened");
        let transaction = database.begin_write().expect("it can be written");
        let header = transaction.open_table(TableDefinition::<&str, u64>::new("header"));
        header.expect("it is there").insert("format", 99).expect("it can be written");
        transaction.commit().expect("it can be written");
    };
    is_refused(newer, &["meta.redb", "written by a newer dag", "its format is 99", "reads up to 7"]);
}

#[test]
fn a_snapshot_of_a_newer_version_is_refused() {
    let newer = |data: &Path| fs::write(data.join("derived/3/snapshot"), b"dagP\x03\0\0\0").expect("it can be written");
    is_refused(newer, &["derived/3/snapshot", "written by a newer dag", "its format is 3", "reads up to 2"]);
}

#[test]
fn a_backup_of_a_newer_version_is_refused() {
    let newer = |data: &Path| fs::write(data.join("backup.json"), r#"{"format": 99}"#).expect("it can be written");
    is_refused(newer, &["written by a newer dag", "its format is 99", "reads up to 1"]);
}

/// The fixture's own component, and all in it that names the interface.
fn built_for_another_version(data: &Path) -> PathBuf {
    let component = data.join("components/3d3ac4a4014189ee58032c0d93a14f925b8f809d5419626c19049d65b9c381d2.wasm");
    patch(&component, |bytes| {
        let places: Vec<_> =
            bytes.windows(6).enumerate().filter(|(_, it)| *it == b"@0.1.0").map(|(at, _)| at).collect();
        places.into_iter().for_each(|at| bytes[at + 3] = b'9');
    });
    component
}

#[test]
fn a_component_of_another_version_of_the_interface_is_refused() {
    let data = fixture::data("data-1/data");
    let component = built_for_another_version(data.path());
    let node = Node::start();
    let refused = node.dag(&["deploy", component.to_str().expect("UTF-8")]).code(1);
    assert!(refused.stderr.contains("@0.9.0"), "{}", refused.stderr);
}

#[test]
fn a_component_that_is_not_what_was_deployed_is_named_and_all_else_is_there() {
    let data = fixture::data("data-1/data");
    built_for_another_version(data.path());
    let node = Node::on(data, Options::default());
    let shown = node.dag(&["status"]).success();
    let words = ["3d3ac4a40141", "its bytes are not those that were deployed", "dag undeploy 3d3ac4a40141"];
    words.iter().for_each(|words| assert!(shown.contains(words), "{words}: {shown}"));
    assert_eq!(records(&node, "readings", "earliest", 1).len(), 1);
}

/// What can be made again is no reason to refuse anything.
#[test]
fn indexes_and_compiled_code_of_another_version_are_made_again() {
    let data = fixture::data("data-1/data");
    let index = data.path().join("sources/1/00000000000000000000.idx");
    patch(&index, |bytes| bytes[4] = 3);
    let mut node = Node::on(data, Options::default());
    let made = fs::read(node.data().join("sources/1/00000000000000000000.idx")).expect("it is there");
    assert_eq!(made[4], 2, "it is of the present version");
    let compiled = || -> Vec<_> {
        let files = fixture::files(&node.data().join("compiled"));
        assert!(!files.is_empty(), "code is kept");
        files.into_iter().map(|(path, _)| node.data().join("compiled").join(path)).collect()
    };
    for path in compiled() {
        patch(&path, |bytes| bytes[7] = b'9');
    }
    node.restart();
    for path in fixture::files(&node.data().join("compiled")) {
        assert_eq!(path.1[..8], *b"dagcode1");
    }
    is_as_it_was(&node, &fixture::json("data-1/expected.json"));
}
