//! What becomes of cursors, and what their readers may do.

use dag_model::{Position, StreamId, Timestamp};

use super::{Given, Refusal, Step};
use crate::cursor::{Cursor, Place};
use crate::entity::Entity;

/// The most cursors.
pub const MAX_CURSORS: usize = 10_000;

const NS_PER_MS: i64 = 1_000_000;

/// What a reader that begins says.
pub(super) struct Reading<'a> {
    pub stream: &'a str,
    pub source: Option<StreamId>,
    pub reader: Option<u64>,
    pub after: Option<Position>,
    pub place: &'a Place,
}

impl Step {
    pub(super) fn read(&mut self, name: &str, reading: &Reading<'_>, at: Timestamp) -> Result<Given, Refusal> {
        if reading.place.legs.is_empty() {
            return Err(Refusal::Nowhere(name.to_owned()));
        }
        let Some(before) = self.plan.cursor(name) else {
            if reading.reader.is_some() {
                return Err(Refusal::Missing(Entity::Cursor(name.to_owned())));
            }
            if self.plan.cursors_len() >= MAX_CURSORS {
                return Err(Refusal::Full { what: "cursors", most: MAX_CURSORS });
            }
            let reader = reader_after(0, at);
            let (stream, source, place) = (reading.stream.to_owned(), reading.source, reading.place.clone());
            let revision = self.revision;
            self.put_cursor(name, Cursor { stream, source, reader, place, created: at, acknowledged: None, revision });
            return Ok(Given::Reader(reader));
        };
        let mut cursor = Cursor::clone(before);
        if cursor.stream != reading.stream || cursor.source != reading.source {
            return Err(Refusal::Belongs { cursor: name.to_owned(), stream: cursor.stream });
        }
        match reading.reader {
            Some(reader) => admit(name, &cursor, reader)?,
            None => cursor.reader = reader_after(cursor.reader, at),
        }
        if let Some(after) = reading.after {
            pass(name, &mut cursor, after, at)?;
        }
        let before = std::mem::replace(&mut cursor.place, reading.place.clone()).next();
        // What was acknowledged since the reader looked stays so; a log that is no longer read has nothing to say.
        if let Some(read) = before.sequence.checked_sub(1) {
            let _ = cursor.place.pass(Position { sequence: read, ..before }, cursor.source.is_some());
        }
        let given = Given::Reader(cursor.reader);
        self.put_cursor(name, Cursor { revision: self.revision, ..cursor });
        Ok(given)
    }

    pub(super) fn acknowledge(
        &mut self,
        name: &str,
        reader: u64,
        after: Position,
        at: Timestamp,
    ) -> Result<(), Refusal> {
        let mut cursor = self.cursor(name)?;
        admit(name, &cursor, reader)?;
        if pass(name, &mut cursor, after, at)? {
            self.put_cursor(name, cursor);
        }
        Ok(())
    }

    pub(super) fn reset(&mut self, name: &str, place: &Place, at: Timestamp) -> Result<Given, Refusal> {
        if place.legs.is_empty() {
            return Err(Refusal::Nowhere(name.to_owned()));
        }
        let before = self.cursor(name)?;
        let reader = reader_after(before.reader, at);
        self.put_cursor(name, Cursor { reader, place: place.clone(), revision: self.revision, ..before });
        Ok(Given::Reader(reader))
    }

    pub(super) fn delete(&mut self, name: &str) -> Result<(), Refusal> {
        self.cursor(name)?;
        self.plan.put_cursor(name, None);
        self.touched.insert(Entity::Cursor(name.to_owned()));
        Ok(())
    }

    fn cursor(&self, name: &str) -> Result<Cursor, Refusal> {
        let cursor = self.plan.cursor(name).ok_or_else(|| Refusal::Missing(Entity::Cursor(name.to_owned())))?;
        Ok(Cursor::clone(cursor))
    }

    fn put_cursor(&mut self, name: &str, cursor: Cursor) {
        self.plan.put_cursor(name, Some(cursor));
        self.touched.insert(Entity::Cursor(name.to_owned()));
    }
}

/// The number of a reader that comes after another one: greater, also than those of a cursor of the same name that was deleted, for it
/// tells when it came, in milliseconds.
fn reader_after(previous: u64, at: Timestamp) -> u64 {
    u64::try_from(at.0 / NS_PER_MS).unwrap_or(0).max(previous.saturating_add(1))
}

/// Lets the newest reader pass, and no other.
fn admit(name: &str, cursor: &Cursor, reader: u64) -> Result<(), Refusal> {
    if reader == cursor.reader {
        return Ok(());
    }
    let since = Timestamp(i64::try_from(cursor.reader).unwrap_or(i64::MAX).saturating_mul(NS_PER_MS));
    Err(Refusal::TakenOver { cursor: name.to_owned(), since })
}

fn pass(name: &str, cursor: &mut Cursor, read: Position, at: Timestamp) -> Result<bool, Refusal> {
    let moved = cursor.place.pass(read, cursor.source.is_some()).map_err(|why| Refusal::from((name, why)))?;
    if moved {
        cursor.acknowledged = Some(at);
    }
    Ok(moved)
}
