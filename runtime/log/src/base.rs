//! Where a mirror begins, and whether it still stands where its origin has been.

use std::sync::Arc;

use dag_model::Schema;
use serde::{Deserialize, Serialize};

use crate::entry::{Code, Location, Parsed};
use crate::inner::Inner;
use crate::segment::{Epoch, Segment, SegmentHeader};
use crate::{Durability, Earliest, Log, ReadError, opened, reader};

/// What a mirror begins with: what the header of a segment says, made for some place in the log. The order of its fields is what goes over
/// the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    pub(crate) header: SegmentHeader,
    /// What is left at the front of the log.
    pub(crate) earliest: Earliest,
    /// Whether copies of it may differ in how their records are cut into entries.
    pub(crate) derived: bool,
}

impl Base {
    /// The sequence of the first record that a mirror with it has.
    pub fn first(&self) -> u64 {
        self.header.first
    }

    /// Where a mirror is that begins with it.
    pub fn end(&self) -> End {
        let SegmentHeader { index, first, hash, epochs, .. } = &self.header;
        let (epoch, hash) = (epoch_of(epochs, *index), hash.clone());
        End { epoch, index: *index, sequence: *first, hash, derived: self.derived }
    }

    /// The stream's columns; an error says what is wrong with it.
    pub fn schema(&self) -> Result<Schema, String> {
        self.header.schema()
    }
}

/// Where a mirror is: what an origin compares with what it has. The order of its fields is what goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The epoch of its last append.
    pub epoch: u64,
    /// The index of that.
    pub index: u64,
    /// The sequence after its last record.
    pub sequence: u64,
    /// The running hash there.
    pub hash: Vec<u64>,
    /// Whether that counts, and not the epoch and the index: copies of a derived log number their appends each for itself.
    pub derived: bool,
}

/// How the end of a mirror stands to a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// The log has all that the mirror has, and goes on.
    Same,
    /// The log is not as far, or in an epoch before.
    Behind,
    /// The log is another from some place on.
    Cut {
        /// The epoch of the mirror's last append.
        epoch: u64,
        /// The sequence after the last record that is left of that epoch.
        end: u64,
    },
    /// The log has trimmed what comes next.
    Trimmed {
        /// The earliest sequence that is left.
        earliest: u64,
    },
}

impl Log {
    /// What a mirror begins with that has the record with that sequence, if there is one, and all that follows.
    pub fn base(&self, sequence: u64) -> Result<Base, ReadError> {
        let log = self.inner();
        let progress = log.progress();
        reader::check_sequence(&progress, sequence)?;
        let shown = progress.shown.at;
        // The header of one that nothing is visible of may tell of what is not visible before it.
        let is_before =
            |segment: &Arc<Segment>| segment.number <= shown.segment && segment.index().start().sequence < sequence;
        let segment = progress.segments[progress.segments.partition_point(is_before).max(1) - 1].clone();
        drop(progress);
        let (mut header, mut offset) = read_header(log, &segment)?;
        let mut base = header.clone();
        while (Location { segment: segment.number, offset }) < shown && offset < segment.index().end().offset {
            let parsed = reader::read_header(log, &segment, Location { segment: segment.number, offset })?;
            // Marks before the record are read with it.
            if parsed.end() > sequence || parsed.header.first == sequence {
                break;
            }
            offset = parsed.body.end().offset;
            pass(&mut header, &parsed);
            if parsed.header.part + 1 == parsed.header.parts {
                base = header.clone();
            }
        }
        let (index, first) = (base.index, base.first);
        base.epochs = self.epochs();
        base.epochs.retain(|begun| begun.index <= index + 1 && begun.first <= first);
        base.publishers.clear();
        let derived = log.options().durability == Durability::Derived;
        Ok(Base { header: base, earliest: self.earliest(), derived })
    }

    /// How the end of a mirror of it, or of a copy of it, stands to it.
    pub fn standing(&self, end: &End) -> Result<Standing, ReadError> {
        let visible = self.visible();
        if end.derived {
            return self.standing_of_derived(end);
        }
        if end.index == 0 {
            return match self.check(end.epoch, end.sequence) {
                Ok(()) => Ok(Standing::Same),
                Err(ReadError::Lost { epoch, end, .. }) => Ok(Standing::Cut { epoch, end }),
                Err(ReadError::PastEnd { .. }) => Ok(Standing::Behind),
                Err(ReadError::Trimmed { earliest, .. }) => Ok(Standing::Trimmed { earliest }),
                Err(error) => Err(error),
            };
        }
        let progress = self.inner().progress();
        let before = progress.segments.front().ok_or(ReadError::Removed)?.index().start().index;
        let earliest = progress.earliest().sequence;
        drop(progress);
        if end.index < before {
            return Ok(Standing::Trimmed { earliest });
        }
        let epochs = self.epochs();
        let later = epochs.iter().find(|later| later.epoch > end.epoch);
        let is_unheard = epochs.last().is_none_or(|last| last.epoch < end.epoch);
        Ok(match later {
            Some(later) if end.index >= later.index => Standing::Cut { epoch: end.epoch, end: later.first },
            _ if is_unheard || end.index > visible.index => Standing::Behind,
            _ if epoch_of(&epochs, end.index) == end.epoch => Standing::Same,
            _ => Standing::Cut { epoch: end.epoch, end: earliest },
        })
    }

    fn standing_of_derived(&self, end: &End) -> Result<Standing, ReadError> {
        match self.hash_at(end.sequence) {
            Ok(_) if end.sequence > self.visible().end => Ok(Standing::Behind),
            Ok(hash) if hash.streams == end.hash => Ok(Standing::Same),
            Ok(_) => Ok(Standing::Cut { epoch: end.epoch, end: self.earliest().sequence }),
            Err(ReadError::PastEnd { .. }) => Ok(Standing::Behind),
            Err(ReadError::Trimmed { earliest, .. }) => Ok(Standing::Trimmed { earliest }),
            Err(error) => Err(error),
        }
    }
}

fn epoch_of(epochs: &[Epoch], index: u64) -> u64 {
    let after = epochs.partition_point(|begun| begun.index <= index).max(1);
    epochs.get(after - 1).map_or(1, |begun| begun.epoch)
}

/// The header of a segment, and where its first entry lies.
fn read_header(log: &Inner, segment: &Segment) -> Result<(SegmentHeader, u64), ReadError> {
    let failed = |source| ReadError::Io { file: segment.path.clone(), source };
    let file = log.files.get(&**log.committer.storage(), segment).map_err(failed)?;
    let length = file.length().map_err(failed)?;
    match opened::read_header(&*file, length).map_err(failed)? {
        Ok((header, start, _)) => Ok((header, start)),
        Err(what) => Err(ReadError::Damaged { file: segment.path.clone(), offset: 0, what }),
    }
}

/// What the header of a segment would say that begins after that entry, but for its epochs.
fn pass(header: &mut SegmentHeader, entry: &Parsed) {
    match entry.code {
        Code::Mark => header.mark = entry.header.subject,
        Code::Trim => header.trimmed = header.trimmed.max(entry.header.subject),
        _ => {}
    }
    header.index = entry.header.index;
    header.first = entry.end();
    header.late += u64::from(entry.header.late);
    header.max_time = header.max_time.max(entry.header.max_time);
    header.frontier = entry.header.frontier;
    if entry.header.count > 0 {
        header.hash.clone_from(&entry.header.hash);
    }
}
