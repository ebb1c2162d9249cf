//! One request of 64 KiB, the worst that is known for each endpoint: what it makes the node use beyond what a well-behaved one takes.
//!
//! `cargo test --test requests -- --nocapture` prints the table. What is deployed is built in a child, whose limits are its own: what it takes
//! stands in a column beside the node's.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use dag_fuzz::wasm;
use dag_tests::{Node, Options, Raw};
use serde_json::json;

/// How long a request may be, with its head.
const SIZE: usize = 64 << 10;

/// How much memory it may take.
const MEMORY: u64 = 64 << 20;

/// How much processor time. Without optimisation the same takes some ten times as long.
const TIME: Duration = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 2 });

/// How much processor time a child may take that builds a component.
const BUILDING: Duration = Duration::from_secs(2);

/// The columns of the stream `wide`, besides its time.
const COLUMNS: usize = 999;

/// The most bytes of an expression.
const EXPRESSION: usize = 16 << 10;

/// How many records of that stream a body of their length may come to, about.
const TAKEN: usize = 3_700;

/// A request.
struct Case {
    endpoint: &'static str,
    worst: &'static str,
    head: String,
    body: Vec<u8>,
}

impl Case {
    fn get(endpoint: &'static str, worst: &'static str, path: String) -> Case {
        assert!(path.len() < SIZE, "{endpoint}, {worst}: {} bytes", path.len());
        Case { endpoint, worst, head: format!("GET {path} HTTP/1.1"), body: Vec::new() }
    }

    fn send(endpoint: &'static str, worst: &'static str, to: &str, media: &str, body: Vec<u8>) -> Case {
        assert!(body.len() <= SIZE, "{endpoint}, {worst}: {} bytes", body.len());
        let head = format!("{to} HTTP/1.1\r\ncontent-type: {media}\r\ncontent-length: {}", body.len());
        Case { endpoint, worst, head, body }
    }
}

/// As many repetitions as fit.
fn filled(first: &str, again: &str, last: &str) -> Vec<u8> {
    let count = (SIZE - first.len() - last.len()) / again.len();
    format!("{first}{}{last}", again.repeat(count)).into_bytes()
}

/// The same in a path, percent-encoded, in which a path has room for.
fn in_path(path: &str, first: &str, again: &str, last: &str) -> String {
    expression_in(path, first, again, last, usize::MAX)
}

/// The same for an expression, of at most so many bytes before it is encoded.
fn expression_in(path: &str, first: &str, again: &str, last: &str, most: usize) -> String {
    let fits = most.saturating_sub(first.len() + last.len()) / again.len();
    let encoded = |text: &str| -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"()-_.".contains(&byte);
        let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        text.bytes().map(one).collect()
    };
    let (first, again, last) = (encoded(first), encoded(again), encoded(last));
    let count = fits.min((60_000 - first.len() - last.len()) / again.len());
    format!("{path}{first}{}{last}", again.repeat(count))
}

/// Bodies of records.
fn records() -> Vec<Case> {
    let (endpoint, json, csv) = ("POST /v1/streams/{name}/records", "application/x-ndjson", "text/csv");
    let to = |stream: &str| format!("POST /v1/streams/{stream}/records");
    let wide_header: String = (0..COLUMNS).map(|index| format!(",c{index}")).collect();
    let case = |worst, stream, media, body| Case::send(endpoint, worst, &to(stream), media, body);
    let mut cases = vec![
        case("times alone, 999 columns", "wide", json, filled("", "{\"ts\":1}\n", "")),
        case("times alone, as many as are taken", "wide", json, "{\"ts\":1}\n".repeat(TAKEN).into_bytes()),
        case("values alone, as many as are taken", "arrival", csv, format!("c0\n{}", "1\n".repeat(TAKEN)).into_bytes()),
        case("lines that are none, 999 columns", "wide", json, filled("", "x\n", "")),
        case("unknown columns", "wide", json, filled("", "{\"b\":1}\n", "")),
        case("one line of lists", "x", json, filled("", "[", "")),
        case("a value of lists", "x", json, filled("{\"time\":1,\"value\":", "[", "")),
        case("one line of keys", "x", json, filled("{", "\"a\":1,", "\"b\":1}")),
        case("escapes", "x", json, filled("{\"", "\\u0000", "\":1}")),
        case("digits", "x", json, filled("{\"time\":1,\"value\":", "9", "}")),
        case("empty lines", "x", json, filled("", "\n", "")),
        case("values alone, 999 columns", "arrival", csv, filled("c0\n", "1\n", "")),
        case("commas, 999 columns", "wide", csv, filled(&format!("time{wide_header}\n"), ",", "")),
        case("lines too short, 999 columns", "wide", csv, filled(&format!("time{wide_header}\n"), "1\n", "")),
        case("quotes that do not close", "x", csv, filled("time,value\n", "a\",\"\n", "")),
        case("a header of commas", "x", csv, filled("time", ",", "\n")),
    ];
    let media = "application/vnd.apache.arrow.stream";
    cases.extend(arrow().into_iter().map(|(worst, stream, body)| case(worst, stream, media, body)));
    cases
}

/// Arrow streams.
fn arrow() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let of = |columns: Vec<(&str, ArrayRef)>| RecordBatch::try_from_iter(columns).expect("columns of one length");
    let times = |count: usize| Arc::new(Int64Array::from(vec![1; count])) as ArrayRef;
    let written = |batch: &RecordBatch, options: IpcWriteOptions, most: usize| {
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options).expect("into memory");
        let mut length = writer.get_ref().len();
        let mut one = 0;
        while one == 0 || length + one + 8 <= most {
            writer.write(batch).expect("into memory");
            one = writer.get_ref().len() - length;
            length += one;
        }
        writer.into_inner().expect("into memory")
    };
    let plain = IpcWriteOptions::default;
    let lz4 = plain().try_with_compression(Some(CompressionType::LZ4_FRAME)).expect("it is built in");
    let bits = Arc::new(BooleanArray::from(vec![true; 400_000])) as ArrayRef;
    vec![
        ("times alone, 999 columns", "wide", written(&of(vec![("time", times(8_000))]), plain(), 1)),
        ("batches without records, 999 columns", "wide", written(&of(vec![("time", times(0))]), plain(), SIZE)),
        ("batches of one record, 999 columns", "wide", written(&of(vec![("time", times(1))]), plain(), SIZE)),
        ("bits alone, 999 columns", "flags", written(&of(vec![("f0", bits)]), plain(), 1)),
        ("compressed zeros", "x", written(&of(vec![("time", times(1_500_000))]), lz4, 1)),
    ]
}

/// Expressions, where they are asked for.
fn expressions() -> Vec<Case> {
    let endpoints = [
        ("GET /v1/explain", "/v1/explain?expr="),
        ("GET /v1/subscribe", "/v1/subscribe?limit=0&from=earliest&expr="),
        ("GET /v1/streams/{name}", "/v1/streams/"),
    ];
    let expressions = [
        ("parentheses", "", "(", ""),
        ("minus", "filter(x, value > ", "-", "1)"),
        ("not", "filter(x, ", "not ", "true)"),
        ("or", "filter(x, value=1", " or value=1", ")"),
        ("digits", "filter(x, value > ", "9", ")"),
        ("text", "filter(x, cast(value as utf8) = '", "a", "')"),
        ("one name", "", "a", ""),
        ("dots", "", "a.", "a"),
        ("tags", "x{", "a=b,", "c=d}"),
        ("inputs", "union(x", ",x", ")"),
        ("applications", "", "filter(", ""),
        ("case", "filter(x, ", "case when true then ", "1)"),
        ("a list", "avg(x, 5m, by=(value", ",value", "))"),
        ("a duration", "avg(x, ", "1h", ")"),
    ];
    let cases = |(endpoint, path): (&'static str, &'static str)| {
        let longest = move |(worst, first, again, last): (&'static str, &str, &str, &str)| {
            // As long as expressions may be, and as long as a request may be.
            [EXPRESSION, SIZE].map(|most| Case::get(endpoint, worst, expression_in(path, first, again, last, most)))
        };
        expressions.into_iter().flat_map(longest)
    };
    endpoints.into_iter().flat_map(cases).collect()
}

/// Components, each as bad as fits.
fn components() -> Vec<Case> {
    let case = |worst, body| Case::send("POST /v1/components", worst, "POST /v1/components", "application/wasm", body);
    let module = [wasm::MODULE, &wasm::section(1, &[1, 0x60, 0, 0])].concat();
    vec![
        case("no component", filled("", "a", "")),
        case("types in one another", wasm::types(0x42, 20_000)),
        case("instances, twice as many each time", wasm::doubling(60)),
        case("functions", wasm::functions(15_000, &[])),
        case("loops in one another", wasm::functions(1, &wasm::nested(0x03, 15_000))),
        case("modules", wasm::modules(3_500, &module)),
        case("jumps with many results", wasm::jumps(8_000, 1_000)),
        case("names", wasm::names(1_000, 28)),
    ]
}

/// All others.
fn others() -> Vec<Case> {
    let json = "application/json";
    let columns: Vec<_> = (0..1_500).map(|index| json!({"name": format!("{index}"), "type": "int64"})).collect();
    let many = json!({"name": "many", "schema": columns}).to_string().into_bytes();
    let columns: Vec<_> = (0..1_000).map(|index| json!({"name": format!("{index:024}"), "type": "int64"})).collect();
    let most = json!({"name": "most", "schema": columns}).to_string().into_bytes();
    let long = |path: &str| in_path(path, "", "a", "");
    vec![
        Case::send("POST /v1/streams", "1,500 columns", "POST /v1/streams", json, many),
        Case::send("POST /v1/streams", "1,000 columns", "POST /v1/streams", json, most),
        Case::send("POST /v1/streams", "lists", "POST /v1/streams", json, filled("", "[", "")),
        Case::send(
            "POST /v1/streams",
            "a long name",
            "POST /v1/streams",
            json,
            filled("{\"schema\":[],\"name\":\"", "a", "\"}"),
        ),
        Case::send(
            "PATCH /v1/streams/{name}",
            "a long duration",
            "PATCH /v1/streams/x",
            json,
            filled("{\"idle\":\"", "1h", "\"}"),
        ),
        Case::send("POST /v1/cursors/{name}", "lists", "POST /v1/cursors/c", json, filled("", "[", "")),
        Case::send(
            "PUT /v1/cursors/{name}",
            "a long place",
            "PUT /v1/cursors/c",
            json,
            filled("{\"to\":\"", "9", "\"}"),
        ),
        Case::send(
            "POST /v1/tokens",
            "a long name",
            "POST /v1/tokens",
            json,
            filled("{\"scopes\":[],\"name\":\"", "a", "\"}"),
        ),
        Case::send(
            "POST /v1/tokens",
            "scopes",
            "POST /v1/tokens",
            json,
            filled("{\"name\":\"a\",\"scopes\":[\"read\"", ",\"read\"", "]}"),
        ),
        Case::send("DELETE /v1/tokens/{name}", "a body", "DELETE /v1/tokens/none", json, filled("", "a", "")),
        Case::get("GET /v1/tokens", "nothing", "/v1/tokens".to_owned()),
        Case::get("GET /v1/operators/{name}", "a name", "/v1/operators/avg".to_owned()),
        Case::send("DELETE /v1/streams/{name}", "a body", "DELETE /v1/streams/none", json, filled("", "a", "")),
        Case::send("DELETE /v1/components/{name}", "a body", "DELETE /v1/components/none", json, filled("", "a", "")),
        Case::send("DELETE /v1/cursors/{name}", "a body", "DELETE /v1/cursors/none", json, filled("", "a", "")),
        Case::send("POST /v1/backup", "a long path", "POST /v1/backup", json, filled("{\"directory\":\"", "/a", "\"}")),
        Case::send(
            "POST /v1/operators/{name}/rollback",
            "a body",
            "POST /v1/operators/avg/rollback?dry_run=true",
            json,
            filled("", "a", ""),
        ),
        Case::get("GET /v1/streams/{name}/publishers/{publisher}", "a long name", long("/v1/streams/x/publishers/")),
        Case::get("GET /v1/operators/{name}", "a long name", long("/v1/operators/")),
        Case::get("GET /v1/cursors/{name}", "a long name", long("/v1/cursors/")),
        Case::get("GET /v1/subscriptions/{id}/notices", "a long id", long("/v1/subscriptions/").clone() + "/notices"),
        Case::get("GET /v1/subscribe", "a long place", long("/v1/subscribe?expr=x&from=")),
        Case::get(
            "GET /v1/subscribe",
            "parameters",
            in_path("/v1/subscribe?expr=x", "", "a", "").replace('a', "&a=")[..60_000].to_owned(),
        ),
        Case::get("GET /v1/streams", "nothing", "/v1/streams".to_owned()),
        Case::get("GET /v1/operators", "nothing", "/v1/operators".to_owned()),
        Case::get("GET /v1/cursors", "nothing", "/v1/cursors".to_owned()),
        Case::get("GET /v1/status", "nothing", "/v1/status".to_owned()),
        Case::get(
            "any",
            "headers",
            "/v1/status HTTP/1.1".to_owned() + &format!("\r\na: {}", "b".repeat(600)).repeat(90),
        ),
        Case::get("any", "a long path", long("/")),
    ]
}

/// The most resident memory since it was last [`forgotten`], in bytes.
fn peak(node: &Node) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", node.pid())).expect("the node runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("proc(5): VmHWM");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("proc(5): kB");
    kib << 10
}

/// Lets the peak begin again at what is resident now.
fn forgotten(node: &Node) {
    // proc(5): 5 resets the peak resident set size.
    fs::write(format!("/proc/{}/clear_refs", node.pid()), "5").expect("the node is this user's");
}

/// The processor time of the children that the node has seen end.
fn children(node: &Node) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", node.pid())).expect("the node runs");
    // proc(5): behind the name in parentheses, the 14th and 15th are cutime and cstime.
    let fields = stat.rsplit_once(')').expect("proc(5): the name").1.split_whitespace().skip(13).take(2);
    let ticks: u64 = fields.map(|ticks| ticks.parse::<u64>().expect("proc(5): ticks")).sum();
    Duration::from_millis(ticks * 1_000 / rustix::param::clock_ticks_per_second())
}

/// The paths that a node answers, as it has them.
fn routes() -> Vec<String> {
    let router = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../runtime/node/src/http/mod.rs"));
    let router = router.expect("it is there");
    let paths = router.split('"').filter(|text| text.starts_with("/v1/"));
    paths.map(str::to_owned).collect()
}

/// What a request took.
struct Taken {
    status: String,
    time: Duration,
    building: Duration,
    memory: u64,
}

impl Taken {
    fn by(node: &Node, case: &Case) -> Taken {
        let (before, time, building) = (node.rss(), node.cpu_time(), children(node));
        forgotten(node);
        let mut raw = Raw::to(node);
        raw.send(&format!("{}\r\nconnection: close\r\ndag-client: tests", case.head), &case.body);
        let answer = raw.until_closed().unwrap_or_default();
        Taken {
            status: answer.split(' ').nth(1).unwrap_or("none").to_owned(),
            time: node.cpu_time() - time,
            building: children(node) - building,
            memory: peak(node).saturating_sub(before),
        }
    }

    fn is_beyond(&self) -> bool {
        let Taken { status, time, building, memory } = self;
        let fails = status.starts_with('5') || status == "none";
        fails || *memory > MEMORY || *time > TIME || *building > BUILDING * 2
    }
}

#[test]
fn no_request_of_64_kib_costs_more_than_64_mib_and_2_s() {
    let arguments = vec!["--build-time".to_owned(), format!("{}s", BUILDING.as_secs())];
    let node = Node::with(Options { arguments, ..Options::default() });
    node.create("x", "value float64", &[]);
    let columns = |name: &str, ty: &str| -> String {
        (0..COLUMNS).map(|index| format!("{name}{index} {ty}")).collect::<Vec<_>>().join(",")
    };
    node.create("wide", &columns("c", "int64"), &[]);
    node.create("arrival", &columns("c", "int64"), &["--no-time"]);
    node.create("flags", &columns("f", "boolean"), &["--no-time"]);
    let cases: Vec<Case> = records().into_iter().chain(expressions()).chain(components()).chain(others()).collect();
    let missing: Vec<String> = routes()
        .into_iter()
        .filter(|path| !cases.iter().any(|case| case.endpoint.ends_with(&format!(" {path}"))))
        .collect();
    assert!(missing.is_empty(), "nobody knows what these cost: {missing:?}");
    let mut beyond = Vec::new();
    println!("| endpoint | worst | status | CPU, ms | CPU of a child, ms | memory, KiB |\n|---|---|---|---|---|---|");
    for case in cases {
        let taken = Taken::by(&node, &case);
        let Taken { status, time, building, memory } = &taken;
        let (time, building) = (time.as_millis(), building.as_millis());
        println!("| {} | {} | {status} | {time} | {building} | {} |", case.endpoint, case.worst, memory >> 10);
        if taken.is_beyond() {
            beyond
                .push(format!("{}, {}: {status}, {time} and {building} ms, {memory} bytes", case.endpoint, case.worst));
        }
    }
    assert!(beyond.is_empty(), "{beyond:#?}");
    assert_eq!(node.status()["requests"]["taken"], 0, "all is given back");
}
