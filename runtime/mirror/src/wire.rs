//! What a mirror asks of an origin, and what that answers: postcard, each question and each part of an answer by itself.
//!
//! | question | parts of its answer |
//! |---|---|
//! | [`Ask::Pull`] | [`Told::Base`], [`Told::Same`] or [`Told::Refused`], which ends it; then [`Told::Heads`] without end, and [`Told::Still`] in between |
//! | [`Ask::Bodies`] | for each body that is wanted [`Told::Piece`]s in order, or [`Told::Gone`]; then the end |

use dag_log::{Base, Earliest, End, Entry, Head};
use serde::{Deserialize, Serialize};

use crate::limits::{MAX_ASK, MAX_PART};

/// The version of all of it. An origin refuses a question of another.
pub const VERSION: u16 = 1;

/// A question. The codes are what goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// All appends that are visible, in order, and those to come.
    Pull {
        /// The version of what is asked.
        version: u16,
        /// From where on.
        begin: Begin,
        /// Bodies that are no longer than that come with their heads.
        inline: u32,
    },
    /// Some bodies.
    Bodies {
        /// The version of what is asked.
        version: u16,
        /// At most [`MAX_BODIES`](crate::limits::MAX_BODIES).
        wanted: Vec<Wanted>,
    },
}

/// From where on a mirror pulls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Begin {
    /// It is made: with the append that has the record of that sequence, or with what comes next where there is none yet.
    At(u64),
    /// It goes on behind what it has.
    After(End),
}

/// A body that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Wanted {
    /// The sequence of the entry's first record.
    pub first: u64,
    /// The length of the body.
    pub length: u32,
    /// Its CRC-32.
    pub checksum: u32,
}

impl Wanted {
    /// The body of that entry.
    pub fn of(entry: &Entry) -> Wanted {
        Wanted { first: entry.first, length: entry.body_length(), checksum: entry.body_checksum() }
    }
}

/// A part of an answer. The codes are what goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// What a mirror that is made begins with.
    Base(Box<Base>),
    /// The log has all that the mirror has.
    Same,
    /// There is nothing to pull here.
    Refused(Refused),
    /// The next entries.
    Heads(Vec<Carried>),
    /// The origin is there.
    Still {
        /// What is left at the front of the log.
        front: Earliest,
        /// For how many milliseconds it has not heard of whoever leads the stream.
        age: u64,
    },
    /// The next bytes of a body.
    Piece {
        /// The sequence of the entry's first record.
        first: u64,
        /// How many bytes of it came before.
        at: u32,
        /// Some bytes.
        bytes: Vec<u8>,
    },
    /// A body is not to be had here.
    Gone {
        /// The sequence of the entry's first record.
        first: u64,
        /// The earliest sequence that is left, if the body has been trimmed; else the log has no such entry.
        earliest: Option<u64>,
    },
}

/// The next entry, with a body that is short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The entry.
    pub head: Head,
    /// Its body, if it has one and that comes along.
    pub body: Option<Vec<u8>>,
}

/// Why there is nothing to pull.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refused {
    /// The log is not as far as the mirror, or in an epoch before.
    Behind,
    /// The log is another from some place on.
    Cut {
        /// The epoch of the mirror's last append.
        epoch: u64,
        /// The sequence after the last record that is left of that epoch.
        end: u64,
    },
    /// What comes next has been trimmed.
    Trimmed {
        /// The earliest sequence that is left.
        earliest: u64,
    },
    /// The log was removed.
    Removed,
    /// The question is of another version.
    Version(u16),
    /// The log cannot be read.
    Failed(String),
}

impl Ask {
    /// The bytes that are sent.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("plain data encodes")
    }

    /// What those bytes ask; an error says what is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Ask, String> {
        decode(bytes, MAX_ASK)
    }
}

impl Told {
    /// The bytes that are sent.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("plain data encodes")
    }

    /// What those bytes tell; an error says what is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Told, String> {
        decode(bytes, MAX_PART)
    }
}

/// Memory is taken for what is there, never for what a length claims.
fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8], limit: usize) -> Result<T, String> {
    if bytes.len() > limit {
        return Err(format!("{} bytes where at most {limit} may come", bytes.len()));
    }
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(format!("{} bytes are left over", rest.len())),
        Err(error) => Err(error.to_string()),
    }
}
