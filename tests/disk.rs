//! A disk that is full, or nearly so: publishers are refused, readers served, and nobody has to do anything afterwards.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use dag_tests::chance::Chance;
use dag_tests::{DEADLINE, Node, Options, wait};
use tempfile::TempDir;

const MIB: u64 = 1 << 20;

/// A small file system in memory, unmounted when this is dropped.
struct SmallDisk {
    at: TempDir,
}

impl SmallDisk {
    /// None where mounting is not permitted, which takes root.
    fn mount(mebibytes: u64) -> Option<SmallDisk> {
        let disk = SmallDisk { at: tempfile::tempdir().unwrap() };
        let size = format!("size={mebibytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(disk.at.path()).output();
        if !mounted.is_ok_and(|mounted| mounted.status.success()) {
            eprintln!("skipped: a small disk can't be mounted here");
            return None;
        }
        Some(disk)
    }

    fn free(&self) -> u64 {
        let found = rustix::fs::statvfs(self.at.path()).unwrap();
        found.f_bavail * found.f_frsize
    }

    /// Fills it with a file until only so much is free.
    fn leave(&self, bytes: u64) -> PathBuf {
        let path = self.at.path().join("filler");
        let mut file = File::create(&path).unwrap();
        let mut left = self.free() - bytes;
        while left > 0 {
            let some = left.min(64 << 10);
            file.write_all(&vec![1; some as usize]).unwrap();
            left -= some;
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.at.path()).output();
    }
}

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
    let node = node(disk.at.path(), reserve);
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
fn retention_looks_before_a_publisher_is_refused() {
    let Some(disk) = SmallDisk::mount(96) else { return };
    let node = node(disk.at.path(), "10");
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
