//! What a test does to this process: only the binary that end-to-end tests run has it. See [`dag_storage_faults::environment`].

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use dag_flow::Snapshot;
use dag_log::{OsStorage, Storage};
use dag_storage_faults::environment::{self, around};
pub use dag_storage_faults::environment::{clock_shift, mirrors};
use dag_storage_faults::{Around, Operation, Surrounded};
use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};

/// The files of this process, with all around them that is asked for.
pub fn storage() -> Arc<dyn Storage> {
    static STORAGE: LazyLock<Arc<dyn Storage>> = LazyLock::new(|| {
        let files: Arc<dyn Storage> = Arc::new(OsStorage);
        environment::storage(match environment::forgets_in_snapshots() {
            true => Arc::new(Surrounded::over(files, Forgetful)),
            false => files,
        })
    });
    STORAGE.clone()
}

/// The file of the metadata, which redb reads and writes by itself, with all around it that is asked for.
#[derive(Debug)]
pub struct Database {
    file: FileBackend,
    path: PathBuf,
}

impl Database {
    /// Opens it, or makes it where it is missing.
    pub fn open(path: &Path) -> Result<Database, DatabaseError> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
        let file = FileBackend::new(file.map_err(redb::StorageError::from)?)?;
        Ok(Database { file, path: path.to_owned() })
    }
}

impl StorageBackend for Database {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        around(Operation::Truncate, &self.path, || self.file.set_len(length))
    }

    fn sync_data(&self) -> io::Result<()> {
        around(Operation::Sync, &self.path, || self.file.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        around(Operation::Write, &self.path, || self.file.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

/// Lets snapshots forget what operators hold, and the results that wait to be written: readers miss them after a crash.
struct Forgetful;

impl Around for Forgetful {
    fn written<'a>(&self, path: &Path, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        match path.file_stem().is_some_and(|stem| stem == "snapshot") {
            true => Cow::Owned(without_what_is_held(bytes)),
            false => Cow::Borrowed(bytes),
        }
    }
}

/// The same file, whose snapshot has nothing of that; `computations/snapshots.rs` draws it.
fn without_what_is_held(file: &[u8]) -> Vec<u8> {
    let (header, content) = file.split_at(12);
    let snapshot: Snapshot = postcard::from_bytes(content).expect("a node wrote it");
    let content = postcard::to_stdvec(&Snapshot { waiting: Vec::new(), parts: Vec::new(), ..snapshot })
        .expect("it fits into memory");
    [&header[..8], &crc32fast::hash(&content).to_le_bytes(), &content].concat()
}
