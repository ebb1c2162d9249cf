//! Entries without their bodies, as a log hands them to its mirrors.

use serde::{Deserialize, Serialize};

use crate::entry::{self, Code, Header, Location, Parsed};
use crate::reader::Reader;
use crate::{End, Entry, Log, ReadError, Start};

/// The most bytes of a body: those of the largest record and of what lies before it, with room to spare.
const MAX_BODY: u32 = 80 << 20;

/// An entry without its body, wherever that lies. The order of its fields is what goes over the wire.
///
/// It says nothing of publishers, which only who leads a stream needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    code: u8,
    header: Header,
    length: u32,
    checksum: u32,
}

impl Head {
    pub(crate) fn of(parsed: Parsed) -> Head {
        let Parsed { code, header, body, .. } = parsed;
        let header = Header { publishers: Vec::new(), forgotten: Vec::new(), durable: 0, ..header };
        Head { code: code as u8, header, length: body.length, checksum: body.checksum }
    }

    /// The index of its append.
    pub fn index(&self) -> u64 {
        self.header.index
    }

    /// The same as the append of that index.
    pub(crate) fn numbered(mut self, index: u64) -> Head {
        self.header.index = index;
        self
    }

    pub(crate) fn code(&self) -> Option<Code> {
        Code::from_byte(self.code)
    }

    /// The sequence of its first record; without records, of the next one.
    pub fn first(&self) -> u64 {
        self.header.first
    }

    /// Whether its append is whole with it.
    pub fn is_last(&self) -> bool {
        self.header.part + 1 == self.header.parts
    }

    /// The length of its body in bytes; 0 where it has no records.
    pub fn body_length(&self) -> u32 {
        self.length
    }

    /// The CRC-32 of its body.
    pub fn body_checksum(&self) -> u32 {
        self.checksum
    }

    /// What is wrong with it by itself; none if nothing is. For one that comes from elsewhere.
    pub(crate) fn wrong(&self) -> Option<String> {
        let Header { count, late, part, parts, first, columns, .. } = &self.header;
        let is_records = self.code() == Some(Code::Records);
        match self.code() {
            None | Some(Code::Closed) => return Some(format!("an entry of kind {}", self.code)),
            Some(_) => {}
        }
        let fits = (*count > 0) == is_records
            && *count as usize <= crate::payload::MAX_ROWS
            && late <= count
            && part < parts
            && first.checked_add(u64::from(*count)).is_some()
            && (self.length > 0) == is_records
            && self.length <= MAX_BODY
            && self.length.is_multiple_of(8)
            && columns.is_empty();
        (!fits).then(|| format!("an entry of {count} records, {late} of them late, in {} bytes", self.length))
    }

    /// The entry as it lies at a place, whose bytes up to the body are appended to `out`.
    pub(crate) fn lay_out(&self, at: Location, out: &mut Vec<u8>) -> Option<Parsed> {
        let code = self.code()?;
        let header = postcard::to_stdvec(&self.header).expect("plain data encodes");
        if header.len() > entry::MAX_HEADER {
            return None;
        }
        let body = entry::write_head(out, at, code, &header, (self.length, self.checksum));
        Some(Parsed { version: entry::VERSION, code, header: self.header.clone(), body })
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }
}

/// A place in a log that moves forward over what is visible, for a mirror of it.
pub struct Heads {
    reader: Reader,
}

impl Heads {
    /// The next visible entry and where its body lies, or none until there is one.
    // Not an iterator: after none there may be more.
    #[expect(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<(Head, Entry)>, ReadError> {
        let Some(parsed) = self.reader.next_parsed()? else { return Ok(None) };
        let entry = parsed.entry().expect("it is for readers");
        Ok(Some((Head::of(parsed), entry)))
    }
}

impl Log {
    /// What comes after the end of a mirror that [stands](Log::standing) where this log has been.
    ///
    /// By the sequence where copies number their appends each for itself, or a version wrote them that gave no index: what has no records is
    /// told again then.
    pub fn heads(&self, end: &End) -> Result<Heads, ReadError> {
        let by_sequence = end.derived || end.index == 0;
        let start = if by_sequence { Start::Before(end.sequence) } else { Start::Index(end.index + 1) };
        let reader = self.reader(start)?;
        Ok(Heads { reader })
    }

    /// The body of an entry of this log, as it lies on disk.
    ///
    /// # Panics
    /// If this is a mirror, from which nobody takes anything.
    pub fn body(&self, entry: &Entry) -> Result<arrow_buffer::Buffer, ReadError> {
        assert!(self.inner().bodies.is_none(), "mirrors are not mirrored");
        crate::reader::body(self.inner(), entry)
    }
}
