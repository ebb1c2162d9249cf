//! Memory for requests: their bodies, what these come to, and answers that wait to be read, in bytes that are counted before they are
//! taken.
//!
//! All requests share one budget. Who finds it used up is told to come again: nobody waits with memory of its own for memory that
//! others have. The last eighth is for small requests, so that a few large ones do not keep all others out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dag_model::text::size;

/// What a request may have taken and still be small.
const SMALL: u64 = 1 << 20;

/// Why a request gets no more memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMemory {
    /// However long it waits.
    #[error(
        "the request takes {} of memory or more, which is too much of the {} that all requests have together (--request-memory): send it \
         in parts",
        whole(*.wanted), size(*.all)
    )]
    Ever {
        /// Bytes that it takes at least.
        wanted: u64,
        /// Bytes that there are for all.
        all: u64,
    },
    /// Others have it.
    #[error(
        "requests take {} of the {} that all requests have together (--request-memory), and this one wants {}: try again in a moment",
        whole(*.taken), size(*.all), whole(*.wanted)
    )]
    Now {
        /// Bytes that are taken.
        taken: u64,
        /// Bytes that it wants.
        wanted: u64,
        /// Bytes that there are for all.
        all: u64,
    },
}

/// Bytes for all requests together. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    all: u64,
    taken: AtomicU64,
}

/// What one request has taken. It is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    of: Budget,
    taken: AtomicU64,
    /// What it would have had if it had got what it last asked for.
    wanted: AtomicU64,
}

impl Budget {
    /// So many bytes.
    pub fn new(all: u64) -> Budget {
        Budget(Arc::new(Shared { all, taken: AtomicU64::new(0) }))
    }

    /// The share of a request that has taken nothing yet.
    pub fn share(&self) -> Share {
        Share { of: self.clone(), taken: AtomicU64::new(0), wanted: AtomicU64::new(0) }
    }

    /// How many bytes there are.
    pub fn all(&self) -> u64 {
        self.0.all
    }

    /// How many of them are taken.
    pub fn taken(&self) -> u64 {
        self.0.taken.load(Ordering::Relaxed)
    }

    /// How many of them requests of that size may take together.
    fn limit(&self, request: u64) -> u64 {
        if request <= SMALL { self.0.all } else { self.0.all - self.0.all / 8 }
    }
}

impl Share {
    /// Takes so many bytes more.
    pub fn take(&self, bytes: u64) -> Result<(), NoMemory> {
        let wanted = self.want(bytes);
        let limit = self.of.limit(wanted);
        let more = |taken: u64| taken.checked_add(bytes).filter(|taken| *taken <= limit);
        match self.of.0.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => {
                self.taken.fetch_add(bytes, Ordering::Relaxed);
                Ok(())
            }
            Err(_) => Err(self.refusal()),
        }
    }

    /// Whether so many bytes more could be taken now. It takes none of them.
    pub fn look(&self, bytes: u64) -> Result<(), NoMemory> {
        let limit = self.of.limit(self.want(bytes));
        if self.of.taken().saturating_add(bytes) > limit { Err(self.refusal()) } else { Ok(()) }
    }

    fn want(&self, bytes: u64) -> u64 {
        let wanted = self.taken.load(Ordering::Relaxed).saturating_add(bytes);
        self.wanted.store(wanted, Ordering::Relaxed);
        wanted
    }

    /// Why it did not get what it last asked for.
    pub fn refusal(&self) -> NoMemory {
        let (wanted, all) = (self.wanted.load(Ordering::Relaxed), self.of.all());
        match wanted > self.of.limit(wanted) {
            true => NoMemory::Ever { wanted, all },
            false => NoMemory::Now { taken: self.of.taken(), wanted, all },
        }
    }
}

/// Bytes for people, who want no more than to compare them with a limit.
fn whole(bytes: u64) -> String {
    size(if bytes < 1 << 20 { bytes.next_multiple_of(1 << 10) } else { bytes.next_multiple_of(1 << 20) })
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.0.taken.fetch_sub(*self.taken.get_mut(), Ordering::Relaxed);
    }
}

impl dag_codec::Room for Share {
    fn take(&self, bytes: u64) -> bool {
        Share::take(self, bytes).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn requests_share_what_there_is_and_give_it_back() {
        let budget = Budget::new(16 * MIB);
        let (one, other) = (budget.share(), budget.share());
        one.take(8 * MIB).unwrap();
        other.take(4 * MIB).unwrap();
        let refused = other.take(4 * MIB).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "requests take 12MiB of the 16MiB that all requests have together (--request-memory), and this one wants 8MiB: \
             try again in a moment"
        );
        assert_eq!(budget.taken(), 12 * MIB);
        drop(one);
        other.take(4 * MIB).unwrap();
        drop(other);
        assert_eq!(budget.taken(), 0);
    }

    #[test]
    fn large_requests_leave_room_for_small_ones() {
        let budget = Budget::new(16 * MIB);
        let (large, small) = (budget.share(), budget.share());
        large.take(14 * MIB).unwrap();
        assert!(matches!(budget.share().look(2 * MIB), Err(NoMemory::Now { .. })));
        small.take(MIB).unwrap();
        assert!(matches!(small.take(MIB), Err(NoMemory::Now { .. })));
    }

    #[test]
    fn a_request_that_never_fits_is_not_told_to_come_again() {
        let budget = Budget::new(16 * MIB);
        let refused = budget.share().take(15 * MIB).unwrap_err();
        assert_eq!(refused, NoMemory::Ever { wanted: 15 * MIB, all: 16 * MIB });
        assert!(refused.to_string().contains("16MiB") && refused.to_string().contains("--request-memory"), "{refused}");
        assert_eq!(budget.taken(), 0);
    }
}
