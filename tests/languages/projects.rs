//! From a name to a stream.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dag_tests::process::ending;
use dag_tests::records::counting;
use dag_tests::{Node, Process, dag_in, until};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::kit::{dag, finished, go_component, is_here, repository};

/// How long what follows a save may take.
const LIVE: Duration = Duration::from_secs(180);

/// The files of a project that was made, as `dag new --json` tells them.
fn told_files(made: &Value) -> BTreeSet<PathBuf> {
    made["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap().into()).collect()
}

/// The files below a folder, as paths from there.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let (mut files, mut folders) = (BTreeSet::new(), vec![folder.to_owned()]);
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(inside).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => drop(files.insert(path.strip_prefix(folder).unwrap().to_owned())),
            }
        }
    }
    files
}

/// Makes a project, tests, builds, deploys it, and returns what it makes of 0, 1, 2, ... each second.
fn from_a_name_to_a_stream(language: &str, kind: &str, name: &str, expression: &str) -> String {
    let folder = TempDir::new().unwrap();
    // For Rust: crates that are there already, and the standard library that `make setup` built where rustup has none.
    std::os::unix::fs::symlink(repository("."), folder.path().join("dag")).unwrap();
    let dag = |inside: &Path, arguments: &[&str]| {
        let mut command = dag_in(inside, arguments);
        command.env("CARGO_NET_OFFLINE", "true").env("XDG_CACHE_HOME", folder.path());
        finished(Process::start(command))
    };
    let made = dag(folder.path(), &["new", name, "--lang", language, "--kind", kind, "--json"]).success();
    let made: Value = serde_json::from_str(&made).unwrap();
    let project = folder.path().join(made["folder"].as_str().unwrap());
    assert_eq!(told_files(&made), files(&project));
    let tested = dag(&project, &["test", "--time", "2s"]);
    assert_eq!(tested.code, Some(0), "{}\n{}", tested.stdout, tested.stderr);
    assert!(tested.stdout.contains("the same in") && tested.stdout.contains("NS PER RECORD"), "{}", tested.stdout);

    let built: Value = serde_json::from_str(&dag(&project, &["build", "--json"]).success()).unwrap();
    let component = built["component"].as_str().unwrap();
    assert_eq!(built["bytes"], fs::metadata(component).unwrap().len(), "{built}");

    let node = Node::start();
    node.create("x", "value float64", &[]);
    node.publish("x", &counting(0..60), &["--seal"]);
    let deployed = finished(node.spawn(&["deploy", component, "--json"])).success();
    let deployed: Value = serde_json::from_str(&deployed).unwrap();
    assert_eq!((&deployed["component"], &deployed["version"]), (&name.into(), &"1.0.0".into()), "{deployed}");
    assert_eq!(deployed["digest"], built["digest"], "{deployed}");
    node.csv(expression)
}

#[test]
fn an_aggregate_in_go_goes_from_a_name_to_a_stream() {
    if is_here("go") {
        let squares = from_a_name_to_a_stream("go", "aggregate", "my-rms", "my_rms(x, 1min)");
        assert_eq!(squares, "time,value\n1970-01-01T00:00:00Z,34.20769893849434\n");
    }
}

#[test]
fn a_transform_in_go_goes_from_a_name_to_a_stream() {
    if is_here("go") {
        let smooth = from_a_name_to_a_stream("go", "transform", "smooth", "smooth(x, 0.5)");
        assert!(smooth.starts_with("time,value\n1970-01-01T00:00:00Z,0.0\n1970-01-01T00:00:01Z,0.5\n"), "{smooth}");
        assert_eq!(smooth.lines().count(), 61);
    }
}

#[test]
fn a_transform_in_rust_goes_from_a_name_to_a_stream() {
    let smooth = from_a_name_to_a_stream("rust", "transform", "smooth", "smooth(x, 0.5)");
    assert!(smooth.starts_with("time,value\n1970-01-01T00:00:00Z,0.0\n1970-01-01T00:00:01Z,0.5\n"), "{smooth}");
    assert_eq!(smooth.lines().count(), 61);
}

#[test]
fn every_planted_fault_in_go_is_found() {
    if !is_here("go") {
        return;
    }
    let (_folder, faults) = go_component("tests/faults/go", &[]);
    let found = dag(faults.parent().unwrap(), &["test", faults.to_str().unwrap()]).code(1).stdout;
    assert_eq!(found.matches("BREAKS ITS CONTRACT").count(), 6, "{found}");
    assert!(!found.contains("the same in"), "{found}");
}

#[test]
fn a_node_beside_a_project_goes_on_with_each_save_and_leaves_nothing() {
    if !is_here("go") {
        return;
    }
    let (folder, scratch) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    dag(folder.path(), &["new", "smooth", "--lang", "go", "--kind", "transform"]).success();
    let project = folder.path().join("smooth");
    let mut command = dag_in(&project, &["dev", "--live"]);
    command.env("TMPDIR", scratch.path());
    let mut live = Process::start(command);
    let told = live.line().text;
    assert!(told.starts_with("smooth 1.0.0 ("), "{told}");
    until("records come", LIVE, || live.line().text.starts_with("{\"time\":\"").then_some(()));

    // From now on the values are negative; what it remembers is as before.
    let source = project.join("operator.go");
    let text = fs::read_to_string(&source).unwrap();
    let changed = text.replace("averages.AppendFloat64(next)", "averages.AppendFloat64(-next)");
    assert_ne!(text, changed, "the template has another line there");
    fs::write(&source, changed).unwrap();
    until("the save is deployed", LIVE, || live.line().text.contains("takes the place of 1.0.0").then_some(()));
    until("the computation goes on with its state", LIVE, || live.line().text.contains("  state  ").then_some(()));
    until("negative values come", LIVE, || live.line().text.contains("\"value\":-").then_some(()));

    live.signal(Signal::INT);
    let ended = live.finish().code(130);
    assert!(!ended.stderr.contains("error"), "{}", ended.stderr);
    assert_eq!(left(scratch.path()), [] as [String; 0]);
    for signal in ending().into_iter().filter(|signal| *signal != Signal::INT) {
        let mut command = dag_in(&project, &["dev", "--live"]);
        command.env("TMPDIR", scratch.path());
        let mut live = Process::start(command);
        until("records come", LIVE, || live.line().text.starts_with("{\"time\":\"").then_some(()));
        assert_ne!(left(scratch.path()), [] as [String; 0], "its data lies somewhere");
        live.signal(signal);
        live.finish().code(130);
        assert_eq!(left(scratch.path()), [] as [String; 0], "after {signal:?}");
    }
}

/// What dag has left in a folder for such.
fn left(scratch: &Path) -> Vec<String> {
    let names = fs::read_dir(scratch).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("dag-")).collect()
}
