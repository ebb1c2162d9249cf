//! Memory that all computations of a node have together, what the node holds for them and what their operators' instances have.
//!
//! Limits on one computation do not bound a hundred of them. So each takes its bytes from one [`Memory`], by a [`Holder`]. Nothing is
//! set aside: as long as three quarters are not taken, whoever asks gets what it asks for. From there on only those get more that
//! hold little, so that a few large ones do not keep all others out; the rest is theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that all computations may hold together. Clones share them.
#[derive(Clone, Debug)]
pub struct Memory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limit: u64,
    held: AtomicU64,
    holders: AtomicU64,
}

/// What one computation holds of a [`Memory`]. Dropping it gives back what it holds.
#[derive(Debug)]
pub struct Holder {
    of: Memory,
    held: AtomicU64,
}

/// There is no memory left for one that holds so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no memory for more of it: all computations together hold {} MiB of the {} MiB that they may have (dag serve --memory), {} MiB \
     of them this one, which goes on when others hold less",
    all.div_ceil(1 << 20), limit >> 20, held.div_ceil(1 << 20)
)]
pub struct NoMemory {
    /// Bytes that it holds, with those that it asked for.
    pub held: u64,
    /// Bytes that all hold, with those.
    pub all: u64,
    /// Bytes that all may hold.
    pub limit: u64,
}

impl Memory {
    /// So many bytes, of which nothing is held yet.
    pub fn new(limit: u64) -> Memory {
        Memory(Arc::new(Shared { limit, held: AtomicU64::new(0), holders: AtomicU64::new(0) }))
    }

    /// As many as anybody asks for.
    pub fn unlimited() -> Memory {
        Memory::new(u64::MAX)
    }

    /// One that holds nothing yet.
    pub fn holder(&self) -> Arc<Holder> {
        self.0.holders.fetch_add(1, Ordering::Relaxed);
        Arc::new(Holder { of: self.clone(), held: AtomicU64::new(0) })
    }

    /// The bytes that may be held.
    pub fn limit(&self) -> u64 {
        self.0.limit
    }

    /// The bytes that are held.
    pub fn held(&self) -> u64 {
        self.0.held.load(Ordering::Relaxed)
    }

    /// Whether one that holds `held` may hold them while all hold `all`.
    fn allows(&self, held: u64, all: u64) -> bool {
        let Shared { limit, holders, .. } = &*self.0;
        let few = limit / 4;
        all <= limit - few || (all <= *limit && held <= few / holders.load(Ordering::Relaxed).max(1))
    }
}

impl Holder {
    /// The bytes that it holds.
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Takes so many bytes more.
    ///
    /// # Errors
    /// If there are none left for it. They count all the same: who answers an error lets go of what it holds.
    pub fn grow(&self, bytes: u64) -> Result<(), NoMemory> {
        let held = self.held.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let all = self.of.0.held.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        match self.of.allows(held, all) {
            true => Ok(()),
            false => Err(NoMemory { held, all, limit: self.of.limit() }),
        }
    }

    /// Gives so many bytes back.
    pub fn shrink(&self, bytes: u64) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.of.0.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether it could hold so many bytes more.
    pub fn has_room(&self, bytes: u64) -> bool {
        self.of.allows(self.held().saturating_add(bytes), self.of.held().saturating_add(bytes))
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.of.0.held.fetch_sub(*self.held.get_mut(), Ordering::Relaxed);
        self.of.0.holders.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_large_ones_leave_room_for_small_ones_and_all_together_stay_below_the_limit() {
        let memory = Memory::new(1000);
        let large = memory.holder();
        large.grow(750).unwrap();
        assert_eq!(large.grow(1), Err(NoMemory { held: 751, all: 751, limit: 1000 }));
        large.shrink(1);
        assert!(!large.has_room(1));
        // Equal parts of a quarter, among as many as there are.
        let small: Vec<_> = (0..9).map(|_| memory.holder()).collect();
        for holder in &small {
            assert!(holder.has_room(25) && !holder.has_room(26));
            holder.grow(25).unwrap();
        }
        assert_eq!(memory.held(), 975);
        drop(large);
        assert_eq!(memory.held(), 225);
        small[0].grow(500).unwrap();
        drop(small);
        assert_eq!(memory.held(), 0);
    }

    #[test]
    fn however_many_come_one_after_the_other_all_stay_below_the_limit() {
        let memory = Memory::new(1000);
        let mut all = Vec::new();
        for _ in 0..1000 {
            let holder = memory.holder();
            while holder.has_room(1) {
                holder.grow(1).unwrap();
            }
            all.push(holder);
            assert!(memory.held() <= 1000);
        }
    }
}
