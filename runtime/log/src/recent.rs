//! The newest entries of a log and the records read last, so that the readers of a live stream share one copy.

use std::collections::VecDeque;

use crate::entry::{Entry, Location};
use crate::payload::Loaded;

/// The most headers that are kept.
const MAX_ENTRIES: usize = 256;
/// The most bytes of records that are kept.
const MAX_BYTES: usize = 4 << 20;
/// The most batches that are kept.
const MAX_BATCHES: usize = 16;

/// What was appended or read last.
#[derive(Default)]
pub(crate) struct Recent {
    /// The newest entries and where each begins, ascending.
    entries: VecDeque<(Location, Entry)>,
    /// Records by where they lie, the oldest first, and their size.
    batches: VecDeque<(Location, Loaded, usize)>,
    bytes: usize,
}

impl Recent {
    /// Keeps the header of an entry that was appended at `at`.
    pub(crate) fn push(&mut self, at: Location, entry: Entry) {
        self.entries.push_back((at, entry));
        if self.entries.len() > MAX_ENTRIES {
            self.entries.pop_front();
        }
    }

    /// The entry that begins at `at`.
    pub(crate) fn entry(&self, at: Location) -> Option<&Entry> {
        let index = self.entries.binary_search_by_key(&at, |(start, _)| *start).ok()?;
        Some(&self.entries[index].1)
    }

    /// Keeps records, unless they are large.
    pub(crate) fn keep(&mut self, at: Location, loaded: &Loaded) {
        let bytes = loaded.batch.get_array_memory_size();
        if bytes > MAX_BYTES / 4 || self.batch(at).is_some() {
            return;
        }
        self.batches.push_back((at, loaded.clone(), bytes));
        self.bytes += bytes;
        while self.bytes > MAX_BYTES || self.batches.len() > MAX_BATCHES {
            let Some((_, _, bytes)) = self.batches.pop_front() else { break };
            self.bytes -= bytes;
        }
    }

    /// The records that lie at `at`.
    pub(crate) fn batch(&self, at: Location) -> Option<&Loaded> {
        self.batches.iter().find(|(place, ..)| *place == at).map(|(_, loaded, _)| loaded)
    }
}
