//! Guests of other toolchains behind their bridges: every bit of a 64-bit integer crosses, and memory does not grow. `make guests` builds them.

use std::path::PathBuf;
use std::sync::Arc;
use std::{env, fs};

use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampNanosecondArray};
use dag_model::frame::encode;
use dag_model::{Field, Frontier, Lookback, Schema, Timestamp, Type};
use dag_wasm::{Aggregate, Component, InstanceOptions, Runtime, RuntimeOptions, Transform};

/// The languages that have a bridge, and Rust's own way beside them.
const LANGUAGES: [&str; 2] = ["js", "python"];

/// A time of which a double tells no more than that it lies within 256 ns.
const TIME: i64 = 1_700_000_000_123_456_789;

/// The component of that name, if it was built.
fn built(name: &str) -> Option<Arc<Component>> {
    let test = env::current_exe().expect("a test knows where it lies");
    let target = test.ancestors().nth(3).expect("tests lie in target/<profile>/deps");
    let path: PathBuf = target.join("guests").join(name).with_extension("wasm");
    let Ok(bytes) = fs::read(&path) else {
        println!("skipped: `make guests` builds {name}");
        return None;
    };
    Some(Runtime::new(RuntimeOptions::default()).unwrap().load(&bytes).unwrap())
}

fn schema() -> Schema {
    Schema::new(vec![Field::new("value", Type::Float64), Field::new("host", Type::Utf8)])
}

fn records(rows: usize) -> Vec<u8> {
    records_from(TIME, rows)
}

/// So many records a nanosecond apart.
fn records_from(time: i64, rows: usize) -> Vec<u8> {
    let times: Vec<i64> = (0..rows as i64).map(|row| time + row).collect();
    let hosts: Vec<String> = (0..rows).map(|row| format!("host {}", row % 7)).collect();
    let columns: [ArrayRef; 3] = [
        Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC")),
        Arc::new(Float64Array::from_iter_values((0..rows).map(|row| row as f64))),
        Arc::new(StringArray::from(hosts)),
    ];
    encode(rows, columns.iter().map(AsRef::as_ref))
}

fn open(component: &Component, operator: &str, arguments: &[(&str, &str)]) -> Transform {
    let mut transform = component.transform(InstanceOptions::default()).unwrap();
    let opening = transform.open(operator, arguments, &[("x", &schema())]).unwrap();
    assert_eq!(opening.lookback, Lookback::Unbounded);
    transform
}

#[test]
fn frontiers_and_holds_cross_to_the_nanosecond() {
    for language in LANGUAGES {
        let Some(component) = built(&format!("examples-{language}")) else { continue };
        let mut sessions = open(&component, &format!("sessions_{language}"), &[("gap", "1us")]);
        let hold = |transform: &mut Transform, frontier: i64| {
            let output = transform.advance(Frontier::At(Timestamp(frontier))).unwrap();
            (output.hold, output.frame.len())
        };
        let output = sessions.process(&[records(1)], &[]).unwrap();
        assert_eq!((output.hold, output.more), (Some(Timestamp(TIME)), false), "{language}");
        let (held, nothing) = hold(&mut sessions, TIME + 1_000);
        assert_eq!(held, Some(Timestamp(TIME)), "{language}: the gap is not over");
        let chunks = sessions.snapshot().unwrap();
        let mut restored = open(&component, &format!("sessions_{language}"), &[("gap", "1us")]);
        restored.restore(1, &chunks).unwrap();
        for transform in [&mut sessions, &mut restored] {
            let (held, emitted) = hold(transform, TIME + 1_001);
            assert_eq!(held, None, "{language}");
            assert!(emitted > nothing, "{language}: the session was emitted");
        }
        for least in [i64::MIN, -1, 0, i64::MAX] {
            assert_eq!(hold(&mut sessions, least).0, None, "{language}");
        }
    }
}

#[test]
fn every_bit_of_a_hold_and_of_a_frontier_crosses() {
    let times = [
        i64::MIN,
        i64::MIN + 1,
        -12_000_000_000,
        -1,
        0,
        1,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff,
        1 << 32,
        TIME,
        TIME | 0xffff_ffff,
    ];
    for language in LANGUAGES {
        let Some(component) = built(&format!("examples-{language}")) else { continue };
        for time in times {
            let mut sessions = open(&component, &format!("sessions_{language}"), &[("gap", "1ns")]);
            let output = sessions.process(&[records_from(time, 1)], &[]).unwrap();
            assert_eq!(output.hold, Some(Timestamp(time)), "{language}");
            let held = sessions.advance(Frontier::At(Timestamp(time + 1))).unwrap();
            assert_eq!(held.hold, Some(Timestamp(time)), "{language}: the gap is not over");
            let over = sessions.advance(Frontier::At(Timestamp(time + 2))).unwrap();
            assert_eq!(over.hold, None, "{language}: it is over at {}", time + 2);
        }
    }
}

#[test]
fn memory_stays_over_twenty_thousand_calls() {
    const CALLS: usize = 20_000;
    let frames: Vec<_> = [1, 16, 64, 256].map(records).into();
    for language in LANGUAGES {
        let Some(component) = built(&format!("examples-{language}")) else { continue };
        let mut averages = open(&component, &format!("ema_{language}"), &[("alpha", "0.2"), ("by", "host")]);
        stays(&format!("ema_{language}"), CALLS, |call| {
            let output = averages.process(&[frames[call % frames.len()].clone()], &[]).unwrap();
            assert!(output.frame.len() > 100);
            averages.memory()
        });
    }
}

/// Calls so many times, and holds the memory at the end against that at a tenth.
fn stays(name: &str, calls: usize, mut call: impl FnMut(usize) -> u64) {
    let tenth = (0..calls / 10).fold(0, |_, number| call(number));
    let last = (calls / 10..calls).fold(0, |_, number| call(number));
    println!("{name}: {tenth} bytes at a tenth, {last} at the last");
    assert!(last as f64 <= tenth as f64 * 1.02, "{name}: {tenth} bytes at a tenth, {last} at the last");
}

#[test]
fn an_aggregates_results_and_states_stay_within_their_memory() {
    for language in LANGUAGES {
        let Some(component) = built(&format!("examples-{language}")) else { continue };
        let name = format!("avg_{language}");
        let mut avg: Aggregate = component.aggregate(InstanceOptions::default()).unwrap();
        avg.bind(&name, &[("of", "value")], &schema()).unwrap();
        let slots: ArrayRef = Arc::new(Int64Array::from_iter_values(0..256));
        let times: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![TIME; 256]).with_timezone("UTC"));
        let values: ArrayRef = Arc::new(Float64Array::from_iter_values((0..256).map(f64::from)));
        let rows = encode(256, [&slots, &times, &values].map(AsRef::as_ref));
        let every = encode(256, [slots.as_ref()]);
        stays(&name, 4_000, |_| {
            avg.update(&rows).unwrap();
            assert!(avg.state(&every).unwrap().len() > 256 * 16);
            assert!(avg.finish(&every).unwrap().len() > 256 * 8);
            avg.clear(&every).unwrap();
            avg.memory()
        });
    }
}
