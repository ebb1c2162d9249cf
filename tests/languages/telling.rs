//! What `dag test --json` tells programs.

use std::fs;

use dag_operators::{EXAMPLES, FAULTS};
use serde_json::Value;
use tempfile::TempDir;

use crate::kit::dag;

/// What `dag test` says of a component, with its exit code.
fn told(component: &[u8], arguments: &[&str], code: i32) -> Value {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("op.wasm"), component).unwrap();
    let ended = dag(folder.path(), &[&["test", "op.wasm", "--json"], arguments].concat()).code(code);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout))
}

#[test]
fn what_holds_is_told_with_what_it_costs() {
    let told = told(EXAMPLES, &["--time", "1s"], 0);
    assert_eq!((&told["component"], &told["bytes"]), (&"examples-rust".into(), &EXAMPLES.len().into()), "{told}");
    assert!(told["compiled_in"].as_f64() > told["loaded_in"].as_f64(), "{told}");
    assert!(told["imports"].is_array(), "{told}");
    let operators = told["operators"].as_array().unwrap();
    assert_eq!(operators.len(), 3, "{told}");
    for operator in operators {
        assert_eq!(operator["verdict"], "holds", "{operator}");
        assert!(operator["ways"].as_u64() > Some(0), "{operator}");
        assert!(operator["usage"].as_str().unwrap().starts_with(operator["name"].as_str().unwrap()), "{operator}");
        let costs = operator["costs"].as_array().unwrap();
        let batches: Vec<_> = costs.iter().map(|cost| cost["batch"].as_u64().unwrap()).collect();
        assert_eq!(batches, [16, 256, 4_096], "{operator}");
        assert!(costs.iter().all(|cost| cost["ns"].as_f64() > Some(0.0)), "{operator}");
        let instance = &operator["instance"];
        assert!(instance["made_in"].as_f64() > Some(0.0) && instance["bytes"].as_u64() > Some(1 << 16), "{operator}");
    }
}

#[test]
fn what_breaks_is_told_with_its_shortest_case() {
    let told = told(FAULTS, &["--operator", "fault_global", "--time", "5s"], 1);
    let [operator] = &told["operators"].as_array().unwrap()[..] else { panic!("one was asked for: {told}") };
    assert_eq!((&operator["name"], &operator["verdict"]), (&"fault_global".into(), &"breaks".into()), "{operator}");
    assert!(operator["why"].as_str().unwrap().contains("in one piece"), "{operator}");
    assert!(operator["case"].as_str().unwrap().contains("1970-01-01T"), "{operator}");
}

#[test]
fn memory_is_told_at_each_tenth() {
    let told = told(EXAMPLES, &["--operator", "ema_rust", "--calls", "1000"], 0);
    let operator = &told["operators"][0];
    assert_eq!((&operator["name"], &operator["verdict"]), (&"ema_rust".into(), &"holds".into()), "{operator}");
    let marks = operator["marks"].as_array().unwrap();
    let calls: Vec<_> = marks.iter().map(|mark| mark["calls"].as_u64().unwrap()).collect();
    assert_eq!(calls, (1..=10).map(|tenth| tenth * 100).collect::<Vec<_>>(), "{operator}");
    let sizes = |mark: &Value| {
        mark["instance"].as_u64() > Some(1 << 16) && mark["process"].as_u64() > mark["instance"].as_u64()
    };
    assert!(marks.iter().all(sizes), "{operator}");
}

#[test]
fn what_computes_records_has_no_second_form() {
    let folder = TempDir::new().unwrap();
    let misused = ["test", "op.wasm", "--expr", "ema_rust(x, 1)", "--input", "x.csv", "--json"];
    assert!(dag(folder.path(), &misused).code(2).stderr.contains("cannot be used with"));
}
