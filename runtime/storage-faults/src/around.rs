//! What happens around the operations of another storage.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dag_storage::{Space, Storage, StorageFile};

use crate::Operation;

/// What a test does before and after each operation.
pub trait Around: Send + Sync {
    /// The operation is about to begin. Of a rename it is the name that the file had.
    fn before(&self, _operation: Operation, _path: &Path) {}
    /// What is written in place of these bytes.
    fn written<'a>(&self, _path: &Path, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        Cow::Borrowed(bytes)
    }
    /// It has been done, or has failed.
    fn after(&self, _operation: Operation, _path: &Path) {}
}

/// Storage over another one, with something around each operation.
pub struct Surrounded<A> {
    inner: Arc<dyn Storage>,
    around: Arc<A>,
    names: Names,
}

/// The names of the files that have been opened: a file is renamed while it is open.
type Names = Arc<Mutex<HashMap<PathBuf, Name>>>;
type Name = Arc<Mutex<PathBuf>>;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<A: Around> Surrounded<A> {
    /// Storage over `inner`.
    pub fn over(inner: Arc<dyn Storage>, around: A) -> Surrounded<A> {
        Surrounded { inner, around: Arc::new(around), names: Names::default() }
    }

    fn run<T>(&self, operation: Operation, path: &Path, perform: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.around.before(operation, path);
        let result = perform();
        self.around.after(operation, path);
        result
    }
}

impl<A: Around + 'static> Surrounded<A> {
    fn file(&self, path: &Path, file: Arc<dyn StorageFile>) -> Arc<dyn StorageFile> {
        let name =
            locked(&self.names).entry(path.to_owned()).or_insert_with(|| Arc::new(Mutex::new(path.to_owned()))).clone();
        Arc::new(SurroundedFile { inner: file, around: self.around.clone(), name })
    }
}

impl<A: Around + 'static> Storage for Surrounded<A> {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        self.run(Operation::Create, path, || self.inner.create(path)).map(|file| self.file(path, file))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        self.run(Operation::Open, path, || self.inner.open(path)).map(|file| self.file(path, file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run(Operation::Rename, from, || {
            self.inner.rename(from, to)?;
            let mut names = locked(&self.names);
            if let Some(name) = names.remove(from) {
                *locked(&name) = to.to_owned();
                names.insert(to.to_owned(), name);
            }
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.run(Operation::Remove, path, || {
            self.inner.remove(path)?;
            locked(&self.names).remove(path);
            Ok(())
        })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.run(Operation::List, dir, || self.inner.list(dir))
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.run(Operation::CreateDir, dir, || self.inner.create_dir(dir))
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        self.run(Operation::RemoveDir, dir, || self.inner.remove_dir(dir))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.run(Operation::SyncDir, dir, || self.inner.sync_dir(dir))
    }

    fn space(&self, dir: &Path) -> io::Result<Space> {
        self.run(Operation::Space, dir, || self.inner.space(dir))
    }
}

struct SurroundedFile<A> {
    inner: Arc<dyn StorageFile>,
    around: Arc<A>,
    name: Name,
}

impl<A: Around> SurroundedFile<A> {
    fn run<T>(&self, operation: Operation, perform: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let path = self.path();
        self.around.before(operation, &path);
        let result = perform();
        self.around.after(operation, &path);
        result
    }

    fn path(&self) -> PathBuf {
        locked(&self.name).clone()
    }
}

impl<A: Around> StorageFile for SurroundedFile<A> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.run(Operation::Read, || self.inner.read_at(buffer, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.run(Operation::Write, || self.inner.write_at(&self.around.written(&self.path(), bytes), offset))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.run(Operation::Sync, || self.inner.sync_data())
    }

    fn length(&self) -> io::Result<u64> {
        self.run(Operation::Length, || self.inner.length())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.run(Operation::Truncate, || self.inner.truncate(length))
    }
}
