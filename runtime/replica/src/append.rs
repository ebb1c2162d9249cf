//! An append: what a leader adds to a log at once, and the unit of everything. It is written, acknowledged, committed, shown and
//! cut off as a whole (C2), and takes an index whether it has records or not (C1).

use std::fmt;
use std::sync::Arc;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::point::{Epoch, Index, Point};

/// What an append is, as far as the protocol has to know. Persisted and sent: the order of the variants and fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Records, and whose batch they are where their publisher has a name.
    Records(Option<Batch>),
    /// A frontier, or anything else without records that only the stream's own rules understand.
    Note,
    /// The first of its epoch.
    Epoch,
    /// The leader knows of a change of the set: once this is committed in both sets, the change can be finished.
    Set,
    /// Here the plan's revision of this number takes effect.
    Mark(u64),
    /// What lies up to this index need not be kept.
    Trim(Index),
    /// These publishers are remembered no longer.
    Forget(Vec<String>),
    /// The publisher leaves after this batch.
    Leave(Batch),
    /// The publisher's history ends with this batch.
    Done(Batch),
    /// Nothing follows in this stream, and the last batch of who said so.
    Seal(Option<Batch>),
}

impl Kind {
    /// Whether it comes from a publisher and has records.
    pub fn has_records(&self) -> bool {
        matches!(self, Kind::Records(_))
    }
}

/// A batch of a publisher that has a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Batch {
    /// The publisher.
    pub publisher: String,
    /// Which run of it. A greater one takes the name over from a lower one.
    pub session: u64,
    /// The batch's number in the session, from 1.
    pub number: u64,
}

/// An append without its body: what a replica keeps in memory of what is not committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Where it is.
    pub point: Point,
    /// What it is.
    pub kind: Kind,
}

/// An append as it is written and sent. Its body travels as it lies on disk; places and checksums are each replica's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Append {
    /// Where it is and what it is.
    pub header: Header,
    /// What the stream keeps: the protocol does not look into it.
    pub body: Body,
}

impl Append {
    /// Its epoch.
    pub fn epoch(&self) -> Epoch {
        self.header.point.epoch
    }

    /// Its index.
    pub fn index(&self) -> Index {
        self.header.point.index
    }

    /// The bytes that it counts for where bytes are limited.
    pub fn size(&self) -> usize {
        self.body.0.len() + 64
    }
}

/// Bytes that are shared, not copied.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Body(pub Arc<[u8]>);

impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Body {
        Body(bytes.into())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Body, D::Error> {
        struct Bytes;

        impl<'de> Visitor<'de> for Bytes {
            type Value = Body;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Body, E> {
                Ok(bytes.into())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Body, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = items.next_element()? {
                    bytes.push(byte);
                }
                Ok(bytes.as_slice().into())
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}
