//! Incarnations as they are kept beside the plan: records with their logs named by the stream, which of them are finished or not to be
//! trusted, and where those went that had other numbers. The same writer writes them, in the same transactions.

use std::collections::BTreeMap;

use dag_model::IncarnationId;
use dag_plan::Incarnation;
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use super::moved::{Moved, Now};
use super::tables::HEADER;

/// In the header: the greatest number of an incarnation that was forgotten. Positions carry these numbers, so none is ever used twice.
pub(super) const LAST_INCARNATION: &str = "last-incarnation";
/// The row of the header that says what told the start of the machine under which this was open last.
pub(super) const BOOT: &str = "boot";
/// An incarnation's number to its record in postcard.
pub(super) const INCARNATIONS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("incarnations");
/// The numbers of incarnations whose logs have everything.
pub(super) const FINISHED: TableDefinition<'static, u64, ()> = TableDefinition::new("finished");
/// The number that an incarnation had, in the data that this is a copy of, to the one that it has and how many records were copied.
pub(super) const MOVED: TableDefinition<'static, u64, (u64, u64)> = TableDefinition::new("moved");
/// The numbers of incarnations that did not repeat themselves, or may have read what is lost, to what was found.
pub(super) const QUARANTINED: TableDefinition<'static, u64, &str> = TableDefinition::new("quarantined");

/// What is kept of incarnations.
#[derive(Default)]
pub struct KeptIncarnations {
    /// Records, and whether they are finished.
    pub records: Vec<(Incarnation, bool)>,
    /// Those that are not to be trusted, and why.
    pub quarantined: Vec<(IncarnationId, String)>,
    /// What told the start of the machine under which the data was open last.
    pub boot: Option<u64>,
    /// The greatest number of those that were forgotten.
    pub last: Option<IncarnationId>,
    /// Those that had other numbers.
    pub moved: Moved,
    /// The numbers of those whose records cannot be read, and why.
    pub unreadable: Vec<(IncarnationId, String)>,
}

/// Makes the tables that are missing.
pub(super) fn make(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(INCARNATIONS)?;
    transaction.open_table(FINISHED)?;
    transaction.open_table(QUARANTINED)?;
    transaction.open_table(MOVED)?;
    Ok(())
}

/// Copies the tables into a new database.
pub(super) fn copy(from: &ReadTransaction, to: &WriteTransaction) -> Result<(), redb::Error> {
    super::copy::table(from, to, INCARNATIONS)?;
    super::copy::table(from, to, FINISHED)?;
    super::copy::table(from, to, QUARANTINED)?;
    super::copy::table(from, to, MOVED)
}

/// All that is kept.
pub(super) fn read(transaction: &ReadTransaction) -> Result<KeptIncarnations, redb::Error> {
    let mut kept = KeptIncarnations::default();
    let finished = transaction.open_table(FINISHED)?;
    for row in transaction.open_table(INCARNATIONS)?.iter()? {
        let (id, record) = row?;
        match postcard::from_bytes(record.value()) {
            Ok(record) => kept.records.push((record, finished.get(id.value())?.is_some())),
            Err(why) => kept.unreadable.push((IncarnationId(id.value()), why.to_string())),
        }
    }
    for row in transaction.open_table(QUARANTINED)?.iter()? {
        let (id, why) = row?;
        kept.quarantined.push((IncarnationId(id.value()), why.value().to_owned()));
    }
    let mut moved = BTreeMap::new();
    for row in transaction.open_table(MOVED)?.iter()? {
        let (id, now) = row?;
        let (now, end) = now.value();
        moved.insert(IncarnationId(id.value()), Now { id: IncarnationId(now), end });
    }
    kept.moved = Moved::new(moved);
    kept.boot = transaction.open_table(HEADER)?.get(BOOT)?.map(|boot| boot.value());
    kept.last = transaction.open_table(HEADER)?.get(LAST_INCARNATION)?.map(|last| IncarnationId(last.value()));
    Ok(kept)
}

/// Whether a record is kept exactly so.
pub(super) fn is_kept(transaction: &ReadTransaction, id: IncarnationId, bytes: &[u8]) -> Result<bool, redb::Error> {
    let kept = transaction.open_table(INCARNATIONS)?.get(id.0)?;
    Ok(kept.is_some_and(|kept| kept.value() == bytes))
}

/// Forgets incarnations, but not that their numbers are taken.
pub(super) fn remove(transaction: &WriteTransaction, ids: &[IncarnationId]) -> Result<(), redb::Error> {
    let Some(greatest) = ids.iter().max() else { return Ok(()) };
    let mut header = transaction.open_table(HEADER)?;
    let last = header.get(LAST_INCARNATION)?.map_or(0, |last| last.value());
    header.insert(LAST_INCARNATION, last.max(greatest.0))?;
    let (mut incarnations, mut finished) = (transaction.open_table(INCARNATIONS)?, transaction.open_table(FINISHED)?);
    let mut quarantined = transaction.open_table(QUARANTINED)?;
    for id in ids {
        incarnations.remove(id.0)?;
        finished.remove(id.0)?;
        quarantined.remove(id.0)?;
    }
    Ok(())
}
