//! Where an append is, in which term of a leader, and when something happens.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A leader's term for one stream. Given by metadata, never made by a log; 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// An append's number in its log, from 1 on and without gaps; 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Index(pub u64);

impl Index {
    /// The one after it.
    pub fn next(self) -> Index {
        Index(self.0 + 1)
    }

    /// The one before it; 0 before 0.
    pub fn before(self) -> Index {
        Index(self.0.saturating_sub(1))
    }
}

/// An append as the protocol names it. Points are ordered by epoch first: of two logs, the one with the greater end knows more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Point {
    /// The epoch of the leader that appended it.
    pub epoch: Epoch,
    /// Its index.
    pub index: Index,
}

impl Point {
    /// The append of this epoch and index.
    pub fn new(epoch: u64, index: u64) -> Point {
        Point { epoch: Epoch(epoch), index: Index(index) }
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.index)
    }
}

/// One life of a replica: what it says in one is not mixed up with what it said in another, in which it may have had more or less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Life {
    /// The number of the process's start.
    pub boot: u64,
    /// How often this process has opened the log before.
    pub opening: u32,
}

/// A moment by the steady clock of one node, in milliseconds since an arbitrary one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}
