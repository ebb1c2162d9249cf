//! Going through a segment's file from front to back with few reads.

use std::io;
use std::ops::Range;

use crate::entry::{self, Location, Newer, Parsed, Prefix};
use dag_storage::StorageFile;

/// Bytes read at once.
const CHUNK: usize = 1 << 20;

/// A window over a file.
pub(crate) struct Scan<'a> {
    file: &'a dyn StorageFile,
    segment: u64,
    length: u64,
    buffer: Vec<u8>,
    start: u64,
}

/// What lies at a place.
pub(crate) enum Found {
    /// The end of the file.
    End,
    /// A whole entry whose checksums match.
    Entry(Box<Parsed>),
    /// Something else, which the text describes.
    Bad(String),
}

impl<'a> Scan<'a> {
    pub(crate) fn new(file: &'a dyn StorageFile, segment: u64) -> io::Result<Scan<'a>> {
        Ok(Scan { file, segment, length: file.length()?, buffer: Vec::new(), start: 0 })
    }

    /// The file's length.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// The bytes from `offset` on; none where the file ends before `count` of them.
    pub(crate) fn bytes(&mut self, offset: u64, count: usize) -> io::Result<Option<&[u8]>> {
        if offset.checked_add(count as u64).is_none_or(|end| end > self.length) {
            return Ok(None);
        }
        let buffered = self.start..self.start + self.buffer.len() as u64;
        if offset < buffered.start || offset + count as u64 > buffered.end {
            // So much more than was asked for that what is asked for at the next places is there, too.
            let length = (count.saturating_add(CHUNK) as u64).min(self.length - offset) as usize;
            self.buffer.resize(length, 0);
            self.file.read_at(&mut self.buffer, offset)?;
            self.start = offset;
        }
        let from = (offset - self.start) as usize;
        Ok(Some(&self.buffer[from..from + count]))
    }

    /// What lies at `offset`.
    pub(crate) fn entry(&mut self, offset: u64) -> io::Result<Found> {
        if offset == self.length {
            return Ok(Found::End);
        }
        let at = Location { segment: self.segment, offset };
        let Some(bytes) = self.bytes(offset, entry::PREFIX)? else {
            return Ok(Found::Bad("the file ends within an entry".into()));
        };
        let prefix = match Prefix::parse(bytes) {
            Ok(prefix) => prefix,
            Err(what) => return Ok(Found::Bad(what)),
        };
        let short = || Ok(Found::Bad("the file ends within an entry".into()));
        // Before the body is read: what only looks like the beginning of an entry, as a record's text may, says nothing of its length.
        let Some(head) = self.bytes(offset, prefix.head())? else { return short() };
        let parsed = match prefix.parse_header(at, head) {
            Ok(parsed) => parsed,
            Err(what) => return Ok(Found::Bad(what)),
        };
        let Some(bytes) = self.bytes(offset, prefix.head() + prefix.body())? else { return short() };
        match entry::check_body(&parsed.body, &bytes[prefix.head()..]) {
            Ok(()) => Ok(Found::Entry(Box::new(parsed))),
            Err(what) => Ok(Found::Bad(what)),
        }
    }

    /// What is newer of the entry at `offset`, where a newer program wrote it and its header is whole.
    pub(crate) fn newer(&mut self, offset: u64) -> io::Result<Option<Newer>> {
        let at = Location { segment: self.segment, offset };
        let Some(prefix) = self.bytes(offset, entry::PREFIX)? else { return Ok(None) };
        let (Some(newer), Some(length)) = (entry::newer(prefix), entry::head_length(prefix)) else { return Ok(None) };
        let head = self.bytes(offset, length)?;
        Ok(head.is_some_and(|head| entry::is_whole(at, head)).then_some(newer))
    }

    /// Whether an entry that begins in `range` is whole and satisfies `holds`.
    pub(crate) fn any(&mut self, range: Range<u64>, holds: impl Fn(&Parsed) -> bool) -> io::Result<bool> {
        let mut offset = range.start;
        while offset < range.end {
            let begins = self.bytes(offset, entry::MAGIC.len())? == Some(&entry::MAGIC);
            offset = match if begins { self.entry(offset)? } else { Found::End } {
                Found::Entry(entry) if holds(&entry) => return Ok(true),
                // Nothing in its records is an entry, whatever it looks like.
                Found::Entry(entry) => entry.body.end().offset,
                Found::End | Found::Bad(_) => offset + 8,
            };
        }
        Ok(false)
    }
}
