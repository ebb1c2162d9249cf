//! Copying a log while it is written to and trimmed: what lies in the copy is, at every moment, a log that can be opened.
//!
//! Segments are only ever appended to, so a prefix of the last one and all of those before are the log as it was. Each file is written
//! under another name and renamed when it is durable. Where a segment of the copy has the size and the ends of the original it
//! is the same, and stays. What the original no longer has goes last.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use crate::entry::Location;
use crate::inner::Inner;
use crate::segment::{self, Segment};
use crate::{Durability, Log, OsStorage, kept};

/// How far a log was at some moment.
#[derive(Clone, Copy, Debug)]
pub struct Extent(Location);

/// What copying took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Bytes that were written.
    pub written: u64,
    /// Bytes that were there from an earlier copy.
    pub reused: u64,
}

impl Copied {
    /// Adds what more copying took.
    pub fn add(&mut self, more: Copied) {
        self.written += more.written;
        self.reused += more.reused;
    }
}

impl Log {
    /// How far readers can see now.
    pub fn extent(&self) -> Extent {
        Extent(self.inner().progress().shown.at)
    }

    /// Copies what readers could see at that moment, less what retention has removed since, into the folder `to`, which may
    /// hold an earlier copy of this log. What is copied is durable afterwards.
    ///
    /// `admit` is asked before so many bytes are written.
    ///
    /// # Errors
    /// If that refuses, a file can't be read or written, or all of that extent has been removed since, which is
    /// [`ResourceBusy`](io::ErrorKind::ResourceBusy): another attempt finds what there is by then.
    pub fn copy(&self, to: &Path, Extent(end): Extent, admit: &dyn Fn(u64) -> io::Result<()>) -> io::Result<Copied> {
        fs::create_dir_all(to)?;
        let log = self.inner();
        let mut copied = Copied::default();
        let mut first = None;
        let mut number = 0;
        while let Some(segment) = next(log, number).filter(|segment| segment.number <= end.segment) {
            number = segment.number + 1;
            let length = if segment.number < end.segment { segment.index().end().offset } else { end.offset };
            match copy_segment(&segment, to, length, segment.number < end.segment, admit) {
                Ok(more) => copied.add(more),
                // Retention was quicker; it removes in order, so what was copied before is gone, too.
                Err(error) if error.kind() == io::ErrorKind::NotFound && is_gone(log, &segment) => {
                    first = None;
                    continue;
                }
                Err(error) => return Err(error),
            }
            first.get_or_insert(segment.number);
        }
        let gone = || io::Error::new(io::ErrorKind::ResourceBusy, "retention has removed all that was to be copied");
        let first = first.ok_or_else(gone)?;
        if log.options().durability != Durability::Derived {
            kept::mark(&OsStorage, to, first)?;
        }
        clean(to, first, end.segment)?;
        File::open(to)?.sync_all()?;
        Ok(copied)
    }
}

/// The first segment with that number or a greater one.
fn next(log: &Inner, number: u64) -> Option<Arc<Segment>> {
    log.progress().segments.iter().find(|segment| segment.number >= number).cloned()
}

fn is_gone(log: &Inner, segment: &Segment) -> bool {
    log.progress().segment(segment.number).is_none()
}

fn copy_segment(
    segment: &Segment,
    to: &Path,
    length: u64,
    sealed: bool,
    admit: &dyn Fn(u64) -> io::Result<()>,
) -> io::Result<Copied> {
    let target = segment::path(to, segment.number);
    let mut source = File::open(&segment.path)?;
    if is_same(&mut source, &target, length)? {
        return Ok(Copied { written: 0, reused: length });
    }
    let index = target.with_extension("idx");
    match fs::remove_file(&index) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    source.seek(SeekFrom::Start(0))?;
    admit(length)?;
    write_whole(&mut source.take(length), &target, length)?;
    if sealed && let Ok(mut stored) = File::open(segment.index_path()) {
        // It is made again where it is missing, so it is neither counted nor awaited.
        io::copy(&mut stored, &mut File::create(index)?)?;
    }
    Ok(Copied { written: length, reused: 0 })
}

/// Writes `length` bytes to a file that appears when all of them are durable.
fn write_whole(from: &mut impl Read, to: &Path, length: u64) -> io::Result<()> {
    let part = to.with_extension("part");
    let mut file = File::create(&part)?;
    if io::copy(from, &mut file)? != length {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the segment is shorter than it was"));
    }
    file.sync_data()?;
    fs::rename(part, to)
}

/// How much of both ends of a segment is compared: its header and its last entries, with their checksums and running hashes.
const ENDS: u64 = 64 << 10;

/// Whether the file at `copy` is the first `length` bytes of `source`.
fn is_same(source: &mut File, copy: &Path, length: u64) -> io::Result<bool> {
    let mut copy = match File::open(copy) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        opened => opened?,
    };
    if copy.metadata()?.len() != length {
        return Ok(false);
    }
    let size = ENDS.min(length);
    for offset in [0, length - size] {
        let read = |file: &mut File| -> io::Result<Vec<u8>> {
            let mut bytes = vec![0; size as usize];
            file.seek(SeekFrom::Start(offset))?;
            file.read_exact(&mut bytes).map(|()| bytes)
        };
        if read(source)? != read(&mut copy)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Removes what does not belong to the segments from `first` to `last`, the oldest first.
fn clean(dir: &Path, first: u64, last: u64) -> io::Result<()> {
    let mut names: Vec<_> = fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    names.sort();
    for name in names {
        let path = dir.join(&name);
        let number = segment::number(&path.with_extension("seg").file_name().unwrap_or_default().to_string_lossy());
        let is_part = path.extension().is_some_and(|extension| extension == "part");
        if number.is_some_and(|number| is_part || !(first..=last).contains(&number)) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
