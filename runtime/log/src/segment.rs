//! A segment: one file of a log.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dag_model::{Field, Frontier, Schema, Timestamp, Type};
use serde::{Deserialize, Serialize};

use crate::entry::Location;
use crate::framed;
use crate::index::{Index, Point};
use crate::publishers::PublisherRecord;

/// The first bytes of a segment. They are persisted.
pub(crate) const MAGIC: [u8; 4] = *b"dagS";

/// What the header of a segment says: all that its entries build on. The order of its fields is persisted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentHeader {
    /// The number of the segment in its log; it is part of the file's name.
    pub(crate) number: u64,
    /// The versions of the stream's schema, the last one in force: per column its name and its type's code.
    pub(crate) schemas: Vec<Vec<(String, u8)>>,
    /// Epochs and the sequence that each began with, ascending; the last one is in force.
    pub(crate) epochs: Vec<(u64, u64)>,
    /// The sequence of the segment's first record.
    pub(crate) first: u64,
    /// Late records before it.
    pub(crate) late: u64,
    /// The greatest time of any record before it.
    pub(crate) max_time: Timestamp,
    /// The frontier before it.
    pub(crate) frontier: Frontier,
    /// The running hash before it.
    pub(crate) hash: Vec<u64>,
    /// The publishers that are remembered.
    pub(crate) publishers: Vec<PublisherRecord>,
}

impl SegmentHeader {
    /// The header as it lies at the front of the file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        framed::encode(MAGIC, self)
    }

    /// The schema in force; an error where a type has an unknown code.
    pub(crate) fn schema(&self) -> Result<Schema, String> {
        let columns = self.schemas.last().ok_or("the header has no schema")?;
        let field = |(name, code): &(String, u8)| match Type::from_code(*code) {
            Some(ty) => Ok(Field::new(name, ty)),
            None => Err(format!("column `{name}` has the unknown type code {code}")),
        };
        Ok(Schema::new(columns.iter().map(field).collect::<Result<_, _>>()?))
    }

    /// What comes before the entry at `offset`, which is the first one.
    pub(crate) fn start(&self, offset: u64) -> Point {
        Point { offset, sequence: self.first, max_time: self.max_time, frontier: self.frontier }
    }
}

/// A schema as a segment's header has it.
pub(crate) fn schema_columns(schema: &Schema) -> Vec<(String, u8)> {
    schema.fields.iter().map(|field| (field.name.clone(), field.ty as u8)).collect()
}

/// A file of a log, and where to find what in it.
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    index: Mutex<Index>,
}

impl Segment {
    pub(crate) fn new(dir: &Path, number: u64, index: Index) -> Segment {
        Segment { number, path: path(dir, number), index: Mutex::new(index) }
    }

    pub(crate) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of the first entry.
    pub(crate) fn start(&self) -> Location {
        Location { segment: self.number, offset: self.index().start().offset }
    }

    /// The name of its file until the header is whole.
    pub(crate) fn unfinished_path(&self) -> PathBuf {
        self.path.with_extension("new")
    }

    /// The file that the index of a sealed segment is kept in.
    pub(crate) fn index_path(&self) -> PathBuf {
        self.path.with_extension("idx")
    }
}

/// The file of a segment. The name is persisted.
pub(crate) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:020}.seg"))
}

/// The number of the segment with that file name; none if it is no segment's.
pub(crate) fn number(name: &str) -> Option<u64> {
    name.strip_suffix(".seg").filter(|digits| digits.len() == 20)?.parse().ok()
}
