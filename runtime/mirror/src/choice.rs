//! Which origin is asked, and when again.

use std::time::{Duration, Instant};

use crate::limits::AGAIN;

/// Origins are asked in turn; when all of them have failed one after the other, after a while.
#[derive(Default)]
pub(crate) struct Choice {
    at: usize,
    /// How many have failed since one has worked.
    failed: usize,
    pause: Option<Duration>,
    again: Option<Instant>,
}

impl Choice {
    /// The one to ask, of so many.
    pub(crate) fn at(&self, origins: usize) -> usize {
        self.at % origins
    }

    /// When one may be asked; none if that is now.
    pub(crate) fn again(&self, now: Instant) -> Option<Instant> {
        self.again.filter(|again| *again > now)
    }

    /// It has failed: another one is asked.
    pub(crate) fn failed(&mut self, now: Instant, origins: usize) {
        self.at = (self.at + 1) % origins;
        self.failed += 1;
        self.again = None;
        if self.failed.is_multiple_of(origins) {
            let pause = self.pause.map_or(AGAIN.0, |pause| (2 * pause).min(AGAIN.1));
            (self.pause, self.again) = (Some(pause), Some(now + pause));
        }
    }

    /// It has brought something new.
    pub(crate) fn worked(&mut self) {
        (self.failed, self.pause, self.again) = (0, None, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_asked_before_one_is_asked_again_and_then_after_a_pause_that_grows() {
        let (mut choice, now) = (Choice::default(), Instant::now());
        let mut asked = Vec::new();
        let mut pauses = Vec::new();
        for _ in 0..24 {
            asked.push(choice.at(3));
            choice.failed(now, 3);
            pauses.extend(choice.again(now).map(|again| again - now));
        }
        assert_eq!(asked[..6], [0, 1, 2, 0, 1, 2]);
        assert_eq!(pauses[..3], [20, 40, 80].map(Duration::from_millis));
        assert_eq!(pauses[7], AGAIN.1);
        choice.worked();
        assert_eq!(choice.again(now), None);
    }
}
