//! Operators that toolchains for other languages build: large components, of interpreters. `make guests` builds them.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use dag_tests::records::counting;
use dag_tests::{Node, until};

/// How long a component may be built: what the node itself allows for the processor time that it allows.
const BUILT: Duration = Duration::from_secs(300);

/// The component of that name, if it was built.
fn built(name: &str) -> Option<PathBuf> {
    let test = env::current_exe().expect("a test knows where it lies");
    let target = test.ancestors().nth(3).expect("tests lie in target/<profile>/deps");
    let path = target.join("guests").join(name).with_extension("wasm");
    path.is_file().then_some(path)
}

fn is_deployed_and_computes(name: &str) {
    let Some(component) = built(name) else {
        println!("skipped: `make guests` builds {name}");
        return;
    };
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

#[test]
fn a_component_with_spidermonkey_is_deployed_within_the_usual_limits_and_computes() {
    is_deployed_and_computes("spidermonkey");
}
