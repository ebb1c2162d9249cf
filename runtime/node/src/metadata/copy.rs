//! Copying the metadata of a running node.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use dag_metadata::{Store, tables};
use redb::{Database, TableHandle};

/// Copies all tables, as they are at one moment, into a new database.
///
/// # Panics
/// If there is a table that this does not know of.
pub(super) fn copy(store: &Store, file: &Path) -> Result<(), redb::Error> {
    store.read(|from| {
        let database = Database::create(file)?;
        let to = database.begin_write()?;
        tables::copy(from, &to)?;
        let names = |tables: &mut dyn Iterator<Item = redb::UntypedTableHandle>| {
            let mut names: Vec<_> = tables.map(|table| table.name().to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&mut to.list_tables()?), names(&mut from.list_tables()?), "every table is copied");
        Ok(to.commit()?)
    })
}

/// A number that no other data has.
pub(crate) fn new_number() -> u64 {
    RandomState::new().hash_one(std::process::id())
}
