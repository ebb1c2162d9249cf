//! All cursors, and who reads with which: what may happen to them, without the disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use dag_model::{Position, Timestamp};
use dag_plan::LeaseId;

use super::group::Group;
use crate::metadata::cursor::{Cursor, NotRead, Place};
use crate::readers::subscription::Subscriber;

/// The most cursors.
const MOST: usize = 10_000;

/// What cannot be done with a cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// There is none of that name.
    #[error("unknown cursor `{0}`: `dag cursors` lists those that there are")]
    Unknown(String),
    /// It is another stream's.
    #[error(
        "cursor `{name}` belongs to `{stream}`, not to `{asked}`: use another name, or `dag cursors delete {name}`"
    )]
    Belongs {
        /// The cursor.
        name: String,
        /// Its stream.
        stream: String,
        /// The other stream.
        asked: String,
    },
    /// It has a place, and was told another one.
    #[error(
        "cursor `{name}` goes on at {next}: leave out where to begin, or move it first with `dag cursors reset {name} --to WHERE`"
    )]
    Placed {
        /// The cursor.
        name: String,
        /// The next record.
        next: Position,
    },
    /// A newer reader has it.
    #[error("cursor `{name}` was taken over by a newer reader, at {since}")]
    TakenOver {
        /// The cursor.
        name: String,
        /// When.
        since: Timestamp,
    },
    /// It was moved while somebody read.
    #[error("cursor `{0}` was reset: subscribe again to go on from where it is now")]
    Reset(String),
    /// It was deleted while somebody read.
    #[error("cursor `{0}` was deleted")]
    Deleted(String),
    /// There are too many.
    #[error("there are {MOST} cursors, which is the limit: `dag cursors delete NAME` removes one")]
    TooMany,
    /// What is kept of it cannot be read.
    #[error("cursor `{name}` cannot be read: {why}; `dag cursors delete {name}` removes it")]
    Broken {
        /// The cursor.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// What was acknowledged cannot have been read.
    #[error("cursor `{name}`: {why}")]
    NotRead {
        /// The cursor.
        name: String,
        /// What was acknowledged.
        why: NotRead,
    },
}

/// How a subscription wants to use a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The cursor.
    pub name: String,
    /// Whether the subscription says itself where to begin.
    pub placed: bool,
    /// It goes on as that reader, instead of taking over.
    pub reader: Option<u64>,
    /// The last record that it has read.
    pub after: Option<Position>,
}

/// All cursors, and who reads with which.
#[derive(Default)]
pub struct Table {
    cursors: BTreeMap<String, Cursor>,
    /// Those that are kept and cannot be read, and why.
    broken: BTreeMap<String, String>,
    readers: BTreeMap<String, (LeaseId, Arc<Subscriber>)>,
    /// What is being made durable.
    pub group: Group,
}

impl Table {
    /// A table of those that were kept.
    pub fn new(cursors: BTreeMap<String, Cursor>, broken: BTreeMap<String, String>) -> Table {
        Table { cursors, broken, ..Table::default() }
    }

    /// One cursor.
    pub fn get(&self, name: &str) -> Result<&Cursor, CursorError> {
        self.cursors.get(name).ok_or_else(|| self.none(name))
    }

    /// Why there is no cursor of that name.
    fn none(&self, name: &str) -> CursorError {
        match self.broken.get(name) {
            Some(why) => CursorError::Broken { name: name.to_owned(), why: why.clone() },
            None => CursorError::Unknown(name.to_owned()),
        }
    }

    /// All cursors, and whether somebody reads with each.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Cursor, bool)> {
        self.cursors.iter().map(|(name, cursor)| (name.as_str(), cursor, self.readers.contains_key(name)))
    }

    /// Whether somebody reads with it.
    pub fn is_read(&self, name: &str) -> bool {
        self.readers.contains_key(name)
    }

    /// Where somebody would begin to read who comes now, where the cursor is there already. Nobody is sent away.
    pub fn look(&self, wish: &Wish, stream: &str) -> Result<Option<Place>, CursorError> {
        let name = &wish.name;
        if self.broken.contains_key(name) {
            return Err(self.none(name));
        }
        let Some(cursor) = self.cursors.get(name) else {
            return match wish.reader {
                Some(_) => Err(CursorError::Unknown(name.clone())),
                None if self.cursors.len() >= MOST => Err(CursorError::TooMany),
                None => Ok(None),
            };
        };
        if cursor.stream != stream {
            let (stream, asked) = (cursor.stream.clone(), stream.to_owned());
            return Err(CursorError::Belongs { name: name.clone(), stream, asked });
        }
        if wish.placed {
            return Err(CursorError::Placed { name: name.clone(), next: cursor.place.next() });
        }
        let mut place = cursor.place.clone();
        if let Some(reader) = wish.reader {
            admit(name, cursor, reader)?;
            if let Some(after) = wish.after {
                place
                    .pass(after, cursor.source.is_some())
                    .map_err(|why| CursorError::NotRead { name: name.clone(), why })?;
            }
        }
        Ok(Some(place))
    }

    /// Somebody comes to read who can: from now on nobody else may move the cursor. Answers the reader's number and, where the cursor is
    /// there already, its place.
    pub fn enter(&mut self, wish: &Wish, stream: &str, now: Timestamp) -> Result<(u64, Option<Place>), CursorError> {
        let name = &wish.name;
        let place = self.look(wish, stream)?;
        let Some(cursor) = self.cursors.get_mut(name) else { return Ok((number(0, now), None)) };
        match (wish.reader, wish.after) {
            (Some(_), Some(after)) => drop(pass(name, cursor, after, now)?),
            (Some(_), None) => {}
            (None, _) => cursor.reader = number(cursor.reader, now),
        }
        let entered = (cursor.reader, place);
        self.expel(name, |name, since| CursorError::TakenOver { name, since }, now);
        Ok(entered)
    }

    /// The reader that entered knows where it begins, and begins; with a cursor that is `new`, or with the one that was there.
    pub fn begin(
        &mut self,
        name: &str,
        cursor: Cursor,
        new: bool,
        (lease, subscriber): (LeaseId, &Arc<Subscriber>),
        now: Timestamp,
    ) -> Result<(), CursorError> {
        match self.cursors.get_mut(name) {
            Some(there) if new || there.reader != cursor.reader => return Err(taken_over(name, there)),
            Some(there) => {
                let before = std::mem::replace(&mut there.place, cursor.place).next();
                // What was acknowledged since it entered stays so; a log that is no longer read has nothing to say.
                if let Some(read) = before.sequence.checked_sub(1) {
                    let _ = there.place.pass(Position { sequence: read, ..before }, there.source.is_some());
                }
            }
            None if new => drop(self.cursors.insert(name.to_owned(), cursor)),
            None => return Err(CursorError::Deleted(name.to_owned())),
        }
        // The same reader may have come twice.
        self.expel(name, |name, since| CursorError::TakenOver { name, since }, now);
        self.readers.insert(name.to_owned(), (lease, subscriber.clone()));
        Ok(())
    }

    /// A reader is gone.
    pub fn leave(&mut self, name: &str, lease: LeaseId) {
        if self.readers.get(name).is_some_and(|(reader, _)| *reader == lease) {
            self.readers.remove(name);
        }
    }

    /// A reader has read everything up to a record. Answers whether that moves the cursor.
    pub fn acknowledge(
        &mut self,
        name: &str,
        reader: u64,
        after: Position,
        now: Timestamp,
    ) -> Result<bool, CursorError> {
        let cursor = self.cursors.get_mut(name).ok_or_else(|| CursorError::Unknown(name.to_owned()))?;
        admit(name, cursor, reader)?;
        pass(name, cursor, after, now)
    }

    /// Moves a cursor; whoever reads with it is sent away.
    pub fn reset(&mut self, name: &str, place: Place, now: Timestamp) -> Result<(), CursorError> {
        let cursor = self.cursors.get_mut(name).ok_or_else(|| CursorError::Unknown(name.to_owned()))?;
        cursor.reader = number(cursor.reader, now);
        cursor.place = place;
        self.expel(name, |name, _| CursorError::Reset(name), now);
        Ok(())
    }

    /// Deletes a cursor; whoever reads with it is sent away. One that cannot be read is answered as one of no stream.
    pub fn delete(&mut self, name: &str, now: Timestamp) -> Result<Cursor, CursorError> {
        if self.broken.remove(name).is_some() {
            let nowhere = Place { legs: vec![Position { run: 0, sequence: 0 }], from: Timestamp::MIN, newest: None };
            let (stream, source, acknowledged) = (String::new(), None, None);
            return Ok(Cursor { stream, source, reader: 0, place: nowhere, created: now, acknowledged });
        }
        let cursor = self.cursors.remove(name).ok_or_else(|| CursorError::Unknown(name.to_owned()))?;
        self.expel(name, |name, _| CursorError::Deleted(name), now);
        Ok(cursor)
    }

    fn expel(&mut self, name: &str, why: impl FnOnce(String, Timestamp) -> CursorError, now: Timestamp) {
        if let Some((_, subscriber)) = self.readers.remove(name) {
            subscriber.fail(why(name.to_owned(), now).into());
        }
    }
}

/// The number of a reader that comes after another one: greater, also than those of a cursor of the same name that was deleted, for
/// it tells when it came, in milliseconds.
fn number(previous: u64, now: Timestamp) -> u64 {
    u64::try_from(now.0 / NS_PER_MS).unwrap_or(0).max(previous + 1)
}

const NS_PER_MS: i64 = 1_000_000;

/// Lets the newest reader pass, and no other.
fn admit(name: &str, cursor: &Cursor, reader: u64) -> Result<(), CursorError> {
    if reader == cursor.reader { Ok(()) } else { Err(taken_over(name, cursor)) }
}

fn taken_over(name: &str, cursor: &Cursor) -> CursorError {
    let since = Timestamp(i64::try_from(cursor.reader).unwrap_or(i64::MAX).saturating_mul(NS_PER_MS));
    CursorError::TakenOver { name: name.to_owned(), since }
}

fn pass(name: &str, cursor: &mut Cursor, read: Position, now: Timestamp) -> Result<bool, CursorError> {
    let moved = cursor
        .place
        .pass(read, cursor.source.is_some())
        .map_err(|why| CursorError::NotRead { name: name.to_owned(), why })?;
    if moved {
        cursor.acknowledged = Some(now);
    }
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    const NOW: Timestamp = Timestamp(5_000 * NS_PER_MS);

    fn at(sequence: u64) -> Position {
        Position { run: 1, sequence }
    }

    fn place(sequence: u64) -> Place {
        Place { legs: vec![at(sequence)], from: Timestamp::MIN, newest: None }
    }

    fn wish(reader: Option<u64>, after: Option<Position>) -> Wish {
        Wish { name: "c".to_owned(), placed: false, reader, after }
    }

    /// Enters and begins.
    fn read(table: &mut Table, lease: u64, wish: &Wish) -> Result<(u64, Place, Arc<Subscriber>), CursorError> {
        let (reader, resumed) = table.enter(wish, "x", NOW)?;
        let new = resumed.is_none();
        let place = resumed.unwrap_or_else(|| place(10));
        let subscriber = Arc::new(Subscriber::new(None));
        let cursor = Cursor {
            stream: "x".to_owned(),
            source: None,
            reader,
            place: place.clone(),
            created: NOW,
            acknowledged: None,
        };
        table.begin("c", cursor, new, (LeaseId(lease), &subscriber), NOW)?;
        Ok((reader, place, subscriber))
    }

    #[test]
    fn there_are_so_many_cursors_and_no_more() {
        let mut table = Table::default();
        read(&mut table, 1, &wish(None, None)).unwrap();
        let cursor = table.get("c").unwrap().clone();
        table.cursors.extend((2..MOST).map(|number| (format!("c{number}"), cursor.clone())));
        let new = |name: &str| Wish { name: name.to_owned(), ..wish(None, None) };
        assert!(table.enter(&new("last"), "x", NOW).is_ok(), "one is left");
        table.cursors.insert("last".to_owned(), cursor);
        assert_eq!(table.enter(&new("more"), "x", NOW), Err(CursorError::TooMany));
        assert!(table.enter(&new("c2"), "x", NOW).is_ok(), "who comes back finds its own");
    }

    #[test]
    fn a_newer_reader_takes_over_and_what_the_older_one_acknowledges_is_refused() {
        let mut table = Table::default();
        let (first, _, subscriber) = read(&mut table, 1, &wish(None, None)).unwrap();
        assert_eq!(table.acknowledge("c", first, at(14), NOW), Ok(true));
        let (second, begun, _) = read(&mut table, 2, &wish(None, None)).unwrap();
        assert_eq!((begun, second > first), (place(15), true));
        let told = subscriber.failure().expect("the older one is told").message;
        assert!(told.starts_with("cursor `c` was taken over by a newer reader"), "{told}");
        let late = table.acknowledge("c", first, at(20), NOW);
        assert!(matches!(late, Err(CursorError::TakenOver { .. })), "{late:?}");
        assert_eq!(table.get("c").unwrap().place, place(15));
        table.leave("c", LeaseId(1));
        assert!(table.is_read("c"), "the newer one stays");
    }

    #[test]
    fn whoever_only_looks_sends_nobody_away() {
        let mut table = Table::default();
        let (reader, _, subscriber) = read(&mut table, 1, &wish(None, None)).unwrap();
        assert_eq!(table.look(&wish(None, None), "x"), Ok(Some(place(10))));
        assert_eq!(table.look(&wish(Some(reader), Some(at(19))), "x"), Ok(Some(place(20))));
        assert_eq!((subscriber.failure(), table.get("c").unwrap().place.clone()), (None, place(10)));
        assert_eq!(table.acknowledge("c", reader, at(14), NOW), Ok(true), "it still has the cursor");
    }

    #[test]
    fn a_reader_whose_connection_broke_goes_on_as_itself_and_not_once_another_has_come() {
        let mut table = Table::default();
        let (reader, ..) = read(&mut table, 1, &wish(None, None)).unwrap();
        let (same, begun, _) = read(&mut table, 2, &wish(Some(reader), Some(at(29)))).unwrap();
        assert_eq!((same, begun), (reader, place(30)));
        read(&mut table, 3, &wish(None, None)).unwrap();
        let refused = read(&mut table, 4, &wish(Some(reader), None)).map(drop);
        assert!(matches!(refused, Err(CursorError::TakenOver { .. })), "{refused:?}");
    }

    #[test]
    fn of_two_that_enter_at_once_one_begins() {
        let mut table = Table::default();
        assert_eq!(table.enter(&wish(None, None), "x", NOW).map(|(_, there)| there), Ok(None));
        read(&mut table, 1, &wish(None, None)).unwrap();
        let first = table.get("c").unwrap().clone();
        let refused = table.begin("c", first, true, (LeaseId(2), &Arc::new(Subscriber::new(None))), NOW);
        assert!(matches!(refused, Err(CursorError::TakenOver { .. })), "both made it: {refused:?}");

        let (early, resumed) = table.enter(&wish(None, None), "x", NOW).unwrap();
        read(&mut table, 2, &wish(None, None)).unwrap();
        let cursor = Cursor { reader: early, place: resumed.unwrap(), ..table.get("c").unwrap().clone() };
        let refused = table.begin("c", cursor, false, (LeaseId(3), &Arc::new(Subscriber::new(None))), NOW);
        assert!(matches!(refused, Err(CursorError::TakenOver { .. })), "the other came later: {refused:?}");
    }

    #[test]
    fn what_is_acknowledged_while_a_reader_comes_back_stays_so() {
        let mut table = Table::default();
        let (reader, ..) = read(&mut table, 1, &wish(None, None)).unwrap();
        let (_, resumed) = table.enter(&wish(Some(reader), None), "x", NOW).unwrap();
        table.acknowledge("c", reader, at(19), NOW).unwrap();
        let cursor = Cursor { place: resumed.unwrap(), ..table.get("c").unwrap().clone() };
        table.begin("c", cursor, false, (LeaseId(2), &Arc::new(Subscriber::new(None))), NOW).unwrap();
        assert_eq!(table.get("c").unwrap().place, place(20));
    }

    #[test]
    fn a_cursor_belongs_to_one_stream_and_has_one_place() {
        let mut table = Table::default();
        read(&mut table, 1, &wish(None, None)).unwrap();
        let other = table.enter(&wish(None, None), "y", NOW).unwrap_err().to_string();
        assert_eq!(other, "cursor `c` belongs to `x`, not to `y`: use another name, or `dag cursors delete c`");
        let placed = table.enter(&Wish { placed: true, ..wish(None, None) }, "x", NOW).unwrap_err().to_string();
        assert!(placed.contains("goes on at 1:10") && placed.contains("dag cursors reset c"), "{placed}");
    }

    #[test]
    fn a_cursor_that_cannot_be_read_is_kept_from_use_until_it_is_deleted() {
        let mut table = Table::new(BTreeMap::new(), BTreeMap::from([("c".to_owned(), "it is damaged".to_owned())]));
        let refused = table.enter(&wish(None, None), "x", NOW).unwrap_err().to_string();
        assert_eq!(refused, "cursor `c` cannot be read: it is damaged; `dag cursors delete c` removes it");
        table.delete("c", NOW).unwrap();
        assert!(table.enter(&wish(None, None), "x", NOW).is_ok());
    }

    #[test]
    fn who_resets_or_deletes_sends_readers_away_also_their_late_acknowledgements() {
        let mut table = Table::default();
        let (reader, _, subscriber) = read(&mut table, 1, &wish(None, None)).unwrap();
        table.reset("c", place(0), NOW).unwrap();
        assert_eq!(subscriber.failure().map(|error| error.code), Some(Code::Fenced));
        assert!(table.acknowledge("c", reader, at(20), NOW).is_err());
        assert_eq!(table.get("c").unwrap().place, place(0));
        table.delete("c", NOW).unwrap();
        assert_eq!(table.acknowledge("c", reader, at(20), NOW), Err(CursorError::Unknown("c".to_owned())));
    }
}
