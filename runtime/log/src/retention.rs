//! What is removed from the front of a log.

use std::io;
use std::path::Path;

use dag_model::Timestamp;

use crate::entry::Location;
use crate::inner::Inner;
use crate::progress::Progress;
use crate::publishers::ns;
use crate::segment::Segment;
use crate::{CommitError, Durability, kept};
use dag_storage::Storage;

/// What [`Log::trim`](crate::Log::trim) removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// How many segments.
    pub segments: usize,
    /// Their size.
    pub bytes: u64,
}

/// Removes what retention no longer keeps, of that no more than what lies before `said`, if that is given.
pub(crate) fn trim(log: &Inner, now: Timestamp, said: Option<u64>) -> io::Result<Trimmed> {
    unkeep(log, now, said);
    let mut trimmed = Trimmed::default();
    let progress = log.progress();
    let first = progress.segments.front().filter(|_| !progress.leaving.is_empty()).map(|segment| segment.number);
    drop(progress);
    if let Some(first) = first.filter(|_| log.options().durability != Durability::Derived) {
        kept::mark(&**log.committer.storage(), &log.dir, first)?;
    }
    loop {
        // After an error it stays the first to go, so that there is never a gap between those that remain.
        let Some(segment) = log.progress().leaving.front().cloned() else { return Ok(trimmed) };
        remove_segment(log, &segment)?;
        log.progress().leaving.retain(|leaving| leaving.number != segment.number);
        trimmed.segments += 1;
        trimmed.bytes += segment.index().end().offset;
    }
}

/// Whether there may be something to remove. Waits for no disk.
pub(crate) fn is_due(log: &Inner, now: Timestamp) -> bool {
    let progress = log.progress();
    !progress.leaving.is_empty() || unkept(log, &progress, now, 0) > 0
}

/// The first sequence that retention keeps, if that is not the first that there is.
pub(crate) fn kept_from(log: &Inner, now: Timestamp) -> Option<u64> {
    let trimmed = log.writer().trimmed;
    let progress = log.progress();
    match unkept(log, &progress, now, trimmed) {
        0 => None,
        unkept => Some(progress.segments[unkept].index().start().sequence),
    }
}

/// Takes the segments that are not kept out of readers' sight, the oldest first.
fn unkeep(log: &Inner, now: Timestamp, said: Option<u64>) {
    let trimmed = log.writer().trimmed;
    let mut progress = log.progress();
    for _ in 0..unkept(log, &progress, now, trimmed) {
        let is_said = |said| progress.segments[0].index().end().sequence <= said;
        if !said.is_none_or(is_said) {
            return;
        }
        let gone = progress.segments.pop_front();
        progress.leaving.extend(gone);
    }
}

/// How many segments are not kept, where what lies before `trimmed` need not be.
fn unkept(log: &Inner, progress: &Progress, now: Timestamp, trimmed: u64) -> usize {
    let options = log.options();
    let retention = options.retention;
    let mut total: u64 = progress.segments.iter().map(|segment| segment.index().end().offset).sum();
    let mut unkept = 0;
    while unkept + 1 < progress.segments.len() {
        let segment = &progress.segments[unkept];
        let oldest = segment.index();
        let old = retention.age.is_some_and(|age| oldest.last_appended().saturating_add(ns(age)) < now);
        let bytes = oldest.end().offset;
        let told = oldest.end().sequence <= trimmed;
        // Readers see nothing of a segment after the one that is shown, so it must stay.
        let number = segment.number;
        let seen = number < progress.shown.at.segment;
        // Nor may a crash find neither this one nor, with a derived log, the next.
        let followed =
            options.durability != Durability::Derived || progress.synced > Location { segment: number + 1, offset: 0 };
        if !seen || !followed || !(old || told || retention.bytes.is_some_and(|limit| total > limit)) {
            break;
        }
        total -= bytes;
        unkept += 1;
    }
    unkept
}

/// Removes one segment durably, so that a crash never leaves a gap between those that remain.
fn remove_segment(log: &Inner, segment: &Segment) -> io::Result<()> {
    let storage = &**log.committer.storage();
    remove_file(storage, &segment.index_path())?;
    remove_file(storage, &segment.path)?;
    storage.sync_dir(&log.dir)
}

fn remove_file(storage: &dyn Storage, path: &Path) -> io::Result<()> {
    match storage.remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Removes all files of a log, the oldest first, and what else lies in its folder.
pub(crate) fn remove(log: &Inner) -> io::Result<()> {
    log.fail(CommitError(format!("{}: the log was removed", log.dir.display())));
    let storage = &**log.committer.storage();
    let mut progress = log.progress();
    let segments = std::mem::take(&mut progress.segments);
    let leaving = std::mem::take(&mut progress.leaving);
    drop(progress);
    leaving.iter().chain(&segments).try_for_each(|segment| remove_segment(log, segment))?;
    storage.list(&log.dir)?.iter().try_for_each(|name| remove_file(storage, &log.dir.join(name)))?;
    storage.remove_dir(&log.dir)
}
