//! What time it is, for whoever judges by it.
//!
//! A time is taken where it is judged: under the lock that the judgement is made under. One that was taken before a wait, a decode or a
//! disk is of another moment than the frontier that it is held against.

use dag_model::Timestamp;

/// A clock that never goes back, in nanoseconds since some moment of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Steady(pub i64);

impl Steady {
    /// Before any other.
    pub(crate) const MIN: Steady = Steady(i64::MIN);

    /// So many nanoseconds later, or the last moment that can be told.
    pub fn after(self, nanoseconds: i64) -> Steady {
        Steady(self.0.saturating_add(nanoseconds))
    }
}

/// A moment, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What records are stamped with and held against. It may be set back, or far ahead.
    pub wall: Timestamp,
    /// What silence is measured by.
    pub steady: Steady,
}

/// A moment at which both clocks show the same.
impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Moment {
        Moment { wall: time, steady: Steady(time.0) }
    }
}

/// What tells the time.
pub trait Clock {
    /// The moment of the call.
    fn now(&self) -> Moment;
}

/// A clock that stands still.
impl Clock for Timestamp {
    fn now(&self) -> Moment {
        (*self).into()
    }
}

/// Another.
impl Clock for Moment {
    fn now(&self) -> Moment {
        *self
    }
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now(&self) -> Moment {
        (**self).now()
    }
}
