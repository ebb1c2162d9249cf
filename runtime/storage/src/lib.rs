//! What a node asks of a file system, behind a trait: [`OsStorage`] is the operating system's, and tests put others over it, or in its place
//! (`dag-storage-faults`), so that any operation fails, hangs, kills the process or lies.

use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// How much room there is where a folder lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that can still be written.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Files and folders.
pub trait Storage: Send + Sync {
    /// Creates a file for reading and writing; an error where there is one.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>>;
    /// Opens a file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>>;
    /// Gives a file another name in the same folder, in place of what has that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// The names in a folder, in any order.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Creates a folder and those above it, which are durable then; the folder itself is when the one above is synced.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_dir(&self, dir: &Path) -> io::Result<()>;
    /// Makes created, changed and removed names in a folder durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// How much room there is for files in a folder.
    fn space(&self, dir: &Path) -> io::Result<Space>;

    /// Writes a file as a whole and durably: whatever happens meanwhile, at `path` is what was there before or all of `bytes`. It is
    /// written beside it first, under the same name with the extension `new`.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let new = path.with_extension("new");
        // A file of that name is the beginning of another attempt; a link is not followed.
        remove_if_there(self, &new)?;
        let written = self.create(&new).and_then(|file| {
            file.write_at(bytes, 0)?;
            file.sync_data()
        });
        if let Err(error) = written.and_then(|()| self.rename(&new, path)) {
            // It may have taken the last room that there was. Where it cannot be removed, the next attempt does.
            let _ = remove_if_there(self, &new);
            return Err(error);
        }
        sync_above(self, path)
    }
}

/// Removes a file that may be there.
fn remove_if_there<S: Storage + ?Sized>(storage: &S, path: &Path) -> io::Result<()> {
    match storage.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// An open file.
pub trait StorageFile: Send + Sync {
    /// Fills `buffer` from `offset`; an error where the file ends before.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes what was written durable, and as much metadata as reading it takes. Where that failed once, nobody knows what
    /// is on disk, and it fails for this open file from then on.
    fn sync_data(&self) -> io::Result<()>;
    /// The file's length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Cuts the file to that length.
    fn truncate(&self, length: u64) -> io::Result<()>;
}

/// Whether an error says that there is no room.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Makes the name of a file or a folder durable.
pub fn sync_above<S: Storage + ?Sized>(storage: &S, dir: &Path) -> io::Result<()> {
    match dir.parent() {
        Some(above) if !above.as_os_str().is_empty() => storage.sync_dir(above),
        _ => Ok(()),
    }
}

/// The mode of a file that is for its owner alone.
const OWNER: u32 = 0o600;

/// The operating system's files.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsStorage;

impl Storage for OsStorage {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        dag_lock::may_wait("a file");
        Ok(OsFile::shared(fs::File::options().read(true).write(true).create_new(true).mode(OWNER).open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        dag_lock::may_wait("a file");
        Ok(OsFile::shared(fs::File::options().read(true).write(true).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        dag_lock::may_wait("a file");
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        dag_lock::may_wait("a file");
        fs::remove_file(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        dag_lock::may_wait("a file");
        fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        dag_lock::may_wait("a file");
        let named = |dir: &&Path| !dir.as_os_str().is_empty();
        let missing: Vec<&Path> = dir.ancestors().filter(named).take_while(|dir| !dir.is_dir()).collect();
        fs::create_dir_all(dir)?;
        missing.iter().skip(1).filter_map(|dir| dir.parent().filter(named)).try_for_each(|above| self.sync_dir(above))
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        dag_lock::may_wait("a file");
        fs::remove_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        dag_lock::may_wait("a file");
        fs::File::open(dir)?.sync_all()
    }

    fn space(&self, dir: &Path) -> io::Result<Space> {
        dag_lock::may_wait("a file");
        let found = rustix::fs::statvfs(dir)?;
        Ok(Space { free: found.f_bavail * found.f_frsize, total: found.f_blocks * found.f_frsize })
    }
}

/// An open file, and why it could not be made durable.
struct OsFile {
    file: fs::File,
    /// The kernel reports a failed sync once, to whoever asks first, and takes the pages for written from then on.
    failed: Mutex<Option<io::ErrorKind>>,
}

impl OsFile {
    fn shared(file: fs::File) -> Arc<dyn StorageFile> {
        Arc::new(OsFile { file, failed: Mutex::new(None) })
    }
}

impl StorageFile for OsFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        dag_lock::may_wait("a file");
        self.file.read_exact_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        dag_lock::may_wait("a file");
        self.file.write_all_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        dag_lock::may_wait("a file");
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kind) = *failed {
            return Err(io::Error::new(kind, "an earlier sync of this file failed"));
        }
        self.file.sync_data().inspect_err(|error| *failed = Some(error.kind()))
    }

    fn length(&self) -> io::Result<u64> {
        dag_lock::may_wait("a file");
        Ok(self.file.metadata()?.len())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        dag_lock::may_wait("a file");
        self.file.set_len(length)
    }
}
