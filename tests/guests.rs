//! Operators that toolchains for other languages build: large components, of interpreters. `make guests` builds them.

use std::env;
use std::path::Path;
use std::time::Duration;

use dag_tests::component::{guest, guests};
use dag_tests::records::counting;
use dag_tests::{Node, Process, dag_in, until};

/// How long a component may be built: what the node itself allows for the processor time that it allows.
const BUILT: Duration = Duration::from_secs(300);

fn is_deployed_and_computes(name: &str) {
    let Some(component) = guest(name) else { return };
    let mut node = Node::start();
    node.create("x", "value float64", &[]);
    node.publish("x", &counting(0..3), &["--seal"]);
    let mut deploying = node.spawn(&["deploy", component.to_str().expect("it is UTF-8")]);
    until("it is built", BUILT, || (!deploying.is_running()).then_some(()));
    let deployed = deploying.finish().success();
    assert!(deployed.starts_with(&format!("guest-{name} 1.0.0")), "{deployed}");
    let expected = node.csv("x");
    assert_eq!(node.csv(&format!("{name}(x)")), expected);
    node.restart();
    assert_eq!(node.csv(&format!("filter({name}(x), value >= 0)")), expected);
}

#[test]
fn a_component_with_cpython_is_deployed_within_the_usual_limits_and_computes() {
    is_deployed_and_computes("python");
}

#[test]
fn a_component_with_quickjs_is_deployed_within_the_usual_limits_and_computes() {
    is_deployed_and_computes("quickjs");
}

/// Deploys a component that was built. None if it was not, or where it is not there.
#[track_caller]
fn deploy(node: &Node, name: &str) -> Option<()> {
    let component = guest(name)?;
    let mut deploying = node.spawn(&["deploy", component.to_str().expect("it is UTF-8")]);
    until("it is built", BUILT, || (!deploying.is_running()).then_some(()));
    deploying.finish().success();
    Some(())
}

/// A record each second of one of five hosts, one of which has no name; a tenth have no value, and some are far apart.
fn readings(seconds: std::ops::Range<i64>) -> String {
    let record = |second: i64| {
        let host = ["web1", "wéb2", "db", "", "\u{1f980}"][((second / 3 + second * second) % 5) as usize];
        let time = second + second / 100 * 60;
        let value = if second % 10 == 9 { String::new() } else { format!("{}", (second * 7919 % 1009) as f64 / 7.0) };
        format!("{time},{host},{value}\n")
    };
    seconds.map(record).fold(String::from("time,host,value\n"), |text, record| text + &record)
}

/// What the three operators are asked, in a language. The embedded `avg` has no suffix.
fn asked(suffix: &str) -> [String; 4] {
    [
        format!("avg{suffix}(x, 1min, by=host)"),
        format!("avg{suffix}(x, 5min, every=1min)"),
        format!("ema{suffix}(x, 0.2, by=host)"),
        format!("sessions{suffix}(x, 5s, by=host)"),
    ]
}

/// A project made, tested, built, deployed and read, with nothing but what `make guests` fetched.
fn is_made_and_runs(language: &str, kind: &str, expression: &str) {
    if guest(&format!("examples-{language}")).is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let node = Node::start();
    let dag = |folder: &Path, arguments: &[&str]| {
        let mut command = node.command(arguments);
        command.current_dir(folder);
        command.env("npm_config_offline", "true").env("npm_config_cache", guests().join("npm"));
        command.env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", guests().join("wheels"));
        let mut process = Process::start(command);
        until("it is done", BUILT, || (!process.is_running()).then_some(()));
        process.finish()
    };
    dag(folder.path(), &["new", "my-ops", "--lang", language, "--kind", kind]).success();
    let project = folder.path().join("my-ops");
    let tested = dag(&project, &["test", "--time", "1s"]);
    assert_eq!(tested.code, Some(0), "{}\n{}", tested.stdout, tested.stderr);
    assert!(tested.stdout.contains("the same in") && tested.stdout.contains("NS PER RECORD"), "{}", tested.stdout);
    let again = dag(&project, &["build"]).stderr;
    assert!(!again.contains("npm ci") && !again.contains("pip install"), "{again}");
    dag(&project, &["deploy", "build/my-ops.wasm"]).success();
    node.create("x", "host utf8, value float64", &[]);
    node.publish("x", "time,host,value\n0,a,3\n1,a,-3\n2,b,4\n", &["--seal"]);
    let records = node.csv(expression);
    assert!(records.contains(",a,3.0\n") && records.contains(",b,4.0\n"), "{records}");
}

#[test]
fn a_project_in_javascript_is_made_tested_built_deployed_and_read() {
    is_made_and_runs("js", "aggregate", "my_ops(x, 10s, by=host)");
}

#[test]
fn a_project_in_typescript_is_made_tested_built_deployed_and_read() {
    is_made_and_runs("ts", "transform", "my_ops(x, 0.5, by=host)");
}

#[test]
fn a_project_in_python_is_made_tested_built_deployed_and_read() {
    is_made_and_runs("python", "aggregate", "my_ops(x, 10s, by=host)");
}

#[test]
fn an_error_in_any_language_reaches_the_subscriber_with_its_message_and_its_line() {
    let node = Node::start();
    node.create("x", "value float64", &[]);
    node.publish("x", &counting(0..10), &["--seal"]);
    let line = |source: &str, text: &str| {
        source.lines().position(|line| line.contains(text)).map(|at| at + 1).expect("the source has it")
    };
    let js = include_str!("guests/faults/faults.js");
    let (ts, python) = (include_str!("guests/faults/faults.ts"), include_str!("guests/faults/faults.py"));
    let failing = |expression: &str| node.dag(&["subscribe", expression, "--from", "earliest"]).code(1).stderr.clone();
    if deploy(&node, "faults-js").is_some() {
        let error = failing("failing_js(x, 'error')");
        let place = format!("faults.js:{})", line(js, "three is too many"));
        assert!(error.contains("TypeError: three is too many (") && error.contains(&place), "{error}");
        assert!(failing("failing_js(x, 'text')").contains("just text"));
        assert!(failing("failing_js(x, 'timer')").contains("an operator has no timers"));
        assert!(failing("clock_js(x)").contains("an operator has no clock"));
    }
    if deploy(&node, "faults-ts").is_some() {
        let error = failing("failing_ts(x, 'error')");
        let place = format!("faults.ts:{})", line(ts, "three is too many"));
        assert!(error.contains("TypeError: three is too many (") && error.contains(&place), "{error}");
        assert!(failing("failing_ts(x, 'text')").contains("just text"));
    }
    if deploy(&node, "faults-python").is_some() {
        let error = failing("failing_python(x, 'error')");
        let place = format!("TypeError: three is too many (faults.py:{})", line(python, "raise TypeError"));
        assert!(error.contains(&place), "{error}");
        let error = failing("failing_python(x, 'assert')");
        let place = format!("AssertionError: three is too many (faults.py:{})", line(python, "assert self is None"));
        assert!(error.contains(&place), "{error}");
        assert!(failing("clock_python(x)").contains("an operator has no clock"));
    }
}

/// That `dag test` finds each of the six faults of a component, and no other.
fn planted_faults_are_found(language: &str) {
    let name = format!("faults-{language}");
    let Some(component) = guest(&name) else { return };
    let mut process =
        Process::start(dag_in(&env::temp_dir(), &["test", component.to_str().expect("it is UTF-8"), "--time", "5s"]));
    until("it has ended", BUILT, || (!process.is_running()).then_some(()));
    let found = process.finish().code(1).stdout.clone();
    for part in found.split("\n\n") {
        let is_fault = part.contains("Fault: ");
        assert_eq!(part.contains("BREAKS ITS CONTRACT"), is_fault, "{part}");
    }
    assert_eq!(found.matches("BREAKS ITS CONTRACT").count(), 6, "{found}");
}

#[test]
fn every_planted_fault_in_javascript_is_found() {
    planted_faults_are_found("js");
}

#[test]
fn every_planted_fault_in_typescript_is_found() {
    planted_faults_are_found("ts");
}

#[test]
fn every_planted_fault_in_python_is_found() {
    planted_faults_are_found("python");
}

#[test]
fn what_an_operator_draws_is_the_same_after_a_kill() {
    let mut node = Node::start();
    let languages: Vec<_> = ["js", "python"]
        .into_iter()
        .filter(|language| deploy(&node, &format!("faults-{language}")).is_some())
        .collect();
    node.create("x", "value float64", &[]);
    node.publish("x", &counting(0..100), &["--seal"]);
    let draws =
        |node: &Node| languages.iter().map(|language| node.csv(&format!("draws_{language}(x)"))).collect::<Vec<_>>();
    let before = draws(&node);
    node.crash();
    assert_eq!(draws(&node), before);
}

/// The operators that look at clocks, of components that import WASI, with what they import by way of example.
const LOOKS: [(&str, &str); 4] = [
    ("rust", "wasi:clocks/monotonic-clock@0.2."),
    ("python", "wasi:sockets/tcp@0.2.9"),
    ("quickjs", "wasi:clocks/wall-clock@0.2.12"),
    ("spidermonkey", "wasi:http/types@0.2.10"),
];

#[test]
fn what_imports_wasi_is_told_how_that_is_answered_and_computes_the_same_through_a_kill() {
    for (toolchain, import) in LOOKS {
        let Some(component) = guest(&format!("wasi-{toolchain}")) else { continue };
        let mut node = Node::start();
        let mut deploying = node.spawn(&["deploy", component.to_str().expect("it is UTF-8")]);
        until("it is built", BUILT, || (!deploying.is_running()).then_some(()));
        let told = deploying.finish().success();
        assert!(told.contains("it imports WASI, with nothing of the world behind it"), "{told}");
        assert!(told.contains("a counter that moves on with each look and says nothing about time"), "{told}");
        assert!(told.contains(&format!("      {import}")), "{told}");
        let operator = format!("looks_{toolchain}");
        let shown = node.dag(&["operators", &operator]).success();
        assert!(shown.contains(import), "{shown}");

        node.create("x", "value float64", &[]);
        node.publish("x", &counting(0..1_000), &["--seal"]);
        let expression = format!("{operator}(x)");
        let before = node.csv(&expression);
        assert_eq!(before.lines().count(), 1_001);
        assert!(!before.contains("Infinity") && before.lines().skip(2).any(|line| !line.ends_with(",0")), "{before}");
        node.crash();
        assert_eq!(node.csv(&expression), before, "{toolchain}");
        let whole = Node::start();
        let mut deploying = whole.spawn(&["deploy", component.to_str().expect("it is UTF-8")]);
        until("it is built", BUILT, || (!deploying.is_running()).then_some(()));
        whole.create("x", "value float64", &[]);
        whole.publish("x", &counting(0..1_000), &["--seal"]);
        assert_eq!(whole.csv(&expression), before, "{toolchain}: on another node");
    }
}

#[test]
fn what_imports_wasi_keeps_the_contract_and_says_why_it_fails() {
    keeps_the_contract("python", "wasi:sockets/tcp@0.2.9", "FileNotFoundError");
    keeps_the_contract("rust", "wasi:filesystem/preopens@0.2.", "No such file or directory");
}

/// That what a toolchain made is tried by `dag test`, and says why it fails where it looks for a file.
fn keeps_the_contract(toolchain: &str, import: &str, fails: &str) {
    let Some(component) = guest(&format!("wasi-{toolchain}")) else { return };
    let component = component.to_str().expect("it is UTF-8");
    let mut process = Process::start(dag_in(&env::temp_dir(), &["test", component, "--time", "5s"]));
    until("it has ended", BUILT, || (!process.is_running()).then_some(()));
    let told = process.finish().success();
    assert!(told.contains("random ways") && told.contains(import), "{told}");

    let node = Node::start();
    deploy(&node, &format!("wasi-{toolchain}"));
    node.create("x", "value float64", &[]);
    node.publish("x", "time,value\n1970-01-01T00:00:00.000000013Z,1\n", &["--seal"]);
    let error = node.dag(&["subscribe", &format!("looks_{toolchain}(x)"), "--from", "earliest"]).code(1).stderr;
    assert!(error.contains("thirteen is one too many") && error.contains(fails), "{error}");
}

#[test]
fn a_component_with_spidermonkey_is_deployed_within_the_usual_limits_and_computes() {
    let mut node = Node::start();
    if deploy(&node, "examples-spidermonkey").is_none() {
        return;
    }
    node.create("x", "host utf8, value float64", &[]);
    node.publish("x", &readings(0..200), &["--seal"]);
    let [avg, _, ema, sessions] = asked("_js");
    assert_eq!(node.csv(&avg), node.csv(&asked("")[0]));
    let expected = [node.csv(&ema), node.csv(&sessions)];
    node.restart();
    assert_eq!([node.csv(&ema), node.csv(&sessions)], expected);
    assert_eq!(expected[0].lines().count(), 181, "a record for each value, and a header");
}
