//! A segment's file while its log is opened.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::entry::Parsed;
use crate::framed;
use crate::index::Index;
use crate::scan::{Found, Scan};
use crate::segment::{self, Segment, SegmentHeader};
use crate::writer::store_index;
use crate::{Durability, OpenError, version_1};
use dag_storage::{Storage, StorageFile};

/// A segment whose header was read.
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn StorageFile>,
    pub(crate) header: SegmentHeader,
    /// Whether it is of an older version.
    old: bool,
    /// The length of the header.
    start: u64,
    length: u64,
}

impl Opened {
    /// Reads the header of a segment; the inner error is for a file of which nothing was ever promised.
    pub(crate) fn new(
        storage: &dyn Storage,
        dir: &Path,
        number: u64,
        durability: Durability,
    ) -> Result<Result<Opened, OpenError>, OpenError> {
        let path = segment::path(dir, number);
        let failed = |source| io_error(&path, source);
        let file = storage.open(&path).map_err(failed)?;
        let length = file.length().map_err(failed)?;
        match read_header(&*file, length).map_err(failed)? {
            Ok((header, start, version)) if header.number == number => {
                let old = version < framed::VERSION;
                Ok(Ok(Opened { path, file, header, old, start, length }))
            }
            Ok((header, ..)) => Err(damaged(&path, 0, format!("it is segment {}", header.number))),
            Err(what) => {
                let promises = |entry: &Parsed| durability != Durability::Derived || entry.header.durable > 0;
                let mut scan = Scan::new(&*file, number).map_err(failed)?;
                let used = scan.any(0..length, promises).map_err(failed)?;
                let error = damaged(&path, 0, what);
                if used { Err(error) } else { Ok(Err(error)) }
            }
        }
    }

    /// Goes through its entries from the front.
    pub(crate) fn scan(&self) -> Result<Scan<'_>, OpenError> {
        Scan::new(&*self.file, self.header.number).map_err(|source| io_error(&self.path, source))
    }

    /// The segment, of which no entry was taken in yet.
    pub(crate) fn segment(&self, dir: &Path) -> Segment {
        Segment::new(dir, self.header.number, self.old, Index::new(self.header.start(self.start)))
    }

    /// The place of the first entry.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// Whether some entry says that it was written after a sync of this segment: then all segments before are durable.
    pub(crate) fn was_synced(&self) -> Result<bool, OpenError> {
        let synced = self.scan()?.any(self.start..self.length, |entry| entry.header.durable > 0);
        synced.map_err(|source| io_error(&self.path, source))
    }

    /// The sealed segment, its index taken from beside it or made again.
    pub(crate) fn sealed(self, storage: &dyn Storage, dir: &Path) -> Result<Segment, OpenError> {
        let segment = self.segment(dir);
        let start = self.header.start(self.start);
        if let Ok(block) = read_whole(storage, &segment.index_path())
            && let Some(index) = Index::decode(&block, start, self.length)
        {
            *segment.index() = index;
            return Ok(segment);
        }
        let mut scan = self.scan()?;
        let mut offset = self.start;
        loop {
            match scan.entry(offset).map_err(|source| io_error(&self.path, source))? {
                Found::Entry(entry) => {
                    segment.index().push(&entry);
                    offset = entry.body.end().offset;
                }
                Found::End => break,
                Found::Bad(what) => return Err(damaged(&self.path, offset, what)),
            }
        }
        store_index(storage, &segment);
        Ok(segment)
    }
}

fn read_whole(storage: &dyn Storage, path: &Path) -> io::Result<Vec<u8>> {
    let file = storage.open(path)?;
    let mut block = vec![0; usize::try_from(file.length()?).map_err(io::Error::other)?];
    file.read_at(&mut block, 0).map(|()| block)
}

/// Reads the header of a segment, its length and its version; the inner error says what is wrong with it.
pub(crate) fn read_header(
    file: &dyn StorageFile,
    length: u64,
) -> io::Result<Result<(SegmentHeader, u64, u16), String>> {
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
    let version = framed::version(&block);
    let header = framed::decode(&block, |content| match version == u16::from(version_1::VERSION) {
        true => version_1::segment_header(content),
        false => postcard::from_bytes(content),
    });
    Ok(header.map(|header| (header, whole as u64, version)))
}

pub(crate) fn damaged(path: &Path, offset: u64, what: String) -> OpenError {
    OpenError::Damaged { file: path.to_owned(), offset, what }
}

pub(crate) fn io_error(path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { file: path.to_owned(), source }
}
