//! Giving all runs other numbers, in one transaction.

use std::collections::BTreeMap;

use dag_model::IncarnationId;
use dag_plan::{Cursor, Incarnation, InputStart, LogId};
use redb::{ReadableTable, TableDefinition, WriteTransaction};

use super::incarnations::{FINISHED, INCARNATIONS, MOVED, QUARANTINED};
use super::moved::Now;
use super::new_number;
use super::store::Store;
use super::tables::{CURSORS, DATA, HEADER};

/// Makes this data of its own: it gets another number, and each run goes on as `moves` says.
pub(super) fn renew(store: &Store, moves: &BTreeMap<IncarnationId, Now>) -> Result<(), redb::Error> {
    store.write(|transaction| {
        let runs = |id: IncarnationId| moves.get(&id).map_or(id, |now| now.id);
        let mut records = Vec::new();
        for (key, bytes) in drain(transaction, INCARNATIONS)? {
            match postcard::from_bytes(&bytes) {
                Ok(record) => {
                    let record = renumbered(record, &runs);
                    records.push((record.id.0, postcard::to_stdvec(&record).expect("records are plain values")));
                }
                // What cannot be read stays where it is.
                Err(_) => records.push((key, bytes)),
            }
        }
        let mut cursors = Vec::new();
        for (name, bytes) in rows(transaction)? {
            let Ok(mut cursor) = postcard::from_bytes::<Cursor>(&bytes) else { continue };
            if cursor.source.is_none() {
                cursor.place.legs.iter_mut().for_each(|leg| leg.run = runs(IncarnationId(leg.run)).0);
            }
            cursors.push((name, cursor));
        }
        put(transaction, moves, &records, &cursors)
    })
}

fn renumbered(mut record: Incarnation, runs: &impl Fn(IncarnationId) -> IncarnationId) -> Incarnation {
    let log = |log: &mut LogId| {
        if let LogId::Derived(id) = log {
            *id = runs(*id);
        }
    };
    let start = |start: &mut InputStart| start.legs.iter_mut().for_each(|leg| log(&mut leg.log));
    record.id = runs(record.id);
    record.inputs.iter_mut().for_each(start);
    record.ran.iter_mut().flat_map(|ran| &mut ran.inputs).for_each(start);
    record.skipped.iter_mut().for_each(|skipped| log(&mut skipped.log));
    record
}

/// Takes all rows out of a table.
fn drain(
    transaction: &WriteTransaction,
    table: TableDefinition<'_, u64, &'static [u8]>,
) -> Result<Vec<(u64, Vec<u8>)>, redb::Error> {
    let mut table = transaction.open_table(table)?;
    let rows = table.extract_if(|_, _| true)?.map(|row| row.map(|(key, bytes)| (key.value(), bytes.value().to_vec())));
    Ok(rows.collect::<Result<_, _>>()?)
}

fn rows(transaction: &WriteTransaction) -> Result<Vec<(String, Vec<u8>)>, redb::Error> {
    let table = transaction.open_table(CURSORS)?;
    let rows = table.iter()?.map(|row| row.map(|(name, bytes)| (name.value().to_owned(), bytes.value().to_vec())));
    Ok(rows.collect::<Result<_, _>>()?)
}

fn put(
    transaction: &WriteTransaction,
    moves: &BTreeMap<IncarnationId, Now>,
    records: &[(u64, Vec<u8>)],
    cursors: &[(String, Cursor)],
) -> Result<(), redb::Error> {
    let mut incarnations = transaction.open_table(INCARNATIONS)?;
    for (key, bytes) in records {
        incarnations.insert(key, bytes.as_slice())?;
    }
    let mut table = transaction.open_table(CURSORS)?;
    for (name, cursor) in cursors {
        let bytes = postcard::to_stdvec(cursor).expect("cursors are plain values");
        table.insert(name.as_str(), bytes.as_slice())?;
    }
    let (mut finished, mut moved) = (transaction.open_table(FINISHED)?, transaction.open_table(MOVED)?);
    let mut quarantined = transaction.open_table(QUARANTINED)?;
    // What came from the original's original has been moved before.
    let before: Vec<_> =
        moved.iter()?.map(|row| row.map(|(id, now)| (id.value(), now.value()))).collect::<Result<_, _>>()?;
    for (id, (then, end)) in before {
        let now = moves.get(&IncarnationId(then)).map_or(then, |now| now.id.0);
        moved.insert(id, (now, end))?;
    }
    for (id, now) in moves {
        moved.insert(id.0, (now.id.0, now.end))?;
        if finished.remove(id.0)?.is_some() {
            finished.insert(now.id.0, ())?;
        }
        let why = quarantined.remove(id.0)?.map(|why| why.value().to_owned());
        if let Some(why) = why {
            quarantined.insert(now.id.0, why.as_str())?;
        }
    }
    transaction.open_table(HEADER)?.insert(DATA, new_number())?;
    Ok(())
}
