//! Copying the metadata of a running node.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use redb::{Database, Key, ReadTransaction, ReadableTable, TableDefinition, TableHandle, Value, WriteTransaction};

use super::{
    COMPONENTS, CURSORS, DATA, DEPLOYMENTS, DESCRIPTIONS, ERRORS, FINISHED, HEADER, INCARNATIONS, LIMITS, MOVED, Meta,
    MetaError, POLICIES, QUARANTINED, SOURCES,
};

impl Meta {
    /// The number of this data, which its backups share.
    pub fn data(&self) -> Result<u64, MetaError> {
        Ok(self.store.read(|transaction| {
            let header = transaction.open_table(HEADER)?;
            Ok(header.get(DATA)?.map_or(0, |data| data.value()))
        })?)
    }

    /// Copies all tables, as they are at one moment, into a new database.
    ///
    /// # Panics
    /// If there is a table that this does not know of.
    pub fn copy(&self, file: &Path) -> Result<(), MetaError> {
        Ok(self.store.read(|from| {
            let database = Database::create(file)?;
            let to = database.begin_write()?;
            table(from, &to, HEADER)?;
            table(from, &to, SOURCES)?;
            table(from, &to, ERRORS)?;
            table(from, &to, COMPONENTS)?;
            table(from, &to, DEPLOYMENTS)?;
            table(from, &to, LIMITS)?;
            table(from, &to, DESCRIPTIONS)?;
            table(from, &to, INCARNATIONS)?;
            table(from, &to, FINISHED)?;
            table(from, &to, QUARANTINED)?;
            table(from, &to, MOVED)?;
            table(from, &to, CURSORS)?;
            table(from, &to, POLICIES)?;
            let names = |tables: &mut dyn Iterator<Item = redb::UntypedTableHandle>| {
                let mut names: Vec<_> = tables.map(|table| table.name().to_owned()).collect();
                names.sort();
                names
            };
            assert_eq!(names(&mut to.list_tables()?), names(&mut from.list_tables()?), "every table is copied");
            Ok(to.commit()?)
        })?)
    }
}

/// A number that no other data has.
pub(crate) fn new_number() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

fn table<K: Key + 'static, V: Value + 'static>(
    from: &ReadTransaction,
    to: &WriteTransaction,
    table: TableDefinition<'_, K, V>,
) -> Result<(), redb::Error> {
    let mut copy = to.open_table(table)?;
    for row in from.open_table(table)?.iter()? {
        let (key, value) = row?;
        copy.insert(key.value(), value.value())?;
    }
    Ok(())
}
