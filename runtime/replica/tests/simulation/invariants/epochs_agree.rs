//! The tables of epochs agree wherever they reach.

use dag_replica::{Epochs, Index};

use super::Truth;

/// A replica's table, up to where it shows.
pub fn check(truth: &Truth, epochs: &Epochs, committed: Index) -> Result<(), String> {
    for append in truth.committed.iter().skip(usize::try_from(epochs.base().index.0).unwrap_or(0)) {
        let point = append.header.point;
        if point.index <= committed && epochs.epoch_of(point.index) != Some(point.epoch) {
            return Err(format!("{point} is of epoch {:?} in a table of epochs", epochs.epoch_of(point.index)));
        }
    }
    Ok(())
}
