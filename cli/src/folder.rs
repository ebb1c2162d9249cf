//! Folders that are there for as long as a command runs, and are gone when it ends: by itself, because a signal asks for it, or because nobody reads its output any
//! more. Only what nobody can hear of, a kill or a crash, leaves one behind.

use std::fs::{self, File};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

use crate::interrupt;

/// Those that are there. Held while one is made or removed, which takes a moment, and for good once the process is about to end.
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Such a folder, empty at first.
#[derive(Debug)]
pub struct Folder(Option<TempDir>);

impl Folder {
    /// Makes one in the system's folder for such. Its name begins with `prefix`.
    ///
    /// # Errors
    /// If it cannot be made, or signals cannot be watched for.
    pub fn new(prefix: &str) -> io::Result<Folder> {
        interrupt::ends_the_process()?;
        let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = TempDir::with_prefix(prefix)?;
        folders.push(folder.path().to_owned());
        Ok(Folder(Some(folder)))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.as_ref().expect("it is there until it is dropped").path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
        folders.retain(|path| path != self.path());
        if let Some(folder) = self.0.take() {
            remove(&folder.keep());
        }
    }
}

/// Removes all of them, for a process that is about to end: from now on none is made.
pub fn remove_all() {
    let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    folders.drain(..).for_each(|folder| remove(&folder));
    mem::forget(folders);
}

/// Removes one in which threads may still be at work. Meanwhile a file has its name, so that they cannot make it again. Where that fails, nobody is left who could do
/// anything about it.
fn remove(folder: &Path) {
    let aside = folder.with_extension("gone");
    if fs::rename(folder, &aside).is_ok() {
        let stands_in = File::create_new(folder);
        let _ = fs::remove_dir_all(&aside);
        if stands_in.is_ok() {
            let _ = fs::remove_file(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_with_its_owner() {
        let folder = Folder::new("dag-test-").unwrap();
        let path = folder.path().to_owned();
        fs::write(path.join("file"), "text").unwrap();
        assert!(FOLDERS.lock().unwrap().contains(&path));
        drop(folder);
        assert!(!path.exists() && !FOLDERS.lock().unwrap().contains(&path));
    }
}
