//! How much of what an instance logs is written: a line costs the node more than it costs the guest.

use std::time::{Duration, Instant};

/// Lines that one instance may log in each [`PERIOD`]; the rest are counted.
const LINES: u64 = 100;
/// See [`LINES`].
const PERIOD: Duration = Duration::from_secs(10);

/// The lines of an instance in this period.
#[derive(Debug, Default)]
pub struct Chatter {
    since: Option<Instant>,
    lines: u64,
}

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is written, after a word on so many that were left out before.
    Written {
        /// How many.
        left_out: u64,
    },
    /// It is the first that is left out.
    FirstLeftOut,
    /// It is left out.
    LeftOut,
}

impl Chatter {
    /// Counts a line.
    pub fn admit(&mut self, now: Instant) -> Admission {
        let mut left_out = 0;
        if self.since.is_none_or(|since| now.duration_since(since) >= PERIOD) {
            left_out = self.lines.saturating_sub(LINES);
            (self.since, self.lines) = (Some(now), 0);
        }
        self.lines += 1;
        match self.lines {
            ..=LINES => Admission::Written { left_out },
            lines if lines == LINES + 1 => Admission::FirstLeftOut,
            _ => Admission::LeftOut,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_lines_are_written_and_the_next_period_tells_how_many_were_not() {
        let (mut chatter, start) = (Chatter::default(), Instant::now());
        let admitted: Vec<_> = (0..1_000).map(|_| chatter.admit(start)).collect();
        assert!(admitted[..100].iter().all(|line| *line == Admission::Written { left_out: 0 }));
        assert_eq!(admitted[100], Admission::FirstLeftOut);
        assert!(admitted[101..].iter().all(|line| *line == Admission::LeftOut));
        assert_eq!(chatter.admit(start + PERIOD / 2), Admission::LeftOut);
        assert_eq!(chatter.admit(start + PERIOD), Admission::Written { left_out: 901 });
        assert_eq!(chatter.admit(start + PERIOD), Admission::Written { left_out: 0 });
    }
}
