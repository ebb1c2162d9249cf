//! Memory does not grow with the number of calls, in any language whose tools are here.

use std::process::Command;

use dag_conformance::memory;
use dag_conformance::memory::GROWTH;
use dag_operators::EXAMPLES;
use dag_wasm::{Runtime, RuntimeOptions, preview1_component};

/// Calls of each operator, with frames of 1 to 256 rows. `make calls` makes a million, of up to 4,096.
const CALLS: u64 = 20_000;

fn is_flat(name: &str, bytes: &[u8]) {
    let component = Runtime::new(RuntimeOptions::default()).unwrap().load(bytes).unwrap();
    for signature in component.signatures() {
        let marks = memory(&component, signature, CALLS, 256, |_, _| ()).unwrap();
        println!("{name} {}: {marks:?} bytes at each tenth of {CALLS} calls", signature.name);
        let (first, last) = (marks[0] as f64, marks[marks.len() - 1] as f64);
        assert!(last <= first * GROWTH, "{name} {}: from {first} to {last} bytes", signature.name);
    }
}

/// The same for examples that `make guests` built, where it has.
fn built_is_flat(language: &str) {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(3).unwrap();
    match std::fs::read(target.join("guests").join(format!("examples-{language}.wasm"))) {
        Ok(bytes) => is_flat(language, &bytes),
        Err(_) => println!("skipped: `make guests` builds examples-{language}"),
    }
}

#[test]
fn memory_stays_as_it_is_in_javascript() {
    built_is_flat("js");
}

#[test]
fn memory_stays_as_it_is_in_typescript() {
    built_is_flat("ts");
}

#[test]
fn memory_stays_as_it_is_in_python() {
    built_is_flat("python");
}

#[test]
fn memory_stays_as_it_is_in_rust() {
    is_flat("Rust", EXAMPLES);
}

#[test]
fn memory_stays_as_it_is_in_go() {
    let folder = tempfile::tempdir().unwrap();
    let module = folder.path().join("examples.wasm");
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-ldflags=-s -w -buildid=", "-o"])
        .arg(&module)
        .arg(".");
    go.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-sdk/go/examples"));
    go.envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOTOOLCHAIN", "local"), ("GOWORK", "off"), ("GOFLAGS", "")]);
    match go.status() {
        Err(_) => println!("skipped: `go` is not on the PATH"),
        Ok(status) => {
            assert!(status.success());
            is_flat("Go", &preview1_component(&std::fs::read(&module).unwrap()).unwrap());
        }
    }
}
