//! One start of one process writes in an epoch, and nobody in an epoch of a former boot.

use dag_replica::Epoch;

use super::Truth;

/// This start of this node leads in the epoch.
pub fn check(truth: &mut Truth, epoch: Epoch, node: u64, boot: u64) -> Result<(), String> {
    let known = *truth.leaders.entry(epoch).or_insert((node, boot));
    if known == (node, boot) {
        return Ok(());
    }
    Err(format!("epoch {epoch} is led by {known:?} and by {:?} (node, boot)", (node, boot)))
}
