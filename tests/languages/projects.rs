//! From a name to a stream.

use std::path::Path;
use std::time::{Duration, Instant};

use dag_tests::records::counting;
use dag_tests::{Node, Process, dag_in};
use tempfile::TempDir;

use crate::kit::{dag, finished, go_component, is_here, repository};

/// How long a second build may take.
const SECOND_BUILD: Duration = Duration::from_secs(10);

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
    dag(folder.path(), &["new", name, "--lang", language, "--kind", kind]).success();
    let project = folder.path().join(name);
    let tested = dag(&project, &["test", "--time", "2s"]);
    assert_eq!(tested.code, Some(0), "{}\n{}", tested.stdout, tested.stderr);
    assert!(tested.stdout.contains("the same in") && tested.stdout.contains("NS PER RECORD"), "{}", tested.stdout);

    let again = Instant::now();
    let built = dag(&project, &["build"]).success();
    assert!(again.elapsed() < SECOND_BUILD, "the second build took {:?}", again.elapsed());

    let node = Node::start();
    node.create("x", "value float64", &[]);
    node.publish("x", &counting(0..60), &["--seal"]);
    let deployed = finished(node.spawn(&["deploy", built.trim()])).success();
    assert!(deployed.starts_with(&format!("{name} 1.0.0")), "{deployed}");
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
