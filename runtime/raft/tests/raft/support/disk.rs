//! Databases on a disk whose power can be cut.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use dag_metadata::Store;
use dag_raft::{Log, LogError};
use dag_storage::{Storage, StorageFile};
use dag_storage_faults::{Disk, Random};
use redb::{Database, StorageBackend};

const FILE: &str = "/redb";

/// The file of a database.
struct Backend(Arc<dyn StorageFile>);

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Backend")
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> io::Result<u64> {
        self.0.length()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_at(out, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.truncate(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(data, offset)
    }
}

/// A disk with an empty file, whose name is durable.
pub fn disk() -> Disk {
    let disk = Disk::new();
    disk.create(Path::new(FILE)).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    disk
}

fn backend(disk: &Disk) -> io::Result<Backend> {
    Ok(Backend(disk.open(Path::new(FILE))?))
}

/// The log on a disk.
pub fn log(disk: &Disk) -> Result<Log, LogError> {
    Log::on(backend(disk).map_err(redb::Error::Io)?)
}

/// The tables on a disk.
pub fn store(disk: &Disk) -> Store {
    let disk = disk.clone();
    Store::new(move || {
        let backend = backend(&disk).map_err(redb::StorageError::Io)?;
        Database::builder().create_with_backend(backend)
    })
}

/// What some power cut leaves.
pub fn cut(disk: &Disk, random: &mut Random) -> Disk {
    disk.cut_power(|of| random.below(of))
}
