//! From which segment on a log is kept, so that a segment which is missing from its front is told from one that retention removed.
//!
//! It is the name of an empty file, since renaming one takes no room on a full disk.

use std::io;
use std::path::{Path, PathBuf};

use crate::storage::Storage;

/// Says that the log in `dir` is kept from that segment on, durably: those before it may go.
pub(crate) fn mark(storage: &dyn Storage, dir: &Path, first: u64) -> io::Result<()> {
    let marked = find(&storage.list(dir)?);
    match marked {
        Some(marked) if marked == first => {}
        Some(marked) => storage.rename(&path(dir, marked), &path(dir, first))?,
        None => storage.create(&path(dir, first)).map(drop)?,
    }
    storage.sync_dir(dir)
}

/// What is said in a folder with these names in it; none where an older dag made the log.
pub(crate) fn find(names: &[String]) -> Option<u64> {
    names.iter().filter_map(|name| number(name)).max()
}

/// The file that says so. The name is persisted.
fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:020}.first"))
}

fn number(name: &str) -> Option<u64> {
    name.strip_suffix(".first").filter(|digits| digits.len() == 20)?.parse().ok()
}
