//! What an instance may use, and that going over it ends that instance alone.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use dag_model::{Field, Lookback, Schema, Type};
use dag_wasm::{
    Aggregate, Binding, CallError, Component, InstanceOptions, Limits, Memory, NoMemory, Runtime, RuntimeOptions,
};
use support::{Guest, HOLD_64_MIB, WORDS};

fn component(guest: Guest) -> Arc<Component> {
    Runtime::new(RuntimeOptions::default()).unwrap().load(&guest.module()).unwrap()
}

fn instance(component: &Component, limits: Limits) -> Aggregate {
    component.aggregate(InstanceOptions { limits, ..InstanceOptions::default() }).unwrap()
}

/// An instance whose `update` does this.
fn updating(update: &'static str, limits: Limits) -> Aggregate {
    instance(&component(Guest { update, ..Guest::default() }), limits)
}

#[test]
fn a_binding_arrives_as_the_guest_gives_it() {
    let schema = Schema::new(vec![Field::new("value", Type::Float64)]);
    let mut aggregate = instance(&component(Guest::default()), Limits::default());
    let binding = Binding { result: Type::Float64, columns: vec![0], lookback: Lookback::Duration(0x5_0000_0003) };
    assert_eq!(aggregate.bind("probe", &[("of", "value")], &schema), Ok(binding));

    let mut greedy = instance(&component(Guest { column: 1, ..Guest::default() }), Limits::default());
    assert!(matches!(greedy.bind("probe", &[], &schema), Err(CallError::Invalid(_))));
}

#[test]
fn a_refusal_is_the_guests_own_words_and_the_instance_goes_on() {
    let mut aggregate = updating("(global.get $error)", Limits::default());
    assert_eq!(aggregate.update(&[1, 2, 3]), Err(CallError::Refused(WORDS.into())));
    assert_eq!(aggregate.combine(&[]), Ok(()));
}

#[test]
fn a_trap_ends_its_instance_and_no_other() {
    let component = component(Guest { update: "unreachable", ..Guest::default() });
    let mut one = instance(&component, Limits::default());
    let mut other = instance(&component, Limits::default());
    assert!(matches!(one.update(&[]), Err(CallError::Trap(_))));
    assert_eq!(one.combine(&[]), Err(CallError::Ended));
    assert_eq!(other.combine(&[]), Ok(()));
}

#[test]
fn a_trap_is_told_with_the_guests_last_words() {
    let update = "(call $log (i32.const 3) (global.get $words) (i32.const 14)) unreachable";
    let error = updating(update, Limits::default()).update(&[]).unwrap_err();
    assert!(error.to_string().contains(WORDS), "{error}");
}

#[test]
fn an_endless_loop_ends_at_the_time_limit() {
    let call = Duration::from_millis(50);
    let component = component(Guest { update: "(loop (br 0)) unreachable", ..Guest::default() });
    let mut aggregate = instance(&component, Limits { call, ..Limits::default() });
    let begun = Instant::now();
    assert_eq!(aggregate.update(&[]), Err(CallError::TimeLimit(call)));
    assert!(begun.elapsed() >= call);
    assert_eq!(aggregate.update(&[]), Err(CallError::Ended));
}

#[test]
fn endless_recursion_ends_its_instance_and_no_more() {
    let component = component(Guest { update: "(call $update (i32.const 0) (i32.const 0))", ..Guest::default() });
    let error = instance(&component, Limits::default()).update(&[]).unwrap_err();
    assert!(matches!(&error, CallError::Trap(what) if what.contains("stack")), "{error}");
}

#[test]
fn an_instance_runs_on_whatever_thread_has_it() {
    let mut aggregate = updating("(global.get $ok)", Limits::default());
    let answer = std::thread::spawn(move || aggregate.update(&[])).join();
    assert_eq!(answer.unwrap(), Ok(()));
}

#[test]
fn time_between_calls_does_not_count() {
    let call = Duration::from_millis(50);
    let component = component(Guest { update: "(loop (br 0)) unreachable", ..Guest::default() });
    let mut patient = instance(&component, Limits { call, ..Limits::default() });
    assert_eq!(patient.combine(&[]), Ok(()));
    // The other's loop lets more than the limit pass.
    let mut endless = instance(&component, Limits { call: call * 3, ..Limits::default() });
    assert_eq!(endless.update(&[]), Err(CallError::TimeLimit(call * 3)));
    assert_eq!(patient.combine(&[]), Ok(()));
}

#[test]
fn an_allocation_storm_ends_at_the_memory_limit() {
    let storm = "(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    let mut aggregate = updating(storm, Limits { memory: 8 << 20, ..Limits::default() });
    assert_eq!(aggregate.update(&[]), Err(CallError::MemoryLimit(8 << 20)));
}

#[test]
fn tables_have_a_limit_of_their_own() {
    let storm = "(drop (table.grow (ref.null func) (i32.const 0x200000))) unreachable";
    let component = component(Guest { more: "(table 1 funcref)", update: storm, ..Guest::default() });
    assert_eq!(instance(&component, Limits::default()).update(&[]), Err(CallError::TableLimit));
}

#[test]
fn binding_that_does_not_end_ends_at_the_time_limit() {
    let call = Duration::from_millis(50);
    let component = component(Guest { bind: "(loop (br 0)) unreachable", ..Guest::default() });
    let mut aggregate = instance(&component, Limits { call, ..Limits::default() });
    assert_eq!(aggregate.bind("probe", &[], &Schema::default()), Err(CallError::TimeLimit(call)));
}

#[test]
fn what_a_guest_says_of_its_failure_is_cut_and_shown_as_text() {
    // 16 KiB of escape characters.
    let update = "(memory.fill (i32.const 16384) (i32.const 0x1b) (i32.const 16384))
        (i32.store (global.get $return) (i32.const 1))
        (i32.store offset=4 (global.get $return) (i32.const 16384))
        (i32.store offset=8 (global.get $return) (i32.const 16384))
        (global.get $return)";
    let refused = updating(update, Limits::default()).update(&[]);
    assert_eq!(refused, Err(CallError::Refused("\u{fffd}".repeat(4096))));
}

#[test]
fn limits_are_told_in_the_unit_that_they_were_given_in() {
    let told = |error: CallError| error.to_string();
    assert!(told(CallError::MemoryLimit(1025 << 10)).contains("1025KiB"));
    assert!(told(CallError::OutputLimit(4 << 10)).contains("4KiB"));
    assert!(told(CallError::TimeLimit(Duration::from_millis(200))).contains("200ms"));
}

#[test]
fn a_frame_that_does_not_fit_into_the_guest_is_over_its_memory_limit() {
    let mut aggregate = updating("(global.get $ok)", Limits { memory: 1 << 20, ..Limits::default() });
    assert_eq!(aggregate.update(&vec![0; 2 << 20]), Err(CallError::MemoryLimit(1 << 20)));
}

#[test]
fn the_default_limits_let_an_operator_hold_64_mib() {
    assert_eq!(updating(HOLD_64_MIB, Limits::default()).update(&[]), Ok(()));
}

/// A result of 3 MiB, whatever they hold.
const SCAN_3_MIB: &str = "(drop (memory.grow (i32.const 48)))
    (i32.store offset=4 (global.get $return) (i32.const 65536))
    (i32.store offset=8 (global.get $return) (i32.const 0x300000))
    (global.get $return)";

#[test]
fn a_result_over_the_output_limit_is_refused_before_it_is_copied_or_after() {
    let component = component(Guest { scan: SCAN_3_MIB, ..Guest::default() });
    let scan =
        |output: u64| instance(&component, Limits { output, ..Limits::default() }).scan(&[]).map(|out| out.len());
    assert_eq!(scan(1 << 20), Err(CallError::OutputLimit(1 << 20)));
    // Within what is left for what is not frames, which only the second check sees.
    assert_eq!(scan((3 << 20) - 1), Err(CallError::OutputLimit((3 << 20) - 1)));
    assert_eq!(scan(3 << 20), Ok(3 << 20));
}

#[test]
fn a_thousand_instances_fit() {
    let component = component(Guest::default());
    let instances: Vec<Aggregate> = (0..1000).map(|_| instance(&component, Limits::default())).collect();
    assert_eq!(instances.len(), 1000);
}

#[test]
fn instances_share_memory_and_one_that_finds_none_ends_and_gives_its_own_back() {
    let component = component(Guest { update: HOLD_64_MIB, ..Guest::default() });
    let memory = Memory::new(100 << 20);
    let made = || {
        let options = InstanceOptions { holder: Some(memory.holder()), ..InstanceOptions::default() };
        component.aggregate(options).unwrap()
    };
    let (mut one, mut other) = (made(), made());
    let begun = memory.held();
    assert_eq!(begun, one.memory() + other.memory());
    one.update(&[]).unwrap();
    assert_eq!(memory.held(), begun + (64 << 20));
    let short = other.update(&[]).unwrap_err();
    assert!(matches!(short, CallError::Shared(NoMemory { limit, .. }) if limit == 100 << 20), "{short}");
    assert_eq!(memory.held(), one.memory());
    drop(one);
    made().update(&[]).unwrap();
    assert_eq!(memory.held(), 0);
}
