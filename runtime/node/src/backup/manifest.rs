//! `backup.json`: what makes a folder a backup, and says whether it can be used.

use std::fs;
use std::io;
use std::path::Path;

use dag_log::Storage;
use serde::{Deserialize, Serialize};

use crate::layout::Layout;

/// What lies in `backup.json`. Persisted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this file and of the folder's layout.
    pub format: u32,
    /// Which data it is a backup of, in hexadecimal.
    pub data: String,
    /// Whether all is there. The first backup into a folder makes it so at its end; later ones leave it so all the time.
    pub complete: bool,
    /// When the last one that came to its end began.
    pub taken: Option<String>,
}

/// The version that this node writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

impl Manifest {
    /// The one in that folder; none where the folder or the file is missing.
    ///
    /// # Errors
    /// If it can't be read, or is not what a node of this version writes.
    pub fn read(layout: &Layout) -> io::Result<Option<Manifest>> {
        let bytes = match fs::read(layout.manifest()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        #[derive(Deserialize)]
        struct Header {
            format: u32,
        }
        let Header { format } = serde_json::from_slice(&bytes)?;
        if format > FORMAT {
            let message = format!(
                "this backup was written by a newer dag: its format is {format}, and this dag reads up to {FORMAT}; \
                 use the dag that wrote it, or a newer one"
            );
            return Err(io::Error::other(message));
        }
        Ok(Some(serde_json::from_slice(&bytes)?))
    }

    /// Puts it into that folder, durably and as a whole.
    pub fn write(&self, storage: &dyn Storage, layout: &Layout) -> io::Result<()> {
        storage.replace(&layout.manifest(), &serde_json::to_vec_pretty(self)?)
    }

    /// Takes it out of that folder, which is data of its own from then on.
    pub fn remove(storage: &dyn Storage, layout: &Layout) -> io::Result<()> {
        storage.remove(&layout.manifest())?;
        storage.sync_dir(layout.root())
    }
}

/// What an attempt leaves that ended before there was a manifest: its beginning, under the name of this dag or of an older one.
const BEGUN: [&str; 2] = ["backup.new", "backup.part"];

/// Whether a folder without a manifest can become a backup: nothing is in it but what an attempt may have left.
pub fn is_free(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let there = entry.metadata()?;
        let left = match entry.file_name() {
            name if name == "lock" => there.is_file() && there.len() == 0,
            name => BEGUN.iter().any(|begun| name == *begun) && there.is_file(),
        };
        if !left {
            return Ok(false);
        }
    }
    Ok(true)
}
