//! The arithmetic of hopping windows, which the plan and the windows themselves must agree on.
//!
//! It is exact: what lies before the first or after the last time that can be told is not rounded on the way, only clamped at the end.

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
    fn start(self, time: i128) -> i128 {
        let (every, offset) = (i128::from(self.every), i128::from(self.offset));
        (time - offset).div_euclid(every) * every + offset
    }

    /// The greatest window start that is not after `time`, or the first time that can be told.
    pub fn start_before(self, time: i64) -> i64 {
        clamped(self.start(time.into()))
    }

    /// The least window start that is not before `time`, or the last time that can be told. The beginning of time stays what it is.
    pub fn start_after(self, time: Timestamp) -> Timestamp {
        if time == Timestamp::MIN {
            return time;
        }
        let time = i128::from(time.0);
        Timestamp(clamped(self.start(time - 1) + i128::from(self.every)))
    }

    /// The output frontier over an input frontier: the least start of a window that the input frontier has not closed.
    pub fn frontier(self, frontier: Frontier) -> Frontier {
        frontier.map(|time| match time {
            Timestamp::MIN => time,
            Timestamp(time) => {
                Timestamp(clamped(self.start(i128::from(time) - i128::from(self.size)) + i128::from(self.every)))
            }
        })
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

fn clamped(time: i128) -> i64 {
    time.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: i64) -> Frontier {
        Frontier::At(Timestamp(time))
    }

    #[test]
    fn the_output_frontier_is_the_least_start_after_frontier_less_size() {
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

    #[test]
    fn at_the_edges_of_time_starts_are_exact_or_the_edge() {
        for (every, offset) in [(5, 3), (7, 0), (7, 6), (i64::MAX, 1), (1 << 40, 12_345)] {
            let hops = Hops { size: every, every, offset };
            let is_start = |time: i64| (i128::from(time) - i128::from(offset)).rem_euclid(every.into()) == 0;
            for near in 0..20 {
                let (early, late) = (i64::MIN + near, i64::MAX - near);
                let before = hops.start_before(early);
                assert!(before <= early && (is_start(before) || before == i64::MIN), "{hops:?} {early}: {before}");
                let before = hops.start_before(late);
                assert!(before <= late && is_start(before), "{hops:?} {late}: {before}");
                let after = hops.start_after(Timestamp(late)).0;
                assert!(after >= late && (is_start(after) || after == i64::MAX), "{hops:?} {late}: {after}");
                let Frontier::At(open) = hops.frontier(at(late)) else { unreachable!("it is not empty") };
                assert!(is_start(open.0) && i128::from(open.0) + i128::from(every) > late.into(), "{hops:?}: {open}");
            }
        }
    }
}
