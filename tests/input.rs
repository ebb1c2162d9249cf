//! What is wrong is refused where it is wrong, and said so that it can be put right.

use std::fs;

use dag_tests::Node;

/// A node with a stream `x` that has one record.
fn node() -> Node {
    let node = Node::start();
    node.create("x", "host utf8, value float64", &[]);
    let answer = node.http().publish("x", &[], "{\"time\":0,\"host\":\"web1\",\"value\":1}\n");
    assert_eq!(answer.status, 200, "{answer:?}");
    node
}

/// Publishes a file of that name that has refused lines; what is said of them.
#[track_caller]
fn refusals(node: &Node, name: &str, content: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join(name);
    fs::write(&path, content).expect("a file can be written");
    node.dag(&["publish", "x", path.to_str().expect("it is UTF-8")]).code(3).stderr
}

#[test]
fn files_that_one_publisher_sends_within_a_second_are_all_taken() {
    let node = Node::start();
    node.create("x", "value int64", &[]);
    for i in 0..8 {
        let summary = node.publish("x", &format!("time,value\n{i},{i}\n"), &["--publisher", "p"]);
        assert_eq!(summary["accepted"], 1, "{summary}");
    }
    let live = ["publish", "x", "-", "--format", "csv", "--publisher", "p", "--seal"];
    node.dag_with_input(&live, "time,value\n8,8\n").success();
    assert_eq!(node.csv("count(x, 1min)"), "time,value\n1970-01-01T00:00:00Z,9\n");
}

#[test]
fn lines_that_are_no_records_are_reported_and_the_rest_is_kept() {
    let node = node();
    let said = refusals(
        &node,
        "readings.ndjson",
        "{\"time\":1,\"host\":\"a\",\"value\":1}\n\
         {\"time\":2,\"host\":\"a\",\"value\":\"abc\"}\n\
         not json\n\
         {\"time\":\"never\",\"host\":\"a\",\"value\":2}\n\
         {\"host\":\"a\",\"value\":2}\n\
         {\"time\":3,\"host\":\"a\",\"value\":2,\"extra\":1}\n\
         {\"time\":4,\"host\":\"b\",\"value\":null}\n",
    );
    for line in [
        "line 2, column value: expected float64, found `abc`",
        "line 3: malformed JSON",
        "line 4, column time: expected a time in RFC 3339 or an integer in s, found `never`",
        "line 5: no time",
        "line 6: unknown column `extra`",
        "2 on time, 0 late, 5 refused",
    ] {
        assert!(said.contains(line), "{line} in: {said}");
    }
    assert_eq!(node.http().get("streams/x", &[]).json()["records"], 3);
}

#[test]
fn lines_of_csv_are_counted_with_the_header() {
    let node = node();
    let said = refusals(&node, "readings.csv", "time,host,value\n5,a,1\n6,a,zz\n7,a\n8,b,2\n");
    for line in [
        "line 3, column value: expected float64, found `zz`",
        "line 4: expected 3 fields as in the header, found 2",
        "2 on time, 0 late, 2 refused",
    ] {
        assert!(said.contains(line), "{line} in: {said}");
    }
}

#[test]
fn over_http_the_refused_lines_come_back_and_the_rest_is_kept() {
    let node = node();
    let answer = node.http().publish("x", &[("line", "11")], "{\"time\":1,\"value\":true}\n{\"time\":2,\"value\":2}\n");
    let body = answer.json();
    assert_eq!((answer.status, &body["accepted"], &body["refused"]), (400, &1.into(), &1.into()), "{body}");
    assert_eq!(body["error"]["code"], "refused-records", "{body}");
    assert_eq!((&body["refusals"][0]["line"], &body["refusals"][0]["column"]), (&11.into(), &"value".into()), "{body}");
}

/// An expression, the part of it that is wrong, what is said of it, and the HTTP status.
const WRONG: [(&str, &str, &str, u16); 17] = [
    ("avgg(x, 5s)", "avgg", "there is no operator `avgg`", 404),
    ("avgg(x, 5s)", "avgg", "`avg` has a similar name", 404),
    ("avg(xx, 5s)", "xx", "there is no stream `xx`", 404),
    ("nope", "nope", "there is no stream `nope`", 404),
    ("avg(x, 5s, of=valu)", "valu", "there is no column `valu`", 400),
    ("avg(x, 5s, of=host)", "avg", "column `host` is utf8, expected a number", 400),
    ("filter(x, lod > 5)", "lod", "there is no column `lod`", 400),
    ("filter(x, host > 5)", "5", "cannot compare utf8 and int64", 400),
    ("filter(x, \"host\" + 1 > 2)", "\"host\"", "`+` takes numbers, this is utf8", 400),
    ("above(x, 'a')", "'a'", "expected a number, found a text", 400),
    ("avg()", "avg", "avg takes 1 stream, found 0", 400),
    ("avg(x, 5s, 6s, 7s)", "6s", "avg takes no argument here, found a duration", 400),
    ("filter(x)", "filter", "filter needs `predicate`", 400),
    ("join(x, x)", "join", "join needs `on`", 400),
    ("avg(x, 5months)", "months", "calendar units are not durations", 400),
    ("filter(x, value >", "", "expected a name or a value, found the end", 400),
    ("late(avg(x, 5s))", "avg(x, 5s)", "only a source has late records", 400),
];

#[test]
fn a_wrong_expression_is_refused_with_a_mark_under_what_is_wrong() {
    let node = node();
    for (expression, wrong, said, status) in WRONG {
        let refused = node.dag(&["subscribe", expression]).code(1).stderr;
        assert!(refused.contains(said), "{said} in: {refused}");
        let start = if wrong.is_empty() { expression.len() } else { expression.find(wrong).expect("it is part of it") };
        let mark = format!("  {expression}\n  {}{}\n", " ".repeat(start), "^".repeat(wrong.len().max(1)));
        assert!(refused.contains(&mark), "expected\n{mark}found\n{refused}");
        assert!(refused.contains(&format!("column {}", start + 1)), "{refused}");
        let answer = node.http().get("subscribe", &[("expr", expression)]);
        assert_eq!(answer.status, status, "{expression}: {answer:?}");
    }
    assert!(node.computations().is_empty(), "nothing runs because of what was refused");
}

#[test]
fn misuse_of_a_command_has_a_code_of_its_own() {
    let node = node();
    node.dag(&["subscribe"]).code(2);
    node.dag(&["subscribe", "x", "--until", "tomorrow"]).code(2);
    node.dag(&["create", "y", "--schema", "value float65"]).code(2);
    let answer = node.http().post("streams", &[], "application/json", br#"{"name": "y"}"#);
    assert_eq!(answer.status, 400, "{answer:?}");
    let other = node.dag(&["create", "x", "--schema", "value float64"]).code(1);
    assert!(other.stderr.contains("`x` is there already, with other settings"), "{}", other.stderr);
    let missing = node.dag_with_input(&["publish", "xx"], "{\"time\":1,\"value\":1}\n").code(1);
    assert!(missing.stderr.contains("`xx`"), "{}", missing.stderr);
}
