//! What comes in from outside: whose requests, under which names, how much at a time.

use dag_tests::{Feed, Node, Options, Raw, dag};
use serde_json::{Value, json};

/// What the node answers to a request with these further lines of its head.
fn answer(node: &Node, request: &str, head: &[&str]) -> String {
    let mut raw = Raw::to(node);
    let lines: String = head.iter().map(|line| format!("\r\n{line}")).collect();
    raw.send(&format!("{request} HTTP/1.1\r\nconnection: close{lines}"), b"");
    raw.until_closed().expect("it answers")
}

#[test]
fn a_page_takes_no_cursor_from_its_reader() {
    let node = Node::start();
    node.create("x", "value float64", &[]);
    let mut reader = Feed::open(node.url(), &[("expr", "x"), ("cursor", "billing")]).unwrap().unwrap();
    let request = "GET /v1/subscribe?expr=x&cursor=billing&limit=0";
    for page in
        [&["sec-fetch-site: cross-site"][..], &["sec-fetch-site: same-site"], &["origin: http://localhost:3000"], &[]]
    {
        let refused = answer(&node, request, page);
        assert!(refused.starts_with("HTTP/1.1 403"), "{page:?}: {refused}");
    }
    let new = answer(&node, "GET /v1/subscribe?expr=x&cursor=another&limit=0", &["sec-fetch-site: cross-site"]);
    assert!(new.starts_with("HTTP/1.1 403"), "{new}");
    let cursors = node.http().get("cursors", &[]).json();
    assert_eq!(cursors["cursors"].as_array().map(Vec::len), Some(1), "none was made");
    assert_eq!(node.http().publish("x", &[], "{\"time\":1,\"value\":1}\n").status, 200);
    assert_eq!(reader.line(dag_tests::DEADLINE).as_deref(), Some(r#"{"time":"1970-01-01T00:00:01Z","value":1.0}"#));

    let told = answer(&node, request, &[]);
    assert!(told.contains("curl -H 'Dag-Client: me'"), "{told}");
    assert!(answer(&node, request, &["dag-client: me"]).starts_with("HTTP/1.1 200"));
}

#[test]
fn pages_of_an_allowed_origin_use_the_node_as_their_browser_asks() {
    let arguments = ["--allow-origin", "https://board.example", "--allow-origin", "http://localhost:3000"];
    let node = Node::with(Options { arguments: arguments.map(str::to_owned).to_vec(), ..Options::default() });
    node.create("x", "value float64", &[]);
    let page = |request: &str, origin: &str, more: &[&str]| {
        let origin = format!("origin: {origin}");
        answer(&node, request, &[&[origin.as_str(), "sec-fetch-site: cross-site"], more].concat()).to_lowercase()
    };
    let asking = ["access-control-request-method: DELETE", "access-control-request-headers: content-type,dag-client"];
    for origin in ["https://board.example", "http://localhost:3000"] {
        let may = page("OPTIONS /v1/streams/x", origin, &asking);
        assert!(may.starts_with("http/1.1 200"), "{may}");
        for header in [&format!("allow-origin: {origin}"), "allow-headers: content-type,dag-client"] {
            assert!(may.contains(&format!("access-control-{header}\r\n")), "{may}");
        }
        assert!(may.contains("access-control-allow-methods: get,post,put,patch,delete\r\n"), "{may}");
        // An event source can send no header: the origin vouches for it.
        let read = page("GET /v1/subscribe?expr=x&cursor=board&limit=0", origin, &[]);
        assert!(read.starts_with("http/1.1 200"), "{read}");
        assert!(read.contains(&format!("access-control-allow-origin: {origin}\r\n")), "{read}");
        let missing = page("GET /v1/streams/y", origin, &[]);
        assert!(missing.starts_with("http/1.1 404") && missing.contains("access-control-allow-origin"), "{missing}");
    }
    for origin in ["https://board.example:444", "https://evil.example", "null"] {
        for request in ["OPTIONS /v1/streams/x", "GET /v1/status"] {
            let refused = page(request, origin, &asking);
            assert!(refused.starts_with("http/1.1 403") && refused.contains("--allow-origin"), "{refused}");
            assert!(!refused.contains("access-control-allow-origin"), "{refused}");
        }
    }
    let told = dag(&["serve", "--allow-origin", "https://board.example/", "--listen", "127.0.0.1:0"]);
    assert!(told.code == Some(2) && told.stderr.contains("which is https://board.example"), "{told:?}");
}

/// What is said where a stream of this description is refused.
#[track_caller]
fn refused(node: &Node, stream: &Value) -> String {
    let answer = node.http().post("streams", &[], "application/json", stream.to_string().as_bytes());
    assert_eq!(answer.status, 400, "{}", answer.body);
    answer.json()["error"]["message"].as_str().expect("it says why").to_owned()
}

#[test]
fn columns_are_bounded_in_number_and_length() {
    let node = Node::start();
    let stream = |count: usize, length: usize| {
        let column = |index: usize| json!({"name": format!("{index:0length$}"), "type": "float64"});
        json!({"name": "x", "schema": (0..count).map(column).collect::<Vec<_>>()})
    };
    let too_many = refused(&node, &stream(1_001, 5));
    assert_eq!(too_many, "a stream has at most 1000 columns, this one has 1001");
    let too_long = refused(&node, &stream(1, 201));
    assert!(too_long.ends_with("a column's name has 1 to 200 bytes, this one has 201"), "{too_long}");
    let too_long = refused(&node, &stream(1_000, 66));
    assert_eq!(too_long, "the columns' names have 66000 bytes together; the limit is 65536");
    let huge = answer(&node, "POST /v1/streams", &["content-length: 1048577"]);
    assert!(huge.starts_with("HTTP/1.1 413") && huge.contains("1048576 bytes here (1MiB)"), "{huge}");

    let most = node.http().post("streams", &[], "application/json", stream(1_000, 65).to_string().as_bytes());
    assert_eq!(most.status, 201);
    let record = format!("{{\"time\":1,\"{:065}\":1}}\n", 999);
    assert_eq!(node.http().publish("x", &[], &record).status, 200);
}

#[test]
fn names_hold_nothing_that_a_terminal_obeys() {
    let node = Node::start();
    let escape = "\u{1b}[2J";
    let column = |name: &str| json!([{"name": name, "type": "float64"}]);
    assert!(refused(&node, &json!({"name": escape, "schema": column("v")})).contains(r"this one has \u{1b}"));
    assert!(refused(&node, &json!({"name": "x", "schema": column(escape)})).contains(r"this one has \u{1b}"));
    let time = json!({"name": "x", "schema": column("v"), "time": {"column": escape}});
    assert!(refused(&node, &time).contains(r"this one has \u{1b}"));
    node.create("x", "value float64", &[]);
    let publisher = [("publisher", escape), ("batch", "1")];
    let answer = node.http().publish("x", &publisher, "{\"time\":1}\n");
    assert!(answer.status == 400 && answer.body.contains("a publisher's name has no control characters"), "{answer:?}");
    let cursor = node.http().get("subscribe", &[("expr", "x"), ("cursor", escape)]);
    assert!(cursor.status == 400 && cursor.body.contains("a cursor's name has no control characters"), "{cursor:?}");

    // What the node says of what it was asked for comes back to who asked, and does nothing to the terminal.
    for arguments in
        [&["streams", escape][..], &["explain", escape], &["subscribe", escape], &["cursors", "show", escape]]
    {
        let said = node.dag(arguments);
        let output = format!("{}{}", said.stdout, said.stderr);
        assert!(!output.contains('\u{1b}') && !output.is_empty(), "{arguments:?}: {output:?}");
    }
    assert!(!dag(&["explain", escape, "--node", "127.0.0.1:1"]).stderr.contains('\u{1b}'));
}

#[test]
fn a_first_line_beyond_any_file_is_refused() {
    let node = Node::start();
    node.create("x", "value float64", &[]);
    let answer = node.http().publish("x", &[("line", &u64::MAX.to_string())], "{\"time\":1}\nx\n");
    assert!(answer.status == 400 && answer.body.contains("the limit is 9007199254740992"), "{answer:?}");
}
