//! A mutex.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{self, PoisonError};
use std::time::Duration;

use crate::held::{Held, may_wait};

/// As [`std::sync::Mutex`], with a name, and without poison: what is written under it is whole at each step, or the panic ends the process.
#[derive(Debug)]
pub struct Mutex<T> {
    name: &'static str,
    inner: sync::Mutex<T>,
}

/// As [`std::sync::MutexGuard`].
pub struct Guard<'a, T> {
    // Let go before it is said.
    inner: sync::MutexGuard<'a, T>,
    _held: Held,
    name: &'static str,
}

impl<T> Mutex<T> {
    /// A mutex of that name, which a debug build's panic says.
    pub const fn new(name: &'static str, value: T) -> Mutex<T> {
        Mutex { name, inner: sync::Mutex::new(value) }
    }

    /// Waits for it.
    pub fn lock(&self) -> Guard<'_, T> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        Guard { inner, _held: Held::new(self.name), name: self.name }
    }
}

/// As [`std::sync::Condvar`]: who waits does not hold the lock meanwhile, and may hold no other.
#[derive(Debug, Default)]
pub struct Condvar(sync::Condvar);

impl Condvar {
    /// Nobody waits yet.
    pub const fn new() -> Condvar {
        Condvar(sync::Condvar::new())
    }

    /// Waits for as long as `condition` holds.
    pub fn wait_while<'a, T>(&self, guard: Guard<'a, T>, mut condition: impl FnMut(&mut T) -> bool) -> Guard<'a, T> {
        let Guard { mut inner, mut _held, name } = guard;
        while condition(&mut inner) {
            drop(_held);
            may_wait(name);
            inner = self.0.wait(inner).unwrap_or_else(PoisonError::into_inner);
            _held = Held::new(name);
        }
        Guard { inner, _held, name }
    }

    /// Waits until it is notified, or for so long; says whether that time is over.
    pub fn wait_timeout<'a, T>(&self, guard: Guard<'a, T>, time: Duration) -> (Guard<'a, T>, bool) {
        let Guard { inner, _held, name } = guard;
        drop(_held);
        may_wait(name);
        let (inner, result) = self.0.wait_timeout(inner, time).unwrap_or_else(PoisonError::into_inner);
        (Guard { inner, _held: Held::new(name), name }, result.timed_out())
    }

    /// Wakes one who waits.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes all who wait.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T: fmt::Debug> fmt::Debug for Guard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;
    use crate::longest;

    #[test]
    fn nothing_slow_may_be_done_under_it_and_how_long_it_was_held_is_known() {
        let mutex = Mutex::new("a mutex of a test", 1);
        may_wait("a file");
        let guard = mutex.lock();
        let why = std::panic::catch_unwind(|| may_wait("a file")).unwrap_err();
        assert_eq!(why.downcast_ref::<String>().unwrap(), "a file is waited for under [\"a mutex of a test\"]");
        drop(guard);
        may_wait("a file");
        assert!(longest().iter().any(|(name, most)| *name == "a mutex of a test" && *most > Duration::ZERO));
    }

    #[test]
    fn who_waits_for_a_change_holds_nothing_meanwhile() {
        let (mutex, changed) = (Mutex::new("what changes", 0), Condvar::new());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                *mutex.lock() = 1;
                changed.notify_all();
            });
            let guard = changed.wait_while(mutex.lock(), |value| *value == 0);
            assert_eq!(*guard, 1);
            let (guard, over) = changed.wait_timeout(guard, Duration::from_millis(1));
            assert!(over);
            assert!(std::panic::catch_unwind(|| may_wait("a file")).is_err(), "it holds the lock again");
            drop(guard);
        });
        let other = Mutex::new("another", ());
        let held = other.lock();
        let waits = || drop(changed.wait_timeout(mutex.lock(), Duration::ZERO));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(waits)).is_err(), "others wait for that one");
        drop(held);
    }
}
