//! Who asks for the end, or for a publisher's number, is told of all that anybody had been told before it asked (H1).

use dag_replica::Index;

/// The end, told to who asked when `acknowledged` had been told.
pub fn end(told: Index, acknowledged: Index) -> Result<(), String> {
    if told >= acknowledged {
        Ok(())
    } else {
        Err(format!("the end is told as {told}, and {acknowledged} had been acknowledged before"))
    }
}

/// A publisher's last batch, as session and number.
pub fn last(told: (u64, u64), acknowledged: (u64, u64)) -> Result<(), String> {
    if told >= acknowledged {
        return Ok(());
    }
    Err(format!("a publisher's last batch is told as {told:?}, and {acknowledged:?} had been acknowledged before"))
}
