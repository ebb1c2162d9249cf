//! The three operators that every language has give the same, byte for byte, alone and mixed, through crashes, with any number of workers, and one goes on where another
//! stopped.

use std::path::Path;

use dag_operators::EXAMPLES;
use dag_tests::data::shared;
use dag_tests::{Node, Options, until};
use tempfile::TempDir;

use crate::kit::{finished, go_component, is_here};

/// Expressions with `LANG` for a language, over a stream `x` with a host and a value.
const EXPRESSIONS: [&str; 7] = [
    "avg_LANG(x, 1min)",
    "avg_LANG(x, 5min, every=1min, by=host)",
    "avg_LANG(x, session=90s, by=host)",
    "ema_LANG(x, 0.2, by=host)",
    "ema_LANG(x, 1)",
    "sessions_LANG(x, 90s, by=host)",
    "sessions_LANG(x, 1min30s)",
];

/// What mixes both: the first language's operator over the second's.
const MIXED: [&str; 2] =
    ["avg_LANG(ema_OTHER(x, 0.3, by=host), 2min, by=host)", "ema_LANG(avg_OTHER(x, 1min, by=host), 0.5, by=host)"];

/// What [`records`] need: a busy machine sends them in several batches, and only one batch is put in
/// order by itself.
const OUT_OF_ORDER: &[&str] = &["--out-of-order", "30min"];

/// Numbers of all sizes, some missing, at times that leave gaps.
fn records() -> String {
    let mut csv = "time,host,value\n".to_owned();
    for i in 0..3_000_i64 {
        let time = i * 7 + if i % 97 == 0 { 120 } else { 0 } + i / 500 * 600;
        let host = ["web1", "żółw", "", "db"][(i * i % 7 % 4) as usize];
        let value = match i % 11 {
            0 => String::new(),
            1 => format!("{:e}", 1.7e308 / (1 + i % 3) as f64),
            2 => format!("{:e}", -1.7e308 / (1 + i % 5) as f64),
            _ => format!("{}", i as f64 * 0.1),
        };
        csv += &format!("{time},{host},{value}\n");
    }
    csv
}

struct Components {
    _folders: Vec<TempDir>,
    rust: std::path::PathBuf,
    go: std::path::PathBuf,
}

/// The examples as components; none where Go is not here.
fn components() -> Option<Components> {
    if !is_here("go") {
        return None;
    }
    let (folder, go) = go_component("guest-sdk/go/examples", &[]);
    let rust = folder.path().join("rust.wasm");
    std::fs::write(&rust, EXAMPLES).unwrap();
    Some(Components { _folders: vec![folder], rust, go })
}

fn deploy(node: &Node, components: &[&Path]) {
    let files = components.iter().map(|path| path.to_str().unwrap());
    finished(node.spawn(&std::iter::once("deploy").chain(files).collect::<Vec<_>>())).success();
}

fn with_records(options: Options, csv: &str, components: &Components) -> Node {
    let node = Node::with(options);
    node.create("x", "host utf8, value float64", OUT_OF_ORDER);
    node.publish("x", csv, &["--seal"]);
    deploy(&node, &[&components.rust, &components.go]);
    node
}

fn everything(node: &Node) -> Vec<(String, String)> {
    let languages = [("rust", "go"), ("go", "rust")];
    let mut outputs = Vec::new();
    for expression in EXPRESSIONS.iter().chain(&MIXED) {
        let [rust, go] = languages.map(|(language, other)| {
            let expression = expression.replace("LANG", language).replace("OTHER", other);
            node.csv(&expression)
        });
        assert!(rust.lines().count() > 3, "{expression}: {rust}");
        assert_eq!(rust, go, "{expression}");
        outputs.push(((*expression).to_owned(), rust));
    }
    outputs
}

#[test]
fn all_languages_give_the_same_with_any_number_of_workers() {
    let Some(components) = components() else { return };
    let mut first = None;
    for workers in [1, 2, 4] {
        let node = with_records(Options { workers, ..Options::default() }, &records(), &components);
        let outputs = everything(&node);
        let embedded = node.csv("avg(x, 5min, every=1min, by=host)");
        assert_eq!(embedded, outputs[1].1, "the embedded avg is the same");
        assert_eq!(&outputs, first.get_or_insert_with(|| outputs.clone()), "{workers} workers");
    }
}

#[test]
fn all_languages_give_the_same_of_real_data() {
    let (Some(csv), Some(components)) = (shared("cpu_util.csv"), components()) else { return };
    everything(&with_records(Options::default(), &csv, &components));
}

#[test]
fn a_node_that_is_killed_goes_on_with_what_go_remembers() {
    let Some(components) = components() else { return };
    let csv = records();
    let expected = everything(&with_records(Options::default(), &csv, &components));

    let arguments = ["--snapshot-interval", "100ms"].map(str::to_owned).to_vec();
    let mut node = Node::with(Options { arguments, ..Options::default() });
    node.create("x", "host utf8, value float64", OUT_OF_ORDER);
    deploy(&node, &[&components.go]);
    let lines: Vec<_> = csv.lines().collect();
    let expression = "ema_go(x, 0.2, by=host)";
    for part in lines[1..].chunks(1_000) {
        node.publish("x", &format!("{}\n{}\n", lines[0], part.join("\n")), &["--publisher", "p", "--done"]);
        let mut reader = node.spawn(&["subscribe", expression, "--from", "earliest"]);
        reader.line();
        node.crash();
        drop(reader);
    }
    node.publish("x", "time,host,value\n", &["--seal"]);
    assert_eq!(node.csv(expression), expected[3].1);
}

#[test]
fn a_computation_goes_on_in_go_where_rust_stopped() {
    let Some(components) = components() else { return };
    let later = [("_go\"", "_rust\""), ("examples-go", "examples-rust"), ("\"0.1.0\"", "\"0.2.0\"")];
    let (_folder, go) = go_component("guest-sdk/go/examples", &later);
    let csv = records();
    let lines: Vec<_> = csv.lines().collect();
    let (first, second) = lines[1..].split_at(1_500);

    let node = Node::with(Options { linger: "1h", ..Options::default() });
    node.create("x", "host utf8, value float64", OUT_OF_ORDER);
    deploy(&node, &[&components.rust]);
    node.publish("x", &format!("{}\n{}\n", lines[0], first.join("\n")), &["--publisher", "p"]);
    let running = ["avg_rust(x,5m,every=1m,by=host)", "ema_rust(x,0.2,by=host)", "sessions_rust(x,1m30s,by=host)"];
    let mut readers: Vec<_> =
        running.iter().map(|expression| node.spawn(&["subscribe", expression, "--from", "earliest"])).collect();
    readers.iter_mut().for_each(|reader| drop(reader.line()));
    let moved = finished(node.spawn(&["deploy", go.to_str().unwrap(), "--no-replay"])).success();
    for expression in running {
        let line = moved.lines().find(|line| line.starts_with(expression)).unwrap_or_else(|| panic!("{moved}"));
        assert!(line.contains("state"), "{moved}");
    }
    node.publish("x", &format!("{}\n{}\n", lines[0], second.join("\n")), &["--publisher", "p", "--seal"]);
    let found: Vec<_> = running.iter().map(|expression| node.csv(expression)).collect();
    until("all readers have ended", dag_tests::DEADLINE, || {
        readers.iter_mut().all(|reader| !reader.is_running()).then_some(())
    });

    let whole = Node::start();
    whole.create("x", "host utf8, value float64", OUT_OF_ORDER);
    whole.publish("x", &csv, &["--seal"]);
    deploy(&whole, &[&components.rust]);
    for (expression, found) in running.iter().zip(found) {
        assert_eq!(found, whole.csv(expression), "{expression}");
    }
}
