//! How much of each file is durable, said beside it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use dag_storage::{Space, Storage, StorageFile};
use rustix::fs::{XattrFlags, fsetxattr};

/// The extended attribute of a file that says how many of its bytes are durable.
pub const DURABLE: &str = "user.dag.durable";

/// Real files, each of which says of itself how many of its bytes are durable, so that a test can take the others once the process is gone:
/// a power cut.
pub struct Noted {
    inner: Arc<dyn Storage>,
}

impl Noted {
    /// Such storage over `inner`, whose files are those of the operating system.
    pub fn over(inner: Arc<dyn Storage>) -> Noted {
        Noted { inner }
    }

    fn file(path: &Path, inner: Arc<dyn StorageFile>) -> io::Result<Arc<dyn StorageFile>> {
        Ok(Arc::new(NotedFile { inner, same: File::open(path)? }))
    }
}

impl Storage for Noted {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        Noted::file(path, self.inner.create(path)?)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        Noted::file(path, self.inner.open(path)?)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.inner.remove(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.inner.list(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.create_dir(dir)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.remove_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.sync_dir(dir)
    }

    fn space(&self, dir: &Path) -> io::Result<Space> {
        self.inner.space(dir)
    }
}

struct NotedFile {
    inner: Arc<dyn StorageFile>,
    /// The same file, whatever it is called.
    same: File,
}

impl StorageFile for NotedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.inner.write_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        // What is written meanwhile may not be durable.
        let length = self.inner.length()?;
        self.inner.sync_data()?;
        Ok(fsetxattr(&self.same, DURABLE, length.to_string().as_bytes(), XattrFlags::empty())?)
    }

    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.inner.truncate(length)
    }
}
