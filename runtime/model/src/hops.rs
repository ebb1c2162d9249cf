//! The arithmetic of hopping windows, which the plan and the windows themselves must agree on.

use crate::{Frontier, Timestamp};

/// Windows of `size` that start at every multiple of `every` plus `offset`, all in nanoseconds. Tumbling ones have
/// `every == size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hops {
    /// Positive.
    pub size: i64,
    /// Positive, at most `size`.
    pub every: i64,
    /// From 0 to less than `every`.
    pub offset: i64,
}

impl Hops {
    /// The greatest window start that is not after `time`.
    pub fn start_before(self, time: i64) -> i64 {
        time.saturating_sub(self.offset).div_euclid(self.every).saturating_mul(self.every).saturating_add(self.offset)
    }

    /// The least window start that is not before `time`. The beginning of time stays what it is.
    pub fn start_after(self, time: Timestamp) -> Timestamp {
        if time == Timestamp::MIN {
            return time;
        }
        let before = self.start_before(time.0);
        Timestamp(if before == time.0 { before } else { before.saturating_add(self.every) })
    }

    /// The output frontier over an input frontier: the least start of a window that the input frontier has not closed.
    pub fn frontier(self, frontier: Frontier) -> Frontier {
        frontier.map(|Timestamp(time)| match time {
            i64::MIN => Timestamp::MIN,
            time => Timestamp(self.start_before(time.saturating_sub(self.size)).saturating_add(self.every)),
        })
    }

    /// Whether the window that starts at `start` is closed.
    pub fn closed(self, start: i64, frontier: Frontier) -> bool {
        match frontier {
            Frontier::At(time) => start.saturating_add(self.size) <= time.0,
            Frontier::Empty => true,
        }
    }

    /// The width of a pane: every window is a whole number of panes.
    /// (Li et al., "No pane, no gain", SIGMOD Record 34(1), 2005.)
    pub fn pane(self) -> i64 {
        let (mut a, mut b) = (self.size, self.every);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_frontier_is_the_least_start_after_frontier_less_size() {
        let at = |time| Frontier::At(Timestamp(time));
        let tumbling = Hops { size: 5, every: 5, offset: 0 };
        assert_eq!(tumbling.frontier(at(7)), at(5));
        assert_eq!(tumbling.frontier(at(5)), at(5));
        assert_eq!(tumbling.frontier(at(4)), at(0));
        let hopping = Hops { size: 10, every: 5, offset: 0 };
        assert_eq!(hopping.frontier(at(4)), at(-5));
        assert_eq!(hopping.frontier(at(5)), at(0));
        assert_eq!(hopping.pane(), 5);
        assert_eq!(hopping.frontier(Frontier::Empty), Frontier::Empty);
    }

    #[test]
    fn a_start_after_a_time_is_a_start() {
        let hops = Hops { size: 10, every: 5, offset: 2 };
        assert_eq!(hops.start_after(Timestamp(2)), Timestamp(2));
        assert_eq!(hops.start_after(Timestamp(3)), Timestamp(7));
        assert_eq!(hops.start_before(1), -3);
    }
}
