//! The folder that a backup goes to.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::manifest::{self, Manifest};
use crate::error::{Code, NodeError};

/// A folder that holds, or will hold, a backup of some data, and that nobody else uses meanwhile.
pub struct Target {
    /// The folder.
    pub folder: PathBuf,
    /// What is said of it.
    pub manifest: Manifest,
    /// Held as long as the backup takes; a node that is started on the folder wants it, too.
    _lock: File,
}

impl Target {
    /// Checks the folder, makes it where it is missing, and says in it that a backup is under way.
    pub fn open(folder: &Path, own: &Path, data: u64) -> Result<Target, NodeError> {
        let bad = |message: String| NodeError::new(Code::BadRequest, message);
        let shown = folder.display();
        if !folder.is_absolute() {
            return Err(bad(format!("`{shown}` is relative: name the whole path of the folder on the node's machine")));
        }
        let failed = |error| super::failed(folder, &error);
        let (real, own) = (resolve(folder).map_err(failed)?, resolve(own).map_err(failed)?);
        if real.starts_with(&own) || own.starts_with(&real) {
            return Err(bad(format!(
                "{shown} and the node's data in {} lie in one another: name a folder apart",
                own.display()
            )));
        }
        fs::create_dir_all(folder).map_err(failed)?;
        let lock = File::create(folder.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = format!("{shown} is in use: a backup to it is under way, or a node runs on it");
                return Err(NodeError::new(Code::Busy, message));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let data = format!("{data:016x}");
        let manifest = match Manifest::read(folder).map_err(failed)? {
            Some(manifest) if manifest.data == data => manifest,
            Some(_) => {
                let message = format!("{shown} holds a backup of other data: name another folder");
                return Err(NodeError::new(Code::Exists, message));
            }
            None if manifest::is_free(folder).map_err(failed)? => {
                let manifest = Manifest { format: manifest::FORMAT, data, complete: false, taken: None };
                manifest.write(folder).map_err(failed)?;
                manifest
            }
            None => {
                let message = format!("{shown} is not empty and holds no backup: name another folder");
                return Err(NodeError::new(Code::Exists, message));
            }
        };
        Ok(Target { folder: folder.to_owned(), manifest, _lock: lock })
    }

    /// Says that all is there, of the moment `taken`.
    pub fn complete(mut self, taken: String) -> io::Result<()> {
        self.manifest.complete = true;
        self.manifest.taken = Some(taken);
        self.manifest.write(&self.folder)
    }
}

/// A path without links, which need not be there as a whole.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Err(error), Some(parent), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            Ok(resolve(parent)?.join(name))
        }
        (resolved, ..) => resolved,
    }
}
