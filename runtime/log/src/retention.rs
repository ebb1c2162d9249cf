//! What is removed from the front of a log.

use std::io;
use std::sync::Arc;

use dag_model::Timestamp;

use crate::CommitError;
use crate::inner::Inner;
use crate::publishers::ns;
use crate::segment::Segment;

/// What [`Log::trim`](crate::Log::trim) removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// How many segments.
    pub segments: usize,
    /// Their size.
    pub bytes: u64,
}

/// Removes what retention no longer keeps.
pub(crate) fn trim(log: &Inner, now: Timestamp) -> io::Result<Trimmed> {
    let mut trimmed = Trimmed::default();
    for segment in unkept(log, now) {
        remove_segment(log, &segment)?;
        trimmed.segments += 1;
        trimmed.bytes += segment.index().end().offset;
    }
    Ok(trimmed)
}

/// Takes the segments that are not kept out of readers' sight, the oldest first.
fn unkept(log: &Inner, now: Timestamp) -> Vec<Arc<Segment>> {
    let retention = log.options.retention;
    let mut progress = log.progress();
    let mut total: u64 = progress.segments.iter().map(|segment| segment.index().end().offset).sum();
    let mut gone = Vec::new();
    while progress.segments.len() > 1 {
        let oldest = progress.segments[0].index();
        let old = retention.age.is_some_and(|age| oldest.last_appended().saturating_add(ns(age)) < now);
        let bytes = oldest.end().offset;
        drop(oldest);
        // Readers see nothing of a segment after the one that is shown, so it must stay.
        let seen = progress.segments[0].number < progress.shown.at.segment;
        if !seen || !(old || retention.bytes.is_some_and(|limit| total > limit)) {
            break;
        }
        total -= bytes;
        gone.extend(progress.segments.pop_front());
    }
    gone
}

/// Removes one segment durably, so that a crash never leaves a gap between those that remain.
fn remove_segment(log: &Inner, segment: &Segment) -> io::Result<()> {
    let storage = log.committer.storage();
    dag_fault::point("retention");
    storage.remove(&segment.path)?;
    dag_fault::point("retention");
    match storage.remove(&segment.index_path()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    storage.sync_dir(&log.dir)
}

/// Removes all files of a log.
pub(crate) fn remove(log: &Inner) -> io::Result<()> {
    log.fail(CommitError(format!("{}: the log was removed", log.dir.display())));
    let segments = std::mem::take(&mut log.progress().segments);
    segments.iter().try_for_each(|segment| remove_segment(log, segment))?;
    log.committer.storage().remove_dir(&log.dir)
}
