//! What is a component, and what is refused and how.

mod support;

use std::time::Duration;

use dag_wasm::{Built, Component, InstanceOptions, Limits, LoadError, Runtime, RuntimeOptions, Version};
use support::Guest;

fn build(bytes: &[u8]) -> Result<Built, LoadError> {
    Runtime::new(RuntimeOptions::default()).unwrap().build(bytes, Limits::default())
}

fn load(bytes: &[u8]) -> Result<std::sync::Arc<Component>, LoadError> {
    Runtime::new(RuntimeOptions::default()).unwrap().load(bytes)
}

/// The refusal of these bytes, as people read it.
fn refusal(bytes: &[u8]) -> String {
    load(bytes).map(|component| component.name().to_owned()).unwrap_err().to_string()
}

#[track_caller]
fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "`{message}` does not say `{word}`");
    }
}

#[test]
fn a_core_module_with_a_component_type_becomes_a_component() {
    let component = load(&Guest::default().module()).unwrap();
    assert_eq!(component.name(), "test-guest");
    assert_eq!(component.version(), Version { major: 1, minor: 2, patch: 3 });
    let [signature] = component.signatures() else { panic!("one operator") };
    assert_eq!((signature.name.as_str(), signature.component.as_str()), ("probe", "test-guest"));
    assert_eq!((signature.min_inputs, signature.max_inputs), (1, Some(1)));

    let built = build(&Guest::default().module()).unwrap();
    let again = build(&built.bytes).unwrap();
    assert_eq!((again.digest, &again.bytes), (component.digest(), &built.bytes), "a component stays as it is");
    assert_eq!(again.description.signatures, component.signatures());
}

#[test]
fn a_component_makes_instances_of_its_own_worlds_only() {
    let component = load(&Guest::default().module()).unwrap();
    assert!(component.aggregate(InstanceOptions::default()).is_ok());
    let error = component.transform(InstanceOptions::default()).map(|_| ()).unwrap_err();
    assert_says(&error.to_string(), &["does not export `transforming`"]);
}

#[test]
fn what_is_no_webassembly_is_refused() {
    assert!(matches!(load(b"#!/bin/sh\n"), Err(LoadError::NotWasm)));
    assert!(matches!(load(b""), Err(LoadError::NotWasm)));
}

#[test]
fn a_truncated_file_is_refused() {
    let bytes = build(&Guest::default().module()).unwrap().bytes;
    assert!(matches!(load(&bytes[..bytes.len() / 2]), Err(LoadError::Shape(_))));
    let module = Guest::default().module();
    assert!(load(&module[..module.len() / 2]).is_err());
}

#[test]
fn a_section_that_is_longer_than_the_file_is_refused() {
    // A code section of 100 bytes, of which one is there.
    assert!(matches!(load(b"\0asm\x01\0\0\0\x0a\x64\x01"), Err(LoadError::Shape(_))));
}

#[test]
fn a_core_module_without_a_component_type_is_refused_with_what_to_do() {
    assert_says(&refusal(&Guest::default().untyped()), &["without a component type", "SDK"]);
}

#[test]
fn another_import_is_refused_by_name() {
    let component = wat::parse_str(r#"(component (import "acme:database/api@1.0.0" (instance)))"#).unwrap();
    assert_says(&refusal(&component), &["imports `acme:database/api@1.0.0`", "dag:operator/host@0.1.0"]);
}

#[test]
fn a_core_module_for_preview_1_is_refused_with_what_to_do() {
    let imports = r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#;
    let module = Guest { imports, ..Guest::default() };
    for module in [module.module(), module.untyped()] {
        assert_says(
            &refusal(&module),
            &["preview 1 of WASI", "`wasi_snapshot_preview1`", "wasm32-wasip2", "dag build"],
        );
    }
}

#[test]
fn another_version_of_the_interface_is_refused_with_the_one_that_the_node_speaks() {
    let module = Guest { interface: "0.2.0", ..Guest::default() }.module();
    assert_says(&refusal(&module), &["dag:operator/", "@0.2.0", "speaks dag:operator@0.1.0"]);
}

#[test]
fn a_component_without_operators_is_refused() {
    let component = wat::parse_str("(component)").unwrap();
    assert!(matches!(load(&component), Err(LoadError::NoOperators)));
}

#[test]
fn an_export_of_another_type_is_refused() {
    let component =
        wat::parse_str(r#"(component (instance $i) (export "dag:operator/aggregating@0.1.0" (instance $i)))"#);
    assert!(matches!(load(&component.unwrap()), Err(LoadError::Interface(_))));
}

#[test]
fn a_description_that_does_not_hold_together_is_refused() {
    let refusal = |guest: Guest| refusal(&guest.module());
    assert_says(&refusal(Guest { name: "my guest", ..Guest::default() }), &["component's name `my guest`"]);
    assert_says(&refusal(Guest { version: "1.2", ..Guest::default() }), &["version `1.2`", "three numbers"]);
    assert_says(&refusal(Guest { operator: "a-b", ..Guest::default() }), &["`a-b` is no name"]);
    assert_says(&refusal(Guest { operator: "late", ..Guest::default() }), &["`late` is no name"]);
    assert_says(&refusal(Guest { operator: "between", ..Guest::default() }), &["`between` is no name"]);
    assert_says(&refusal(Guest { min_inputs: 0, ..Guest::default() }), &["probe", "at least one stream"]);
    assert_says(&refusal(Guest { state_read: 2, ..Guest::default() }), &["writes state version 1"]);
}

/// A description that names so many operators, all of them zeros, in memory that it takes for them.
macro_rules! description {
    ($operators:literal, $pages:literal) => {
        concat!(
            "(drop (memory.grow (i32.const ",
            $pages,
            "))) (i32.store offset=16 (global.get $description) (i32.const 65536))",
            "(i32.store offset=20 (global.get $description) (i32.const ",
            $operators,
            ")) (global.get $description)"
        )
    };
}

#[test]
fn a_description_is_asked_for_within_limits() {
    let limits = Limits { call: Duration::from_millis(50), memory: 8 << 20, ..Limits::default() };
    let runtime = Runtime::new(RuntimeOptions::default()).unwrap();
    let refusal = |guest: Guest| runtime.build(&guest.module(), limits).map(drop).unwrap_err().to_string();
    let endless = "(loop (br 0)) unreachable";
    assert_says(&refusal(Guest { describe: endless, ..Guest::default() }), &["described", "longer than the 50ms"]);
    let more = "(func $start (loop (br 0))) (start $start)";
    assert_says(&refusal(Guest { more, ..Guest::default() }), &["described", "longer than the 50ms"]);
    let storm = "(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    assert_says(&refusal(Guest { describe: storm, ..Guest::default() }), &["described", "limit of 8MiB"]);
    let more = "(table 2000000 funcref)";
    assert_says(&refusal(Guest { more, ..Guest::default() }), &["described", "1048576 elements"]);
    assert_says(&refusal(Guest { describe: "unreachable", ..Guest::default() }), &["described", "trapped"]);
}

#[test]
fn a_description_of_too_much_is_refused() {
    let refusal = |describe| refusal(&Guest { describe, ..Guest::default() }.module());
    assert_says(&refusal(description!("257", "1")), &["257 operators", "1 to 256"]);
    assert_says(&refusal(description!("50000", "60")), &["described", "more than the 1MiB"]);
    // A doc of two megabytes.
    let doc = "(drop (memory.grow (i32.const 32)))
        (memory.fill (i32.const 65536) (i32.const 0x61) (i32.const 0x200000))
        (i32.store (i32.const 136) (i32.const 65536)) (i32.store (i32.const 140) (i32.const 0x200000))
        (global.get $description)";
    assert_says(&refusal(doc), &["described", "more than the 1MiB"]);
    let doc = "(drop (memory.grow (i32.const 1)))
        (memory.fill (i32.const 65536) (i32.const 0x61) (i32.const 5000))
        (i32.store (i32.const 136) (i32.const 65536)) (i32.store (i32.const 140) (i32.const 5000))
        (global.get $description)";
    assert_says(&refusal(doc), &["probe", "longer than 4096 bytes"]);
    let doc = "(i32.store8 (i32.const 1024) (i32.const 0x1b))
        (i32.store (i32.const 136) (i32.const 1024)) (i32.store (i32.const 140) (i32.const 1))
        (global.get $description)";
    assert_says(&refusal(doc), &["probe", "control characters"]);
}
