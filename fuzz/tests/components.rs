//! Components that somebody deploys.

use std::time::Duration;

use dag_fuzz::mutation::{mutated, mutation, mutations};
use dag_fuzz::{MEMORY, fuzz, memory, wasm};
use dag_wasm::{Abandoned, Bounds, Builder, BuilderCommand, Limits, LoadError, Runtime, RuntimeOptions};
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

/// What nests, repeats or bombs: of what, and how much.
#[derive(Clone, Copy, Debug)]
enum Bomb {
    Types(u8),
    Components,
    ComponentTypes,
    Modules,
    Doubling,
    Functions,
    Blocks,
    Loops,
    Jumps,
    Names,
    Data,
}

const BOMBS: [Bomb; 12] = [
    Bomb::Types(0x41),
    Bomb::Types(0x42),
    Bomb::Components,
    Bomb::ComponentTypes,
    Bomb::Modules,
    Bomb::Doubling,
    Bomb::Functions,
    Bomb::Blocks,
    Bomb::Loops,
    Bomb::Jumps,
    Bomb::Names,
    Bomb::Data,
];

impl Bomb {
    /// About so many bytes of it.
    fn bytes(self, size: usize) -> Vec<u8> {
        match self {
            Bomb::Types(kind) => wasm::types(kind, size / 3),
            // They take time in proportion to the square to make.
            Bomb::Components => wasm::components((size / 14).min(10_000)),
            Bomb::ComponentTypes => wasm::component_types(&wasm::types(0x42, 10), size / 64),
            Bomb::Modules => wasm::modules(size / 10, wasm::MODULE),
            Bomb::Doubling => wasm::doubling((size / 40).clamp(1, 1_000)),
            Bomb::Functions => wasm::functions(size / 4, &[]),
            Bomb::Blocks => wasm::functions((size / 24_000).max(1), &wasm::nested(0x02, 8_000.min(size / 3))),
            Bomb::Loops => wasm::functions((size / 400).max(1), &wasm::nested(0x03, 128)),
            Bomb::Jumps => wasm::jumps((size / 6).clamp(1, 8_000), (size / 6).clamp(1, 1_000)),
            Bomb::Names => wasm::names(size / 2_000, 1_000),
            Bomb::Data => [wasm::MODULE, &wasm::custom("component-type", &vec![0; size])].concat(),
        }
    }
}

/// The same limits as a node's, but for time where many are tried in little.
#[test]
fn what_nests_repeats_or_bombs_is_refused_or_built_by_a_process_within_its_bounds() {
    let long = std::env::var_os("DAG_FUZZ_SECONDS").is_some();
    let (most, seconds) = if long { (26_usize, 10) } else { (16, 1) };
    let command = BuilderCommand {
        program: env!("CARGO_BIN_EXE_build-component").into(),
        arguments: Vec::new(),
        environment: Vec::new(),
    };
    let builder = Builder::Process { command, bounds: Bounds { memory: 512 << 20, cpu: Duration::from_secs(seconds) } };
    let runtime = Runtime::new(RuntimeOptions::default()).expect("the engine starts");
    let bomb = (proptest::sample::select(&BOMBS[..]), 6..=most, proptest::option::of(mutation()));
    let built = |(bomb, exponent, mutation): (Bomb, usize, Option<_>)| {
        let bytes = mutated(&bomb.bytes(1 << exponent), mutation.as_slice());
        match builder.build(&runtime, &bytes, limits(), &Abandoned::default()) {
            Ok(built) => assert!(!built.description.signatures.is_empty()),
            Err(LoadError::Builder(why)) => panic!("the process failed for reasons of its own: {why}"),
            Err(_) => {}
        }
    };
    let peak = memory::of_children(|| fuzz(bomb, built));
    println!("{} MiB at most in a process that builds", peak >> 20);
    assert!(peak < MEMORY, "{peak} bytes");
}
