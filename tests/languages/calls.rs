//! Whether memory grows with the number of calls, as `dag test --calls` tells.

use std::fs;

use dag_operators::EXAMPLES;
use dag_tests::build_component;
use tempfile::TempDir;

use crate::kit::dag;

/// Remembers a kibibyte of each call.
const LEAKING: &str = r#"
use dag_guest::{About, Input, Inputs, Lookback, Opened, Operator, Output, Result, Schema, Transform};

pub struct Leaks(Vec<Vec<u8>>);

impl Operator for Leaks {
    const ABOUT: About = About { name: "leaks", doc: "It forgets nothing.", example: "leaks(x)" };
}

impl Transform for Leaks {
    type Arguments = ();

    fn open((): (), _: &[Input]) -> Result<Opened<Leaks>> {
        Ok(Opened::ordered(Leaks(Vec::new()), Schema::new(Vec::new()), Lookback::Unbounded))
    }

    fn process(&mut self, _: &Inputs<'_>, _: &mut Output) -> Result {
        self.0.push(vec![1; 1024]);
        Ok(())
    }
}

dag_guest::export_transforms!(component = "leaking", version = "1.0.0", [Leaks]);
"#;

#[test]
fn memory_that_grows_with_the_calls_is_told_and_what_stays_is_not_said_to_grow() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("examples.wasm"), EXAMPLES).unwrap();
    let flat = dag(folder.path(), &["test", "examples.wasm", "--operator", "ema_rust", "--calls", "2000"]);
    assert!(!flat.stdout.contains("ITS MEMORY GROWS") && !flat.stdout.contains("sessions_rust"), "{}", flat.stdout);
    let marks = flat.stdout.lines().filter(|line| line.trim_start().starts_with(|first: char| first.is_ascii_digit()));
    assert_eq!(marks.count(), 10, "{}", flat.stdout);

    let leaking = build_component("leaking", LEAKING);
    let grows = dag(folder.path(), &["test", leaking.to_str().unwrap(), "--calls", "2000"]).code(1);
    assert!(grows.stdout.contains("ITS MEMORY GROWS"), "{}", grows.stdout);

    let error = dag(folder.path(), &["test", "examples.wasm", "--operator", "em_rust"]).code(1).stderr;
    assert!(error.contains("has no operator `em_rust`"), "{error}");
}
