//! The header of an entry.

use dag_model::{Frontier, Timestamp};

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Records, and the frontier after them.
    Records,
    /// The frontier or the publishers changed.
    Frontier,
    /// The incarnation that wrote this log is at its end.
    End,
}

/// What the header of an entry says. The records are fetched by [`Log::load`](crate::Log::load).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// The epoch it was written in.
    pub epoch: u64,
    /// The sequence of its first record; without records, of the next one.
    pub first: u64,
    /// How many records, late ones included.
    pub count: u32,
    /// How many of them are late.
    pub late: u32,
    /// The least time of its records; [`Timestamp::MAX`] without records.
    pub min_time: Timestamp,
    /// The greatest time of its records; [`Timestamp::MIN`] without records.
    pub max_time: Timestamp,
    /// The frontier after it.
    pub frontier: Frontier,
    /// When it was appended.
    pub appended: Timestamp,
}

impl Entry {
    /// The sequence after its last record.
    pub fn end(&self) -> u64 {
        self.first + u64::from(self.count)
    }
}
