//! Hostile input for all that reads what others wrote: expressions, segments, bodies, components, frames.
//!
//! Each target lies in `tests/` and says what must hold for any input: most inputs are [`mutation`]s of good ones, others [`bomb`]s,
//! which nest, repeat, or promise more than there is. Under `cargo test` each runs for [`RUN`], with other inputs every time; `make fuzz`
//! runs longer. What fails is made smaller before it is shown. No input may take more than [`MEMORY`], see [`memory`].

pub mod bomb;
pub mod memory;
pub mod mutation;
pub mod wasm;

use std::cell::RefCell;
use std::fmt::{self, Debug, Write as _};
use std::fs::OpenOptions;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, thread};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};

/// How long a target runs, unless `DAG_FUZZ_SECONDS` says otherwise.
pub const RUN: Duration = Duration::from_secs(1);

/// The most memory that a process may have while it reads an input, all that it had before included.
pub const MEMORY: u64 = 512 << 20;

/// How many inputs are tried between two looks at the clock.
const CASES: u32 = 16;

/// How much of the worst input is shown.
const SHOWN: usize = 60;

/// Held by the target that runs: memory is a process's, so that of an input is only known where no other is read.
static TURN: Mutex<()> = Mutex::new(());

/// The input that took the most memory.
#[derive(Clone, Debug, Default)]
struct Worst {
    memory: u64,
    input: String,
}

/// Checks made-up inputs for as long as a target runs. The row of its figures is printed, and goes into the file that `DAG_FUZZ_TABLE` names.
///
/// # Panics
/// If the check does, or an input takes more than [`MEMORY`]; for the smallest such input that is found.
pub fn fuzz<I: Debug>(inputs: impl Strategy<Value = I>, check: impl Fn(I)) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let seconds = env::var("DAG_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let until = Instant::now() + seconds.map_or(RUN, Duration::from_secs);
    let (mut tried, worst) = (0, RefCell::new(Worst::default()));
    while Instant::now() < until {
        // Each has a seed of its own.
        let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&inputs, |input| {
            let shown = Shown::of(&input);
            let taken = memory::of(|| check(input));
            if taken > worst.borrow().memory {
                *worst.borrow_mut() = Worst { memory: taken, input: shown.0 };
            }
            assert!(taken <= MEMORY, "it takes {} MiB, the limit is {} MiB", taken >> 20, MEMORY >> 20);
            Ok(())
        });
        if let Err(failure) = outcome {
            panic!("after {tried} inputs: {failure}");
        }
        tried += CASES;
    }
    report(tried, &worst.into_inner());
}

/// Says how it went.
fn report(tried: u32, worst: &Worst) {
    let thread = thread::current();
    let row = format!("{:82} {tried:>9} {:>9}  {}", thread.name().unwrap_or("?"), worst.memory >> 20, worst.input);
    println!("{row}");
    if let Some(path) = env::var_os("DAG_FUZZ_TABLE") {
        let table = OpenOptions::new().create(true).append(true).open(path);
        table.and_then(|mut table| writeln!(table, "{row}")).expect("DAG_FUZZ_TABLE names a file that can be written");
    }
}

/// The beginning of an input as text: some are long.
struct Shown(String);

impl Shown {
    fn of(input: &impl Debug) -> Shown {
        let mut shown = Shown(String::new());
        // It stops where there is enough.
        let _ = write!(shown, "{input:?}");
        shown
    }
}

impl fmt::Write for Shown {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = SHOWN.saturating_sub(self.0.chars().count());
        self.0.extend(text.chars().take(left));
        if left == 0 { Err(fmt::Error) } else { Ok(()) }
    }
}
