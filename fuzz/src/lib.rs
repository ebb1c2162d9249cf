//! Hostile input for all that reads what others wrote: expressions, segments, bodies, components, frames.
//!
//! Each target lies in `tests/` and says what must hold for any input; most inputs are [`mutation`]s of good ones. Under
//! `cargo test` each runs for [`RUN`], with other inputs every time; `make fuzz` runs longer. What fails is made smaller before it
//! is shown.

pub mod mutation;

use std::env;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};

/// How long a target runs, unless `DAG_FUZZ_SECONDS` says otherwise.
pub const RUN: Duration = Duration::from_secs(2);

/// How many inputs are tried between two looks at the clock.
const CASES: u32 = 16;

/// Checks made-up inputs for as long as a target runs.
///
/// # Panics
/// If the check does, for the smallest such input that is found.
pub fn fuzz<I: Debug>(inputs: impl Strategy<Value = I>, check: impl Fn(I)) {
    let seconds = env::var("DAG_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let until = Instant::now() + seconds.map_or(RUN, Duration::from_secs);
    let mut tried = 0;
    while Instant::now() < until {
        // Each has a seed of its own.
        let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
        if let Err(failure) = runner.run(&inputs, |input| {
            check(input);
            Ok(())
        }) {
            panic!("after {tried} inputs: {failure}");
        }
        tried += CASES;
    }
    println!("{tried} inputs");
}
