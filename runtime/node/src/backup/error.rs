//! Why there is no backup, and why a copy does not become data of its own.

use std::io;
use std::path::{Path, PathBuf};

use dag_log::OpenError;

use super::target::MAX_PATH;
use crate::blocking::Broken;
use crate::layout::DataError;
use crate::metadata::MetaError;
use crate::streams::error::StreamError;

/// Why there is no backup. Folders are as the request names them.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The folder's path is too long.
    #[error("a folder's path has at most {MAX_PATH} bytes, this one has {0}")]
    Long(usize),
    /// The folder's path depends on where the node runs.
    #[error("`{}` is relative: name the whole path of the folder on the node's machine", .0.display())]
    Relative(PathBuf),
    /// Backups go nowhere.
    #[error(
        "this node was not told where backups may go, since whoever reaches it could fill any folder: start it with `dag serve \
         --backup-dir {}`, or a folder above",
        .0.display()
    )]
    NowhereAllowed(PathBuf),
    /// Backups go elsewhere.
    #[error(
        "{} does not lie in a folder for backups ({}): name one that does, or start the node with a further --backup-dir",
        folder.display(), listed(.allowed)
    )]
    NotAllowed {
        /// The folder.
        folder: PathBuf,
        /// Where backups may go.
        allowed: Vec<PathBuf>,
    },
    /// The folder is the node's own, or in it, or around it.
    #[error("{} and the node's data in {} lie in one another: name a folder apart", folder.display(), data.display())]
    Overlaps {
        /// The folder.
        folder: PathBuf,
        /// The node's.
        data: PathBuf,
    },
    /// Somebody else writes to the folder.
    #[error("{} is in use: a backup to it is under way, or a node runs on it", .0.display())]
    InUse(PathBuf),
    /// Something else is there.
    #[error("{} is no folder: name one", .0.display())]
    NoFolder(PathBuf),
    /// The folder is another node's backup.
    #[error("{} holds a backup of other data: name another folder", .0.display())]
    OtherData(PathBuf),
    /// The folder has other uses.
    #[error("{} is not empty and holds no backup: name another folder", .0.display())]
    NotEmpty(PathBuf),
    /// There is a link in the folder.
    #[error("{} is a link, and a backup has none: remove it, or name another folder", .0.display())]
    Link(PathBuf),
    /// Something cannot be read or written.
    #[error("the backup to {} is not complete: {source}; what is there is reused by the next", folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The metadata cannot be copied.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// A log cannot be opened.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// A stream cannot be had.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// Something broke.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// Why a copy does not become data of its own.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Not all is there.
    #[error(
        "{folder}: this backup is not complete; complete it with `dag backup {folder}` on the node that it is of",
        folder = .0.display()
    )]
    Incomplete(PathBuf),
    /// A stream cannot be opened.
    #[error("{}: {why}", folder.display())]
    Stream {
        /// The copy.
        folder: PathBuf,
        /// Why.
        why: String,
    },
    /// A file cannot be read or written.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The metadata cannot be changed.
    #[error(transparent)]
    Meta(#[from] MetaError),
}

impl BackupError {
    /// What is the matter with a file of the backup in that folder.
    pub(super) fn io(folder: &Path) -> impl Fn(io::Error) -> BackupError + Copy {
        move |source| BackupError::Io { folder: folder.to_owned(), source }
    }
}

fn listed(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
}
