//! Going on after the disk has failed, without opening the log anew: it goes back to what was acknowledged, and takes appends again.
//!
//! After a failed sync the kernel may take pages for written that are not, so that what is read back proves nothing, and neither
//! does a later sync (Rebello et al., "Can applications recover from fsync failures?", 2020). Hence nothing that was not acknowledged is
//! kept: it is cut off, and whoever sends it again writes it again. What was acknowledged was synced before; the block that it ends in
//! is written again with the cut. The file is opened anew for that, since one whose sync has failed never syncs again.
//!
//! It goes on in a new epoch: what was cut off may have got to others, who must not take for the same what comes in its place.

use std::sync::{Arc, TryLockError};

use crate::entry::Location;
use crate::inner::Inner;
use crate::opened::{damaged, io_error};
use crate::publishers::PublisherRecord;
use crate::recovery::{self, Recovered};
use crate::{Durability, OpenError, kept, segment};

/// Lets a log that has failed go on from what was acknowledged. Returns the publishers as they were there; none where it has not failed, a sync is
/// under way, or it must be opened anew: only where a log is alone, under `Fsync`, is what readers see surely on disk.
pub(crate) fn mend(log: &Arc<Inner>) -> Result<Option<Vec<PublisherRecord>>, OpenError> {
    // No sync begins meanwhile. One that is under way may take for ever, and is not waited for.
    let _alone = match log.committing.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Ok(alone) => alone,
    };
    let mut writer = log.writer();
    let progress = log.progress();
    let (shown, front) = (progress.shown, progress.segments.front().map(|segment| segment.number));
    let failed = progress.failed.is_some();
    drop(progress);
    let Some(front) = front.filter(|_| failed && log.is_alone() && log.options().durability == Durability::Fsync)
    else {
        return Ok(None);
    };
    if let Some(marked) = writer.marked.filter(|marked| *marked > shown.at) {
        // What is cut off must not be missed later.
        let storage = &**log.committer.storage();
        writer.marked = kept::mark_end(storage, &log.dir, Some(marked), shown.at);
        storage.sync_dir(&log.dir).map_err(|source| io_error(&log.dir, source))?;
    }
    cut(log, shown.at)?;
    let Recovered { segments, writer: mended, publishers, synced, .. } =
        recovery::recover(&**log.committer.storage(), &log.dir, Durability::Fsync)?;
    let point = mended.point();
    if point.at != shown.at || point.visible != shown.visible {
        let what = format!("it ends at sequence {}, {} were acknowledged", point.visible.end, shown.visible.end);
        return Err(damaged(&mended.segment.path, point.at.offset, what));
    }
    let (turn, epoch) = (writer.turn, writer.epoch());
    *writer = mended;
    writer.turn = turn;
    log.want_epoch(&mut writer, epoch);
    log.note_epochs(&writer);
    *log.recent() = Default::default();
    log.files.close();
    let mut progress = log.progress();
    // Retention may be removing those before.
    progress.segments = segments.into_iter().filter(|segment| segment.number >= front).collect();
    (progress.durable, progress.synced, progress.failed) = (point.at, synced, None);
    progress.shown = writer.point();
    progress.mended += 1;
    Ok(Some(publishers))
}

/// Cuts off all that lies behind a place, the last first.
fn cut(log: &Inner, end: Location) -> Result<(), OpenError> {
    let storage = &**log.committer.storage();
    let names = storage.list(&log.dir).map_err(|source| io_error(&log.dir, source))?;
    let numbers = names.iter().filter_map(|name| segment::number(name)).filter(|number| *number > end.segment);
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    numbers.reverse();
    recovery::discard(storage, &log.dir, &numbers)?;
    let path = segment::path(&log.dir, end.segment);
    let truncate = || storage.open(&path)?.truncate(end.offset);
    truncate().map_err(|source| io_error(&path, source))
}
