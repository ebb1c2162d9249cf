//! The header of an entry, as a reader sees it and as it lies on disk.

use dag_model::{Frontier, Timestamp};
use serde::{Deserialize, Serialize};

use crate::framed::padded;
use crate::publishers::PublisherRecord;
use crate::segment::Column;
use crate::version_1;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Records, and the frontier after them.
    Records,
    /// The frontier or the publishers changed.
    Frontier,
    /// The incarnation that wrote this log is at its end.
    End,
    /// An epoch begins.
    Epoch,
    /// Here that revision of the plan takes effect.
    Mark(u64),
    /// Records before that sequence are no longer kept.
    Trim(u64),
}

/// What the header of an entry says. The records are fetched by [`Log::load`](crate::Log::load).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// The epoch it was written in.
    pub epoch: u64,
    /// The number of the append that it is a part of, with records or without, from 1; 0 where a version wrote it that gave none.
    pub index: u64,
    /// The sequence of its first record; without records, of the next one.
    pub first: u64,
    /// How many records, late ones included.
    pub count: u32,
    /// How many of them are late.
    pub late: u32,
    /// The least time of its records; [`Timestamp::MAX`] without records.
    pub min_time: Timestamp,
    /// The greatest time of its records; [`Timestamp::MIN`] without records.
    pub max_time: Timestamp,
    /// The frontier after it.
    pub frontier: Frontier,
    /// When it was appended.
    pub appended: Timestamp,
    /// Whether each late record says which frontier it came behind.
    pub(crate) behind: bool,
    pub(crate) body: Body,
}

impl Entry {
    /// The sequence after its last record.
    pub fn end(&self) -> u64 {
        self.first + u64::from(self.count)
    }

    /// The length of its body in bytes; 0 without records.
    pub fn body_length(&self) -> u32 {
        self.body.length
    }

    /// The CRC-32 of its body.
    pub fn body_checksum(&self) -> u32 {
        self.body.checksum
    }
}

/// A place in a log: a segment and a byte in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Location {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
}

/// Where the body of an entry lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) at: Location,
    pub(crate) length: u32,
    pub(crate) checksum: u32,
}

impl Body {
    /// The place after the entry.
    pub(crate) fn end(&self) -> Location {
        Location { segment: self.at.segment, offset: self.at.offset + u64::from(self.length) }
    }
}

/// What an entry is, on disk. The codes are persisted, never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    Records = 1,
    Frontier = 2,
    End = 3,
    /// The log was closed in good order, all before this is durable. No reader sees it, and it has no index of its own.
    Closed = 4,
    Epoch = 5,
    Mark = 6,
    Trim = 7,
}

impl Code {
    const ALL: [Code; 7] =
        [Code::Records, Code::Frontier, Code::End, Code::Closed, Code::Epoch, Code::Mark, Code::Trim];

    pub(crate) fn from_byte(byte: u8) -> Option<Code> {
        Code::ALL.into_iter().find(|code| *code as u8 == byte)
    }
}

/// The part of an entry's header whose length varies. The order of its fields is persisted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) epoch: u64,
    pub(crate) index: u64,
    pub(crate) first: u64,
    pub(crate) count: u32,
    pub(crate) late: u32,
    pub(crate) min_time: Timestamp,
    pub(crate) max_time: Timestamp,
    pub(crate) frontier: Frontier,
    pub(crate) appended: Timestamp,
    /// Which part of an append this is, from 0, and of how many: an append is there as a whole or not at all.
    pub(crate) part: u32,
    pub(crate) parts: u32,
    /// Up to which byte this segment was durable when the entry was written.
    pub(crate) durable: u64,
    /// What changed of publishers, as it is after the append; in its last part only.
    pub(crate) publishers: Vec<PublisherRecord>,
    /// The names of publishers that are forgotten after the append; in its last part only.
    pub(crate) forgotten: Vec<String>,
    /// The running hash after the entry; nothing where it has no records.
    pub(crate) hash: Vec<u64>,
    /// Whether the body has, for each late record, the frontier that it came behind.
    pub(crate) behind: bool,
    /// Of a mark the plan's revision, of a trim the first sequence that is kept; else 0.
    pub(crate) subject: u64,
    /// Of a change of the schema all columns from here on; else nothing.
    pub(crate) columns: Vec<Column>,
}

/// Bytes before the header.
pub(crate) const PREFIX: usize = 24;
/// The most bytes that the header takes.
pub(crate) const MAX_HEADER: usize = 1 << 20;
/// The first bytes of an entry. They are persisted.
pub(crate) const MAGIC: [u8; 4] = *b"dagE";
/// The version of the entry's layout. It is persisted.
pub(crate) const VERSION: u8 = 2;

/// Appends the bytes of an entry to `out` and returns where its body lies. `body` comes in pieces whose lengths are
/// multiples of 8.
///
/// # Panics
/// If the header or the body is larger than an entry may be; what goes in is bounded well below.
pub(crate) fn write(out: &mut Vec<u8>, at: Location, code: Code, header: &Header, body: &[&[u8]]) -> Body {
    let length = u32::try_from(body.iter().map(|piece| piece.len()).sum::<usize>()).expect("a bounded record");
    debug_assert_eq!(length % 8, 0);
    let mut checksum = crc32fast::Hasher::new();
    body.iter().for_each(|piece| checksum.update(piece));
    let header = postcard::to_stdvec(header).expect("plain data encodes");
    let found = write_head(out, at, code, &header, (length, checksum.finalize()));
    body.iter().for_each(|piece| out.extend_from_slice(piece));
    found
}

/// Appends the bytes of an entry up to its body, which has that length and that checksum.
///
/// # Panics
/// If the header is larger than an entry's may be.
pub(crate) fn write_head(out: &mut Vec<u8>, at: Location, code: Code, header: &[u8], body: (u32, u32)) -> Body {
    let start = out.len();
    assert!(header.len() <= MAX_HEADER, "a header of {} bytes", header.len());
    let (length, checksum) = body;
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[VERSION, code as u8, 0, 0]);
    out.extend_from_slice(&(header.len() as u32).to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&checksum.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(header);
    out.resize(start + PREFIX + padded(header.len()), 0);
    let of_header = header_checksum(at, &out[start..]);
    out[start + 20..start + PREFIX].copy_from_slice(&of_header.to_le_bytes());
    let at = Location { segment: at.segment, offset: at.offset + (out.len() - start) as u64 };
    Body { at, length, checksum }
}

/// What is newer of an entry than what this program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Newer {
    pub(crate) what: &'static str,
    pub(crate) found: u16,
    pub(crate) reads: u16,
}

/// What is newer of an entry, by its first [`PREFIX`] bytes; none if a newer program did not write it.
pub(crate) fn newer(prefix: &[u8]) -> Option<Newer> {
    let version = prefix[4];
    match prefix[..4] == MAGIC {
        true if version > VERSION => Some(Newer { what: "entries", found: version.into(), reads: VERSION.into() }),
        true if version == VERSION && Code::from_byte(prefix[5]).is_none() => {
            let reads = Code::ALL.map(|code| code as u16).into_iter().max().unwrap_or(0);
            Some(Newer { what: "kinds of entries", found: prefix[5].into(), reads })
        }
        _ => None,
    }
}

/// How many bytes the prefix and the header of an entry take together; none where no header is as long.
pub(crate) fn head_length(prefix: &[u8]) -> Option<usize> {
    let header = u32::from_le_bytes(prefix[8..12].try_into().expect("four bytes")) as usize;
    (header <= MAX_HEADER).then(|| PREFIX + padded(header))
}

/// An entry's prefix: how long the rest is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prefix {
    version: u8,
    pub(crate) code: Code,
    header: usize,
    body: u32,
    body_checksum: u32,
}

/// A header that was read.
#[derive(Clone, Debug)]
pub(crate) struct Parsed {
    pub(crate) version: u8,
    pub(crate) code: Code,
    pub(crate) header: Header,
    pub(crate) body: Body,
}

impl Prefix {
    /// Reads the first [`PREFIX`] bytes of an entry; an error says what is wrong with them.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Prefix, String> {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        if bytes[..4] != MAGIC {
            return Err("no entry begins here".into());
        }
        let version = bytes[4];
        if !(1..=VERSION).contains(&version) {
            return Err(format!("entry version {version}; this program reads up to {VERSION}"));
        }
        let code = Code::from_byte(bytes[5]).ok_or_else(|| format!("entry of unknown kind {}", bytes[5]))?;
        let header = word(8) as usize;
        if header > MAX_HEADER {
            return Err(format!("an entry header of {header} bytes; the limit is {MAX_HEADER}"));
        }
        Ok(Prefix { version, code, header, body: word(12), body_checksum: word(16) })
    }

    /// How many bytes the prefix and the header take together.
    pub(crate) fn head(&self) -> usize {
        PREFIX + padded(self.header)
    }

    /// How many bytes the body takes.
    pub(crate) fn body(&self) -> usize {
        self.body as usize
    }

    /// Reads prefix and header, which are all of `head`, of an entry at that place.
    pub(crate) fn parse_header(&self, at: Location, head: &[u8]) -> Result<Parsed, String> {
        if !is_whole(at, head) {
            return Err("the checksum of the entry's header does not match".into());
        }
        let header = match self.version {
            version_1::VERSION => version_1::header(&head[PREFIX..]),
            _ => postcard::from_bytes(&head[PREFIX..]),
        };
        let header = header.map_err(|error| format!("its header: {error}"))?;
        let at = Location { segment: at.segment, offset: at.offset + head.len() as u64 };
        let body = Body { at, length: self.body, checksum: self.body_checksum };
        Ok(Parsed { version: self.version, code: self.code, header, body })
    }
}

/// Whether the checksum of `head`, the prefix and the header of an entry at that place, matches.
pub(crate) fn is_whole(at: Location, head: &[u8]) -> bool {
    header_checksum(at, head) == u32::from_le_bytes(head[20..PREFIX].try_into().expect("four bytes"))
}

impl Parsed {
    /// What a reader sees of it; none where it is not for readers.
    pub(crate) fn entry(&self) -> Option<Entry> {
        let kind = match self.code {
            Code::Records => Kind::Records,
            Code::Frontier => Kind::Frontier,
            Code::End => Kind::End,
            Code::Epoch => Kind::Epoch,
            Code::Mark => Kind::Mark(self.header.subject),
            Code::Trim => Kind::Trim(self.header.subject),
            Code::Closed => return None,
        };
        let header = &self.header;
        Some(Entry {
            kind,
            epoch: header.epoch,
            index: header.index,
            first: header.first,
            count: header.count,
            late: header.late,
            min_time: header.min_time,
            max_time: header.max_time,
            frontier: header.frontier,
            appended: header.appended,
            behind: header.behind,
            body: self.body,
        })
    }

    /// The sequence after its last record.
    pub(crate) fn end(&self) -> u64 {
        self.header.first + u64::from(self.header.count)
    }
}

/// Checks the bytes of a body; an error says what is wrong with them.
pub(crate) fn check_body(body: &Body, bytes: &[u8]) -> Result<(), String> {
    match crc32fast::hash(bytes) == body.checksum {
        true => Ok(()),
        false => Err("the checksum of the entry's records does not match".into()),
    }
}

/// Covers where the entry lies, too, so that bytes that got to a wrong place are no entry there.
fn header_checksum(at: Location, head: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&at.segment.to_le_bytes());
    hasher.update(&at.offset.to_le_bytes());
    hasher.update(&head[..20]);
    hasher.update(&head[PREFIX..]);
    hasher.finalize()
}
