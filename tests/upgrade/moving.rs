//! What runs moves: one version after the other, at one place, with its state or with one that is computed again.

use std::sync::atomic::Ordering;

use dag_tests::records::counting;
use dag_tests::{Node, Options};
use serde_json::Value;

use crate::kit::*;

#[test]
fn ten_times_back_and_forth_under_load_each_record_is_from_one_version_and_the_state_goes_along() {
    let (one, two) = (ONE.tally("Tally"), TWO.tally("Tally"));
    let node = Node::start();
    node.create("x", "value float64", &[]);
    node.dag(&["deploy", &one]).success();
    let streams = ["tally(x)", "tally(x,10s)"];
    let (publisher, stop) = load(&node);
    let mut readers = streams.map(|stream| read(&node, stream, "earliest"));
    let mut records = [Vec::new(), Vec::new()];
    let mut moves = [Vec::new(), Vec::new()];
    for turn in 0..=10 {
        let expected = if turn % 2 == 1 { TWO.offset } else { ONE.offset };
        if turn > 0 {
            let command: &[&str] = if turn % 2 == 1 { &["deploy", &two] } else { &["rollback", "tally"] };
            let answer = node.dag(&[command, &["--json"]].concat()).success();
            let answer: Value = serde_json::from_str(&answer).expect("it is JSON");
            for (stream, moves) in streams.iter().zip(&mut moves) {
                let all = answer["moves"].as_array().expect("it lists what moved");
                let one =
                    all.iter().find(|one| one["stream"] == *stream).unwrap_or_else(|| panic!("{stream}: {answer}"));
                assert_eq!((&one["by"], &one["error"]), (&"state".into(), &Value::Null), "{one}");
                moves.push((one.clone(), expected));
            }
        }
        // Each version is seen at work before the next one comes.
        for (reader, records) in readers.iter_mut().zip(&mut records) {
            while records.last().is_none_or(|last: &Record| offset(last.value) != expected) {
                records.push(record(&reader.line().text));
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    let published = publisher.join();
    assert_eq!(node.http().publish("x", &[("seal", "true")], "").status, 200);
    let counted: Vec<Vec<i64>> = readers
        .into_iter()
        .zip(records)
        .zip(&moves)
        .map(|((reader, mut records), moves)| {
            records.extend(reader.finish().success().lines().map(record));
            judge(&records, moves)
        })
        .collect();
    let published = i64::try_from(published).expect("it is small");
    assert_eq!(counted[0], (1..=published).collect::<Vec<_>>());
    assert_eq!(counted[1], vec![10; usize::try_from(published / 10).expect("it is small")]);
}

#[test]
fn a_transform_takes_its_state_along_too_and_crashes_leave_each_where_it_is() {
    let (one, two) = (ONE.steps(BY, "value"), TWO.steps(BY, "value"));
    let mut node = Node::start();
    node.create("x", "value float64", &[]);
    node.dag(&["deploy", &one]).success();
    let publish = |node: &Node, second: i64| {
        node.publish("x", &counting(second..second + 10), &["--done"]);
    };
    let mut seen: Vec<Record> = Vec::new();
    let mut moves = Vec::new();
    for (turn, command) in
        [&["deploy", two.as_str()][..], &["rollback", "steps"], &["deploy", two.as_str()]].into_iter().enumerate()
    {
        let from = seen.last().map_or_else(|| "earliest".to_owned(), |last| format!("1:{}", last.position + 1));
        let mut reader = read(&node, "steps(x)", &from);
        publish(&node, turn as i64 * 20);
        seen.extend(reader.take(10).iter().map(|line| record(line)));
        let one = moved(&node, command, "steps(x)");
        assert_eq!((&one["by"], &one["incarnation"]), (&"state".into(), &1.into()), "{one}");
        moves.push((one, if turn % 2 == 0 { TWO.offset } else { ONE.offset }));
        publish(&node, turn as i64 * 20 + 10);
        seen.extend(reader.take(10).iter().map(|line| record(line)));
        let before = versions(&node, "steps");
        if turn == 1 {
            node.restart()
        } else {
            node.crash()
        }
        assert_eq!(versions(&node, "steps"), before);
        let answer = node.http().get("operators/steps", &[]).json();
        let current = answer["versions"].as_array().expect("it has versions").iter().find(|one| one["current"] == true);
        let runs = &current.expect("one is current")["runs"];
        assert_eq!((&runs[0]["stream"], &runs[0]["incarnation"]), (&"steps(x)".into(), &1.into()), "{answer}");
    }
    assert_eq!(judge(&seen, &moves), (1..=60).collect::<Vec<_>>());
    publish(&node, 60);
    let last = read(&node, "steps(x)", "1:60").take(10);
    assert_eq!(record(&last[9]).value, TWO.offset + 70);
}

#[test]
fn a_version_that_does_not_read_the_state_computes_it_again_and_shows_nothing_of_that() {
    let (node, reader) = reading(&ONE.tally("Tally"), "tally(x)");
    drop(reader);
    let mut reader = read(&node, "tally(x)", "earliest");
    let mut records: Vec<Record> = reader.take(9).iter().map(|line| record(line)).collect();
    let replayed = moved(&node, &["deploy", &THREE.tally("Tally")], "tally(x)");
    assert_eq!(replayed["by"], "replay", "{replayed}");
    assert_eq!((&replayed["replay"][0]["stream"], &replayed["replay"][0]["position"]), (&"x".into(), &"1:0".into()));
    node.publish("x", &counting(10..20), &[]);
    records.extend(reader.take(5).iter().map(|line| record(line)));
    let refused = moved(&node, &["deploy", &FOUR.tally("Tally")], "tally(x)");
    assert_eq!(refused["by"], "replay", "it reads versions of the state that nobody writes any more: {refused}");
    node.publish("x", &counting(20..30), &["--seal"]);
    records.extend(reader.finish().success().lines().map(record));
    let counted = judge(&records, &[(replayed, THREE.offset), (refused, FOUR.offset)]);
    assert_eq!(counted, (1..=30).collect::<Vec<_>>());
}

#[test]
fn a_restart_while_a_state_is_computed_again_shows_nothing_of_that_either() {
    const COUNT: i64 = 20_000;
    let mut node = Node::start();
    node.create("x", "value float64", &[]);
    node.publish("x", &counting(0..COUNT), &["--done"]);
    node.dag(&["deploy", &ONE.steps(BY, "value")]).success();
    let mut reader = read(&node, "steps(x)", "earliest");
    reader.take(COUNT as usize);
    let replayed = moved(&node, &["deploy", &THREE.steps(BY, "value")], "steps(x)");
    assert_eq!(replayed["by"], "replay", "{replayed}");
    node.restart();
    node.publish("x", &counting(COUNT..COUNT + 10), &["--seal"]);
    let records: Vec<Record> = read(&node, "steps(x)", "1:0").finish().success().lines().map(record).collect();
    assert_eq!(judge(&records, &[(replayed, THREE.offset)]), (1..=COUNT + 10).collect::<Vec<_>>());
}

#[test]
fn a_version_that_fails_on_the_state_that_it_says_it_reads_computes_it_again() {
    let (node, reader) = reading(&ONE.tally("Tally"), "tally(x)");
    drop(reader);
    let mut reader = read(&node, "tally(x)", "earliest");
    let mut records: Vec<Record> = reader.take(9).iter().map(|line| record(line)).collect();
    let one = moved(&node, &["deploy", &FOUR.tally("Tally")], "tally(x)");
    assert_eq!(one["by"], "replay", "{one}");
    assert!(one["error"].as_str().is_some_and(|why| why.contains("did not take the state up")), "{one}");
    node.publish("x", &counting(10..20), &["--seal"]);
    records.extend(reader.finish().success().lines().map(record));
    assert_eq!(judge(&records, &[(one, FOUR.offset)]), (1..=20).collect::<Vec<_>>());
}

#[test]
fn a_state_goes_along_where_the_input_is_gone_and_without_it_the_version_is_refused() {
    let mut node = Node::start();
    node.create("x", "value utf8", &["--retention-bytes", "200000", "--durability", "os"]);
    node.dag(&["deploy", &ONE.tally("Tally")]).success();
    let mut reader = read(&node, "tally(x)", "earliest");
    fill(&node, 2_000);
    let counted = record(reader.take(1_999).last().expect("there are many"));
    assert_eq!(counted.value, 1_999);
    trim(&mut node);
    let reader = read(&node, "tally(x)", &format!("1:{}", counted.position + 1));
    let one = moved(&node, &["deploy", &TWO.tally("Tally")], "tally(x)");
    assert_eq!((&one["by"], &one["error"]), (&"state".into(), &Value::Null), "{one}");
    let said = node.dag(&["deploy", &THREE.tally("Tally")]).code(1).stderr;
    assert!(said.contains("`tally(x)` (incarnation 1) could move neither with its state"), "{said}");
    assert!(said.contains("takes `x` from 1:0 on: its earliest record is 1:"), "{said}");
    assert_eq!(versions(&node, "tally").last(), Some(&deployed("2.0.0", true)));
    let more = "{\"time\":2000,\"value\":\"a\"}\n{\"time\":2001,\"value\":\"b\"}\n";
    assert_eq!(node.http().publish("x", &[("seal", "true")], more).status, 200);
    let values: Vec<i64> = reader.finish().success().lines().map(|line| record(line).value).collect();
    assert_eq!(values.iter().map(|value| value % 1_000_000).collect::<Vec<_>>(), [2_000, 2_001, 2_002]);
    assert_eq!(values.last(), Some(&(TWO.offset + 2_002)));
}

#[test]
fn a_reader_who_comes_back_goes_on_where_it_was_with_the_version_that_is_current_by_then() {
    let (node, reader) = reading(&ONE.tally("Tally"), "tally(x)");
    drop(reader);
    let mut reader = read(&node, "tally(x)", "earliest");
    let mut records: Vec<Record> = reader.take(9).iter().map(|line| record(line)).collect();
    drop(reader);
    node.until_computing(&[], dag_tests::DEADLINE);
    node.dag(&["deploy", &TWO.tally("Tally")]).success();
    let reader = read(&node, "tally(x)", "1:9");
    has_moved(&node, "tally");
    node.publish("x", &counting(10..20), &["--seal"]);
    records.extend(reader.finish().success().lines().map(record));
    let values: Vec<i64> = records.iter().map(|record| record.value % 1_000_000).collect();
    assert_eq!(values, (1..=20).collect::<Vec<_>>());
    assert_eq!(records.last().map(|last| offset(last.value)), Some(TWO.offset));
}

#[test]
fn what_computes_again_what_a_crash_took_first_gets_to_the_end_of_that_and_then_moves() {
    const COUNT: i64 = 100_000;
    let arguments = ["--snapshot-interval", "1h"].map(str::to_owned).to_vec();
    let mut node = Node::with(Options { arguments, ..Options::default() });
    node.create("x", "value int64", &[]);
    node.dag(&["deploy", &ONE.steps(BY, "value")]).success();
    node.publish("x", &counting(0..COUNT), &["--done"]);
    read(&node, "mark(x)", "earliest").take(COUNT as usize);
    node.crash();
    node.dag(&["deploy", &TWO.steps(BY, "value")]).success();
    let reader = read(&node, "mark(x)", "1:0");
    has_moved(&node, "mark");
    node.publish("x", &counting(COUNT..COUNT + 1), &["--seal"]);
    let records: Vec<Record> = reader.finish().success().lines().map(record).collect();
    let expected = |at: i64| if at < COUNT { at } else { at + TWO.offset };
    assert_eq!(records.iter().map(|one| one.value).collect::<Vec<_>>(), (0..=COUNT).map(expected).collect::<Vec<_>>());
}

#[test]
fn a_window_is_computed_again_from_its_start_although_what_came_before_is_gone() {
    let mut node = Node::start();
    node.create("x", "value utf8", &["--retention-bytes", "200000", "--durability", "os"]);
    node.dag(&["deploy", &ONE.tally("Tally")]).success();
    let reader = read(&node, "tally(x, 10s)", "earliest");
    fill(&node, 2_000);
    let mut reader = reader;
    let last = record(reader.take(199).last().expect("there are many"));
    assert_eq!((last.position, last.value), (198, 10));
    trim(&mut node);
    let reader = read(&node, "tally(x, 10s)", "1:199");
    let one = moved(&node, &["deploy", &THREE.tally("Tally")], "tally(x,10s)");
    assert_eq!((&one["by"], &one["error"]), (&"replay".into(), &Value::Null), "{one}");
    assert_eq!(one["replay"][0]["time"], one["at"], "{one}");
    let more = "{\"time\":2000,\"value\":\"a\"}\n";
    assert_eq!(node.http().publish("x", &[("seal", "true")], more).status, 200);
    let values: Vec<i64> = reader.finish().success().lines().map(|line| record(line).value).collect();
    assert_eq!(values, [THREE.offset + 10, THREE.offset + 1], "all ten of the open window count");
}

#[test]
fn a_rollback_cures_those_who_read_on_where_the_later_version_failed() {
    // One that emits nothing, and one that emits something that no snapshot has when it fails.
    for fails_at in [5, 15] {
        let (node, reader) = reading(&ONE.tally("Tally"), "tally(x)");
        drop(reader);
        let mut reader = read(&node, "tally(x)", "earliest");
        let mut records: Vec<Record> = reader.take(9).iter().map(|line| record(line)).collect();
        let failing = Version { fails_at, ..TWO };
        moved(&node, &["deploy", &failing.tally("Tally")], "tally(x)");
        for second in 10..20 {
            node.publish("x", &counting(second..second + 1), &[]);
        }
        let failed = reader.finish().code(1);
        assert!(failed.stderr.contains("it does not count so far"), "{}", failed.stderr);
        records.extend(failed.stdout.lines().map(record));
        node.dag(&["rollback", "tally"]).success();
        node.publish("x", &counting(20..30), &["--seal"]);
        let rest = read(&node, "tally(x)", &format!("1:{}", records.len()));
        records.extend(rest.finish().success().lines().map(record));
        for (place, record) in records.iter().enumerate() {
            assert_eq!((record.position, record.value % 1_000_000), (place as u64, place as i64 + 1), "{record:?}");
        }
        assert_eq!(
            records.last().map(|last| (last.position, last.value)),
            Some((29, 30)),
            "by the version gone back to"
        );
    }
}
