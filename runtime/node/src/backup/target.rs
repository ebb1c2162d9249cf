//! The folder that a backup goes to: one that the node was told to use for that, looked at before anything in it changes.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use dag_log::Storage;

use super::error::BackupError;
use super::manifest::{self, Manifest};
use crate::layout::Layout;
use crate::private;

/// A folder that holds, or will hold, a backup of some data, and that nobody else uses meanwhile.
pub struct Target<'a> {
    storage: &'a dyn Storage,
    /// The folder.
    pub layout: Layout,
    /// What is said of it.
    pub manifest: Manifest,
    /// Held as long as the backup takes; a node that is started on the folder wants it, too.
    _lock: File,
}

impl<'a> Target<'a> {
    /// Checks the folder, makes it where it is missing, and says in it that a backup is under way. `allowed` are the folders that
    /// backups may go to, `own` the node's.
    pub fn open(
        storage: &'a dyn Storage,
        folder: &Path,
        allowed: &[PathBuf],
        own: &Path,
        data: u64,
    ) -> Result<Target<'a>, BackupError> {
        if folder.as_os_str().len() > MAX_PATH {
            return Err(BackupError::Long(folder.as_os_str().len()));
        }
        if !folder.is_absolute() {
            return Err(BackupError::Relative(folder.to_owned()));
        }
        let failed = BackupError::io(folder);
        let (real, own) = (resolve(folder).map_err(failed)?, resolve(own).map_err(failed)?);
        is_allowed(folder, &real, allowed)?;
        if real.starts_with(&own) || own.starts_with(&real) {
            return Err(BackupError::Overlaps { folder: folder.to_owned(), data: own });
        }
        let data = format!("{data:016x}");
        let in_use = || BackupError::InUse(folder.to_owned());
        look(&real, &data, folder).map_err(|why| if is_locked(&real) { in_use() } else { why })?;
        let layout = Layout::new(&real);
        private::make_folder(&real).map_err(failed)?;
        let lock = private::lock_file(&layout.lock()).map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => in_use(),
            TryLockError::Error(error) => failed(error),
        })?;
        // Once more: it was not locked.
        let manifest = match look(&real, &data, folder)? {
            Some(manifest) => manifest,
            None => {
                let manifest = Manifest { format: manifest::FORMAT, data, complete: false, taken: None };
                manifest.write(storage, &layout).map_err(failed)?;
                manifest
            }
        };
        for folder in [layout.sources(), layout.derived(), layout.components()] {
            private::own_folder(&folder).map_err(failed)?;
        }
        Ok(Target { storage, layout, manifest, _lock: lock })
    }

    /// Says that all is there, of the moment `taken`.
    pub fn complete(mut self, taken: String) -> io::Result<()> {
        self.manifest.complete = true;
        self.manifest.taken = Some(taken);
        self.manifest.write(self.storage, &self.layout)
    }
}

/// Whether that is a folder for backups, or lies in one.
fn is_allowed(folder: &Path, real: &Path, allowed: &[PathBuf]) -> Result<(), BackupError> {
    let allows = |root: &PathBuf| resolve(root).is_ok_and(|root| real.starts_with(root));
    if allowed.iter().any(allows) {
        return Ok(());
    }
    let folder = folder.to_owned();
    Err(match allowed {
        [] => BackupError::NowhereAllowed(folder),
        _ => BackupError::NotAllowed { folder, allowed: allowed.to_vec() },
    })
}

/// Whether somebody uses the folder as data. Nothing is made to find out.
fn is_locked(real: &Path) -> bool {
    let path = Layout::new(real).lock();
    let is_file = fs::symlink_metadata(&path).is_ok_and(|there| there.is_file());
    let lock = is_file.then(|| File::open(path).ok()).flatten();
    lock.is_some_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
}

/// What the folder holds, as far as it can take a backup of that data: the manifest of an earlier one, or nothing. It is as it was
/// afterwards.
fn look(real: &Path, data: &str, folder: &Path) -> Result<Option<Manifest>, BackupError> {
    let failed = BackupError::io(folder);
    match fs::symlink_metadata(real) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(there) if !there.is_dir() => return Err(BackupError::NoFolder(folder.to_owned())),
        Ok(_) => {}
    }
    match Manifest::read(&Layout::new(real)).map_err(failed)? {
        Some(manifest) if manifest.data == data => {}
        Some(_) => return Err(BackupError::OtherData(folder.to_owned())),
        None if manifest::is_free(real).map_err(failed)? => return Ok(None),
        None => return Err(BackupError::NotEmpty(folder.to_owned())),
    }
    match link_in(real).map_err(failed)? {
        None => Manifest::read(&Layout::new(real)).map_err(failed),
        Some(link) => Err(BackupError::Link(link)),
    }
}

/// A link somewhere in the folder, if there is one: what is written there would go elsewhere.
fn link_in(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let (entry, kind) = entry.and_then(|entry| entry.file_type().map(|kind| (entry, kind)))?;
            if kind.is_symlink() {
                return Ok(Some(entry.path()));
            }
            if kind.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(None)
}

/// The most bytes of a path that a system takes.
pub(super) const MAX_PATH: usize = 4096;

/// A path without links, which need not be there as a whole.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut missing = Vec::new();
    let mut there = path;
    loop {
        match (there.canonicalize(), there.parent(), there.file_name()) {
            (Err(error), Some(parent), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
                missing.push(name);
                there = parent;
            }
            (resolved, ..) => return Ok(missing.iter().rev().fold(resolved?, |path, name| path.join(name))),
        }
    }
}
