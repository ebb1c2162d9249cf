//! Who connects and does not behave costs little, and for a short time.

use std::time::Duration;

use dag_tests::{DEADLINE, Node, Options, Raw, until};
use rustix::process::{Pid, Resource, Rlimit};

/// A node with further arguments, and a stream `x`.
fn node(arguments: &[&str]) -> Node {
    let arguments = arguments.iter().map(ToString::to_string).collect();
    let node = Node::with(Options { arguments, ..Options::default() });
    node.create("x", "value float64", &[]);
    node
}

const HALF_A_HEAD: &[u8] = b"GET /v1/status HTTP/1.1\r\nhost: localhost\r\n";

#[test]
fn half_a_request_ends_with_its_connection() {
    let node = node(&["--request-time", "300ms"]);
    let mut half = Raw::to(&node);
    half.write(HALF_A_HEAD).unwrap();
    let mut idle = Raw::to(&node);
    idle.send("GET /v1/status HTTP/1.1", b"");
    assert_eq!(half.until_closed().unwrap(), "");
    assert!(
        idle.until_closed().unwrap().starts_with("HTTP/1.1 200 OK"),
        "one that is kept ends, too, if nothing comes"
    );

    let mut body = Raw::to(&node);
    body.send("POST /v1/streams/x/records HTTP/1.1\r\ncontent-length: 1000", b"{\"time\":1}\n");
    let answer = body.until_closed().unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("\"too-slow\"") && answer.contains("after 11 bytes") && answer.contains("--request-time"));
}

#[test]
fn who_subscribes_is_not_hurried() {
    let node = node(&["--request-time", "200ms"]);
    let mut lines = node.http().lines("subscribe", &[("expr", "x")]);
    // The time that has to pass is the node's, not the test's.
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(node.http().publish("x", &[], "{\"time\":1,\"value\":1}\n").status, 200);
    assert_eq!(lines.next().as_deref(), Some(r#"{"time":"1970-01-01T00:00:01Z","value":1.0}"#));
}

#[test]
fn connections_leave_the_node_files_of_its_own() {
    let node = node(&["--request-time", "2s"]);
    let open = std::fs::read_dir(format!("/proc/{}/fd", node.pid())).unwrap().count() as u64;
    let files = 2 * open + 60;
    let limit = Rlimit { current: Some(files), maximum: Some(files) };
    let pid = Pid::from_raw(i32::try_from(node.pid()).unwrap());
    rustix::process::prlimit(pid, Resource::Nofile, limit).unwrap();
    let mut halves: Vec<Raw> = (0..files).map(|_| Raw::to(&node)).collect();
    for half in &mut halves {
        // Those that are turned away may be closed already.
        let _ = half.write(HALF_A_HEAD);
    }
    // Some are told why, most are closed, and those that were let in end when nothing comes of them.
    let told = |half: &mut Raw| half.until_closed().is_ok_and(|answer| answer.contains("429 Too Many Requests"));
    let told = halves.iter_mut().filter_map(|half| told(half).then_some(())).count();
    assert!(told > 0, "nobody is told why");
    node.create("y", "value float64", &[]);
    assert_eq!(node.http().publish("y", &[], "{\"time\":1,\"value\":1}\n").status, 200);
}

#[test]
fn connections_are_counted_against_their_limit() {
    let node = node(&["--connections", "2", "--request-time", "1m"]);
    let mut kept: Vec<Raw> = (0..2).map(|_| Raw::to(&node)).collect();
    // Only a connection that was accepted counts, and the node accepts them in their order.
    let mut more = Raw::to(&node);
    more.send("GET /v1/status HTTP/1.1", b"");
    let answer = more.until_closed().unwrap();
    assert!(answer.starts_with("HTTP/1.1 429") && answer.contains("retry-after: 1"), "{answer}");
    assert!(answer.contains("there are 2 connections") && answer.contains("--connections"), "{answer}");
    drop(kept.pop());
    until("a place is free", DEADLINE, || {
        let mut more = Raw::to(&node);
        more.try_send("GET /v1/status HTTP/1.1\r\nconnection: close", b"").ok()?;
        more.until_closed().ok()?.starts_with("HTTP/1.1 200").then_some(())
    });
}

#[test]
fn who_does_not_read_answers_loses_the_connection() {
    let node = node(&["--request-time", "300ms"]);
    let mut deaf = Raw::to(&node);
    let request = b"GET /v1/operators HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(1_000);
    let error = until("the node has closed the connection", DEADLINE, || deaf.write(&request).err());
    assert!(!matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut), "{error}");
}

#[test]
fn requests_share_memory_and_who_finds_none_is_told_to_come_again() {
    let node = node(&["--request-memory", "4MiB", "--request-time", "1m"]);
    let line = b"{\"time\":1,\"value\":1}\n";
    let three: Vec<u8> = line.repeat((3 << 20) / line.len());
    let post =
        |length: usize| format!("POST /v1/streams/x/records HTTP/1.1\r\nconnection: close\r\ncontent-length: {length}");
    let mut stuck = Raw::to(&node);
    stuck.send(&post(three.len()), &three[..2 << 20]);
    until("what was sent is counted", DEADLINE, || {
        (node.status()["requests"]["taken"].as_u64()? >= 2 << 20).then_some(())
    });
    let mut second = Raw::to(&node);
    second.send(&post(three.len()), b"");
    let second = second.until_closed().unwrap();
    assert!(second.starts_with("HTTP/1.1 429"), "{second}");
    assert!(
        second.contains("retry-after: 1") && second.contains("\"busy\"") && second.contains("--request-memory"),
        "{second}"
    );
    assert_eq!(node.http().publish("x", &[], "{\"time\":1,\"value\":1}\n").status, 200, "small ones get in");

    let mut never = Raw::to(&node);
    never.send(&post(5 << 20), b"");
    let never = never.until_closed().unwrap();
    assert!(never.starts_with("HTTP/1.1 413") && never.contains("send it in parts"), "{never}");
    drop(stuck);
    until("what was sent is given back", DEADLINE, || {
        let answer = node.http().post("streams/x/records", &[], "application/x-ndjson", &three[..50_000 * line.len()]);
        (answer.status == 200).then_some(())
    });
}
