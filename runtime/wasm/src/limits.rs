//! What an instance may use.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use wasmtime::{Error, ResourceLimiter, Result};

use crate::memory::{Holder, NoMemory};
use crate::shape::Thing;

/// What one instance may use. What is hit is named in the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Bytes of linear memory, all of the instance's memories together.
    pub memory: u64,
    /// Time that one call may take, to within a few hundredths of a second.
    pub call: Duration,
    /// Bytes that one call may return.
    pub output: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { memory: 256 << 20, call: Duration::from_secs(10), output: 64 << 20 }
    }
}

/// Elements of all tables together, eight bytes each: ten times what a large component has.
pub(crate) const TABLE_ELEMENTS: usize = 1 << 20;

/// How many memories all instances may have together, unless told otherwise: each is four of the system's mappings, all of them together
/// at most half of those that a process may have.
pub fn most_memories() -> usize {
    let most = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok();
    // What Linux says by default.
    most.and_then(|most| most.trim().parse::<usize>().ok()).unwrap_or(65_530) / 8
}

/// Places for the memories of instances.
#[derive(Debug)]
pub(crate) struct Places {
    taken: AtomicUsize,
    limit: usize,
}

/// The places of an instance, until it is dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    places: Arc<Places>,
    count: usize,
}

impl Places {
    /// So many places.
    pub fn new(limit: usize) -> Places {
        Places { taken: AtomicUsize::new(0), limit }
    }

    /// How many are taken, and how many there are.
    pub fn count(&self) -> (usize, usize) {
        (self.taken.load(Ordering::Relaxed), self.limit)
    }

    /// Takes so many places; an error tells how many there are.
    pub fn take(self: &Arc<Places>, count: usize) -> Result<Taken, usize> {
        let before = self.taken.fetch_add(count, Ordering::Relaxed);
        let taken = Taken { places: Arc::clone(self), count };
        if before + count <= self.limit { Ok(taken) } else { Err(self.limit) }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(self.count, Ordering::Relaxed);
    }
}

/// Keeps an instance's memories and tables within its limits.
///
/// A guest that asks for more traps at once, rather than seeing its allocation fail: what it would do then is rarely more than a
/// trap without a reason.
pub(crate) struct Usage {
    limit: u64,
    memory: u64,
    elements: usize,
    /// Who holds the memory, besides the instance.
    holder: Option<Arc<Holder>>,
}

/// A memory that was asked to grow over its limit.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("memory limit")]
pub(crate) struct OverMemory;

/// A memory that was asked to grow while all computations together have no more.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("memory of all")]
pub(crate) struct OverAll(pub NoMemory);

/// A table that was asked to grow over its limit.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("table limit")]
pub(crate) struct OverTables;

impl Usage {
    /// Nothing used yet of what these limits allow.
    pub fn new(limits: &Limits, holder: Option<Arc<Holder>>) -> Usage {
        Usage { limit: limits.memory, memory: 0, elements: 0, holder }
    }

    /// Bytes of linear memory.
    pub fn memory(&self) -> u64 {
        self.memory
    }
}

impl Drop for Usage {
    fn drop(&mut self) {
        if let Some(holder) = &self.holder {
            holder.shrink(self.memory);
        }
    }
}

impl ResourceLimiter for Usage {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current) as u64);
        if total > self.limit {
            return Err(Error::new(OverMemory));
        }
        // Past its own maximum the growth fails by itself, and then nothing is used.
        if maximum.is_none_or(|maximum| desired <= maximum) {
            let more = total - std::mem::replace(&mut self.memory, total);
            if let Some(holder) = &self.holder {
                holder.grow(more).map_err(|why| Error::new(OverAll(why)))?;
            }
        }
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        let total = self.elements.saturating_add(desired.saturating_sub(current));
        if total > TABLE_ELEMENTS {
            return Err(Error::new(OverTables));
        }
        if maximum.is_none_or(|maximum| desired <= maximum) {
            self.elements = total;
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        256
    }

    fn tables(&self) -> usize {
        256
    }

    fn memories(&self) -> usize {
        Thing::Memories.limit() as usize
    }
}
