//! How much memory the records of a body take, and how much they may.

use dag_model::{Schema, Type};

use super::columns::Column;
use super::{Decoder, Room};
use crate::BodyError;

/// What any body may come to: what a few thousand records of a thousand columns take.
const BASE: u64 = 32 << 20;

/// What each byte of a body may come to besides: a record of one byte in CSV takes less than thirty.
const PER_BYTE: u64 = 16;

/// Memory is asked for so much at a time.
const STEP: u64 = 64 << 10;

/// The most memory that the records of a body of so many bytes may take.
pub const fn most_decoded(body: usize) -> u64 {
    BASE + PER_BYTE * body as u64
}

/// The memory that the records of one body take so far.
pub(super) struct Size<'a> {
    room: Option<&'a dyn Room>,
    limit: u64,
    columns: usize,
    /// What each record takes besides its text.
    width: u64,
    taken: u64,
    /// What has been asked for.
    granted: u64,
}

impl<'a> Size<'a> {
    /// Of a body of so many bytes.
    pub fn new(decoder: Decoder<'a>, body: usize) -> Size<'a> {
        let columns = decoder.schema.fields.len() + 1;
        Size {
            room: decoder.room,
            limit: most_decoded(body),
            columns,
            width: width(decoder.schema),
            taken: 0,
            granted: 0,
        }
    }

    /// Counts so many records more.
    pub fn add(&mut self, records: u64) -> Result<(), BodyError> {
        self.take(self.width.saturating_mul(records))
    }

    /// Counts so many bytes more.
    pub fn take(&mut self, bytes: u64) -> Result<(), BodyError> {
        self.taken = self.taken.saturating_add(bytes);
        if self.taken > self.limit {
            return Err(BodyError::TooMuch { limit: self.limit, width: self.width, columns: self.columns });
        }
        if self.taken > self.granted {
            let more = (self.taken - self.granted).next_multiple_of(STEP);
            if self.room.is_some_and(|room| !room.take(more)) {
                return Err(BodyError::NoRoom);
            }
            self.granted += more;
        }
        Ok(())
    }
}

/// The bytes of a record: a value in each column, the time in front, and the line that it came from.
fn width(schema: &Schema) -> u64 {
    let columns: u64 = schema.fields.iter().map(|field| Column::width(field.ty)).sum();
    8 + Column::width(Type::Timestamp) + columns
}
