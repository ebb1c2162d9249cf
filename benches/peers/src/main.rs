//! What the example operators cost without WebAssembly, per record in nanoseconds of processor time: the same Rust called natively with the same frames, and in a
//! subprocess that is given records as JSON lines and answers with such, as stream processors before this one have called foreign code.
//!
//! `make languages` runs it beside `dag test`, which measures components on records made in the same way. Read [`operator`], [`records`], [`lines`].

mod lines;
mod operator;
mod processor;
mod records;

use std::time::Duration;

use lines::Subprocess;
use operator::{NAMES, Operator};
use processor::processor_time;
use records::Batch;

/// As `dag test` has them.
const BATCHES: [usize; 3] = [16, 256, 4_096];
/// Records that are measured at once.
const BLOCK: usize = 4_096;
/// Processor time that each size of batch is tried, and at least three blocks.
const TIME: Duration = Duration::from_millis(300);

/// What takes batches.
trait Peer {
    /// Takes a batch, and then time comes to its end.
    fn run(&mut self, batch: &Batch);
    /// Processor time that was spent for it, of whatever process.
    fn spent(&self) -> Duration;
}

impl Peer for Operator {
    fn run(&mut self, batch: &Batch) {
        std::hint::black_box(self.take(batch));
    }

    fn spent(&self) -> Duration {
        processor_time()
    }
}

impl Peer for Subprocess {
    fn run(&mut self, batch: &Batch) {
        std::hint::black_box(self.take(batch));
    }

    fn spent(&self) -> Duration {
        processor_time() + self.processor_time()
    }
}

/// The median of blocks.
fn cost(peer: &mut impl Peer, rows: usize) -> f64 {
    let mut now = 0;
    let mut took: Vec<Duration> = Vec::new();
    while took.len() < 3 || took.iter().sum::<Duration>() < TIME {
        let block: Vec<_> = (0..BLOCK / rows).map(|_| Batch::next(rows, &mut now)).collect();
        let begun = peer.spent();
        block.iter().for_each(|batch| peer.run(batch));
        took.push(peer.spent() - begun);
    }
    took.sort();
    took[took.len() / 2].as_nanos() as f64 / BLOCK as f64
}

fn main() {
    if let Some(name) = std::env::args().nth(1) {
        return lines::serve(&mut Operator::open(&name));
    }
    println!("NS PER RECORD             BATCHES OF 16  BATCHES OF 256  BATCHES OF 4096");
    for name in NAMES {
        let native = BATCHES.map(|rows| cost(&mut Operator::open(name), rows));
        let lines = BATCHES.map(|rows| cost(&mut Subprocess::start(name), rows));
        for (how, [small, middle, large]) in [("native", native), ("as JSON lines", lines)] {
            println!("{:<24}  {small:<13.1}  {middle:<14.1}  {large:.1}", format!("{name} {how}"));
        }
    }
}
