//! Memory does not grow with the number of calls, in any language whose tools are here.

use std::process::Command;

use dag_conformance::memory;
use dag_operators::EXAMPLES;
use dag_wasm::{Runtime, RuntimeOptions, preview1_component};

/// Calls of each operator before memory is looked at, and as many behind that, with frames of 1 to 256 rows. `DAG_TESTS_CALLS` sets another number.
const CALLS: u64 = 20_000;

fn is_flat(name: &str, bytes: &[u8]) {
    let calls = std::env::var("DAG_TESTS_CALLS").map_or(CALLS, |calls| calls.parse().expect("a number of calls"));
    let component = Runtime::new(RuntimeOptions::default()).unwrap().load(bytes).unwrap();
    for signature in component.signatures() {
        let (first, last) = memory(&component, signature, calls, 256).unwrap();
        println!("{name} {}: {first} bytes after {calls} calls, {last} after twice as many", signature.name);
        assert!(last as f64 <= first as f64 * 1.02, "{name} {}: from {first} to {last} bytes", signature.name);
    }
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
