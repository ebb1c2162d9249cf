//! The database of the metadata, opened again after it could not be written to: redb takes nothing more once the disk has failed, and a
//! disk that was full is to be got over without starting the node again.

use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase, WriteTransaction};

/// A database and how it is opened.
pub struct Store {
    open: Box<Open>,
    /// None after a failure, until it is wanted again. Held for as long as the database takes, which has one writer at a time anyhow.
    database: RwLock<Option<Database>>,
}

type Open = dyn Fn() -> Result<Database, DatabaseError> + Send + Sync;

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// What `open` opens.
    pub fn new(open: impl Fn() -> Result<Database, DatabaseError> + Send + Sync + 'static) -> Store {
        Store { open: Box::new(open), database: RwLock::new(None) }
    }

    /// Changes everything that `change` does, durably, or nothing.
    pub fn write<T, E: From<redb::Error>>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, E>,
    ) -> Result<T, E> {
        let changed = self.try_write(change);
        if changed.is_err() {
            *self.database.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
        changed
    }

    /// Looks at everything as it is at one moment.
    pub fn read<T>(&self, look: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>) -> Result<T, redb::Error> {
        let opened = self.opened()?;
        let transaction = opened.as_ref().expect("it was opened").begin_read()?;
        look(&transaction)
    }

    fn try_write<T, E: From<redb::Error>>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, E>,
    ) -> Result<T, E> {
        let opened = self.opened()?;
        let transaction = opened.as_ref().expect("it was opened").begin_write().map_err(redb::Error::from)?;
        let answer = change(&transaction)?;
        transaction.commit().map_err(redb::Error::from)?;
        Ok(answer)
    }

    fn opened(&self) -> Result<RwLockReadGuard<'_, Option<Database>>, redb::Error> {
        dag_lock::may_wait("metadata");
        let opened = self.database.read().unwrap_or_else(PoisonError::into_inner);
        if opened.is_some() {
            return Ok(opened);
        }
        drop(opened);
        let mut opened = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if opened.is_none() {
            *opened = Some((self.open)()?);
        }
        Ok(RwLockWriteGuard::downgrade(opened))
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use redb::{ReadableTable, StorageBackend, TableDefinition};

    use super::*;

    const TABLE: TableDefinition<'_, u64, u64> = TableDefinition::new("table");

    /// A disk that is full as long as it is told to be.
    #[derive(Debug)]
    struct Disk {
        file: redb::backends::FileBackend,
        full: Arc<AtomicBool>,
    }

    impl Disk {
        fn room(&self) -> io::Result<()> {
            if self.full.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }
    }

    impl StorageBackend for Disk {
        fn len(&self) -> io::Result<u64> {
            self.file.len()
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.file.read(offset, out)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            self.room()?;
            self.file.set_len(len)
        }

        fn sync_data(&self) -> io::Result<()> {
            self.room()?;
            self.file.sync_data()
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.room()?;
            self.file.write(offset, data)
        }
    }

    #[test]
    fn what_was_written_before_the_disk_was_full_is_there_and_more_is_taken_once_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (path, full) = (folder.path().join("redb"), Arc::new(AtomicBool::new(false)));
        let disk = full.clone();
        let store = Store::new(move || {
            let file = std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let file = redb::backends::FileBackend::new(file.map_err(redb::StorageError::Io)?)?;
            Database::builder().create_with_backend(Disk { file, full: disk.clone() })
        });
        let put = |key: u64| {
            store.write(|transaction| Ok::<_, redb::Error>(transaction.open_table(TABLE)?.insert(key, key).map(drop)?))
        };
        put(1).unwrap();
        full.store(true, Ordering::SeqCst);
        assert!(put(2).is_err());
        assert!(put(3).is_err(), "still full");
        full.store(false, Ordering::SeqCst);
        put(4).unwrap();
        let keys = store.read(|transaction| {
            let table = transaction.open_table(TABLE)?;
            let keys = table.iter()?.map(|row| row.map(|(key, _)| key.value()));
            Ok(keys.collect::<Result<Vec<_>, _>>()?)
        });
        assert_eq!(keys.unwrap(), [1, 4]);
    }
}
