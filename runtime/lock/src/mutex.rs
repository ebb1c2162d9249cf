//! A mutex.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{self, PoisonError};

use crate::held::Held;

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
}

impl<T> Mutex<T> {
    /// A mutex of that name, which a debug build's panic says.
    pub const fn new(name: &'static str, value: T) -> Mutex<T> {
        Mutex { name, inner: sync::Mutex::new(value) }
    }

    /// Waits for it.
    pub fn lock(&self) -> Guard<'_, T> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        Guard { inner, _held: Held::new(self.name) }
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
    use std::time::Duration;

    use super::*;
    use crate::{longest, may_wait};

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
}
