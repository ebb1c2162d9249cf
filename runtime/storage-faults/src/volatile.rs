//! Real files whose unsynced end dies with the process: to kill the process is to cut the power.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dag_storage::{Space, Storage, StorageFile};

/// Storage over another one that keeps what is written at the end of a file in memory until the file is synced. Names are
/// durable at once, and so is what is overwritten.
pub struct Volatile {
    inner: Arc<dyn Storage>,
    /// All files that were opened, each with what only this process knows of it.
    files: Mutex<HashMap<PathBuf, Arc<VolatileFile>>>,
}

impl Volatile {
    /// Such storage over `inner`.
    pub fn over(inner: Arc<dyn Storage>) -> Volatile {
        Volatile { inner, files: Mutex::default() }
    }

    fn files(&self) -> MutexGuard<'_, HashMap<PathBuf, Arc<VolatileFile>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for Volatile {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        let file = Arc::new(VolatileFile::over(self.inner.create(path)?)?);
        self.files().insert(path.to_owned(), file.clone());
        Ok(file)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        let mut files = self.files();
        if let Some(file) = files.get(path) {
            return Ok(file.clone());
        }
        let file = Arc::new(VolatileFile::over(self.inner.open(path)?)?);
        files.insert(path.to_owned(), file.clone());
        Ok(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = self.files();
        self.inner.rename(from, to)?;
        match files.remove(from) {
            Some(file) => drop(files.insert(to.to_owned(), file)),
            None => drop(files.remove(to)),
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut files = self.files();
        self.inner.remove(path)?;
        files.remove(path);
        Ok(())
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

struct VolatileFile {
    inner: Arc<dyn StorageFile>,
    end: Mutex<End>,
    /// Held while the end moves.
    syncing: Mutex<()>,
}

/// The end of a file.
struct End {
    /// Where it begins: what is before lies in the file.
    from: u64,
    unsynced: Vec<u8>,
}

impl VolatileFile {
    fn over(inner: Arc<dyn StorageFile>) -> io::Result<VolatileFile> {
        let from = inner.length()?;
        let end = Mutex::new(End { from, unsynced: Vec::new() });
        Ok(VolatileFile { inner, end, syncing: Mutex::new(()) })
    }

    fn end(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much of something of that length at `offset` lies before `from`.
fn before(offset: u64, length: usize, from: u64) -> usize {
    usize::try_from(from.saturating_sub(offset)).map_or(length, |before| before.min(length))
}

impl StorageFile for VolatileFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = self.end();
        let (head, tail) = buffer.split_at_mut(before(offset, buffer.len(), end.from));
        if !tail.is_empty() {
            let start = (offset + head.len() as u64 - end.from) as usize;
            let found = end.unsynced.get(start..start + tail.len());
            tail.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        }
        drop(end);
        self.inner.read_at(head, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut end = self.end();
        let (head, tail) = bytes.split_at(before(offset, bytes.len(), end.from));
        if !tail.is_empty() {
            let start = (offset + head.len() as u64 - end.from) as usize;
            let length = end.unsynced.len().max(start + tail.len());
            end.unsynced.resize(length, 0);
            end.unsynced[start..start + tail.len()].copy_from_slice(tail);
        }
        if head.is_empty() { Ok(()) } else { self.inner.write_at(head, offset) }
    }

    fn sync_data(&self) -> io::Result<()> {
        let _syncing = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let (bytes, from) = {
            let end = self.end();
            (end.unsynced.clone(), end.from)
        };
        // The disk takes its time first, so that it is in that time that a kill finds the bytes only here, and others may write.
        self.inner.sync_data()?;
        self.inner.write_at(&bytes, from)?;
        let mut end = self.end();
        end.from += bytes.len() as u64;
        end.unsynced.drain(..bytes.len());
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        let end = self.end();
        Ok(end.from + end.unsynced.len() as u64)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let _syncing = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut end = self.end();
        if length >= end.from {
            let left = (length - end.from) as usize;
            end.unsynced.resize(left, 0);
            return Ok(());
        }
        self.inner.truncate(length)?;
        *end = End { from: length, unsynced: Vec::new() };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Disk;

    #[test]
    fn what_was_not_synced_is_read_and_is_not_in_the_file() {
        let (disk, path) = (Disk::new(), Path::new("/a"));
        let volatile = Volatile::over(Arc::new(disk.clone()));
        let file = volatile.create(path).unwrap();
        file.write_at(b"synced", 0).unwrap();
        file.sync_data().unwrap();
        file.write_at(b" and not", 6).unwrap();
        volatile.rename(path, Path::new("/b")).unwrap();
        let mut found = [0; 10];
        volatile.open(Path::new("/b")).unwrap().read_at(&mut found, 4).unwrap();
        assert_eq!(&found, b"ed and not");
        assert_eq!(disk.open(Path::new("/b")).unwrap().length().unwrap(), 6);
        file.truncate(4).unwrap();
        file.write_at(b"!", 4).unwrap();
        file.sync_data().unwrap();
        assert!(file.read_at(&mut found, 0).is_err());
        file.read_at(&mut found[..5], 0).unwrap();
        assert_eq!(&found[..5], b"sync!");
    }
}
