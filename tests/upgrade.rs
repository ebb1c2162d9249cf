//! An operator changes while it is used.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use dag_tests::records::counting;
use dag_tests::{Node, Process, build_component};
use serde_json::Value;

/// A version of a component under test: `upgrade/tally.rs` or `upgrade/steps.rs` behind what differs between versions.
struct Version {
    /// Three numbers.
    number: &'static str,
    /// Added to each result, so that it shows which version made it.
    offset: i64,
    /// The version of the state that is written, and those that are read.
    state: (u32, &'static [u32]),
    /// Whether `tally` fails on the state that it says it reads.
    refuses: bool,
    /// How far `tally` counts before it fails.
    fails_at: i64,
}

const ONE: Version = Version { number: "1.0.0", offset: 0, state: (1, &[1]), refuses: false, fails_at: i64::MAX };
const TWO: Version = Version { number: "2.0.0", offset: 1_000_000, ..ONE };
/// Reads no state but its own.
const THREE: Version = Version { number: "3.0.0", offset: 3_000_000, state: (3, &[3]), ..ONE };
/// Says that it reads the state, and does not.
const FOUR: Version = Version { number: "4.0.0", offset: 4_000_000, refuses: true, ..ONE };

impl Version {
    fn constants(&self) -> String {
        let Version { number, offset, state: (written, read), refuses, fails_at } = self;
        format!(
            "const VERSION: &str = \"{number}\";\nconst OFFSET: i64 = {offset};\nconst WRITTEN: u32 = {written};\n\
             const READ: &[u32] = &{read:?};\n#[allow(dead_code)]\nconst REFUSES: bool = {refuses};\n#[allow(dead_code)]\nconst FAILS_AT: i64 = {fails_at};\n"
        )
    }

    /// The component `count-kit` with these operators of `upgrade/tally.rs`.
    fn tally(&self, operators: &str) -> String {
        let source = format!(
            "{}dag_guest::export_aggregates!(component = \"count-kit\", version = VERSION, \
             [{operators}]);\nmod tally {{ use super::*; {} }}\nuse tally::*;\n",
            self.constants(),
            include_str!("upgrade/tally.rs").replace("//! ", "// ")
        );
        build("tally", &source)
    }

    /// The component `walk` with `steps`, which takes these arguments and gives a column of that name.
    fn steps(&self, arguments: &str, result: &str) -> String {
        let source = format!(
            "{}const RESULT: &str = {result:?};\ndag_guest::arguments! {{\n/// What `steps` takes.\npub struct StepsArguments {{\n\
             {arguments}\n}}\n}}\ndag_guest::export_transforms!(component = \"walk\", version = VERSION, [Steps]);\n{}",
            self.constants(),
            include_str!("upgrade/steps.rs").replace("//! ", "// ")
        );
        build("steps", &source)
    }
}

/// What `steps` takes unless a version changes it.
const BY: &str = "/// Counted for each record.\nnamed by: i64 = \"1\",";

/// Each source is a crate of its own, so that tests that need it build it once.
fn build(name: &str, source: &str) -> String {
    let mut hasher = DefaultHasher::new();
    source.hash(&mut hasher);
    let name = format!("{name}-{:x}", hasher.finish());
    build_component(&name, source).to_str().expect("it is UTF-8").to_owned()
}

/// A node with a sealed stream `x` of ten values, one a second.
fn node() -> Node {
    let node = Node::start();
    node.create("x", "value float64", &[]);
    node.publish("x", &counting(0..10), &["--seal"]);
    node
}

/// The versions of the component that exports an operator: number, how it became current, and whether it is.
fn versions(node: &Node, operator: &str) -> Vec<(String, String, bool)> {
    let answer = node.http().get(&format!("operators/{operator}"), &[]).json();
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    let versions = answer["versions"].as_array().expect("an operator has versions");
    let version = |one: &Value| (text(&one["version"]), text(&one["how"]), one["current"] == true);
    versions.iter().map(version).collect()
}

fn deployed(number: &str, current: bool) -> (String, String, bool) {
    (number.to_owned(), "deployed".to_owned(), current)
}

/// The last value of `tally(x)`, which is how many there were and the version's offset.
fn last_tally(node: &Node) -> i64 {
    let csv = node.csv("tally(x)");
    let value = csv.lines().last().and_then(|line| line.rsplit(',').next()).and_then(|value| value.parse().ok());
    value.unwrap_or_else(|| panic!("expected records, found {csv}"))
}

#[test]
fn a_rollback_takes_back_one_deployment_and_the_version_can_come_again() {
    let (one, two) = (ONE.tally("Tally"), TWO.tally("Tally"));
    let mut node = node();
    node.dag(&["deploy", &one]).success();
    assert_eq!(last_tally(&node), 10);
    let said = node.dag(&["deploy", &two]).success();
    assert!(said.starts_with("count-kit 2.0.0 (") && said.contains(") takes the place of 1.0.0\n"), "{said}");
    assert_eq!(last_tally(&node), 1_000_010, "what the earlier version left is not taken for the new one's");

    let lower = node.dag(&["deploy", &one]).code(1).stderr;
    assert!(lower.contains("`count-kit` 1.0.0 does not follow 2.0.0"), "{lower}");
    let said = node.dag(&["rollback", "tally"]).success();
    assert!(said.contains(") takes the place of 2.0.0\n"), "{said}");
    assert_eq!(last_tally(&node), 10);
    let rolled_back = ("1.0.0".to_owned(), "rolled back".to_owned(), true);
    let expected = vec![deployed("2.0.0", false), rolled_back];
    assert_eq!(versions(&node, "tally"), expected);
    node.crash();
    assert_eq!(versions(&node, "tally"), expected, "after a crash");
    let said = node.dag(&["rollback", "tally"]).code(1).stderr;
    assert!(said.contains("no version of component `count-kit` before this one"), "{said}");

    node.dag(&["deploy", &two]).success();
    node.restart();
    assert_eq!(last_tally(&node), 1_000_010);
    assert_eq!(versions(&node, "count-kit.tally").last(), Some(&deployed("2.0.0", true)));
    let shown = node.dag(&["operators", "tally"]).success();
    assert!(shown.contains("count-kit 2.0.0  current"), "{shown}");
    let unknown = node.dag(&["operators", "taly"]).code(1).stderr;
    assert!(unknown.contains("unknown operator `taly`") && unknown.contains("`tally`"), "{unknown}");
}

#[test]
fn an_operator_is_found_by_its_components_name_too() {
    let node = node();
    node.dag(&["deploy", &ONE.tally("Tally")]).success();
    assert_eq!(node.csv("\"count-kit\".tally(x, 5s)"), node.csv("tally(x, 5s)"));
    assert_eq!(node.csv("aggregates.count(x, 5s)"), node.csv("count(x, 5s)"));
    let wrong = node.dag(&["subscribe", "aggregates.tally(x)"]).code(1).stderr;
    assert!(wrong.contains("there is no operator"), "{wrong}");
}

#[test]
fn a_dry_run_changes_nothing() {
    let node = node();
    node.dag(&["deploy", &ONE.tally("Tally")]).success();
    let before = versions(&node, "tally");
    let said = node.dag(&["deploy", &TWO.tally("Tally"), "--dry-run"]).success();
    assert!(said.contains("2.0.0") && said.contains("would take the place of 1.0.0"), "{said}");
    assert_eq!(versions(&node, "tally"), before);
    assert_eq!(last_tally(&node), 10);
    let spare = node.dag(&["deploy", &TWO.tally("Tally, Spare"), "--dry-run"]).success();
    assert!(spare.contains("spare(STREAM"), "{spare}");
    node.dag(&["operators", "spare"]).code(1);
}

#[test]
fn a_version_that_changes_what_expressions_mean_is_refused_although_nothing_runs() {
    let node = node();
    node.dag(&["deploy", &ONE.steps(BY, "value")]).success();
    let refused = |arguments: &str| {
        let said = node.dag(&["deploy", &TWO.steps(arguments, "value")]).code(1).stderr;
        assert!(said.contains("walk 2.0.0 cannot become current") && said.contains("give the changed"), "{said}");
        said
    };
    let said = refused("/// Counted for each record.\nnamed by: i64 = \"2\",");
    assert!(said.contains("`steps` lets `by` default to 2, not 1"), "{said}");
    let said = refused("/// Counted for each record.\nnamed by: i64 = \"1\",\n/// Needed.\nnamed unit: i64,");
    assert!(said.contains("`steps` requires `unit`"), "{said}");
    assert_eq!(versions(&node, "steps"), [deployed("1.0.0", true)]);
    let more = format!("{BY}\n/// Not needed.\nnamed of_all: i64 = \"0\",");
    node.dag(&["deploy", &TWO.steps(&more, "value")]).success();
}

/// A node with an open stream `x` of ten values, one a second, and a subscriber to this expression over it that has read what there is.
fn reading(component: &str, expression: &str) -> (Node, Process) {
    let node = Node::start();
    node.create("x", "value float64", &[]);
    node.publish("x", &counting(0..10), &[]);
    node.dag(&["deploy", component]).success();
    let mut reader = node.spawn(&["subscribe", expression, "--from", "earliest", "--format", "csv"]);
    assert!(reader.line().text.starts_with("time,"));
    (node, reader)
}

#[test]
fn an_operator_in_use_can_neither_go_nor_change_its_columns() {
    let (node, _reader) = reading(&ONE.tally("Tally, Spare"), "spare(x)");
    let said = node.dag(&["deploy", &TWO.tally("Tally")]).code(1).stderr;
    assert!(said.contains("it does not export `spare`, which `spare(x)` uses"), "{said}");
    assert_eq!(versions(&node, "tally"), [deployed("1.0.0", true)]);

    let (node, _reader) = reading(&ONE.steps(BY, "value"), "steps(x)");
    let said = node.dag(&["deploy", &TWO.steps(BY, "steps")]).code(1).stderr;
    assert!(said.contains("with the columns (value int64), and would have (steps int64)"), "{said}");
    assert_eq!(versions(&node, "steps"), [deployed("1.0.0", true)]);
}

#[test]
fn a_version_that_does_not_read_the_state_says_where_a_replay_begins_and_can_be_kept_from_it() {
    let (node, mut reader) = reading(&ONE.tally("Tally"), "tally(x)");
    assert_eq!(reader.line().text, "1970-01-01T00:00:00Z,1");
    let three = THREE.tally("Tally");
    let said = node.dag(&["deploy", &three, "--dry-run"]).success();
    assert!(said.contains("replay of x from 1:0 on"), "{said}");
    let plan = node.dag(&["deploy", &TWO.tally("Tally"), "--dry-run", "--json"]).success();
    let plan: Value = serde_json::from_str(&plan).expect("it is JSON");
    let (expected, found) = (("tally(x)", "1.0.0", "state"), &plan["moves"][0]);
    assert_eq!(
        (&found["stream"], &found["version"], &found["by"]),
        (&expected.0.into(), &expected.1.into(), &expected.2.into())
    );
    let said = node.dag(&["deploy", &three, "--no-replay"]).code(1).stderr;
    assert!(said.contains("does not read the state of `tally(x)`"), "{said}");
    assert_eq!(versions(&node, "tally"), [deployed("1.0.0", true)]);
}

/// A record of a subscription with positions.
#[derive(Clone, Debug)]
struct Record {
    position: u64,
    time: String,
    value: i64,
}

fn record(line: &str) -> Record {
    let json: Value = serde_json::from_str(line).expect("a record is JSON");
    let text = |name: &str| json[name].as_str().expect("it is text").to_owned();
    Record {
        position: sequence(&text("position")),
        time: text("time"),
        value: json["value"].as_i64().expect("a count"),
    }
}

fn sequence(position: &str) -> u64 {
    position.split(':').nth(1).and_then(|number| number.parse().ok()).expect("a position is a run and a number")
}

/// A subscriber to everything of a stream, with positions.
fn read(node: &Node, expression: &str, from: &str) -> Process {
    node.spawn(&["subscribe", expression, "--from", from, "--with-position", "--format", "json"])
}

/// What a command that makes another version current says of a stream that moved.
fn moved(node: &Node, command: &[&str], stream: &str) -> Value {
    let answer = node.dag(&[command, &["--json"]].concat()).success();
    let answer: Value = serde_json::from_str(&answer).expect("it is JSON");
    let moves = answer["moves"].as_array().expect("it lists what moved");
    moves
        .iter()
        .find(|one| one["stream"] == stream)
        .unwrap_or_else(|| panic!("{stream} did not move: {answer}"))
        .clone()
}

/// Publishes one record a second of event time, fifty at once, until told to stop; answers how many.
fn load(node: &Node) -> (thread::JoinHandle<u64>, Arc<AtomicBool>) {
    let (http, stop) = (node.http().clone(), Arc::new(AtomicBool::new(false)));
    let stopped = stop.clone();
    let publisher = thread::spawn(move || {
        let mut count = 0;
        while !stopped.load(Ordering::Relaxed) {
            let records: String =
                (count..count + 50).map(|second| format!("{{\"time\":{second},\"value\":1}}\n")).collect();
            let answer = http.publish("x", &[], &records);
            assert_eq!(answer.status, 200, "{answer:?}");
            count += 50;
        }
        count
    });
    (publisher, stop)
}

/// The offset of the version that made a result.
fn offset(value: i64) -> i64 {
    value / 1_000_000 * 1_000_000
}

/// Checks that each record is from the version that the moves say, with nothing missing between, and returns what was counted.
fn judge(records: &[Record], moves: &[(Value, i64)]) -> Vec<i64> {
    for (place, record) in records.iter().enumerate() {
        assert_eq!(record.position, place as u64, "{record:?}");
        let text = |one: &Value, name: &str| one[name].as_str().expect("it moved").to_owned();
        let by_position = moves.iter().rfind(|(one, _)| sequence(&text(one, "position")) <= record.position);
        // Without their Z, times with and without fractions are in the order of their text.
        let by_frontier =
            moves.iter().rfind(|(one, _)| text(one, "at").trim_end_matches('Z') <= record.time.trim_end_matches('Z'));
        let expected = by_position.map_or(0, |(_, offset)| *offset);
        assert_eq!(offset(record.value), expected, "{record:?}");
        assert_eq!(by_frontier.map_or(0, |(_, offset)| *offset), expected, "{record:?} and its frontier");
    }
    records.iter().map(|record| record.value % 1_000_000).collect()
}

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
    let published = publisher.join().expect("it publishes");
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

/// Publishes records of a kilobyte that does not compress, one a second.
fn fill(node: &Node, count: u64) {
    let text = |second: u64| -> String {
        let mixed = |part: u64| (second * 64 + part).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29) | 1;
        (0..64).map(|part| format!("{:016x}", mixed(part).wrapping_mul(0xD134_2543_DE82_EF95))).collect()
    };
    for part in 0..count / 100 {
        let records: String = (part * 100..part * 100 + 100)
            .map(|second| format!("{{\"time\":{second},\"value\":\"{}\"}}\n", text(second)))
            .collect();
        assert_eq!(node.http().publish("x", &[], &records).status, 200);
    }
}

/// Lets retention take what it does not keep of `x`.
fn trim(node: &mut Node) {
    // A node looks at what it keeps when it starts, and then once a minute.
    node.restart();
    dag_tests::until("old records are gone", dag_tests::DEADLINE, || {
        let stream = node.http().get("streams/x", &[]).json();
        (!stream["earliest"].as_str().expect("something is kept").ends_with(":0")).then_some(())
    });
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
    let moved = || {
        let answer = node.http().get("operators/tally", &[]).json();
        (answer["versions"][1]["runs"][0]["incarnation"] == 1).then_some(())
    };
    dag_tests::until("it has moved", dag_tests::DEADLINE, moved);
    node.publish("x", &counting(10..20), &["--seal"]);
    records.extend(reader.finish().success().lines().map(record));
    let values: Vec<i64> = records.iter().map(|record| record.value % 1_000_000).collect();
    assert_eq!(values, (1..=20).collect::<Vec<_>>());
    assert_eq!(records.last().map(|last| offset(last.value)), Some(TWO.offset));
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
