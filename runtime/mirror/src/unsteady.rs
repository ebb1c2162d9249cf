//! Origins for tests that drop, delay, and are behind others: whoever reads through a mirror of them must not notice.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dag_log::{Committer, Log, OpenError};

use crate::Mirrors;
use crate::limits::Limits;
use crate::origin::{Answer, Here, Next, Origin, Ring};
use crate::wire::{Ask, Begin, Refused, Told};

/// Logs of this process, read as if they were on other nodes, which keep dropping.
pub struct Through {
    mirrors: Mirrors,
    seed: AtomicU64,
}

impl Through {
    /// Mirrors in that folder.
    ///
    /// # Errors
    /// If it can't be emptied, or no thread started.
    pub fn start(dir: &Path, committer: Committer, seed: u64) -> io::Result<Through> {
        // Little of everything, so that bodies are often fetched again.
        let limits = Limits { cache: 256 << 10, in_flight: 512 << 10, ahead: 128 << 10, ..Limits::default() };
        Ok(Through { mirrors: Mirrors::start(dir, committer, limits)?, seed: AtomicU64::new(seed) })
    }

    /// A mirror of the log of that name, to be read from that sequence on.
    ///
    /// # Errors
    /// If it can't be made.
    pub fn read(&self, name: &str, log: &Log, from: u64) -> Result<Log, OpenError> {
        let origin = || -> Arc<dyn Origin> {
            let seed = self.seed.fetch_add(1, Ordering::Relaxed);
            Arc::new(Unsteady::over(Arc::new(Here::new(log.clone())), seed, 1 << 20))
        };
        self.mirrors.open(name, &[origin(), origin()], from)
    }
}

/// An origin whose answers end too early, wait, or say that it is behind, by chance.
pub struct Unsteady {
    origin: Arc<dyn Origin>,
    chance: AtomicU64,
    /// No answer has more bytes than that.
    most: u64,
}

impl Unsteady {
    /// That origin; the same seed gives the same chances to the same questions in the same order. No answer is longer than `most` bytes, which are more than
    /// one part has, and most are shorter.
    pub fn over(origin: Arc<dyn Origin>, seed: u64, most: u64) -> Unsteady {
        Unsteady { origin, chance: AtomicU64::new(seed), most }
    }

    /// The next number below that one.
    fn below(&self, bound: u64) -> u64 {
        // SplitMix64, by Sebastiano Vigna.
        let step = 0x9e37_79b9_7f4a_7c15_u64;
        let mut mixed = self.chance.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

impl Origin for Unsteady {
    fn ask(&self, question: Vec<u8>, ring: Ring) -> Box<dyn Answer> {
        if self.below(16) == 0 {
            return Box::new(Refusing(None));
        }
        let goes_on = matches!(Ask::decode(&question), Ok(Ask::Pull { begin: Begin::After(_), .. }));
        if goes_on && self.below(8) == 0 {
            return Box::new(Refusing(Some(Told::Refused(Refused::Behind).encode())));
        }
        let left = 1 + self.below(self.most);
        let pauses = if self.below(2) == 0 { 0 } else { self.below(4) };
        Box::new(Cut { answer: self.origin.ask(question, ring), left, pauses })
    }
}

/// One that says one thing at most.
struct Refusing(Option<Vec<u8>>);

impl Answer for Refusing {
    fn next(&mut self, _: Instant) -> Next {
        self.0.take().map_or_else(|| Next::Dropped("it is not reached".into()), Next::Part)
    }
}

/// One of which only so many bytes come.
struct Cut {
    answer: Box<dyn Answer>,
    left: u64,
    /// So often it lets others come before.
    pauses: u64,
}

impl Answer for Cut {
    fn next(&mut self, now: Instant) -> Next {
        if self.pauses > 0 {
            self.pauses -= 1;
            return Next::Wait(Some(now + Duration::from_millis(1)));
        }
        match self.answer.next(now) {
            Next::Part(part) if part.len() as u64 > self.left => {
                self.left = 0;
                Next::Dropped("it has dropped in the middle of a part".into())
            }
            Next::Part(part) => {
                self.left -= part.len() as u64;
                Next::Part(part)
            }
            next => next,
        }
    }
}
