//! A disk that says that it has synced what it has not.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dag_storage::{Space, Storage, StorageFile};

/// What becomes of a sync that is said to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Nothing.
    Never,
    /// It is done before the file is written to again.
    Late,
}

/// Storage over another one that lies about the syncs of a log's segments: the bug of one who does not sync, or acknowledges before it is done.
pub struct Lying {
    inner: Arc<dyn Storage>,
    lie: Lie,
}

impl Lying {
    /// Such storage over `inner`.
    pub fn over(inner: Arc<dyn Storage>, lie: Lie) -> Lying {
        Lying { inner, lie }
    }

    fn file(&self, path: &Path, inner: Arc<dyn StorageFile>) -> Arc<dyn StorageFile> {
        // A segment that is begun is not called so yet.
        let is_segment =
            path.file_stem().is_some_and(|stem| stem.to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()));
        match is_segment {
            true => Arc::new(LyingFile { inner, lie: self.lie, owed: AtomicBool::new(false) }),
            false => inner,
        }
    }
}

impl Storage for Lying {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        self.inner.create(path).map(|file| self.file(path, file))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        self.inner.open(path).map(|file| self.file(path, file))
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

struct LyingFile {
    inner: Arc<dyn StorageFile>,
    lie: Lie,
    /// Whether a sync is said to be done that is not.
    owed: AtomicBool,
}

impl LyingFile {
    fn make_good(&self) -> io::Result<()> {
        match self.owed.swap(false, Ordering::SeqCst) {
            true if self.lie == Lie::Late => self.inner.sync_data(),
            _ => Ok(()),
        }
    }
}

impl StorageFile for LyingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.inner.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.make_good()?;
        self.inner.write_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.owed.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        self.inner.length()
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.make_good()?;
        self.inner.truncate(length)
    }
}
