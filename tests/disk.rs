//! A disk that is full, or nearly so: publishers are refused, readers served, and nobody has to do anything afterwards.

use std::fs;
use std::path::Path;

use dag_tests::chance::Chance;
use dag_tests::small_disk::SmallDisk;
use dag_tests::{DEADLINE, Node, Options, wait};
use tempfile::TempDir;

const MIB: u64 = 1 << 20;

/// A node whose data lies there.
fn node(disk: &Path, reserve: &str) -> Node {
    let arguments = vec!["--disk-reserve".into(), reserve.into()];
    let data = TempDir::new_in(disk).unwrap();
    Node::on(data, Options { arguments, ..Options::default() })
}

/// About a mebibyte of texts that nothing makes smaller.
fn texts(chance: &mut Chance) -> String {
    let letter = |chance: &mut Chance| char::from(b'!' + 2 + chance.below(56) as u8);
    let text = |chance: &mut Chance| (0..1_000).map(|_| letter(chance)).collect::<String>();
    (0..1_000).map(|row| format!("{{\"time\":{row},\"text\":{:?}}}\n", text(chance))).collect()
}

fn publish(node: &Node, body: &str) -> (u16, String) {
    let answer = node.http().post("streams/x/records", &[], "application/x-ndjson", body.as_bytes());
    (answer.status, answer.body)
}

fn refused_then_taken(reserve: &str, leave: u64, why: &str) {
    let Some(disk) = SmallDisk::mount(64) else { return };
    let node = node(disk.path(), reserve);
    node.create("x", "text utf8", &["--out-of-order", "1h"]);
    assert_eq!(publish(&node, "{\"time\":1,\"text\":\"before\"}\n").0, 200);

    let filler = disk.leave(leave);
    let (mut chance, mut bodies) = (Chance::new(1), Vec::new());
    let refused = wait::until("a publish is refused", DEADLINE, || {
        bodies.push(texts(&mut chance));
        let (status, body) = publish(&node, bodies.last().unwrap());
        (status != 200).then_some((status, body))
    });
    assert_eq!(refused.0, 507, "{}", refused.1);
    assert!(refused.1.contains("disk-full") && refused.1.contains(why), "{}", refused.1);

    // With more asked for than there is, this would not end.
    let read = |records: usize| {
        let records = records.to_string();
        node.dag(&["subscribe", "x", "--from", "earliest", "-n", &records]).success();
    };
    read(1 + (bodies.len() - 1) * 1_000);

    fs::remove_file(filler).unwrap();
    assert_eq!(publish(&node, bodies.last().unwrap()).0, 200, "there is room again");
    read(1 + bodies.len() * 1_000);
}

#[test]
fn a_tenth_of_the_disk_stays_free_and_publishing_goes_on_when_there_is_room() {
    refused_then_taken("10", 9 * MIB, "10 % of them stay free");
}

#[test]
fn a_full_disk_refuses_publishers_serves_readers_and_recovers_by_itself() {
    refused_then_taken("0", 3 * MIB, "the disk is full");
}

#[test]
fn what_is_skipped_while_the_disk_is_full_is_in_its_stream_when_there_is_room() {
    let Some(disk) = SmallDisk::mount(64) else { return };
    let node = node(disk.path(), "10");
    node.create("x", "value int64", &[]);
    node.create("other", "value int64", &[]);
    node.dag(&["alter", "sum(x, 1h)", "--on-error", "skip"]).success();
    let body = format!("{{\"time\":1,\"value\":{}}}\n{{\"time\":2,\"value\":1}}\n", i64::MAX);
    assert_eq!(publish(&node, &body).0, 200);
    assert_eq!(node.http().publish("x", &[("seal", "true")], "").status, 200);

    let mut filler = disk.leave(5 * MIB);
    let refused = || node.http().publish("other", &[], "{\"time\":1,\"value\":1}\n").status == 507;
    wait::until("the node has nothing more to give up", DEADLINE, || {
        filler = disk.leave(5 * MIB);
        refused().then_some(())
    });
    let mut sum = node.spawn(&["subscribe", "sum(x, 1h)", "--from", "earliest", "--format", "csv"]);
    let explained = || node.http().get("explain", &[("expr", "sum(x, 1h)")]).json();
    let skipped = || explained()["streams"][0]["passed_over"].as_array().is_some_and(|records| records.len() == 1);
    wait::until("a record is skipped", 3 * DEADLINE, || skipped().then_some(()));
    let errors = || node.http().get("streams/errors(sum(x,1h))", &[]).json()["records"].clone();
    assert_eq!(errors(), 0);

    fs::remove_file(filler).unwrap();
    wait::until("it is kept", DEADLINE, || (errors() == 1).then_some(()));
    let expected = ["time,value".to_owned(), format!("1970-01-01T00:00:00Z,{}", i64::MAX)];
    assert_eq!(sum.take(2), expected, "what is computed goes on by itself");
}

#[test]
fn retention_looks_before_a_publisher_is_refused() {
    let Some(disk) = SmallDisk::mount(96) else { return };
    let node = node(disk.path(), "10");
    node.create("x", "text utf8", &["--out-of-order", "1h", "--retention-bytes", "2000000"]);
    let mut chance = Chance::new(2);
    for _ in 0..20 {
        assert_eq!(publish(&node, &texts(&mut chance)).0, 200);
    }
    disk.leave(4 * MIB);
    let before = disk.free();
    wait::until("the node looks for room", DEADLINE, || {
        let (status, body) = publish(&node, "{\"time\":1,\"text\":\"after\"}\n");
        assert_eq!(status, 200, "{body}");
        (disk.free() > before + 8 * MIB).then_some(())
    });
}

#[test]
fn a_subscription_that_fills_the_disk_keeps_no_publisher_out_and_leaves_room_when_it_goes() {
    const BODIES: usize = 60;
    let Some(disk) = SmallDisk::mount(128) else { return };
    let node = node(disk.path(), "10");
    node.create("x", "text utf8", &["--out-of-order", "1h"]);
    let mut chance = Chance::new(3);
    let mut publish_some = |count: usize| {
        for _ in 0..count {
            let (status, body) = publish(&node, &texts(&mut chance));
            assert_eq!(status, 200, "{body}");
        }
    };
    publish_some(BODIES);
    let everything = (BODIES * 1_000).to_string();
    let greedy = node.spawn(&["subscribe", "filter(x, text != 'none')", "--from", "earliest", "-n", &everything]);
    wait::until("the results stop growing", DEADLINE, || (disk.free() < 33 * MIB).then_some(()));
    publish_some(5);
    assert!(disk.free() > 13 * MIB, "a tenth stays free: {}", disk.free());
    drop(greedy);
    wait::until("there is room again, though nobody asks for it", DEADLINE, || (disk.free() > 45 * MIB).then_some(()));
    publish_some(5);
}

#[test]
fn a_node_starts_for_the_first_time_on_a_disk_that_is_nearly_full() {
    let Some(disk) = SmallDisk::mount(64) else { return };
    let _filler = disk.leave(16 * MIB);
    let node = node(disk.path(), "50");
    node.create("x", "text utf8", &[]);
    let (status, body) = publish(&node, "{\"time\":1,\"text\":\"a\"}\n");
    assert_eq!(status, 507, "the disk has less free than its reserve: {body}");
}
