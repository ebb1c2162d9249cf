//! Giving all incarnations other numbers, in one transaction.

use std::collections::BTreeMap;

use dag_metadata::Store;
use dag_metadata::tables::{COUNTERS, COUNTERS_ROW, CURSORS, DATA, HEADER, INCARNATIONS, RENUMBERED};
use dag_model::IncarnationId;
use dag_plan::plan::{Counters, Moved};
use dag_plan::{Course, Cursor, Incarnation, InputStart, LogId};
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use serde::{Serialize, de::DeserializeOwned};

use super::new_number;

/// Makes this data of its own: it gets another number, and each incarnation goes on as `moves` says. What cannot be read stays where it is.
pub(super) fn renew(store: &Store, moves: &BTreeMap<IncarnationId, Moved>) -> Result<(), redb::Error> {
    store.write(|transaction| {
        let runs = |id: IncarnationId| moves.get(&id).map_or(id, |now| now.id);
        incarnations(transaction, &runs)?;
        cursors(transaction, &runs)?;
        renumbered(transaction, moves)?;
        counters(transaction, moves)?;
        transaction.open_table(HEADER)?.insert(DATA, new_number())?;
        Ok(())
    })
}

fn incarnations(
    transaction: &WriteTransaction,
    runs: &impl Fn(IncarnationId) -> IncarnationId,
) -> Result<(), redb::Error> {
    for (key, bytes) in drain(transaction, INCARNATIONS)? {
        let course = postcard::from_bytes::<Course>(&bytes);
        let (key, bytes) = course.map_or((key, bytes), |course| {
            let record = with_numbers(course.record, runs);
            (record.id.0, to_bytes(&Course { record, ..course }))
        });
        transaction.open_table(INCARNATIONS)?.insert(key, bytes.as_slice())?;
    }
    Ok(())
}

fn with_numbers(mut record: Incarnation, runs: &impl Fn(IncarnationId) -> IncarnationId) -> Incarnation {
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

fn cursors(transaction: &WriteTransaction, runs: &impl Fn(IncarnationId) -> IncarnationId) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(CURSORS)?;
    let rows = table.iter()?.map(|row| row.map(|(name, bytes)| (name.value().to_owned(), bytes.value().to_vec())));
    let rows: Vec<(String, Vec<u8>)> = rows.collect::<Result<_, _>>()?;
    for (name, bytes) in rows {
        let Ok(mut cursor) = postcard::from_bytes::<Cursor>(&bytes) else { continue };
        if cursor.source.is_none() {
            cursor.place.legs.iter_mut().for_each(|leg| leg.run = runs(IncarnationId(leg.run)).0);
        }
        table.insert(name.as_str(), to_bytes(&cursor).as_slice())?;
    }
    Ok(())
}

/// What came from the original's original has been renumbered before.
fn renumbered(transaction: &WriteTransaction, moves: &BTreeMap<IncarnationId, Moved>) -> Result<(), redb::Error> {
    let before = drain(transaction, RENUMBERED)?;
    let mut table = transaction.open_table(RENUMBERED)?;
    for (id, bytes) in before {
        let then: Moved = read(&bytes, "where an incarnation went")?;
        let id_now = moves.get(&then.id).map_or(then.id, |now| now.id);
        table.insert(id, to_bytes(&Moved { id: id_now, ..then }).as_slice())?;
    }
    for (id, now) in moves {
        table.insert(id.0, to_bytes(now).as_slice())?;
    }
    Ok(())
}

fn counters(transaction: &WriteTransaction, moves: &BTreeMap<IncarnationId, Moved>) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(COUNTERS)?;
    let found = table.get(COUNTERS_ROW)?.map(|row| row.value().to_vec());
    let before: Counters = read(&found.unwrap_or_default(), "the counters")?;
    let last = moves.values().map(|now| now.id.0).max().unwrap_or(0);
    let counters = Counters { incarnation: before.incarnation.max(last + 1), ..before };
    table.insert(COUNTERS_ROW, to_bytes(&counters).as_slice())?;
    Ok(())
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

fn read<T: DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, redb::Error> {
    postcard::from_bytes(bytes).map_err(|why| redb::Error::Corrupted(format!("{what}: {why}")))
}

fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("rows are plain values")
}
