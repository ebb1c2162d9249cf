//! A segment: one file of a log.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dag_model::{Field, Frontier, Schema, Timestamp, Type};
use serde::{Deserialize, Serialize};

use crate::entry::Location;
use crate::framed;
use crate::index::{Index, Point};
use crate::publishers::PublisherRecord;

/// Where an epoch of a log begins. The order of its fields is persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    /// Its number.
    pub epoch: u64,
    /// The index of its first append; 0 where its appends have none.
    pub index: u64,
    /// The sequence of its first record.
    pub first: u64,
}

/// Notes in a table of epochs that one begins with the append of that index, whose first record has that sequence.
pub(crate) fn begin_epoch(epochs: &mut Vec<Epoch>, begun: Epoch) {
    // Of one in which nothing was appended nothing is left.
    epochs.retain(|before| before.index == 0 || before.index != begun.index);
    epochs.push(begun);
}

/// A version of a stream's schema. The order of its fields is persisted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Columns {
    /// The sequence of the first record that has it.
    pub(crate) first: u64,
    /// The columns besides the time.
    pub(crate) columns: Vec<Column>,
}

/// A column: the same one in all versions of a schema that have its id, whatever its name and type there. The order of its fields is
/// persisted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Column {
    /// Never used again for another one.
    pub(crate) id: u32,
    pub(crate) name: String,
    /// The code of its type.
    pub(crate) ty: u8,
}

/// Columns with ids from 0 on.
pub(crate) fn numbered(columns: impl IntoIterator<Item = (String, u8)>) -> Vec<Column> {
    columns.into_iter().zip(0..).map(|((name, ty), id)| Column { id, name, ty }).collect()
}

/// The first bytes of a segment. They are persisted.
pub(crate) const MAGIC: [u8; 4] = *b"dagS";

/// What the header of a segment says: all that its entries build on. The order of its fields is persisted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentHeader {
    /// The number of the segment in its log; it is part of the file's name.
    pub(crate) number: u64,
    /// The index of the last append before it; 0 where there is none, or none that has one.
    pub(crate) index: u64,
    /// The versions of the stream's schema, ascending; the last one is in force.
    pub(crate) schemas: Vec<Columns>,
    /// The id that the next new column gets.
    pub(crate) columns: u32,
    /// Where epochs began, ascending; the last one is in force.
    pub(crate) epochs: Vec<Epoch>,
    /// The revision that the last mark before it names; 0 where there is none.
    pub(crate) mark: u64,
    /// Records before this sequence have been trimmed.
    pub(crate) trimmed: u64,
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
        let schema = self.schemas.last().ok_or("the header has no schema")?;
        let field = |Column { name, ty, .. }: &Column| match Type::from_code(*ty) {
            Some(ty) => Ok(Field::new(name, ty)),
            None => Err(format!("column `{name}` has the unknown type code {ty}")),
        };
        Ok(Schema::new(schema.columns.iter().map(field).collect::<Result<_, _>>()?))
    }

    /// What comes before the entry at `offset`, which is the first one.
    pub(crate) fn start(&self, offset: u64) -> Point {
        let SegmentHeader { index, first: sequence, max_time, frontier, .. } = *self;
        Point { offset, index, sequence, max_time, frontier }
    }
}

/// The first schema of a log.
pub(crate) fn first_schema(schema: &Schema) -> Columns {
    let columns = schema.fields.iter().map(|field| (field.name.clone(), field.ty as u8));
    Columns { first: 0, columns: numbered(columns) }
}

/// A file of a log, and where to find what in it.
pub(crate) struct Segment {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    /// Whether it is of an older version, to which nothing is appended.
    pub(crate) old: bool,
    index: Mutex<Index>,
}

impl Segment {
    pub(crate) fn new(dir: &Path, number: u64, old: bool, index: Index) -> Segment {
        Segment { number, path: path(dir, number), old, index: Mutex::new(index) }
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
