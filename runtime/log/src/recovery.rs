//! Opening a log: what is in its folder, whether it is whole, and what a crash has torn.
//!
//! Every entry says up to where its segment was durable when it was written. If the first entry that is not whole was
//! durable by what a whole one further on says, it is damage, and the log is refused; otherwise no one was promised the bad
//! one, and it is cut with what follows.
//!
//! Sealed segments were durable before the next one was begun, so nothing may be wrong with them. Only a derived log begins
//! the next one at once: there, the segments before one that was synced are durable, and of the later ones opening keeps
//! what is whole from the front.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::entry::Location;
use crate::opened::{Opened, damaged, io_error};
use crate::publishers::PublisherRecord;
use crate::segment::{self, Segment, SegmentHeader};
use crate::tail::Tail;
use crate::writer::{Writer, store_index};
use crate::{Cut, Durability, OpenError, kept, version};
use dag_storage::{Storage, StorageFile, sync_above};

/// A log that was opened.
pub(crate) struct Recovered {
    pub(crate) segments: VecDeque<Arc<Segment>>,
    pub(crate) writer: Writer,
    pub(crate) schema: dag_model::Schema,
    pub(crate) publishers: Vec<PublisherRecord>,
    /// All that anybody was promised is durable up to here.
    pub(crate) durable: Location,
    /// All bytes are durable up to here.
    pub(crate) synced: Location,
    pub(crate) cut: Option<Cut>,
    /// Whether something may be missing at its end that was shown, so that a new epoch must begin.
    pub(crate) unclean: bool,
    /// Whether it ends before a place that it surely went to.
    pub(crate) short: bool,
}

/// Opens the log in `dir`.
pub(crate) fn recover(storage: &dyn Storage, dir: &Path, durability: Durability) -> Result<Recovered, OpenError> {
    version::check(storage, dir)?;
    let names = names(storage, dir)?;
    let mut numbers = numbers(&names);
    let Some(first) = numbers.first().copied() else { return Err(OpenError::Missing(dir.to_owned())) };
    let (kept, marked) = (kept::find(&names), kept::find_end(&names));
    if let Some(kept) = kept.filter(|kept| first > *kept) {
        return Err(damaged(&segment::path(dir, kept), 0, "the segment is missing".into()));
    }
    if let Some(marked) = marked.filter(|marked| numbers.last().is_none_or(|last| *last < marked.segment)) {
        return Err(damaged(&segment::path(dir, marked.segment), 0, "the segment is missing".into()));
    }
    let (base, mut later) = base(storage, dir, durability, &mut numbers)?;
    let Some(base) = base else {
        discard(storage, dir, &later)?;
        return Err(OpenError::Missing(dir.to_owned()));
    };
    let synced_before = Location { segment: base.header.number, offset: 0 };
    let schema = base.header.schema().map_err(|what| damaged(&base.path, 0, what))?;
    let segments = sealed(storage, dir, &numbers, &base.header)?;
    let (segments, mut tail) = follow(storage, dir, durability, segments, Tail::replay(dir, &base)?, &mut later)?;
    let found = tail.writer.point().at;
    let short = marked.filter(|marked| found < *marked);
    tail.writer.marked = marked;
    if let Some(marked) = short.filter(|_| !later.is_empty()) {
        // What is discarded must not be missed later.
        tail.writer.marked = kept::mark_end(storage, dir, Some(marked), found);
        storage.sync_dir(dir).map_err(|source| io_error(dir, source))?;
    }
    discard(storage, dir, &later)?;
    let mut recovered = finish(storage, dir, durability, segments, tail, schema, synced_before)?;
    recovered.short = short.is_some();
    if durability != Durability::Derived && short.is_none() {
        recovered.writer.marked = kept::mark_end(storage, dir, marked, recovered.synced);
    }
    if kept.is_none() && durability != Durability::Derived {
        // Where that fails it is said when the log is opened the next time.
        let _ = kept::mark(storage, dir, first);
    }
    Ok(recovered)
}

/// Takes in the segments after the first, as far as each goes on where the one before it ends, and takes them out of `later`, where the next
/// one is last. Returns the segments before the last that was taken in, and that.
fn follow(
    storage: &dyn Storage,
    dir: &Path,
    durability: Durability,
    mut segments: VecDeque<Arc<Segment>>,
    mut tail: Tail,
    later: &mut Vec<u64>,
) -> Result<(VecDeque<Arc<Segment>>, Tail), OpenError> {
    let mut unsynced = Vec::new();
    let mut cut = tail.cut.take();
    while let Some(number) = later.last().copied().filter(|_| cut.is_none()) {
        let next = match Opened::new(storage, dir, number, durability)? {
            Ok(next) if tail.goes_on_with(&next.header) => next,
            Ok(next) => {
                cut = Some(Cut { file: next.path, offset: 0, what: "the records before it are missing".into() });
                break;
            }
            Err(OpenError::Damaged { file, offset, what }) => {
                cut = Some(Cut { file, offset, what });
                break;
            }
            Err(error) => return Err(error),
        };
        later.pop();
        store_index(storage, &tail.writer.segment);
        segments.push_back(tail.writer.segment.clone());
        unsynced.push(tail.writer.file.clone());
        tail = Tail::replay(dir, &next)?;
        cut = tail.cut.take();
    }
    tail.cut = cut;
    tail.writer.unsynced = unsynced;
    Ok((segments, tail))
}

/// Makes what was found durable, as far as the log's durability asks for it.
fn finish(
    storage: &dyn Storage,
    dir: &Path,
    durability: Durability,
    mut segments: VecDeque<Arc<Segment>>,
    tail: Tail,
    schema: dag_model::Schema,
    synced_before: Location,
) -> Result<Recovered, OpenError> {
    let Tail { mut writer, publishers, cut, closed_at, synced, .. } = tail;
    segments.push_back(writer.segment.clone());
    writer.reopened = true;
    let unclean = closed_at.is_none() && durability == Durability::Os;
    let end = writer.point().at;
    let derived = durability == Durability::Derived;
    let (durable, synced_to) = match closed_at {
        // What comes before was synced, the entry that says so was not.
        Some(offset) => {
            write_again(&*writer.file, offset, end.offset).map_err(|source| io_error(&writer.segment.path, source))?;
            (end, Location { offset, ..end })
        }
        None => {
            if !derived {
                let from = synced.max(writer.segment.start().offset);
                write_again(&*writer.file, from, end.offset)
                    .map_err(|source| io_error(&writer.segment.path, source))?;
            }
            // What was cut must not come back under what is appended now.
            if cut.is_some() || !derived {
                writer.file.sync_data().map_err(|source| io_error(&writer.segment.path, source))?;
            }
            if derived { (synced_before, synced_before) } else { (end, end) }
        }
    };
    if derived {
        writer.unsynced_names = synced == 0;
    } else if closed_at.is_none() && synced == 0 {
        storage.sync_dir(dir).and_then(|()| sync_above(storage, dir)).map_err(|source| io_error(dir, source))?;
    }
    let publishers = publishers.into_values().collect();
    Ok(Recovered { segments, writer, schema, publishers, durable, synced: synced_to, cut, unclean, short: false })
}

/// Writes a part of a file once more. If its sync failed before, the kernel may take it for written though it is not, and would not
/// write it with the next one.
fn write_again(file: &dyn StorageFile, mut from: u64, to: u64) -> io::Result<()> {
    while from < to {
        let mut bytes = vec![0; usize::try_from(to - from).unwrap_or(AGAIN).min(AGAIN)];
        file.read_at(&mut bytes, from)?;
        file.write_at(&bytes, from)?;
        from += bytes.len() as u64;
    }
    Ok(())
}

/// How much of that is done with one write.
const AGAIN: usize = 1 << 20;

/// The first segment of which not all is surely durable, which is taken from `numbers`, and those after it, descending;
/// none where not even a header is left.
fn base(
    storage: &dyn Storage,
    dir: &Path,
    durability: Durability,
    numbers: &mut Vec<u64>,
) -> Result<(Option<Opened>, Vec<u64>), OpenError> {
    let mut later = VecDeque::new();
    while let Some(number) = numbers.pop() {
        match Opened::new(storage, dir, number, durability)? {
            Ok(opened) if numbers.is_empty() || durability != Durability::Derived || opened.was_synced()? => {
                return Ok((Some(opened), later.into()));
            }
            Err(torn) if numbers.is_empty() && durability != Durability::Derived => return Err(torn),
            Ok(_) | Err(_) => later.push_back(number),
        }
    }
    Ok((None, later.into()))
}

/// The names in the log's folder.
fn names(storage: &dyn Storage, dir: &Path) -> Result<Vec<String>, OpenError> {
    match storage.list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(OpenError::Missing(dir.to_owned())),
        names => names.map_err(|source| io_error(dir, source)),
    }
}

/// The numbers of the segments with names among these, ascending.
fn numbers(names: &[String]) -> Vec<u64> {
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| segment::number(name)).collect();
    numbers.sort_unstable();
    numbers
}

/// Removes segments of which nothing was promised, the last one first.
pub(crate) fn discard(storage: &dyn Storage, dir: &Path, numbers: &[u64]) -> Result<(), OpenError> {
    for number in numbers {
        let path = segment::path(dir, *number);
        storage.remove(&path).and_then(|()| storage.sync_dir(dir)).map_err(|source| io_error(&path, source))?;
    }
    Ok(())
}

/// The sealed segments, each of which ends where the next one begins.
fn sealed(
    storage: &dyn Storage,
    dir: &Path,
    numbers: &[u64],
    after: &SegmentHeader,
) -> Result<VecDeque<Arc<Segment>>, OpenError> {
    let mut segments: VecDeque<Arc<Segment>> = VecDeque::new();
    let (mut expected, mut sequence, mut index) = (after.number, after.first, after.index);
    for number in numbers.iter().rev() {
        if number + 1 != expected {
            return Err(damaged(&segment::path(dir, expected - 1), 0, "the segment is missing".into()));
        }
        let opened = Opened::new(storage, dir, *number, Durability::Fsync)??;
        let path = opened.path.clone();
        let (first, before) = (opened.header.first, opened.header.index);
        let segment = opened.sealed(storage, dir)?;
        let end = segment.index().end();
        if (end.sequence, end.index) != (sequence, index) {
            let what = format!(
                "it ends at index {} and sequence {}, the next segment begins after index {index} at {sequence}",
                end.index, end.sequence
            );
            return Err(damaged(&path, end.offset, what));
        }
        (expected, sequence, index) = (*number, first, before);
        segments.push_front(Arc::new(segment));
    }
    Ok(segments)
}
