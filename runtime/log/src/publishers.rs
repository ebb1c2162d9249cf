//! The publishers of a source, and the frontier that follows from them.

use dag_model::Timestamp;

/// Who publishes, and which of its batches this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublisherId {
    /// Its name.
    pub name: String,
    /// Which run of it. A greater session takes the name over from a lower one.
    pub session: u64,
    /// The number of the request's batch: 1 for the first of a session. Ignored without a batch.
    pub batch: u64,
}

/// A publisher that is joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Its name.
    pub name: String,
    /// Nothing earlier is expected of it: it holds the frontier here.
    pub bound: Timestamp,
    /// When it joined.
    pub since: Timestamp,
    /// When it will be taken to have left if it stays silent.
    pub until: Timestamp,
}

/// A row that was refused because its time is too far past the node's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its index in the batch.
    pub row: usize,
    /// Its time.
    pub time: Timestamp,
}

/// What an integer means as a time in s, ms, us and ns, for messages.
pub fn readings(_integer: i64) -> String {
    todo!()
}
