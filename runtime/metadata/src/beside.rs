//! What the writer writes beside the plan's rows, in the same transactions.

use dag_model::Digest;
use dag_plan::plan::rows::Key;
use redb::{ReadableTable, WriteTransaction};

use crate::tables::{self, BOOT, DESCRIPTIONS, EPOCH, HEADER};

/// A row, or some that belong together.
pub enum Beside {
    /// What a component said of itself; none to forget it.
    Description(Digest, Option<Vec<u8>>),
    /// A row of the plan that cannot be read is removed.
    Unreadable(Key),
    /// What tells the start of the machine under which this is open.
    Boot(u64),
    /// A stream that had come to that epoch is removed.
    Epoch(u64),
}

impl Beside {
    /// Writes it.
    pub fn put(&self, transaction: &WriteTransaction) -> Result<(), redb::Error> {
        match self {
            Beside::Description(digest, Some(described)) => {
                transaction.open_table(DESCRIPTIONS)?.insert(&digest.0, described.as_slice())?;
            }
            Beside::Description(digest, None) => {
                transaction.open_table(DESCRIPTIONS)?.remove(&digest.0)?;
            }
            Beside::Unreadable(key) => tables::put(transaction, key, None)?,
            Beside::Boot(boot) => {
                transaction.open_table(HEADER)?.insert(BOOT, boot)?;
            }
            Beside::Epoch(epoch) => {
                let mut header = transaction.open_table(HEADER)?;
                let before = header.get(EPOCH)?.map_or(0, |before| before.value());
                header.insert(EPOCH, before.max(*epoch))?;
            }
        }
        Ok(())
    }
}
