//! Random programs against a model of what every reader should see.
//!
//! A [`program`] is a list of operations on a real node. The [`world`] does each to the node and to the model of it: [`source`] keeps what
//! was published and judges it by the rules of time, [`expression`] says what follows from that, which [`stream`] computes in the plainest
//! way, and a [`reader`] compares what it got with it. Of each [`component`] that is deployed in several versions the model knows which became
//! current; all versions compute the same, and each adds an offset of its own, so that what readers have [`seen`] shows which made it.
//!
//! | variable | |
//! |---|---|
//! | `DAG_TESTS_PROGRAMS=1000` | so many programs, instead of a few |
//! | `DAG_TESTS_SEED=42` | begins with the program of that seed, instead of one by the clock |

mod component;
mod expression;
mod program;
mod reader;
mod seen;
mod source;
mod stream;
mod world;

use std::env;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tempfile::TempDir;

use program::{Operation, program};
use world::{Bug, World};

/// How many programs are run unless `DAG_TESTS_PROGRAMS` says.
const PROGRAMS: u64 = 10;

/// How many programs may miss a planted bug.
const BOUND: u64 = 60;

/// How long the shortest failing program is looked for.
const SHRINK_MS: u32 = 60_000;

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not `{text}`")))
}

/// The seed of the first program.
fn seed() -> u64 {
    let by_clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    number("DAG_TESTS_SEED").unwrap_or_else(by_clock)
}

/// The shortest program found, and what differs, of the programs with these seeds.
fn first_difference(
    seeds: std::ops::Range<u64>,
    shrink_ms: u32,
    run: impl Fn(&[Operation]) -> Result<(), String>,
) -> Option<String> {
    for seed in seeds {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let config = Config {
            max_shrink_time: shrink_ms,
            max_shrink_iters: if shrink_ms == 0 { 0 } else { u32::MAX },
            failure_persistence: None,
            ..Config::default()
        };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
        let tree = program().new_tree(&mut runner).expect("every program is allowed");
        let start = Instant::now();
        let outcome = runner.run_one(tree, |program| {
            run(&program)
                .inspect_err(|why| eprintln!("{} operations, {why}", program.len()))
                .map_err(TestCaseError::fail)
        });
        match outcome {
            Ok(_) => eprintln!("program {seed}: no difference, in {:?}", start.elapsed()),
            Err(TestError::Fail(why, program)) => {
                let lines: String = program.iter().map(|operation| format!("  {operation:?}\n")).collect();
                return Some(format!("DAG_TESTS_SEED={seed}: {why}\n{lines}"));
            }
            Err(TestError::Abort(why)) => panic!("no program could be made: {why}"),
        }
    }
    None
}

#[test]
fn every_reader_sees_what_the_model_says() {
    let compiled = TempDir::new().expect("a folder can be made");
    let first = seed();
    let seeds = first..first + number("DAG_TESTS_PROGRAMS").unwrap_or(PROGRAMS);
    eprintln!("seeds {seeds:?}");
    let difference = first_difference(seeds, SHRINK_MS, |program| World::new(compiled.path(), None).run(program));
    assert!(difference.is_none(), "{}", difference.unwrap_or_default());
}

/// Checks that a bug which is planted is found, and how soon.
#[track_caller]
fn is_found(bug: Bug) {
    let compiled = TempDir::new().expect("a folder can be made");
    let first = seed();
    let seeds = first..first + BOUND;
    eprintln!("{bug:?}: seeds {seeds:?}");
    let difference = first_difference(seeds, 0, |program| World::new(compiled.path(), Some(bug)).run(program));
    assert!(difference.is_some(), "{BOUND} programs did not notice {bug:?}");
}

#[test]
fn a_record_that_is_acknowledged_before_it_is_durable_is_missed() {
    is_found(Bug::LateSync);
}

#[test]
fn a_cursor_that_is_ahead_of_its_acknowledgement_is_noticed() {
    is_found(Bug::CursorAhead);
}

#[test]
fn a_snapshot_that_lacks_what_the_operators_hold_is_noticed() {
    is_found(Bug::ForgetfulSnapshots);
}

#[test]
fn inputs_that_nobody_needs_any_more_and_that_stay_are_noticed() {
    is_found(Bug::InputsStay);
}
