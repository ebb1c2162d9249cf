//! The three operators that every language has give the same, byte for byte, alone and mixed, through crashes, with any number of workers, and one goes on where another
//! stopped.

use std::fs;
use std::path::{Path, PathBuf};

use dag_operators::EXAMPLES;
use dag_tests::component::guest;
use dag_tests::data::shared;
use dag_tests::{DEADLINE, Node, Options, Process, until};
use tempfile::TempDir;

use crate::kit::{finished, go_component, is_here};

/// Expressions with `LANG` for a language, over a stream `STREAM` with a host and a value.
const EXPRESSIONS: [&str; 7] = [
    "avg_LANG(STREAM, 1min)",
    "avg_LANG(STREAM, 5min, every=1min, by=host)",
    "avg_LANG(STREAM, session=90s, by=host)",
    "ema_LANG(STREAM, 0.2, by=host)",
    "ema_LANG(STREAM, 1)",
    "sessions_LANG(STREAM, 90s, by=host)",
    "sessions_LANG(STREAM, 1min30s)",
];

/// What mixes two languages.
const MIXED: [&str; 2] = [
    "avg_LANG(ema_OTHER(STREAM, 0.3, by=host), 2min, by=host)",
    "sessions_OTHER(ema_LANG(avg_OTHER(STREAM, 1min, by=host), 0.5, by=host), 90s, by=host)",
];

/// One of each operator, which remembers per key: what crashes and moves are tried with.
const REMEMBERING: [&str; 3] =
    ["avg_LANG(STREAM,5m,every=1m,by=host)", "ema_LANG(STREAM,0.2,by=host)", "sessions_LANG(STREAM,1m30s,by=host)"];

/// What [`records`] need: a busy machine sends them in several batches, and only one batch is put in
/// order by itself.
const OUT_OF_ORDER: &[&str] = &["--out-of-order", "30min"];

const HEADER: &str = "time,host,value\n";

/// Numbers of all sizes, some missing, at times that leave gaps.
fn records() -> Vec<String> {
    let record = |i: i64| {
        let time = i * 7 + if i % 97 == 0 { 120 } else { 0 } + i / 500 * 600;
        let host = ["web1", "żółw", "", "db"][(i * i % 7 % 4) as usize];
        let value = match i % 11 {
            0 => String::new(),
            1 => format!("{:e}", 1.7e308 / (1 + i % 3) as f64),
            2 => format!("{:e}", -1.7e308 / (1 + i % 5) as f64),
            _ => format!("{}", i as f64 * 0.1),
        };
        format!("{time},{host},{value}\n")
    };
    (0..3_000).map(record).collect()
}

fn csv(records: &[String]) -> String {
    HEADER.to_owned() + &records.concat()
}

/// An expression in a language over a stream; what mixes has operators of another one, too.
fn asked(expression: &str, language: &str, other: &str, stream: &str) -> String {
    expression.replace("LANG", language).replace("OTHER", other).replace("STREAM", stream)
}

/// The examples as components, by language: Rust's, and those of the languages whose tools are here.
struct Languages {
    _folders: Vec<TempDir>,
    components: Vec<(&'static str, PathBuf)>,
}

impl Languages {
    fn here() -> Languages {
        let folder = TempDir::new().unwrap();
        let components = vec![("rust", rust(&folder))];
        let mut here = Languages { _folders: vec![folder], components };
        if is_here("go") {
            let (folder, go) = go_component("guest-sdk/go/examples", &[]);
            here._folders.push(folder);
            here.components.push(("go", go));
        }
        let built = ["js", "ts", "python"].into_iter();
        here.components.extend(built.filter_map(|name| Some((name, guest(&format!("examples-{name}"))?))));
        here
    }

    fn names(&self) -> Vec<&'static str> {
        self.components.iter().map(|(name, _)| *name).collect()
    }
}

fn rust(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("rust.wasm");
    fs::write(&path, EXAMPLES).unwrap();
    path
}

fn deploy(node: &Node, component: &Path, options: &[&str]) -> String {
    finished(node.spawn(&[&["deploy", component.to_str().unwrap()], options].concat())).success()
}

/// What all languages make of a sealed stream, by expression: each the same, alone and mixed.
fn agreed(node: &Node, languages: &[&str], stream: &str) -> Vec<String> {
    let expression = |expression: &&str| {
        let in_each: Vec<_> = languages
            .iter()
            .zip(languages.iter().cycle().skip(1))
            .map(|(language, other)| node.csv(&asked(expression, language, other, stream)))
            .collect();
        assert!(in_each[0].lines().count() > 3, "{expression}: {}", in_each[0]);
        for (language, found) in languages.iter().zip(&in_each) {
            assert!(
                found == &in_each[0],
                "{expression} over {stream} in {language}: {}",
                difference(&in_each[0], found)
            );
        }
        in_each[0].clone()
    };
    EXPRESSIONS.iter().chain(&MIXED).map(expression).collect()
}

/// The first line that differs, as it should be and as it is.
fn difference(expected: &str, found: &str) -> String {
    let mut lines = expected.lines().map(Some).chain([None]).zip(found.lines().map(Some).chain([None]));
    format!("{:?}", lines.find(|(expected, found)| expected != found))
}

#[test]
fn all_languages_give_the_same_with_any_number_of_workers_on_real_data_and_through_crashes() {
    let languages = Languages::here();
    let options = |workers| Options {
        workers,
        arguments: ["--snapshot-interval", "100ms"].map(str::to_owned).to_vec(),
        ..Options::default()
    };
    let mut node = Node::with(options(1));
    languages.components.iter().for_each(|(_, component)| drop(deploy(&node, component, &[])));
    let (languages, records) = (languages.names(), records());
    languages.iter().for_each(|language| refuses_what_it_does_not_take(&node, language));

    let mut expected = None;
    for workers in [1, 2, 4] {
        // A stream of its own, so that nothing is there that others have computed.
        node.crash_into(options(workers));
        let stream = format!("with_{workers}");
        node.create(&stream, "host utf8, value float64", OUT_OF_ORDER);
        node.publish(&stream, &csv(&records), &["--seal"]);
        let found = agreed(&node, &languages, &stream);
        let embedded = node.csv(&format!("avg({stream}, 5min, every=1min, by=host)"));
        assert!(embedded == found[1], "the embedded avg: {}", difference(&embedded, &found[1]));
        assert!(found == *expected.get_or_insert_with(|| found.clone()), "{workers} workers");
    }
    let expected = expected.unwrap();

    if let Some(real) = shared("cpu_util.csv") {
        node.create("real", "host utf8, value float64", OUT_OF_ORDER);
        node.publish("real", &real, &["--seal"]);
        agreed(&node, &languages, "real");
    }

    killed(&mut node, &languages, &records);
    for language in &languages {
        for (expression, expected) in REMEMBERING.iter().zip([1, 3, 5].map(|at| &expected[at])) {
            let found = node.csv(&asked(expression, language, "", "killed"));
            assert!(found == *expected, "{expression} in {language} after kills: {}", difference(expected, &found));
        }
    }
}

/// That operators in a language say of a schema what they miss there.
fn refuses_what_it_does_not_take(node: &Node, language: &str) {
    let (names, texts) = (format!("names_{language}"), format!("texts_{language}"));
    node.create(&names, "host utf8", &[]);
    node.create(&texts, "value utf8", &[]);
    let refused = |expression: &str| node.dag(&["subscribe", expression]).code(1).stderr;
    let error = refused(&format!("ema_{language}({names}, 0.2)"));
    assert!(error.contains("there is no column `value` (columns are host)"), "{error}");
    for expression in [format!("ema_{language}({texts}, 0.2)"), format!("avg_{language}({texts}, 1min)")] {
        let error = refused(&expression);
        assert!(error.contains("column `value` is utf8, expected a number"), "{error}");
    }
}

/// Publishes records in parts, and kills the node in the middle of what all languages compute of each.
fn killed(node: &mut Node, languages: &[&str], records: &[String]) {
    node.create("killed", "host utf8, value float64", OUT_OF_ORDER);
    for part in records.chunks(1_000) {
        node.publish("killed", &csv(part), &["--publisher", "p", "--done"]);
        let mut readers = Vec::new();
        for language in languages {
            readers.extend(REMEMBERING.map(|expression| followed(node, &asked(expression, language, "", "killed"))));
        }
        readers.iter_mut().for_each(|reader| drop(reader.line()));
        node.crash();
    }
    node.publish("killed", HEADER, &["--seal"]);
}

fn followed(node: &Node, expression: &str) -> Process {
    node.spawn(&["subscribe", expression, "--from", "earliest"])
}

/// The examples of other languages as later versions of Rust's, each later than the one before.
fn later_versions() -> (Option<TempDir>, Vec<PathBuf>) {
    let mut versions: Vec<_> = guest("later-js").into_iter().collect();
    let mut folder = None;
    if is_here("go") {
        let later = [("_go\"", "_rust\""), ("examples-go", "examples-rust"), ("\"0.1.0\"", "\"0.3.0\"")];
        let (built, go) = go_component("guest-sdk/go/examples", &later);
        folder = Some(built);
        versions.push(go);
    }
    versions.extend(["later-python", "later-ts"].into_iter().filter_map(guest));
    (folder, versions)
}

#[test]
fn a_computation_goes_on_in_each_language_where_the_one_before_stopped() {
    let folder = TempDir::new().unwrap();
    let (_folder, versions) = later_versions();
    let node = Node::start();
    deploy(&node, &rust(&folder), &[]);
    let records = records();
    node.create("whole", "host utf8, value float64", OUT_OF_ORDER);
    node.publish("whole", &csv(&records), &["--seal"]);
    let expected = REMEMBERING.map(|expression| node.csv(&asked(expression, "rust", "", "whole")));

    node.create("x", "host utf8, value float64", OUT_OF_ORDER);
    let running = REMEMBERING.map(|expression| asked(expression, "rust", "", "x"));
    // Enough that a session is over.
    let (first, others) = records.split_at(1_500);
    let mut parts = others.chunks(others.len() / (versions.len() + 1) + 1).map(csv);
    node.publish("x", &csv(first), &["--publisher", "p"]);
    let mut readers: Vec<_> = running.iter().map(|expression| followed(&node, expression)).collect();
    readers.iter_mut().for_each(|reader| drop(reader.line()));
    for version in &versions {
        let moved = deploy(&node, version, &["--no-replay"]);
        for expression in &running {
            let line = moved.lines().find(|line| line.starts_with(expression)).unwrap_or_else(|| panic!("{moved}"));
            assert!(line.contains("state"), "{moved}");
        }
        let before = frontiers(&node, &running);
        node.publish("x", &parts.next().unwrap(), &["--publisher", "p"]);
        until("this version has computed something of each", DEADLINE, || {
            let now = frontiers(&node, &running);
            now.iter().zip(&before).all(|(now, before)| now > before).then_some(())
        });
    }
    node.publish("x", &parts.next().unwrap(), &["--publisher", "p", "--seal"]);
    for (expression, expected) in running.iter().zip(&expected) {
        let found = node.csv(expression);
        assert!(found == *expected, "{expression}: {}", difference(expected, &found));
    }
    until("all readers have ended", DEADLINE, || readers.iter_mut().all(|reader| !reader.is_running()).then_some(()));
}

/// How far these computations have come.
fn frontiers(node: &Node, running: &[String]) -> Vec<String> {
    let status = node.status();
    let computations = status["computations"].as_array().expect("a status lists computations");
    let one = |stream: &String| {
        let computation = computations.iter().find(|computation| computation["stream"] == *stream);
        computation.unwrap_or_else(|| panic!("{stream} runs: {status}"))["frontier"].as_str().unwrap_or("").to_owned()
    };
    running.iter().map(one).collect()
}
