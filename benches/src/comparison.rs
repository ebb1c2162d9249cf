//! Several ways to the same result, measured in turn.

use std::time::{Duration, Instant};

/// How often each way is measured. The least time counts: whatever else the machine does only adds to it.
const ROUNDS: usize = 5;

/// Ways to do the same to so many records. The first is the peer that the others are held against.
pub struct Comparison<'a> {
    title: &'a str,
    records: u64,
    ways: Vec<Way<'a>>,
}

struct Way<'a> {
    name: &'a str,
    run: Box<dyn FnMut() + 'a>,
    least: Duration,
}

impl<'a> Comparison<'a> {
    /// Nothing to compare yet.
    pub fn new(title: &'a str, records: u64) -> Comparison<'a> {
        Comparison { title, records, ways: Vec::new() }
    }

    /// Adds a way.
    #[must_use]
    pub fn way(mut self, name: &'a str, run: impl FnMut() + 'a) -> Comparison<'a> {
        self.ways.push(Way { name, run: Box::new(run), least: Duration::MAX });
        self
    }

    /// Measures the ways in turn, so that what slows the machine down slows all of them, and prints what each takes per record
    /// and how its speed compares with the peer's: 1.00 is as fast, 0.50 takes twice as long.
    ///
    /// # Panics
    /// If there is no way.
    pub fn print(mut self) {
        for _ in 0..ROUNDS {
            for way in &mut self.ways {
                let began = Instant::now();
                (way.run)();
                way.least = way.least.min(began.elapsed());
            }
        }
        println!("\n{} ({} records)", self.title, self.records);
        let peer = &self.ways[0];
        for way in &self.ways {
            let each = way.least.as_nanos() as f64 / self.records as f64;
            let ratio = peer.least.as_secs_f64() / way.least.as_secs_f64();
            println!("  {:<52} {each:>9.1} ns a record {ratio:>7.2} of {}", way.name, peer.name);
        }
    }
}
