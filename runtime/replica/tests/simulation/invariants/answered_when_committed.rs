//! A batch, first or repeated, is acknowledged only when it is committed, and is committed once.

use dag_replica::{Append, Batch, Kind};

use super::Truth;

/// An append is committed for the first time.
pub fn committed(truth: &mut Truth, append: &Append) -> Result<(), String> {
    let Kind::Records(Some(batch)) = &append.header.kind else { return Ok(()) };
    if truth.batches.insert((batch.publisher.clone(), batch.session, batch.number)) {
        return Ok(());
    }
    Err(format!("{batch:?} is committed twice, the second time as {}", append.header.point))
}

/// A batch is acknowledged.
pub fn answered(truth: &Truth, batch: &Batch) -> Result<(), String> {
    if truth.batches.contains(&(batch.publisher.clone(), batch.session, batch.number)) {
        return Ok(());
    }
    Err(format!("{batch:?} is acknowledged, and not committed"))
}
