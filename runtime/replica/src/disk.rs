//! What a replica wants of the disk, and what it finds there when it is opened.
//!
//! Writes have numbers and are made durable in their order: *done n* says that all of this stream up to n are. A *row* is what a node's
//! store has of a stream, apart from the log: rows of many streams share a transaction, and a row is listed once the log is made, so that
//! a log that is listed and not there is known to be lost (C8).

use serde::{Deserialize, Serialize};

use crate::append::{Append, Header};
use crate::epochs::Epochs;
use crate::point::{Epoch, Index, Point};
use crate::prefix::Prefix;

/// What the node's store has of a stream. Persisted: the order of the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Nothing of an earlier epoch is taken, and nobody who asks for an earlier one is promised it. Never goes back.
    pub promised: Epoch,
    /// Whether the log has all that this replica ever acknowledged. One that has not neither votes nor counts.
    pub whole: bool,
}

/// A prefix of the log that is known to be committed, in short. May lie behind what is committed, never ahead.
pub type Checkpoint = Prefix;

/// Where a log begins that is filled from a place on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The last append that is not there.
    pub point: Point,
    /// A committed prefix that reaches at least as far.
    pub checkpoint: Checkpoint,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// An empty log is made.
    Make,
    /// The row is this one from now on.
    Row(Row),
    /// Appends follow what is there; each is on disk as a whole or not at all.
    Append(Vec<Append>),
    /// What lies behind this index is cut off. The log does not say any more that it was durable beyond.
    Truncate(Index),
    /// What lies up to this index need not be kept; until it is away, the log may go on to begin before it.
    Trim(Index),
    /// The log becomes an empty one that begins behind this base, at once or not at all.
    Rebase(Base),
    /// A checkpoint, for the next opening.
    Checkpoint(Checkpoint),
    /// The log and its row are removed: the plan says that it is not kept here.
    Remove,
}

/// What lies on disk of a log when it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// Nothing, and none is listed.
    Absent,
    /// Nothing, though one is listed.
    Lost(Row),
    /// A log.
    There(Found),
}

/// A log as it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its row.
    pub row: Row,
    /// Its epochs, where it begins and where it ends.
    pub epochs: Epochs,
    /// The last checkpoint.
    pub checkpoint: Checkpoint,
    /// The appends behind the checkpoint.
    pub tail: Vec<Header>,
    /// Up to where the log is known to have been durable. Where it ends before, something is lost, and it is not whole.
    pub durable: Index,
}
