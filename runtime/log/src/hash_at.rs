//! The running hash at a place within a log, from the hashes that lie in it.
//!
//! Every entry with records has the hash after it, and a segment's header the one before its first entry, so finding it
//! takes some headers and, where the place is within an entry, that entry's records.

use std::sync::Arc;

use crate::entry::Location;
use crate::inner::Inner;
use crate::reader::{self, check_sequence};
use crate::segment::Segment;
use crate::{ReadError, RunningHash, opened};

/// The running hash over the records before `sequence`.
pub(crate) fn hash_at(log: &Arc<Inner>, sequence: u64) -> Result<RunningHash, ReadError> {
    let newest = log.writer().hash.clone();
    if newest.sequence == sequence {
        return Ok(newest);
    }
    let progress = log.progress();
    if progress.segments.is_empty() {
        return Err(ReadError::Removed);
    }
    check_sequence(&progress, sequence)?;
    let before = progress.segments.partition_point(|segment| segment.index().start().sequence < sequence);
    let segment = progress.segments[before.max(1) - 1].clone();
    drop(progress);

    // The entry that `sequence` lies in may be the first after the point, with the hash before it further back.
    let mut upper = sequence;
    loop {
        let point = segment.index().well_before_sequence(upper);
        let first = segment.index().start();
        let known = match point.offset == first.offset {
            true => Some(header_hash(log, &segment)?),
            false => None,
        };
        match forward(log, &segment, point.offset, known, sequence)? {
            Some(hash) => return Ok(hash),
            None => upper = point.sequence,
        }
    }
}

/// Goes through entries from `offset` on, before which the hash is `known`; none where that would have been needed.
fn forward(
    log: &Inner,
    segment: &Segment,
    mut offset: u64,
    mut known: Option<RunningHash>,
    sequence: u64,
) -> Result<Option<RunningHash>, ReadError> {
    loop {
        if known.as_ref().is_some_and(|hash| hash.sequence == sequence) {
            return Ok(known);
        }
        let at = Location { segment: segment.number, offset };
        let parsed = reader::read_header(log, segment, at)?;
        if parsed.header.count > 0 {
            if parsed.end() > sequence {
                let (Some(mut hash), Some(entry)) = (known, parsed.entry()) else { return Ok(None) };
                let loaded = reader::load(log, &entry)?;
                let rows = (sequence - hash.sequence) as usize;
                let late = loaded.late.map(|late| late.slice(0, rows));
                let late_rows = late.as_ref().map_or(0, arrow_buffer::BooleanBuffer::count_set_bits);
                let behind = loaded.behind.as_deref().map(|behind| &behind[..late_rows]);
                hash.update_behind(&loaded.batch.slice(0, rows), late.as_ref(), behind);
                return Ok(Some(hash));
            }
            known = Some(RunningHash { sequence: parsed.end(), streams: parsed.header.hash.clone() });
        }
        offset = parsed.body.end().offset;
    }
}

/// The hash before the first entry of a segment.
fn header_hash(log: &Inner, segment: &Segment) -> Result<RunningHash, ReadError> {
    let failed = |source| ReadError::Io { file: segment.path.clone(), source };
    let file = log.files.get(&**log.committer.storage(), segment).map_err(failed)?;
    let length = file.length().map_err(failed)?;
    match opened::read_header(&*file, length).map_err(failed)? {
        Ok((header, ..)) => Ok(RunningHash { sequence: header.first, streams: header.hash }),
        Err(what) => Err(ReadError::Damaged { file: segment.path.clone(), offset: 0, what }),
    }
}
