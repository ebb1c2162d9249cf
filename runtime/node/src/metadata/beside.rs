//! What the writer writes beside the plan's rows, in the same transactions.

use dag_model::{Digest, IncarnationId};
use dag_plan::plan::rows::Key;
use redb::{ReadableTable, WriteTransaction};

use super::incarnations::{self, BOOT, FINISHED, INCARNATIONS, QUARANTINED};
use super::tables::{self, DESCRIPTIONS, EPOCH, HEADER};

/// A row, or some that belong together.
pub(super) enum Beside {
    /// What a component said of itself; none to forget it.
    Description(Digest, Option<Vec<u8>>),
    /// A row of the plan that cannot be read is removed.
    Unreadable(Key),
    /// The record of an incarnation.
    Record(IncarnationId, Vec<u8>),
    /// An incarnation's log has everything.
    Finished(IncarnationId),
    /// What tells the start of the machine under which this is open.
    Boot(u64),
    /// An incarnation did not repeat itself, or may have read what is lost, and what was found.
    Quarantined(IncarnationId, String),
    /// A stream that had come to that epoch is removed.
    Epoch(u64),
    /// Incarnations are forgotten.
    Forgotten(Vec<IncarnationId>),
}

impl Beside {
    pub fn put(&self, transaction: &WriteTransaction) -> Result<(), redb::Error> {
        match self {
            Beside::Description(digest, Some(described)) => {
                transaction.open_table(DESCRIPTIONS)?.insert(&digest.0, described.as_slice())?;
            }
            Beside::Description(digest, None) => {
                transaction.open_table(DESCRIPTIONS)?.remove(&digest.0)?;
            }
            Beside::Unreadable(key) => tables::put(transaction, key, None)?,
            Beside::Record(id, record) => {
                transaction.open_table(INCARNATIONS)?.insert(id.0, record.as_slice())?;
            }
            Beside::Finished(id) => {
                transaction.open_table(FINISHED)?.insert(id.0, ())?;
            }
            Beside::Boot(boot) => {
                transaction.open_table(HEADER)?.insert(BOOT, boot)?;
            }
            Beside::Quarantined(id, why) => {
                transaction.open_table(QUARANTINED)?.insert(id.0, why.as_str())?;
            }
            Beside::Epoch(epoch) => {
                let mut header = transaction.open_table(HEADER)?;
                let before = header.get(EPOCH)?.map_or(0, |before| before.value());
                header.insert(EPOCH, before.max(*epoch))?;
            }
            Beside::Forgotten(ids) => incarnations::remove(transaction, ids)?,
        }
        Ok(())
    }
}
