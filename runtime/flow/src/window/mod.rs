//! Windows: the host's half of an aggregate. It owns keys, panes, sessions and the moment a window closes; a [`Fold`] owns what is
//! in the numbered slots.
//!
//! Whatever a frontier closes is closed in steps of a bounded size, between any two of which results go out and the computation can be
//! stopped.
//!
//! Read [`fold`], [`keys`], [`cut`], [`tree`], then [`hopping`]; [`session`] and [`running`] are variations.

pub mod cut;
pub mod fold;
pub mod hopping;
pub mod keys;
pub mod running;
pub mod session;
pub mod tree;

use arrow_array::{ArrayRef, RecordBatch};
use dag_model::Frontier;

use crate::error::ComputeError;
use fold::Fold;
use keys::Keys;

/// A batch on its way into a window: the rows in order, their key columns and the columns that the fold wants.
pub struct Rows<'a> {
    /// Event times, in nanoseconds.
    pub times: &'a [i64],
    /// The interned key of each row.
    pub keys: &'a [u32],
    /// The columns bound by the fold.
    pub columns: &'a [ArrayRef],
}

/// Results in the making: one row per (time, key) with a result.
#[derive(Default)]
pub struct Results {
    /// Event time of each result.
    pub times: Vec<i64>,
    /// Its interned key.
    pub keys: Vec<u32>,
    /// For sessions: the times of their first and last records.
    pub bounds: Option<(Vec<i64>, Vec<i64>)>,
}

/// An open window of a key, or a pane of some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// The interned key.
    pub key: u32,
    /// A pane's start, a session's first time; 0 where the window is for ever.
    pub start: i64,
    /// A session's last time; otherwise 0.
    pub last: i64,
    /// Where the fold has its state.
    pub slot: i64,
}

/// The most bytes of keys in the results of one step, but for what the last result takes.
const KEY_BYTES: usize = 4 << 20;

/// What a step of closing has come to.
#[derive(Debug)]
pub struct Step {
    /// Results, if there are any.
    pub results: Option<RecordBatch>,
    /// Whether there may be more to close under the same frontier.
    pub more: bool,
}

/// What all kinds of windows have in common.
pub trait Windows: Send {
    /// Takes rows in, in the computation's order. A running window answers with results at once.
    fn insert(
        &mut self,
        rows: Rows<'_>,
        keys: &mut Keys,
        fold: &mut dyn Fold,
    ) -> Result<Option<RecordBatch>, ComputeError>;

    /// Closes some of the windows that `frontier` has passed, a bounded number of results.
    fn close(&mut self, frontier: Frontier, keys: &mut Keys, fold: &mut dyn Fold) -> Result<Step, ComputeError>;

    /// What is open, after `close` has closed all that the frontier has passed.
    fn open(&self) -> Vec<Open>;

    /// Takes up what was open under `frontier`; returns the slot of each. To be called before all else.
    fn reopen(&mut self, open: &[(u32, i64, i64)], frontier: Frontier, keys: &mut Keys) -> Vec<i64>;

    /// The earliest time that a result may still carry, given the input's frontier and what `close` has answered so far.
    fn hold(&self, frontier: Frontier) -> Frontier;

    /// About how many bytes of memory this takes besides keys and what the guest holds.
    fn bytes(&self) -> usize;
}
