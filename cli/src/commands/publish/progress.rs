//! One line on a terminal that tells how far a file is.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::output::{self, count};

/// How often the line is written anew.
const INTERVAL: Duration = Duration::from_millis(100);

/// The line, or nothing where stderr is not a terminal.
pub struct Progress {
    shown: bool,
    size: u64,
    began: Instant,
    next: Instant,
}

impl Progress {
    /// Of a file of so many bytes.
    pub fn new(size: u64) -> Progress {
        let now = Instant::now();
        Progress { shown: io::stderr().is_terminal(), size, began: now, next: now }
    }

    /// Tells how many bytes and records are done.
    pub fn update(&mut self, bytes: u64, records: u64) {
        let now = Instant::now();
        if !self.shown || now < self.next {
            return;
        }
        self.next = now + INTERVAL;
        let percent = (bytes * 100 / self.size.max(1)).min(100);
        let rate = records as f64 / (now - self.began).as_secs_f64().max(0.001);
        self.rewrite(&format!("{percent:3} %  {}  {rate:.0}/s", count(records, "record")));
    }

    /// Writes a line above.
    pub fn say(&self, line: &str) {
        self.clear();
        output::note(line);
    }

    /// Takes the line away.
    pub fn clear(&self) {
        if self.shown {
            self.rewrite("");
        }
    }

    fn rewrite(&self, text: &str) {
        let mut stderr = io::stderr();
        // Nobody may be looking any more.
        let _ = write!(stderr, "\r\x1b[2K{text}").and_then(|()| stderr.flush());
    }
}
