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
use crate::segment::{self, Columns, Epoch, Segment, SegmentHeader};
use crate::{AppendError, CommitError, Durability, RunningHash, kept};
use dag_storage::{Storage, StorageFile, is_full};

/// What is to be appended.
pub(crate) struct Append<'a> {
    pub(crate) code: Code,
    pub(crate) parts: &'a [Part],
    /// Which of the records of all parts are late.
    pub(crate) late: Option<&'a BooleanBuffer>,
    /// The frontier that each of the late ones came behind, where the log does not tell that by itself.
    pub(crate) behind: Option<&'a [Timestamp]>,
    /// The epoch that begins with it; none for the one in force.
    pub(crate) epoch: Option<u64>,
    pub(crate) frontier: Frontier,
    pub(crate) publishers: Vec<PublisherRecord>,
    pub(crate) forgotten: Vec<String>,
    /// What a mark or a trim is about.
    pub(crate) subject: u64,
    pub(crate) now: Timestamp,
}

impl Append<'_> {
    /// One without records.
    pub(crate) fn of(code: Code, frontier: Frontier, now: Timestamp) -> Append<'static> {
        Append {
            code,
            parts: &[],
            late: None,
            behind: None,
            epoch: None,
            frontier,
            publishers: Vec::new(),
            forgotten: Vec::new(),
            subject: 0,
            now,
        }
    }
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
    /// Up to where it is said in the folder that the log is durable.
    pub(crate) marked: Option<Location>,
    /// What the committer has been asked for.
    pub(crate) turn: Turn,
    /// Whether it waits for the epoch that it goes on in.
    pub(crate) halted: bool,
    pub(crate) schemas: Vec<Columns>,
    pub(crate) columns: u32,
    pub(crate) epochs: Vec<Epoch>,
    pub(crate) mark: u64,
    pub(crate) trimmed: u64,
    pub(crate) offset: u64,
    /// Of the last append.
    pub(crate) index: u64,
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
            marked: None,
            turn: Turn::None,
            halted: false,
            schemas: header.schemas.clone(),
            columns: header.columns,
            epochs: header.epochs.clone(),
            mark: header.mark,
            trimmed: header.trimmed,
            index: header.index,
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
        self.epochs.last().map_or(1, |last| last.epoch)
    }

    /// The epoch of the append with that index.
    pub(crate) fn epoch_of(&self, index: u64) -> u64 {
        let after = self.epochs.partition_point(|begun| begun.index <= index).max(1);
        self.epochs.get(after - 1).map_or(1, |begun| begun.epoch)
    }

    /// Begins a new epoch with the next append.
    pub(crate) fn begin_epoch(&mut self, epoch: u64) {
        self.begin_epoch_at(epoch, self.index + 1);
    }

    fn begin_epoch_at(&mut self, epoch: u64, index: u64) {
        segment::begin_epoch(&mut self.epochs, Epoch { epoch, index, first: self.sequence });
    }

    /// Where the next append will lie.
    pub(crate) fn next(&self) -> Appended {
        Appended { epoch: self.epoch(), first: self.sequence }
    }

    /// The end of the log.
    pub(crate) fn point(&self) -> Point {
        let visible = Visible {
            epoch: self.epoch(),
            index: self.index,
            end: self.sequence,
            frontier: self.frontier,
            max_time: self.max_time,
            ended: self.ended,
        };
        Point { at: Location { segment: self.segment.number, offset: self.offset }, visible, late: self.late }
    }

    /// Takes in an entry that lies at the end.
    pub(crate) fn take(&mut self, entry: &Parsed) {
        let header = &entry.header;
        if header.epoch > self.epoch() {
            // What closes a log lies behind the append that it names, and may be all that there is of an epoch.
            let closed = u64::from(entry.code == Code::Closed);
            self.begin_epoch_at(header.epoch, header.index + closed);
        }
        match entry.code {
            Code::Mark => self.mark = header.subject,
            Code::Trim => self.trimmed = self.trimmed.max(header.subject),
            _ => {}
        }
        self.segment.index().push(entry);
        self.offset = entry.body.end().offset;
        self.index = header.index;
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
        if let Err(error) = self.file.write_at(&bytes, self.offset) {
            return Err(self.undo(error));
        }
        entries.iter().for_each(|entry| self.take(entry));
        Ok(written)
    }

    fn lay_out(&self, append: &Append<'_>, synced: Location, out: &mut Vec<u8>) -> (Vec<Parsed>, Vec<Written>) {
        let mut entries = Vec::new();
        let mut written = Vec::new();
        let mut hash = self.hash.clone();
        let (mut rows, mut late_rows) = (0, 0);
        let index = if append.code == Code::Closed { self.index } else { self.index + 1 };
        let parts: Vec<Option<&Part>> =
            if append.parts.is_empty() { vec![None] } else { append.parts.iter().map(Some).collect() };
        for (number, part) in parts.iter().enumerate() {
            let last = number + 1 == parts.len();
            let batch = part.map(|part| &part.batch);
            let count = batch.map_or(0, |batch| batch.num_rows());
            let late = append.late.map(|late| late.slice(rows, count));
            let late = late.filter(|late| late.count_set_bits() > 0);
            let late_count = late.as_ref().map_or(0, BooleanBuffer::count_set_bits);
            let behind = append.behind.map(|behind| &behind[late_rows..late_rows + late_count]);
            let behind = behind.filter(|behind| !behind.is_empty());
            late_rows += late_count;
            if let Some(batch) = batch {
                hash.update_behind(batch, late.as_ref(), behind);
            }
            let header = Header {
                epoch: append.epoch.unwrap_or_else(|| self.epoch()),
                index,
                first: self.sequence + rows as u64,
                count: count as u32,
                late: late_count as u32,
                min_time: part.map_or(Timestamp::MAX, |part| part.min_time),
                max_time: part.map_or(Timestamp::MIN, |part| part.max_time),
                frontier: if last { append.frontier.max(self.frontier) } else { self.frontier },
                appended: append.now,
                part: number as u32,
                parts: parts.len() as u32,
                durable: if synced.segment == self.segment.number { synced.offset } else { 0 },
                publishers: if last { append.publishers.clone() } else { Vec::new() },
                forgotten: if last { append.forgotten.clone() } else { Vec::new() },
                hash: if count > 0 { hash.streams.clone() } else { Vec::new() },
                behind: behind.is_some(),
                subject: append.subject,
                columns: Vec::new(),
            };
            rows += count;
            let start = Location { segment: self.segment.number, offset: self.offset + out.len() as u64 };
            let body = write_entry(out, start, append.code, &header, late.as_ref(), behind, *part);
            let parsed = Parsed { version: entry::VERSION, code: append.code, header, body };
            let records = batch.map(|batch| Loaded { batch: batch.clone(), late, behind: behind.map(Arc::from) });
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
    /// `earliest` is the first record that is kept: of epochs that have none after it nothing needs to be known any more.
    ///
    /// The old one is durable before the new one exists: so damage in a sealed segment is never a torn tail. A derived
    /// log leaves that to the committer, since what a crash takes of it is computed again.
    pub(crate) fn roll(
        &mut self,
        storage: &dyn Storage,
        dir: &Path,
        durability: Durability,
        earliest: u64,
        publishers: Vec<PublisherRecord>,
    ) -> Result<(), AppendError> {
        let path = self.segment.path.clone();
        if self.unsynced_names {
            // A segment is never there without those before it.
            storage.sync_dir(dir).map_err(|error| AppendError::io(&path, error))?;
        }
        let lost = |error| AppendError::Failed(CommitError(format!("{}: {error}", path.display())));
        if durability != Durability::Derived {
            self.file.sync_data().map_err(lost)?;
        }
        store_index(storage, &self.segment);
        let passed = self.epochs.windows(2).take_while(|pair| pair[1].first <= earliest).count();
        self.epochs.drain(..passed);
        let header = SegmentHeader {
            number: self.segment.number + 1,
            index: self.index,
            schemas: self.schemas.clone(),
            columns: self.columns,
            epochs: self.epochs.clone(),
            mark: self.mark,
            trimmed: self.trimmed,
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
        if durability != Durability::Derived {
            self.marked = kept::mark_end(storage, dir, self.marked, segment.start());
        }
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
    behind: Option<&[Timestamp]>,
    part: Option<&Part>,
) -> Body {
    let marks = match late {
        Some(late) if payload::marks_length(header.count, header.late) > 0 => payload::marks(late),
        _ => Vec::new(),
    };
    let behind: Vec<u8> = behind.unwrap_or_default().iter().flat_map(|frontier| frontier.0.to_le_bytes()).collect();
    let message = part.map_or(&[][..], |part| &part.message);
    out.reserve(entry::PREFIX + 256 + marks.len() + behind.len() + message.len());
    entry::write(out, at, code, header, &[&marks, &behind, message])
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
    let segment = Segment::new(dir, header.number, false, index);
    let prepare = || {
        let file = fresh(storage, &segment.unfinished_path())?;
        file.write_at(&bytes, 0)?;
        if durability != Durability::Derived {
            file.sync_data()?;
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
    let schema = segment::first_schema(schema);
    let columns = schema.columns.len();
    SegmentHeader {
        number: 0,
        index: 0,
        schemas: vec![schema],
        columns: columns as u32,
        epochs: vec![Epoch { epoch: 1, index: 1, first: 0 }],
        mark: 0,
        trimmed: 0,
        first: 0,
        late: 0,
        max_time: Timestamp::MIN,
        frontier: Frontier::START,
        hash: RunningHash::empty(columns + 1).streams,
        publishers: Vec::new(),
    }
}
