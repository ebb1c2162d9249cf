//! A batch, first or repeated, is acknowledged only when it is committed, and is committed once.

use dag_replica::{Append, Kind};

use super::Truth;

/// An append is committed for the first time.
pub fn committed(truth: &mut Truth, append: &Append) -> Result<(), String> {
    let Kind::Records(Some(batch)) = &append.header.kind else { return Ok(()) };
    if truth.batches.insert((batch.publisher.clone(), batch.number)) {
        return Ok(());
    }
    Err(format!(
        "batch {} of {} is committed twice, the second time as {}",
        batch.number, batch.publisher, append.header.point
    ))
}

/// A batch is acknowledged.
pub fn answered(truth: &Truth, publisher: &str, number: u64) -> Result<(), String> {
    if truth.batches.contains(&(publisher.to_owned(), number)) {
        return Ok(());
    }
    Err(format!("batch {number} of {publisher} is acknowledged, and not committed"))
}
