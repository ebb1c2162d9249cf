//! How long requests take, undisturbed and besieged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dag_tests::Node;
use dag_tests::crew::{Crew, ScopedHand};

/// How often the status is asked for.
const EVERY: Duration = Duration::from_millis(200);

/// How long each of some requests took.
#[derive(Clone, Debug, Default)]
pub struct Times {
    undisturbed: Vec<Duration>,
    besieged: Vec<Duration>,
}

impl Times {
    /// Takes one in.
    pub fn add(&mut self, besieged: bool, took: Duration) {
        let times = if besieged { &mut self.besieged } else { &mut self.undisturbed };
        times.push(took);
    }

    /// What at most one in a hundred took longer than, of both.
    pub fn row(&self) -> String {
        let p99 = |times: &[Duration]| {
            let mut times = times.to_vec();
            times.sort_unstable();
            let at = (times.len() * 99).div_ceil(100).saturating_sub(1);
            times.get(at).map_or_else(|| "none".to_owned(), |took| format!("{:.1} ms", took.as_secs_f64() * 1e3))
        };
        format!("{:>12} | {:>12}", p99(&self.undisturbed), p99(&self.besieged))
    }
}

/// Asks for the status until it is over.
pub fn status<'scope>(
    crew: &Crew<'scope, '_>,
    node: &Node,
    besieged: Arc<AtomicBool>,
    over: &'scope AtomicBool,
) -> ScopedHand<'scope, Times> {
    let http = node.http().clone();
    crew.spawn("who asks for the status", move || {
        let mut times = Times::default();
        while !over.load(Ordering::SeqCst) {
            let (disturbed, asked) = (besieged.load(Ordering::SeqCst), Instant::now());
            assert_eq!(http.get("status", &[]).status, 200);
            times.add(disturbed, asked.elapsed());
            thread::sleep(EVERY);
        }
        times
    })
}
