//! What the first version of the format says, taken for what it means in the present one.
//!
//! Its appends had no indexes: all of them have index 0 and are the base of those that come later, which begin in a new segment.
//! Publishers had neither allowances nor bookmarks of their own, columns no ids: they get their places, from 0.
//!
//! The structs are encoded in postcard, in the order of their fields.

use dag_model::{Frontier, Timestamp};
use serde::Deserialize;

use crate::entry::Header;
use crate::index::{Index, Point};
use crate::publishers::{Attendance, PublisherRecord};
use crate::segment::{Columns, Epoch, SegmentHeader, numbered};

/// The version of segments and of entries.
pub(crate) const VERSION: u8 = 1;

#[derive(Deserialize)]
struct Publisher {
    name: String,
    session: u64,
    last_batch: u64,
    heard: Timestamp,
    latest: Option<Timestamp>,
    joined: Option<Attendance>,
}

impl From<Publisher> for PublisherRecord {
    fn from(old: Publisher) -> PublisherRecord {
        let Publisher { name, session, last_batch, heard, latest, joined } = old;
        PublisherRecord { name, session, last_batch, heard, latest, joined, allowance: None, bookmark: Vec::new() }
    }
}

#[derive(Deserialize)]
struct OldSegmentHeader {
    number: u64,
    schemas: Vec<Vec<(String, u8)>>,
    epochs: Vec<(u64, u64)>,
    first: u64,
    late: u64,
    max_time: Timestamp,
    frontier: Frontier,
    hash: Vec<u64>,
    publishers: Vec<Publisher>,
}

/// The header of a segment, by its content.
pub(crate) fn segment_header(content: &[u8]) -> Result<SegmentHeader, postcard::Error> {
    let old: OldSegmentHeader = postcard::from_bytes(content)?;
    let schemas: Vec<Columns> =
        old.schemas.into_iter().map(|columns| Columns { first: 0, columns: numbered(columns) }).collect();
    let columns = schemas.iter().map(|schema| schema.columns.len() as u32).max().unwrap_or(0);
    Ok(SegmentHeader {
        number: old.number,
        index: 0,
        schemas,
        columns,
        epochs: old.epochs.into_iter().map(|(epoch, first)| Epoch { epoch, index: 0, first }).collect(),
        mark: 0,
        trimmed: 0,
        first: old.first,
        late: old.late,
        max_time: old.max_time,
        frontier: old.frontier,
        hash: old.hash,
        publishers: old.publishers.into_iter().map(PublisherRecord::from).collect(),
    })
}

#[derive(Deserialize)]
struct OldPoint {
    offset: u64,
    sequence: u64,
    max_time: Timestamp,
    frontier: Frontier,
}

impl From<OldPoint> for Point {
    fn from(OldPoint { offset, sequence, max_time, frontier }: OldPoint) -> Point {
        Point { offset, index: 0, sequence, max_time, frontier }
    }
}

#[derive(Deserialize)]
struct OldIndex {
    points: Vec<OldPoint>,
    end: OldPoint,
    last_appended: Timestamp,
}

/// The index of a segment, by its content.
pub(crate) fn index(content: &[u8]) -> Result<Index, postcard::Error> {
    let OldIndex { points, end, last_appended } = postcard::from_bytes(content)?;
    Ok(Index { points: points.into_iter().map(Point::from).collect(), end: end.into(), last_appended })
}

#[derive(Deserialize)]
struct OldHeader {
    epoch: u64,
    first: u64,
    count: u32,
    late: u32,
    min_time: Timestamp,
    max_time: Timestamp,
    frontier: Frontier,
    appended: Timestamp,
    part: u32,
    parts: u32,
    durable: u64,
    publishers: Vec<Publisher>,
    hash: Vec<u64>,
}

/// The header of an entry, by its bytes.
pub(crate) fn header(bytes: &[u8]) -> Result<Header, postcard::Error> {
    let old: OldHeader = postcard::from_bytes(bytes)?;
    Ok(Header {
        epoch: old.epoch,
        index: 0,
        first: old.first,
        count: old.count,
        late: old.late,
        min_time: old.min_time,
        max_time: old.max_time,
        frontier: old.frontier,
        appended: old.appended,
        part: old.part,
        parts: old.parts,
        durable: old.durable,
        publishers: old.publishers.into_iter().map(PublisherRecord::from).collect(),
        forgotten: Vec::new(),
        hash: old.hash,
        behind: false,
        subject: 0,
        columns: Vec::new(),
    })
}
