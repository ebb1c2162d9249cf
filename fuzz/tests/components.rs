//! Components that somebody deploys.

use std::time::Duration;

use dag_fuzz::fuzz;
use dag_fuzz::mutation::{mutated, mutation, mutations};
use dag_wasm::{Limits, Runtime, RuntimeOptions};
use proptest::prelude::*;

/// Small ones, because a node compiles what it cannot refuse.
fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "(component)",
        r#"(component (import "dag:operator/host@0.1.0" (instance
            (export "random" (func (result u64))))))"#,
        r#"(component
            (core module $m (memory (export "memory") 1)
                (func (export "describe") (result i32) (i32.const 64))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
            (core instance $i (instantiate $m))
            (func $describe (result string)
                (canon lift (core func $i "describe") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
            (instance $aggregating (export "describe" (func $describe)))
            (export "dag:operator/aggregating@0.1.0" (instance $aggregating)))"#,
        r#"(module (import "dag:operator/host@0.1.0" "random" (func (result i64))) (memory (export "memory") 1))"#,
    ];
    texts.map(|text| wat::parse_str(text).expect("it is WAT")).to_vec()
}

fn limits() -> Limits {
    Limits { memory: 8 << 20, call: Duration::from_millis(50), output: 1 << 20 }
}

#[test]
fn a_damaged_component_is_refused_or_can_say_what_it_is() {
    let runtime = Runtime::new(RuntimeOptions::default()).expect("the engine starts");
    let small = seeds();
    fuzz((0..small.len(), mutations()), |(seed, mutations)| {
        let bytes = mutated(&small[seed], &mutations);
        if let Ok(built) = runtime.build(&bytes, limits()) {
            assert!(!built.description.signatures.is_empty());
        }
    });
}

#[test]
fn a_damaged_operator_of_ours_is_refused_or_can_say_what_it_is() {
    let runtime = Runtime::new(RuntimeOptions::default()).expect("the engine starts");
    let seeds = dag_operators::COMPONENTS;
    fuzz((0..seeds.len(), mutation()), |(seed, mutation)| {
        let bytes = mutated(seeds[seed].bytes, &[mutation]);
        if let Ok(built) = runtime.build(&bytes, limits()) {
            assert!(!built.description.signatures.is_empty());
        }
    });
}

#[test]
fn any_bytes_are_refused_as_a_component() {
    let runtime = Runtime::new(RuntimeOptions::default()).expect("the engine starts");
    fuzz(any::<(bool, Vec<u8>)>(), |(core, bytes)| {
        // Behind what a module or a component begins with.
        let magic: &[u8] = if core { b"\0asm\x01\0\0\0" } else { b"\0asm\x0d\0\x01\0" };
        assert!(runtime.build(&bytes, limits()).is_err());
        assert!(runtime.build(&[magic, &bytes].concat(), limits()).is_err());
    });
}
