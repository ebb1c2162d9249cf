//! From which segment on a log is kept, and how far it surely goes, so that a segment which is missing from its front is told from one that
//! retention removed, and an end that was lost from one that a crash tore.
//!
//! Both are the names of empty files, since renaming one takes no room on a full disk. The one of the end never says more than is durable,
//! and is not made durable by itself: it may say less.

use std::io;
use std::path::{Path, PathBuf};

use crate::entry::Location;
use dag_storage::Storage;

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

/// Says that the log in `dir` is durable up to that place, where it said `before`. Returns what it says now: where that can't be written, it
/// is what it was.
pub(crate) fn mark_end(storage: &dyn Storage, dir: &Path, before: Option<Location>, end: Location) -> Option<Location> {
    let marked = match before {
        Some(before) if before == end => Ok(()),
        Some(before) => storage.rename(&end_path(dir, before), &end_path(dir, end)),
        None => storage.create(&end_path(dir, end)).map(drop),
    };
    if marked.is_ok() { Some(end) } else { before }
}

/// Up to where the log surely went, in a folder with these names in it; none where that was never said.
pub(crate) fn find_end(names: &[String]) -> Option<Location> {
    names.iter().filter_map(|name| end(name)).max()
}

/// The file that says so. The name is persisted.
fn end_path(dir: &Path, Location { segment, offset }: Location) -> PathBuf {
    dir.join(format!("{segment:020}-{offset:020}.last"))
}

fn end(name: &str) -> Option<Location> {
    let (segment, offset) = name.strip_suffix(".last")?.split_once('-')?;
    let number = |digits: &str| digits.parse().ok().filter(|_| digits.len() == 20);
    Some(Location { segment: number(segment)?, offset: number(offset)? })
}
