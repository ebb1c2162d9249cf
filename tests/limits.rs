//! Limits at their edge: what is at one is taken, what is over it is refused by name. `docs/limits.md` lists them all.

use std::fs;
use std::path::Path;

use dag_tests::{Http, Node, dag};
use serde_json::{Value, json};

/// A node with a stream `x` of integers that costs no syncs.
fn node() -> Node {
    let node = Node::start();
    assert_eq!(create(node.http(), "x", 1).status, 201);
    node
}

/// Makes a stream with so many columns.
fn create(http: &Http, name: &str, columns: usize) -> dag_tests::http::Answer {
    let column = |number: usize| json!({"name": if number == 0 { "value".to_owned() } else { format!("c{number}") }, "type": "int64"});
    let schema: Vec<Value> = (0..columns).map(column).collect();
    let stream = json!({"name": name, "schema": schema, "durability": "os", "idle": "1h"});
    http.post("streams", &[], "application/json", stream.to_string().as_bytes())
}

/// What an answer says is wrong.
#[track_caller]
fn refused(answer: &dag_tests::http::Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{answer:?}");
    answer.json()["error"]["message"].as_str().expect("it says why").to_owned()
}

/// A record in exactly so many bytes, without the line's end.
fn line(bytes: usize) -> String {
    let (before, after) = ("{\"time\":1,\"value\":1", "}");
    format!("{before}{}{after}", " ".repeat(bytes - before.len() - after.len()))
}

#[test]
fn a_line_has_a_mebibyte() {
    let node = node();
    let fits = node.http().publish("x", &[], &(line(1 << 20) + "\n"));
    assert_eq!((fits.status, &fits.json()["accepted"]), (200, &1.into()), "{}", fits.body);
    let longer = node.http().publish("x", &[], &(line((1 << 20) + 1) + "\n{\"time\":1,\"value\":1}\n"));
    assert_eq!((longer.status, &longer.json()["accepted"]), (400, &1.into()), "the next one is taken: {}", longer.body);
    assert!(longer.body.contains("the line is longer than 1048576 bytes"), "{}", longer.body);
}

#[test]
fn a_thousand_refusals_are_listed_and_all_are_counted() {
    let node = node();
    for (lines, listed) in [(1_000, 1_000), (1_001, 1_000)] {
        let answer = node.http().publish("x", &[], &"{\"time\":1,\"value\":\"a\"}\n".repeat(lines));
        let body = answer.json();
        assert_eq!((answer.status, &body["refused"]), (400, &lines.into()));
        assert_eq!(body["refusals"].as_array().map(Vec::len), Some(listed));
    }
}

#[test]
fn names_have_a_length() {
    let node = node();
    let stream = |bytes: usize| create(node.http(), &"s".repeat(bytes), 1);
    assert_eq!(stream(200).status, 201);
    assert!(refused(&stream(201), 400).contains("a stream's name has 1 to 200 bytes, this one has 201"));

    let cursor = |bytes: usize| {
        let name = "c".repeat(bytes);
        // What ends before it begins is answered whole.
        let until = [("expr", "x"), ("cursor", &name), ("from", "earliest"), ("limit", "1")];
        node.http().get("subscribe", &until)
    };
    node.http().publish("x", &[], "{\"time\":1,\"value\":1}\n");
    assert_eq!(cursor(200).status, 200);
    assert!(refused(&cursor(201), 400).contains("a cursor's name has 1 to 200 bytes, this one has 201"));

    let publisher = |bytes: usize| {
        node.http().publish("x", &[("publisher", &"p".repeat(bytes)), ("batch", "1")], "{\"time\":1,\"value\":1}\n")
    };
    assert_eq!(publisher(256).status, 200);
    assert!(refused(&publisher(257), 400).contains("a publisher's name has 1 to 256 bytes, this one has 257"));
}

#[test]
fn a_thousand_publishers_are_joined_to_a_stream() {
    let node = node();
    let join = |number: usize| {
        let name = format!("p{number}");
        node.http().publish("x", &[("publisher", &name), ("heartbeat", "1970-01-01T00:00:00Z")], "")
    };
    for number in 0..1_000 {
        assert_eq!(join(number).status, 200, "{number}");
    }
    assert!(refused(&join(1_000), 429).contains("1000 publishers are joined, which is the limit"));
    node.http().publish("x", &[("publisher", "p7"), ("leave", "true")], "");
    assert_eq!(join(1_000).status, 200, "one has left");
}

#[test]
fn an_expression_has_a_length_and_a_depth() {
    let node = node();
    let explain = |expression: &str| node.http().get("explain", &[("expr", expression)]);
    let long = |bytes: usize| format!("x{}", " ".repeat(bytes - 1));
    assert_eq!(explain(&long(16 << 10)).status, 200);
    let why = refused(&explain(&long((16 << 10) + 1)), 400);
    assert!(why.contains("this expression has 16385 bytes; the most is 16384"), "{why}");

    let deep = |depth: usize| format!("{}x{}", "filter(".repeat(depth), ", true)".repeat(depth));
    assert_eq!(explain(&deep(30)).status, 200);
    let why = refused(&explain(&deep(65)), 400);
    assert!(why.contains("more than 64 deep in one another"), "{why}");
}

#[test]
fn the_page_of_limits_names_flags_and_tests_that_there_are() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(repository.join("docs/limits.md")).expect("the page is there");
    let commands = ["serve", "create", "publish", "deploy", "subscribe", "alter", "status"];
    let mut help: String = commands.map(|command| dag(&[command, "--help"]).success()).concat();
    help.push_str(&dag(&["token", "create", "--help"]).success());
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| limit |"));
    let mut wrong = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [limit, default, flag, protects, error, held_by] = cells[..] else {
            wrong.push(format!("not six cells: {row}"));
            continue;
        };
        if [limit, default, protects, error, held_by].iter().any(|cell| cell.is_empty()) {
            wrong.push(format!("`{limit}` has an empty cell"));
        }
        for flag in flag.split(['`', ' ', ',', '=']).filter(|word| word.starts_with("--")) {
            if !help.contains(flag) {
                wrong.push(format!("`{limit}`: there is no flag {flag}"));
            }
        }
        for test in held_by.split('`').skip(1).step_by(2) {
            let (file, function) = test.split_once("::").unwrap_or((test, ""));
            let text = fs::read_to_string(repository.join(file)).unwrap_or_default();
            if text.is_empty() || !text.contains(&format!("fn {function}")) {
                wrong.push(format!("`{limit}`: there is no test {test}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
