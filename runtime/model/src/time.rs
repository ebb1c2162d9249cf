//! Event time and the frontier.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An event time: nanoseconds since 1970-01-01T00:00:00Z. Displayed as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Before every other time.
    pub const MIN: Timestamp = Timestamp(i64::MIN);
    /// After every other time.
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// This time moved by `ns`, stopping at the ends of what can be told.
    pub const fn saturating_add(self, ns: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(ns))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&dag_frame::time::format(self.0))
    }
}

/// A time before which nothing will follow; empty when nothing at all will follow.
///
/// Ordered by how much it rules out, so that the empty frontier is the greatest and a joint frontier is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Frontier {
    /// No record earlier than this will follow.
    At(Timestamp),
    /// No record will follow: the stream is sealed.
    Empty,
}

impl Frontier {
    /// As people are shown it; none where it rules nothing out.
    pub fn shown(self) -> Option<String> {
        (self != Frontier::START).then(|| self.to_string())
    }

    /// The frontier of a stream that nobody has spoken for: it rules nothing out.
    pub const START: Frontier = Frontier::At(Timestamp::MIN);

    /// Whether a record at `time` may no longer follow.
    pub fn passed(self, time: Timestamp) -> bool {
        match self {
            Frontier::At(frontier) => time < frontier,
            Frontier::Empty => true,
        }
    }

    /// The time, unless empty.
    pub fn time(self) -> Option<Timestamp> {
        match self {
            Frontier::At(time) => Some(time),
            Frontier::Empty => None,
        }
    }

    /// The frontier with its time changed by `f`; an empty one stays empty.
    pub fn map(self, f: impl FnOnce(Timestamp) -> Timestamp) -> Frontier {
        match self {
            Frontier::At(time) => Frontier::At(f(time)),
            Frontier::Empty => Frontier::Empty,
        }
    }
}

impl fmt::Display for Frontier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Frontier::At(Timestamp::MIN) => f.write_str("start"),
            Frontier::At(time) => time.fmt(f),
            Frontier::Empty => f.write_str("sealed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_joint_frontier_is_the_least() {
        let joint = [Frontier::Empty, Frontier::At(Timestamp(7)), Frontier::At(Timestamp(5))].into_iter().min();
        assert_eq!(joint, Some(Frontier::At(Timestamp(5))));
        assert!(!Frontier::At(Timestamp(5)).passed(Timestamp(5)));
        assert!(Frontier::Empty.passed(Timestamp::MAX));
    }
}
