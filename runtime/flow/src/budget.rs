//! What the host holds in memory for one computation, in bytes, and how much that may be.
//!
//! A computation's operators on all workers share one [`Budget`]. Whatever holds records or state says so by a [`Charge`], which gives
//! the bytes back when it is dropped. The budget is cut into [`Share`]s. What flows through a computation waits where its share is full; what a
//! computation has to remember can't wait, and ends it with [`OverBudget`]. So how fast its readers and its disk are never decides whether a
//! computation fails.
//!
//! All computations of a node take their bytes from one [`Memory`]. While it is short, what flows goes a batch at a time, and what would
//! have to be remembered ends a computation with [`NoMemory`] until there is room again.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{Array, RecordBatch};
use dag_model::text::size;
use dag_wasm::{Holder, Memory, NoMemory};
use timely::scheduling::SyncActivator;

/// What a computation holds on the host's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Records that were read and are neither folded nor written yet.
    Queued,
    /// Records that were read and whose turn in time order has not come.
    Merging,
    /// What operators emitted and is not written yet.
    Results,
    /// The keys that windows refer to.
    Keys,
    /// What the host knows of windows besides: panes, sessions, and their numbers.
    Windows,
}

/// What one limit is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// [`Part::Queued`]. Sources wait.
    Queue,
    /// [`Part::Merging`]. Too much of it is an error.
    Order,
    /// [`Part::Results`]. Operators wait, but what has to be put in order is an error.
    Results,
    /// [`Part::Keys`] and [`Part::Windows`]. Too much of it is an error.
    State,
}

impl Part {
    /// All of them.
    pub const ALL: [Part; 5] = [Part::Queued, Part::Merging, Part::Results, Part::Keys, Part::Windows];

    /// The share that it is counted in.
    pub const fn share(self) -> Share {
        match self {
            Part::Queued => Share::Queue,
            Part::Merging => Share::Order,
            Part::Results => Share::Results,
            Part::Keys | Part::Windows => Share::State,
        }
    }

    /// What it is called in status and errors.
    pub const fn name(self) -> &'static str {
        match self {
            Part::Queued => "queued records",
            Part::Merging => "records in time order",
            Part::Results => "results",
            Part::Keys => "keys",
            Part::Windows => "windows",
        }
    }
}

impl Share {
    /// All of them.
    pub const ALL: [Share; 4] = [Share::Queue, Share::Order, Share::Results, Share::State];

    /// What it is called in status and errors.
    pub const fn name(self) -> &'static str {
        match self {
            Share::Queue => Part::Queued.name(),
            Share::Order => Part::Merging.name(),
            Share::Results => Part::Results.name(),
            Share::State => "keys and windows",
        }
    }

    /// How much of a budget of so many bytes it is.
    pub const fn of(self, budget: u64) -> u64 {
        match self {
            Share::Queue | Share::Results => budget / 8,
            Share::Order => budget / 4,
            Share::State => budget / 2,
        }
    }

    /// At how many bytes whoever can wait does. Operators wait early enough for what they emit at once to find room.
    const fn waits_at(self, budget: u64) -> u64 {
        match self {
            Share::Results => self.of(budget) / 2,
            Share::Queue | Share::Order | Share::State => self.of(budget),
        }
    }

    /// What makes it smaller.
    const fn advice(self) -> &'static str {
        match self {
            Share::Queue | Share::Results => "smaller records",
            Share::Order => "less disorder in the inputs",
            Share::State => "shorter windows or fewer keys",
        }
    }

    fn parts(self) -> impl Iterator<Item = Part> {
        Part::ALL.into_iter().filter(move |part| part.share() == self)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A computation has to remember more than it may.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "its {} would take {found} bytes, more than the {} that {share} may take of its {}; {} take less, and a node started with a greater \
     --computation-memory allows more",
    part.name(), size(*limit), size(*budget), share.advice()
)]
pub struct OverBudget {
    /// What grew.
    pub part: Part,
    /// What the limit is on.
    pub share: Share,
    /// How much the share has come to.
    pub found: u64,
    /// How much it may be.
    pub limit: u64,
    /// The budget that it is a share of.
    pub budget: u64,
}

/// Why more cannot be remembered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Over {
    /// It is more than the computation may.
    #[error(transparent)]
    Budget(#[from] OverBudget),
    /// All computations together have no more.
    #[error(transparent)]
    Memory(#[from] NoMemory),
}

/// How much is held of a share, and how much may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// What is held.
    pub share: Share,
    /// Bytes at the moment.
    pub bytes: u64,
    /// The most bytes at once so far.
    pub peak: u64,
    /// The most bytes that it may be.
    pub limit: u64,
}

/// The bytes that a computation holds on the host's side, of all its workers together.
#[derive(Debug)]
pub struct Budget {
    limit: u64,
    /// What is held, and what the operator's instances have, as part of what all computations do.
    holder: Arc<Holder>,
    held: [AtomicU64; Part::ALL.len()],
    peaks: [AtomicU64; Share::ALL.len()],
    /// The most memory that one of its operator's instances has, which has a limit of its own.
    instance: AtomicU64,
    starved: AtomicBool,
    /// Operators that wait for room.
    waiting: Mutex<Vec<Arc<SyncActivator>>>,
}

impl Budget {
    /// The bytes that a computation may hold where nobody says anything else.
    pub const DEFAULT: u64 = 512 << 20;

    /// A budget of so many bytes, of which nothing is held yet, beside which nobody wants memory.
    pub fn new(limit: u64) -> Arc<Budget> {
        Budget::within(limit, &Memory::unlimited())
    }

    /// A budget of so many bytes, of which nothing is held yet, and which are taken from `memory`.
    pub fn within(limit: u64, memory: &Memory) -> Arc<Budget> {
        let (holder, held, peaks) = (memory.holder(), Default::default(), Default::default());
        let (instance, starved) = (AtomicU64::new(0), AtomicBool::new(false));
        Arc::new(Budget { limit, holder, held, peaks, instance, starved, waiting: Mutex::new(Vec::new()) })
    }

    /// The bytes that may be held.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Who holds the memory of the operator's instances.
    pub fn holder(&self) -> &Arc<Holder> {
        &self.holder
    }

    /// How many bytes are read, given to an operator or emitted at once, but for a single record: few of what a share is, and no more than
    /// an entry has.
    pub(crate) fn batch(&self) -> u64 {
        (self.limit / 64).min(8 << 20)
    }

    /// The bytes that are held.
    pub fn held(&self) -> u64 {
        self.held.iter().map(|held| held.load(Ordering::Relaxed)).sum()
    }

    /// What is held of each share.
    pub fn usage(&self) -> Vec<Usage> {
        let usage = |share: Share| {
            let peak = self.peaks[share as usize].load(Ordering::Relaxed);
            Usage { share, bytes: self.held_of(share), peak, limit: share.of(self.limit) }
        };
        Share::ALL.into_iter().map(usage).collect()
    }

    /// The most bytes of memory that one of the operator's instances has, which are no part of the budget: an instance only grows.
    pub fn instance(&self) -> u64 {
        self.instance.load(Ordering::Relaxed)
    }

    /// One of the operator's instances has so many bytes of memory.
    pub(crate) fn has_instance(&self, bytes: u64) {
        self.instance.fetch_max(bytes, Ordering::Relaxed);
    }

    /// A charge on a part that holds nothing yet.
    pub fn charge(self: &Arc<Budget>, part: Part) -> Charge {
        Charge { budget: self.clone(), part, bytes: 0 }
    }

    /// A charge of what is held already and may be, because it was waited for: one that is greater than its share goes alone.
    pub fn hold(self: &Arc<Budget>, part: Part, bytes: u64) -> Charge {
        // It has been taken already.
        let _ = self.grow(part, bytes);
        Charge { budget: self.clone(), part, bytes }
    }

    /// Whether there is room for more of a share. If not, `operator` is activated once there is.
    pub(crate) fn has_room(&self, share: Share, operator: &Arc<SyncActivator>) -> bool {
        if self.may_take(share) {
            return true;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !waiting.iter().any(|other| Arc::ptr_eq(other, operator)) {
            waiting.push(operator.clone());
        }
        drop(waiting);
        self.starved.store(true, Ordering::SeqCst);
        // What came back between the two looks did not see the flag.
        self.may_take(share)
    }

    /// Where others have all the memory, a batch goes once the one before it is done: so nobody waits for what others give back.
    fn may_take(&self, share: Share) -> bool {
        let held = self.held_of(share);
        held == 0 || (held < share.waits_at(self.limit) && self.holder.has_room(self.batch()))
    }

    fn held_of(&self, share: Share) -> u64 {
        share.parts().map(|part| self.held[part as usize].load(Ordering::SeqCst)).sum()
    }

    fn grow(&self, part: Part, bytes: u64) -> Result<(), NoMemory> {
        self.held[part as usize].fetch_add(bytes, Ordering::SeqCst);
        let share = part.share();
        self.peaks[share as usize].fetch_max(self.held_of(share), Ordering::Relaxed);
        self.holder.grow(bytes)
    }

    fn shrink(&self, part: Part, bytes: u64) {
        self.held[part as usize].fetch_sub(bytes, Ordering::SeqCst);
        self.holder.shrink(bytes);
        self.wake();
    }

    /// Lets those who wait for room look again.
    pub(crate) fn wake(&self) {
        if self.starved.swap(false, Ordering::SeqCst) {
            let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            for operator in waiting {
                // An error means that the worker is gone, and then nobody waits. Who finds no room waits again.
                let _ = operator.activate();
            }
        }
    }
}

/// Bytes that are held of a part. Dropping it gives them back.
#[derive(Debug)]
pub struct Charge {
    budget: Arc<Budget>,
    part: Part,
    bytes: u64,
}

impl Charge {
    /// The bytes that are held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// So many bytes are held from now on.
    ///
    /// # Errors
    /// If more than these may be held. They count all the same: who answers an error lets go of them.
    pub fn set(&mut self, bytes: u64) -> Result<(), Over> {
        let before = std::mem::replace(&mut self.bytes, bytes);
        if bytes <= before {
            if bytes < before {
                self.budget.shrink(self.part, before - bytes);
            }
            return Ok(());
        }
        let all = self.budget.grow(self.part, bytes - before);
        let (part, share, budget) = (self.part, self.part.share(), self.budget.limit);
        let (found, limit) = (self.budget.held_of(share), share.of(budget));
        if found > limit {
            return Err(OverBudget { part, share, found, limit, budget }.into());
        }
        Ok(all?)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.shrink(self.part, self.bytes);
        }
    }
}

/// The bytes that the rows of a batch take, as if they had buffers of their own.
pub(crate) fn memory(batch: &RecordBatch) -> u64 {
    let of = |column: &Arc<dyn Array>| {
        let data = column.to_data();
        // Fails only for types that records do not have.
        data.get_slice_memory_size().unwrap_or_else(|_| data.get_array_memory_size()) as u64
    };
    batch.columns().iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_make_up_the_budget_and_each_part_is_counted_in_one() {
        assert_eq!(Share::ALL.iter().map(|share| share.of(1 << 20)).sum::<u64>(), 1 << 20);
        for (at, share) in Share::ALL.into_iter().enumerate() {
            assert_eq!(share as usize, at);
        }
        for (at, part) in Part::ALL.into_iter().enumerate() {
            assert_eq!(part as usize, at);
            assert_eq!(Share::ALL.into_iter().filter(|share| share.parts().any(|other| other == part)).count(), 1);
        }
    }

    #[test]
    fn what_is_remembered_may_fill_its_share_and_no_more_and_is_named_where_it_does() {
        let budget = Budget::new(1 << 20);
        let (mut keys, mut windows) = (budget.charge(Part::Keys), budget.charge(Part::Windows));
        keys.set(500 << 10).unwrap();
        windows.set(12 << 10).unwrap();
        let Over::Budget(over) = windows.set((12 << 10) + 1).unwrap_err() else { panic!("memory has no limit") };
        assert_eq!((over.part, over.found, over.limit), (Part::Windows, (512 << 10) + 1, 512 << 10));
        let told = over.to_string();
        assert!(
            told.starts_with("its windows would take 524289 bytes, more than the 512KiB that keys and windows may"),
            "{told}"
        );
        assert!(told.contains("of its 1MiB") && told.contains("--computation-memory"), "{told}");
        drop(keys);
        windows.set(512 << 10).unwrap();
        drop(windows);
        assert_eq!(budget.held(), 0);
        assert_eq!(budget.usage()[Share::State as usize].peak, (512 << 10) + 1);
    }

    #[test]
    fn what_flows_does_not_take_from_what_is_remembered() {
        let budget = Budget::new(1 << 20);
        let flowing = budget.hold(Part::Queued, 5 << 20);
        budget.charge(Part::Keys).set(512 << 10).unwrap();
        assert_eq!(budget.held(), 5 << 20);
        drop(flowing);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn while_memory_is_short_what_flows_goes_alone_and_what_is_remembered_is_refused() {
        let memory = Memory::new(4 << 20);
        let (large, small) = (Budget::within(8 << 20, &memory), Budget::within(8 << 20, &memory));
        let mut state = large.charge(Part::Windows);
        state.set(3 << 20).unwrap();
        assert_eq!(memory.held(), 3 << 20);
        let short = state.set((3 << 20) + 1).unwrap_err();
        let told = short.to_string();
        assert!(
            matches!(short, Over::Memory(_)) && told.contains("of the 4 MiB") && told.contains("--memory"),
            "{told}"
        );
        // The first batch goes, the second once the first is done; with others it is as ever.
        assert!(large.may_take(Share::Queue) && small.may_take(Share::Queue));
        let flowing = [&large, &small].map(|budget| budget.hold(Part::Queued, 1 << 10));
        assert!(!large.may_take(Share::Queue) && small.may_take(Share::Queue));
        drop(flowing);
        assert!(large.may_take(Share::Queue));
        small.charge(Part::Windows).set(128 << 10).unwrap();
        drop(state);
        assert_eq!(memory.held(), 0);
    }
}
