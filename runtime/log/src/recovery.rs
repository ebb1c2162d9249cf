//! Opening a log: what is in its folder, whether it is whole, and what a crash has torn.
//!
//! Sealed segments were durable before the next one was begun, so nothing may be wrong with them. In the last segment
//! the first entry that is not whole is either torn by a crash or damaged later. Every entry says up to where the segment
//! was durable when it was written: if a whole entry further on says that the bad one was, it is damage, and the log is
//! refused; otherwise no one was promised the bad one, and it is cut with what follows.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::entry::{Location, Parsed};
use crate::framed;
use crate::index::Index;
use crate::publishers::PublisherRecord;
use crate::scan::{Found, Scan};
use crate::segment::{self, Segment, SegmentHeader};
use crate::storage::{Storage, StorageFile};
use crate::writer::{Writer, store_index};
use crate::{Durability, OpenError};

/// A log that was opened.
pub(crate) struct Recovered {
    pub(crate) segments: VecDeque<Arc<Segment>>,
    pub(crate) writer: Writer,
    pub(crate) schema: dag_model::Schema,
    pub(crate) publishers: Vec<PublisherRecord>,
    /// Up to where it is known to be durable.
    pub(crate) durable: Location,
}

/// Opens the log in `dir`.
pub(crate) fn recover(storage: &dyn Storage, dir: &Path, durability: Durability) -> Result<Recovered, OpenError> {
    let mut numbers = numbers(storage, dir)?;
    let active = loop {
        let Some(number) = numbers.pop_back() else { return Err(OpenError::Missing(dir.to_owned())) };
        match Opened::new(storage, dir, number)? {
            Ok(opened) => break opened,
            Err(torn) if numbers.is_empty() => return Err(torn),
            Err(_) => discard(storage, dir, number)?,
        }
    };
    let mut segments = sealed(storage, dir, &numbers, &active.header)?;
    let schema = active.header.schema().map_err(|what| damaged(&active.path, 0, what))?;
    let mut tail = Tail::new(dir, &active);
    let clean = tail.replay(&active)?;
    segments.push_back(tail.writer.segment.clone());
    if !clean && durability == Durability::Os {
        let epoch = tail.writer.epoch() + 1;
        tail.writer.begin_epoch(epoch);
    }
    let end = tail.writer.point().at;
    let durable = match durability {
        _ if clean => end,
        Durability::Derived => Location { offset: 0, ..end },
        Durability::Fsync | Durability::Os => {
            active.file.sync_data().map_err(|source| io_error(&active.path, source))?;
            end
        }
    };
    let publishers = tail.publishers.into_values().collect();
    Ok(Recovered { segments, writer: tail.writer, schema, publishers, durable })
}

/// A segment whose header was read.
struct Opened {
    path: PathBuf,
    file: Arc<dyn StorageFile>,
    header: SegmentHeader,
    /// The length of the header.
    start: u64,
    length: u64,
}

impl Opened {
    /// Reads the header of a segment; the inner error is for a file whose creation was interrupted.
    fn new(storage: &dyn Storage, dir: &Path, number: u64) -> Result<Result<Opened, OpenError>, OpenError> {
        let path = segment::path(dir, number);
        let failed = |source| io_error(&path, source);
        let file = storage.open(&path).map_err(failed)?;
        let length = file.length().map_err(failed)?;
        match read_header(&*file, length).map_err(failed)? {
            Ok((header, start)) if header.number == number => Ok(Ok(Opened { path, file, header, start, length })),
            Ok((header, _)) => Err(damaged(&path, 0, format!("it is segment {}", header.number))),
            Err(what) => {
                let mut scan = Scan::new(&*file, number).map_err(failed)?;
                let used = scan.any(0..length, |_| true).map_err(failed)?;
                let error = damaged(&path, 0, what);
                if used { Err(error) } else { Ok(Err(error)) }
            }
        }
    }
}

/// Reads the header of a segment and its length; the inner error says what is wrong with it.
pub(crate) fn read_header(file: &dyn StorageFile, length: u64) -> io::Result<Result<(SegmentHeader, u64), String>> {
    let short = || Ok(Err("the file ends within its header".into()));
    if length < framed::PREFIX as u64 {
        return short();
    }
    let mut block = vec![0; framed::PREFIX];
    file.read_at(&mut block, 0)?;
    let whole = match framed::length(segment::MAGIC, &block) {
        Ok(whole) if whole as u64 > length => return short(),
        Ok(whole) => whole,
        Err(what) => return Ok(Err(what)),
    };
    block.resize(whole, 0);
    file.read_at(&mut block, 0)?;
    Ok(framed::decode(&block).map(|header| (header, whole as u64)))
}

/// The numbers of the segments in the folder, ascending and without a gap.
fn numbers(storage: &dyn Storage, dir: &Path) -> Result<VecDeque<u64>, OpenError> {
    let names = match storage.list(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(OpenError::Missing(dir.to_owned())),
        names => names.map_err(|source| io_error(dir, source))?,
    };
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| segment::number(name)).collect();
    numbers.sort_unstable();
    if let Some(gap) = numbers.windows(2).find(|pair| pair[1] != pair[0] + 1) {
        return Err(damaged(&segment::path(dir, gap[0] + 1), 0, "the segment is missing".into()));
    }
    Ok(numbers.into())
}

/// Removes a segment whose creation was interrupted: nothing was ever in it.
fn discard(storage: &dyn Storage, dir: &Path, number: u64) -> Result<(), OpenError> {
    let path = segment::path(dir, number);
    storage.remove(&path).and_then(|()| storage.sync_dir(dir)).map_err(|source| io_error(&path, source))
}

/// The sealed segments, each of which ends where the next one begins.
fn sealed(
    storage: &dyn Storage,
    dir: &Path,
    numbers: &VecDeque<u64>,
    active: &SegmentHeader,
) -> Result<VecDeque<Arc<Segment>>, OpenError> {
    let mut segments: VecDeque<Arc<Segment>> = VecDeque::new();
    let mut next = active.first;
    for number in numbers.iter().rev() {
        let opened = Opened::new(storage, dir, *number)??;
        let segment = index_sealed(storage, dir, &opened)?;
        let end = segment.index().end();
        if end.sequence != next {
            let what = format!("it ends at sequence {}, the next segment begins at {next}", end.sequence);
            return Err(damaged(&opened.path, end.offset, what));
        }
        next = opened.header.first;
        segments.push_front(Arc::new(segment));
    }
    Ok(segments)
}

fn index_sealed(storage: &dyn Storage, dir: &Path, opened: &Opened) -> Result<Segment, OpenError> {
    let start = opened.header.start(opened.start);
    let stored = |path: &Path| -> io::Result<Vec<u8>> {
        let file = storage.open(path)?;
        let mut block = vec![0; usize::try_from(file.length()?).map_err(io::Error::other)?];
        file.read_at(&mut block, 0).map(|()| block)
    };
    let segment = Segment::new(dir, opened.header.number, Index::new(start));
    if let Ok(block) = stored(&segment.index_path())
        && let Some(index) = Index::decode(&block, start, opened.length)
    {
        *segment.index() = index;
        return Ok(segment);
    }
    let failed = |source| io_error(&opened.path, source);
    let mut scan = Scan::new(&*opened.file, opened.header.number).map_err(failed)?;
    let mut offset = opened.start;
    loop {
        match scan.entry(offset).map_err(failed)? {
            Found::Entry(entry) => {
                segment.index().push(&entry);
                offset = entry.body.end().offset;
            }
            Found::End => break,
            Found::Bad(what) => return Err(damaged(&opened.path, offset, what)),
        }
    }
    store_index(storage, &segment).map_err(|source| io_error(&segment.index_path(), source))?;
    Ok(segment)
}

/// The last segment while its entries are taken in.
struct Tail {
    writer: Writer,
    publishers: BTreeMap<String, PublisherRecord>,
    /// The parts so far of an append that has more.
    parts: Vec<Parsed>,
}

impl Tail {
    fn new(dir: &Path, opened: &Opened) -> Tail {
        let header = &opened.header;
        let segment = Arc::new(Segment::new(dir, header.number, Index::new(header.start(opened.start))));
        let publishers = header.publishers.iter().map(|record| (record.name.clone(), record.clone())).collect();
        Tail { writer: Writer::new(segment, opened.file.clone(), header), publishers, parts: Vec::new() }
    }

    /// Takes in all whole appends and cuts what follows them; says whether the log had been closed in good order.
    fn replay(&mut self, opened: &Opened) -> Result<bool, OpenError> {
        let failed = |source| io_error(&opened.path, source);
        let mut scan = Scan::new(&*opened.file, opened.header.number).map_err(failed)?;
        let mut offset = opened.start;
        loop {
            match scan.entry(offset).map_err(failed)? {
                Found::End => break,
                Found::Entry(entry) => {
                    let end = entry.body.end().offset;
                    self.take(*entry).map_err(|what| damaged(&opened.path, offset, what))?;
                    offset = end;
                }
                Found::Bad(what) => {
                    let range = (offset + 8)..scan.length();
                    if scan.any(range, |entry| entry.header.durable > offset).map_err(failed)? {
                        return Err(damaged(&opened.path, offset, what));
                    }
                    break;
                }
            }
        }
        if self.writer.offset < scan.length() {
            opened.file.truncate(self.writer.offset).map_err(failed)?;
            return Ok(false);
        }
        Ok(self.writer.closed)
    }

    /// Takes in the next entry; an error says why it can't be the next.
    fn take(&mut self, entry: Parsed) -> Result<(), String> {
        let header = &entry.header;
        let sequence = self.parts.last().map_or(self.writer.sequence, Parsed::end);
        if header.first != sequence || header.part as usize != self.parts.len() || header.epoch < self.writer.epoch() {
            return Err(format!(
                "part {} of {} at sequence {} of epoch {}, where part {} at sequence {sequence} was expected",
                header.part + 1,
                header.parts,
                header.first,
                header.epoch,
                self.parts.len() + 1,
            ));
        }
        let last = header.part + 1 == header.parts;
        self.parts.push(entry);
        if last {
            for entry in self.parts.drain(..) {
                self.writer.take(&entry);
                let records = entry.header.publishers.into_iter();
                self.publishers.extend(records.map(|record| (record.name.clone(), record)));
            }
            if self.writer.frontier == dag_model::Frontier::Empty {
                self.publishers.values_mut().for_each(|record| record.joined = None);
            }
        }
        Ok(())
    }
}

fn damaged(path: &Path, offset: u64, what: String) -> OpenError {
    OpenError::Damaged { file: path.to_owned(), offset, what }
}

fn io_error(path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { file: path.to_owned(), source }
}
