//! A lock that many may read under.

use std::ops::{Deref, DerefMut};
use std::sync::{self, PoisonError};

use crate::held::Held;

/// As [`std::sync::RwLock`], with a name, and without poison.
#[derive(Debug)]
pub struct RwLock<T> {
    name: &'static str,
    inner: sync::RwLock<T>,
}

/// As [`std::sync::RwLockReadGuard`].
pub struct ReadGuard<'a, T> {
    inner: sync::RwLockReadGuard<'a, T>,
    _held: Held,
}

/// As [`std::sync::RwLockWriteGuard`].
pub struct WriteGuard<'a, T> {
    inner: sync::RwLockWriteGuard<'a, T>,
    _held: Held,
}

impl<T> RwLock<T> {
    /// A lock of that name, which a debug build's panic says.
    pub const fn new(name: &'static str, value: T) -> RwLock<T> {
        RwLock { name, inner: sync::RwLock::new(value) }
    }

    /// Waits until nobody writes.
    pub fn read(&self) -> ReadGuard<'_, T> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        ReadGuard { inner, _held: Held::new(self.name) }
    }

    /// Waits until nobody reads or writes.
    pub fn write(&self) -> WriteGuard<'_, T> {
        let inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        WriteGuard { inner, _held: Held::new(self.name) }
    }
}

impl<T> Deref for ReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> Deref for WriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}
