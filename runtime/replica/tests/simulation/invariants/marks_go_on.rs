//! At a reader the end of what is shown, the last mark and the trim never go back.

use dag_replica::{Index, Prefix};

/// What a node has shown in this life of it.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    pub committed: Index,
    pub marked: u64,
    pub trimmed: Index,
}

/// A node shows this much.
pub fn check(shown: &mut Shown, committed: Index, prefix: &Prefix) -> Result<(), String> {
    let before = shown.clone();
    *shown = Shown { committed, marked: prefix.marked, trimmed: prefix.trimmed };
    let goes_on = committed >= before.committed && prefix.marked >= before.marked && prefix.trimmed >= before.trimmed;
    if goes_on { Ok(()) } else { Err(format!("what is shown goes back from {before:?} to {shown:?}")) }
}
