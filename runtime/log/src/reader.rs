//! Reading a log from a place on.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_buffer::{Buffer, MutableBuffer};
use dag_model::{Frontier, Timestamp};

use crate::entry::{self, Entry, Location, Parsed, Prefix};
use crate::index;
use crate::inner::Inner;
use crate::payload::{self, Loaded};
use crate::progress::{Point, Progress, Visible};
use crate::segment::Segment;

/// Bytes read for a header at once; most headers are no longer.
pub(crate) const HEAD: usize = 256;

/// Where to begin reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the earliest entry that is kept.
    Earliest,
    /// With the entry that holds this sequence. Its records before it are the caller's to skip.
    Sequence(u64),
    /// With what lies between the record before this sequence and the one that has it: marks there come first. Records before it that
    /// are in one entry with it are the caller's to skip.
    Before(u64),
    /// With the append that has this index, or the first one after it.
    Index(u64),
    /// With the first entry that has a record at this time or later: all entries before hold only earlier records.
    Time(Timestamp),
    /// With what comes next.
    End,
}

/// Why a log can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Retention has removed what was asked for.
    #[error("sequence {asked} is no longer kept; the earliest is {earliest}")]
    Trimmed {
        /// What was asked for.
        asked: u64,
        /// What is left.
        earliest: u64,
    },
    /// The sequence has not been given to a record yet.
    #[error("sequence {asked} is past the end, which is {end}")]
    PastEnd {
        /// What was asked for.
        asked: u64,
        /// The sequence of the next record.
        end: u64,
    },
    /// The records were shown, and then lost in a crash (durability `os`).
    #[error("sequence {asked} of epoch {epoch} was lost in a crash; that epoch ends at {end}")]
    Lost {
        /// The epoch that was asked for.
        epoch: u64,
        /// What was asked for.
        asked: u64,
        /// The sequence after the last that is left of that epoch.
        end: u64,
    },
    /// The log was removed.
    #[error("the log was removed")]
    Removed,
    /// What was read is a mirror that has been thrown away, because its origins have another log from some place on: what comes next is read
    /// anew, from the same position.
    #[error(
        "the mirror that was read at sequence {asked} is not what its origins have from {end} on; read again from there"
    )]
    Replaced {
        /// The next sequence that was to be read.
        asked: u64,
        /// Up to where it was the same.
        end: u64,
    },
    /// The records are with other nodes, of which none has answered in time. Asking again may help.
    #[error("sequence {asked} is on other nodes, and none of them has answered for {waited:?}")]
    Away {
        /// The first record that was asked for.
        asked: u64,
        /// For how long nothing of them has come.
        waited: std::time::Duration,
    },
    /// The bytes are not what was written.
    #[error("{file}: damaged at offset {offset}: {what}", file = file.display())]
    Damaged {
        /// The segment file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What was found.
        what: String,
    },
    /// The file can't be read.
    #[error("{file}: {source}", file = file.display())]
    Io {
        /// The segment file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A place in a log that moves forward over visible entries. It holds no file, and no memory besides.
#[derive(Clone)]
pub struct Reader {
    log: Arc<Inner>,
    at: Location,
    sequence: u64,
    frontier: Frontier,
}

impl Reader {
    pub(crate) fn new(log: Arc<Inner>, start: Start) -> Result<Reader, ReadError> {
        let progress = log.progress();
        let Some(first) = progress.segments.front() else { return Err(ReadError::Removed) };
        if let Start::Sequence(asked) | Start::Before(asked) = start
            && let Some(why) = progress.gone(asked)
        {
            return Err(why);
        }
        let (segment, point) = match start {
            Start::Earliest => (first.number, first.index().start()),
            Start::End => {
                let shown = progress.shown;
                drop(progress);
                let (sequence, frontier) = (shown.visible.end, shown.visible.frontier);
                return Ok(Reader { log, at: shown.at, sequence, frontier });
            }
            Start::Sequence(sequence) => {
                check_sequence(&progress, sequence)?;
                seek(
                    &progress,
                    |segment| segment.index().start().sequence <= sequence,
                    |index| index.before_sequence(sequence),
                )
            }
            Start::Before(sequence) => {
                check_sequence(&progress, sequence)?;
                seek(
                    &progress,
                    |segment| segment.index().start().sequence < sequence,
                    |index| index.well_before_sequence(sequence),
                )
            }
            Start::Index(number) => {
                seek(&progress, |segment| segment.index().start().index < number, |index| index.before_index(number))
            }
            Start::Time(time) => {
                seek(&progress, |segment| segment.index().start().max_time < time, |index| index.before_time(time))
            }
        };
        drop(progress);
        let at = Location { segment, offset: point.offset };
        let mut reader = Reader { log, at, sequence: point.sequence, frontier: point.frontier };
        match start {
            Start::Sequence(sequence) => reader.skip(|entry| entry.end() <= sequence)?,
            Start::Before(sequence) => {
                reader.skip(|entry| entry.end() < sequence || entry.count > 0 && entry.end() == sequence)?;
            }
            Start::Index(index) => reader.skip(|entry| entry.index < index)?,
            Start::Time(time) => reader.skip(|entry| entry.max_time < time)?,
            Start::Earliest | Start::End => {}
        }
        Ok(reader)
    }

    /// The next visible entry, or none until there is one.
    // Not an iterator: after none there may be more.
    #[expect(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Entry>, ReadError> {
        loop {
            let Some(segment) = self.segment()? else { return Ok(None) };
            let recent = self.log.recent().entry(self.at).cloned();
            let (body, entry) = match recent {
                Some(entry) => (entry.body, Some(entry)),
                None => {
                    let parsed = read_header(&self.log, &segment, self.at)?;
                    (parsed.body, parsed.entry())
                }
            };
            self.at = body.end();
            if let Some(entry) = entry {
                self.sequence = entry.end();
                self.frontier = entry.frontier;
                return Ok(Some(entry));
            }
        }
    }

    /// The whole header of the next visible entry, or none until there is one.
    pub(crate) fn next_parsed(&mut self) -> Result<Option<Parsed>, ReadError> {
        loop {
            let Some(segment) = self.segment()? else { return Ok(None) };
            let parsed = read_header(&self.log, &segment, self.at)?;
            self.at = parsed.body.end();
            if parsed.entry().is_some() {
                (self.sequence, self.frontier) = (parsed.end(), parsed.header.frontier);
                return Ok(Some(parsed));
            }
        }
    }

    /// Whether there is no next entry yet, or both it and its records are in memory.
    pub fn is_at_hand(&self) -> bool {
        if self.at >= self.log.progress().shown.at {
            return true;
        }
        let recent = self.log.recent();
        let Some(entry) = recent.entry(self.at).cloned() else { return false };
        let is_here = recent.batch(entry.body.at).is_some();
        drop(recent);
        entry.count == 0 || is_here || self.log.bodies.as_ref().is_some_and(|bodies| bodies.is_here(&entry))
    }

    /// Has the records of the next entry fetched where they are elsewhere; says whether loading them waits for nobody else. If it does, those who
    /// watch the log are told once it does not.
    pub fn fetch(&self) -> Result<bool, ReadError> {
        let Some(bodies) = &self.log.bodies else { return Ok(true) };
        let Some(entry) = self.clone().next()? else { return Ok(true) };
        let is_here = entry.count == 0 || self.log.recent().batch(entry.body.at).is_some();
        Ok(is_here || bodies.want(&entry))
    }

    /// The sequence after the records read so far: of the next record, unless the reader began within an entry.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The frontier after the entries before this place.
    pub fn frontier(&self) -> Frontier {
        self.frontier
    }

    /// The segment of the next visible entry, if there is one.
    fn segment(&mut self) -> Result<Option<Arc<Segment>>, ReadError> {
        loop {
            let progress = self.log.progress();
            if let Some(why) = progress.gone(self.sequence) {
                return Err(why);
            }
            let shown = progress.shown.at;
            if self.at >= shown {
                return Ok(None);
            }
            let Some(segment) = progress.segment(self.at.segment).cloned() else {
                return Err(ReadError::Trimmed { asked: self.sequence, earliest: progress.earliest().sequence });
            };
            drop(progress);
            if self.at.offset == 0 {
                self.at = segment.start();
            }
            if self.at >= shown {
                return Ok(None);
            }
            if self.at.offset < segment.index().end().offset {
                return Ok(Some(segment));
            }
            self.at = Location { segment: segment.number + 1, offset: 0 };
        }
    }

    /// Skips entries for as long as `unwanted` holds.
    fn skip(&mut self, unwanted: impl Fn(&Entry) -> bool) -> Result<(), ReadError> {
        loop {
            let (at, sequence, frontier) = (self.at, self.sequence, self.frontier);
            match self.next()? {
                Some(entry) if unwanted(&entry) => {}
                Some(_) => {
                    (self.at, self.sequence, self.frontier) = (at, sequence, frontier);
                    return Ok(());
                }
                None => return Ok(()),
            }
        }
    }
}

/// The last segment for which `before` holds, else the first, and the point in its index.
fn seek(
    progress: &Progress,
    before: impl Fn(&Segment) -> bool,
    point: impl Fn(&index::Index) -> index::Point,
) -> (u64, index::Point) {
    let found = progress.segments.partition_point(|segment| before(segment)).max(1) - 1;
    let segment = &progress.segments[found];
    (segment.number, point(&segment.index()))
}

/// The place after the last append with that index or a lower one that is here, whether readers see it yet or not; of what is trimmed the
/// place before what is left.
pub(crate) fn point_after(log: &Inner, index: u64) -> Result<Point, ReadError> {
    let end = log.writer().point();
    if end.visible.index <= index {
        return Ok(end);
    }
    let progress = log.progress();
    if progress.segments.is_empty() {
        return Err(ReadError::Removed);
    }
    let (number, mut found) = seek(
        &progress,
        |segment| segment.index().start().index <= index,
        |points| points.before_index(index.saturating_add(1)),
    );
    let segment = progress.segment(number).cloned().ok_or(ReadError::Removed)?;
    drop(progress);
    while found.offset < segment.index().end().offset {
        let parsed = read_header(log, &segment, Location { segment: number, offset: found.offset })?;
        if parsed.header.index > index {
            break;
        }
        found = index::Point {
            offset: parsed.body.end().offset,
            index: parsed.header.index,
            sequence: parsed.end(),
            max_time: found.max_time.max(parsed.header.max_time),
            frontier: parsed.header.frontier,
        };
    }
    let visible = Visible {
        epoch: log.writer().epoch_of(found.index + 1),
        index: found.index,
        end: found.sequence,
        frontier: found.frontier,
        max_time: found.max_time,
        // Nothing is appended after the end, so this is before it.
        ended: false,
    };
    // Counted with what follows: entries say only how many of their own are late.
    let late = end.late;
    Ok(Point { at: Location { segment: number, offset: found.offset }, visible, late })
}

/// Whether a record with that sequence is kept, or is the next to come.
pub(crate) fn check_sequence(progress: &Progress, asked: u64) -> Result<(), ReadError> {
    let (earliest, end) = (progress.earliest().sequence, progress.shown.visible.end);
    match asked {
        asked if asked < earliest => Err(ReadError::Trimmed { asked, earliest }),
        asked if asked > end => Err(ReadError::PastEnd { asked, end }),
        _ => Ok(()),
    }
}

/// Reads the header of the entry at a place.
pub(crate) fn read_header(log: &Inner, segment: &Segment, at: Location) -> Result<Parsed, ReadError> {
    let damaged = |what| ReadError::Damaged { file: segment.path.clone(), offset: at.offset, what };
    let failed = |source| ReadError::Io { file: segment.path.clone(), source };
    let file = log.files.get(&**log.committer.storage(), segment).map_err(failed)?;
    let room = usize::try_from(segment.index().end().offset - at.offset).unwrap_or(usize::MAX);
    let mut bytes = vec![0; HEAD.min(room)];
    if bytes.len() < entry::PREFIX {
        return Err(damaged("the segment ends within an entry".into()));
    }
    file.read_at(&mut bytes, at.offset).map_err(failed)?;
    let prefix = Prefix::parse(&bytes).map_err(damaged)?;
    if prefix.head() > room {
        return Err(damaged("the segment ends within an entry".into()));
    }
    if prefix.head() > bytes.len() {
        bytes.resize(prefix.head(), 0);
        file.read_at(&mut bytes, at.offset).map_err(failed)?;
    }
    prefix.parse_header(at, &bytes[..prefix.head()]).map_err(damaged)
}

/// The records of an entry.
pub(crate) fn load(log: &Inner, entry: &Entry) -> Result<Loaded, ReadError> {
    let body = entry.body;
    if let Some(loaded) = log.recent().batch(body.at) {
        return Ok(loaded.clone());
    }
    if entry.count == 0 {
        let batch = arrow_array::RecordBatch::new_empty(log.columns.clone());
        return Ok(Loaded { batch, late: None, behind: None });
    }
    let segment = segment_of(log, entry)?;
    let damaged = |what| ReadError::Damaged { file: segment.path.clone(), offset: body.at.offset, what };
    let bytes = match &log.bodies {
        Some(bodies) => bodies.get(entry)?,
        None => read_body(log, &segment, body)?,
    };
    entry::check_body(&body, &bytes).map_err(damaged)?;
    let loaded = payload::decode(bytes, entry.count, entry.late, entry.behind, &log.columns).map_err(damaged)?;
    log.recent().keep(body.at, &loaded);
    Ok(loaded)
}

/// The body of an entry as it lies on disk, checked.
pub(crate) fn body(log: &Inner, entry: &Entry) -> Result<Buffer, ReadError> {
    let segment = segment_of(log, entry)?;
    let bytes = read_body(log, &segment, entry.body)?;
    let damaged = |what| ReadError::Damaged { file: segment.path.clone(), offset: entry.body.at.offset, what };
    entry::check_body(&entry.body, &bytes).map_err(damaged)?;
    Ok(bytes)
}

/// The segment that an entry lies in, unless that is gone.
fn segment_of(log: &Inner, entry: &Entry) -> Result<Arc<Segment>, ReadError> {
    let progress = log.progress();
    if let Some(why) = progress.gone(entry.first) {
        return Err(why);
    }
    let trimmed = || ReadError::Trimmed { asked: entry.first, earliest: progress.earliest().sequence };
    progress.segment(entry.body.at.segment).cloned().ok_or_else(trimmed)
}

/// Reads into memory that is aligned for every column type, so that decoding need not copy.
fn read_body(log: &Inner, segment: &Segment, body: entry::Body) -> Result<Buffer, ReadError> {
    let failed = |source| ReadError::Io { file: segment.path.clone(), source };
    let file = log.files.get(&**log.committer.storage(), segment).map_err(failed)?;
    let mut bytes = MutableBuffer::from_len_zeroed(body.length as usize);
    file.read_at(&mut bytes, body.at.offset).map_err(failed)?;
    Ok(bytes.into())
}
