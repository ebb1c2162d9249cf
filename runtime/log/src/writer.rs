//! The end of a log, where entries are appended. What an append leaves behind is all of it or nothing.

use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow_buffer::BooleanBuffer;
use dag_model::{Frontier, Timestamp};

use crate::entry::{self, Body, Code, Entry, Header, Location, Parsed};
use crate::index::Index;
use crate::payload::{self, Loaded, Part};
use crate::progress::{Point, Visible};
use crate::publishers::PublisherRecord;
use crate::segment::{self, Segment, SegmentHeader};
use crate::storage::{Storage, StorageFile, is_full, sync};
use crate::{AppendError, CommitError, Durability, RunningHash};

/// What is to be appended.
pub(crate) struct Append<'a> {
    pub(crate) code: Code,
    pub(crate) parts: &'a [Part],
    /// Which of the records of all parts are late.
    pub(crate) late: Option<&'a BooleanBuffer>,
    pub(crate) frontier: Frontier,
    pub(crate) publishers: Vec<PublisherRecord>,
    pub(crate) now: Timestamp,
}

/// Where an append lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) epoch: u64,
    /// The sequence of its first record; without records, of the next one.
    pub(crate) first: u64,
}

/// An entry that was appended, as readers will see it.
pub(crate) struct Written {
    pub(crate) start: Location,
    pub(crate) entry: Option<Entry>,
    pub(crate) records: Option<Loaded>,
}

/// Where a log stands with the committer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nobody has asked for a sync.
    None,
    /// It waits for one.
    Waiting,
    /// One is under way.
    Syncing,
    /// One is under way, and another has been asked for.
    Again,
}

/// The end of a log.
pub(crate) struct Writer {
    pub(crate) segment: Arc<Segment>,
    pub(crate) file: Arc<dyn StorageFile>,
    /// Sealed files that were not made durable when they were sealed.
    pub(crate) unsynced: Vec<Arc<dyn StorageFile>>,
    /// Whether the names of files may not be durable.
    pub(crate) unsynced_names: bool,
    /// Whether nothing was appended since the log was opened, which may have begun an epoch.
    pub(crate) reopened: bool,
    /// What the committer has been asked for.
    pub(crate) turn: Turn,
    pub(crate) schemas: Vec<Vec<(String, u8)>>,
    pub(crate) epochs: Vec<(u64, u64)>,
    pub(crate) offset: u64,
    pub(crate) sequence: u64,
    pub(crate) late: u64,
    pub(crate) max_time: Timestamp,
    pub(crate) frontier: Frontier,
    pub(crate) hash: RunningHash,
    pub(crate) ended: bool,
    /// Whether the last entry says that the log was closed in good order.
    pub(crate) closed: bool,
}

impl Writer {
    /// At the front of a segment.
    pub(crate) fn new(segment: Arc<Segment>, file: Arc<dyn StorageFile>, header: &SegmentHeader) -> Writer {
        Writer {
            offset: segment.start().offset,
            segment,
            file,
            unsynced: Vec::new(),
            unsynced_names: false,
            reopened: false,
            turn: Turn::None,
            schemas: header.schemas.clone(),
            epochs: header.epochs.clone(),
            sequence: header.first,
            late: header.late,
            max_time: header.max_time,
            frontier: header.frontier,
            hash: RunningHash { sequence: header.first, streams: header.hash.clone() },
            ended: false,
            closed: false,
        }
    }

    /// The epoch of the next entry.
    pub(crate) fn epoch(&self) -> u64 {
        self.epochs.last().map_or(1, |(epoch, _)| *epoch)
    }

    /// Begins a new epoch with the next record.
    pub(crate) fn begin_epoch(&mut self, epoch: u64) {
        let first = self.sequence;
        self.epochs.retain(|(_, begun)| *begun < first);
        self.epochs.push((epoch, first));
    }

    /// Where the next append will lie.
    pub(crate) fn next(&self) -> Appended {
        Appended { epoch: self.epoch(), first: self.sequence }
    }

    /// The end of the log.
    pub(crate) fn point(&self) -> Point {
        let visible = Visible {
            epoch: self.epoch(),
            end: self.sequence,
            frontier: self.frontier,
            max_time: self.max_time,
            ended: self.ended,
        };
        Point { at: Location { segment: self.segment.number, offset: self.offset }, visible }
    }

    /// Takes in an entry that lies at the end.
    pub(crate) fn take(&mut self, entry: &Parsed) {
        let header = &entry.header;
        if header.epoch > self.epoch() {
            self.begin_epoch(header.epoch);
        }
        self.segment.index().push(entry);
        self.offset = entry.body.end().offset;
        self.sequence = entry.end();
        self.late += u64::from(header.late);
        self.max_time = self.max_time.max(header.max_time);
        self.frontier = header.frontier;
        if header.count > 0 {
            self.hash = RunningHash { sequence: self.sequence, streams: header.hash.clone() };
        }
        self.ended |= entry.code == Code::End;
        self.closed = entry.code == Code::Closed;
    }

    /// Writes entries at the end, with one write. `synced` is up to where the log is durable.
    pub(crate) fn append(&mut self, append: Append<'_>, synced: Location) -> Result<Vec<Written>, AppendError> {
        let mut bytes = Vec::new();
        let (entries, written) = self.lay_out(&append, synced, &mut bytes);
        dag_fault::point("append");
        if let Err(error) = self.file.write_at(&bytes, self.offset) {
            return Err(self.undo(error));
        }
        dag_fault::point("append");
        entries.iter().for_each(|entry| self.take(entry));
        Ok(written)
    }

    fn lay_out(&self, append: &Append<'_>, synced: Location, out: &mut Vec<u8>) -> (Vec<Parsed>, Vec<Written>) {
        let mut entries = Vec::new();
        let mut written = Vec::new();
        let mut hash = self.hash.clone();
        let mut rows = 0;
        let parts: Vec<Option<&Part>> =
            if append.parts.is_empty() { vec![None] } else { append.parts.iter().map(Some).collect() };
        for (number, part) in parts.iter().enumerate() {
            let last = number + 1 == parts.len();
            let batch = part.map(|part| &part.batch);
            let count = batch.map_or(0, |batch| batch.num_rows());
            let late = append.late.map(|late| late.slice(rows, count));
            let late = late.filter(|late| late.count_set_bits() > 0);
            if let Some(batch) = batch {
                hash.update(batch, late.as_ref());
            }
            let header = Header {
                epoch: self.epoch(),
                first: self.sequence + rows as u64,
                count: count as u32,
                late: late.as_ref().map_or(0, |late| late.count_set_bits() as u32),
                min_time: part.map_or(Timestamp::MAX, |part| part.min_time),
                max_time: part.map_or(Timestamp::MIN, |part| part.max_time),
                frontier: if last { append.frontier.max(self.frontier) } else { self.frontier },
                appended: append.now,
                part: number as u32,
                parts: parts.len() as u32,
                durable: if synced.segment == self.segment.number { synced.offset } else { 0 },
                publishers: if last { append.publishers.clone() } else { Vec::new() },
                hash: if count > 0 { hash.streams.clone() } else { Vec::new() },
            };
            rows += count;
            let start = Location { segment: self.segment.number, offset: self.offset + out.len() as u64 };
            let body = write_entry(out, start, append.code, &header, late.as_ref(), *part);
            let parsed = Parsed { code: append.code, header, body };
            let records = batch.map(|batch| Loaded { batch: batch.clone(), late });
            written.push(Written { start, entry: parsed.entry(), records });
            entries.push(parsed);
        }
        (entries, written)
    }

    /// Cuts off what a failed write may have left, lest it be taken for entries later.
    fn undo(&mut self, error: io::Error) -> AppendError {
        match self.file.truncate(self.offset) {
            Ok(()) => AppendError::io(&self.segment.path, error),
            Err(_) => AppendError::Failed(CommitError(format!("{}: {error}", self.segment.path.display()))),
        }
    }

    /// Seals the segment and begins the next one. If that fails, the segment goes on.
    ///
    /// The old one is durable before the new one exists: so damage in a sealed segment is never a torn tail. A derived
    /// log leaves that to the committer, since what a crash takes of it is computed again.
    pub(crate) fn roll(
        &mut self,
        storage: &dyn Storage,
        dir: &Path,
        durability: Durability,
        publishers: Vec<PublisherRecord>,
    ) -> Result<(), AppendError> {
        let path = self.segment.path.clone();
        if self.unsynced_names {
            // A segment is never there without those before it.
            storage.sync_dir(dir).map_err(|error| AppendError::io(&path, error))?;
        }
        let lost = |error| AppendError::Failed(CommitError(format!("{}: {error}", path.display())));
        if durability != Durability::Derived {
            sync(&*self.file).map_err(lost)?;
        }
        store_index(storage, &self.segment);
        let header = SegmentHeader {
            number: self.segment.number + 1,
            schemas: self.schemas.clone(),
            epochs: self.epochs.clone(),
            first: self.sequence,
            late: self.late,
            max_time: self.max_time,
            frontier: self.frontier,
            hash: self.hash.streams.clone(),
            publishers,
        };
        let (segment, file) = begin(storage, dir, durability, &header).map_err(|error| match error {
            BeginError::Absent(error) => AppendError::io(&path, error),
            BeginError::Unknown(error) => lost(error),
        })?;
        if durability == Durability::Derived {
            self.unsynced.push(self.file.clone());
            self.unsynced_names = true;
        }
        self.offset = segment.start().offset;
        self.segment = segment;
        self.file = file;
        Ok(())
    }
}

fn write_entry(
    out: &mut Vec<u8>,
    at: Location,
    code: Code,
    header: &Header,
    late: Option<&BooleanBuffer>,
    part: Option<&Part>,
) -> Body {
    let marks = match late {
        Some(late) if payload::marks_length(header.count, header.late) > 0 => payload::marks(late),
        _ => Vec::new(),
    };
    let message = part.map_or(&[][..], |part| &part.message);
    out.reserve(entry::PREFIX + 256 + marks.len() + message.len());
    entry::write(out, at, code, header, &[&marks, message])
}

/// Why a segment was not begun.
#[derive(Debug)]
pub(crate) enum BeginError {
    /// There is nothing of it.
    Absent(io::Error),
    /// It may be there or not: nobody may go on as if it were not.
    Unknown(io::Error),
}

impl From<BeginError> for io::Error {
    fn from(error: BeginError) -> io::Error {
        let (BeginError::Absent(error) | BeginError::Unknown(error)) = error;
        error
    }
}

/// Creates the file of a segment, which has its name once its header is whole and, unless the log is derived, durable.
pub(crate) fn begin(
    storage: &dyn Storage,
    dir: &Path,
    durability: Durability,
    header: &SegmentHeader,
) -> Result<(Arc<Segment>, Arc<dyn StorageFile>), BeginError> {
    let bytes = header.encode();
    let index = Index::new(header.start(bytes.len() as u64));
    let segment = Segment::new(dir, header.number, index);
    let prepare = || {
        let file = fresh(storage, &segment.unfinished_path())?;
        file.write_at(&bytes, 0)?;
        if durability != Durability::Derived {
            sync(&*file)?;
        }
        Ok(file)
    };
    let file = prepare().map_err(BeginError::Absent)?;
    storage.rename(&segment.unfinished_path(), &segment.path).map_err(|error| match is_full(&error) {
        true => BeginError::Absent(error),
        false => BeginError::Unknown(error),
    })?;
    if durability != Durability::Derived {
        storage.sync_dir(dir).map_err(BeginError::Unknown)?;
    }
    Ok((Arc::new(segment), file))
}

/// Stores the index of a sealed segment beside it. When it is missing or not whole it is made again, so it need not be
/// durable, and that it can't be written does no harm.
pub(crate) fn store_index(storage: &dyn Storage, segment: &Segment) {
    let bytes = segment.index().encode();
    let _ = fresh(storage, &segment.index_path()).and_then(|file| file.write_at(&bytes, 0));
}

/// Creates a file in place of what an interrupted attempt may have left.
fn fresh(storage: &dyn Storage, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
    match storage.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            storage.remove(path)?;
            storage.create(path)
        }
        created => created,
    }
}

/// The first segment of a new log.
pub(crate) fn first_header(schema: &dag_model::Schema) -> SegmentHeader {
    SegmentHeader {
        number: 0,
        schemas: vec![segment::schema_columns(schema)],
        epochs: vec![(1, 0)],
        first: 0,
        late: 0,
        max_time: Timestamp::MIN,
        frontier: Frontier::START,
        hash: RunningHash::empty(schema.fields.len() + 1).streams,
        publishers: Vec::new(),
    }
}
