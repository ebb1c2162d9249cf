//! Who reads with which cursor, and what one may wish of one.

use std::collections::BTreeMap;
use std::sync::Arc;

use dag_model::{Position, Timestamp};
use dag_plan::apply::MAX_CURSORS;
use dag_plan::{Cursor, Entity, LeaseId, NotRead, Place, Plan, Refusal, Revision};

use crate::metadata::MetaError;
use crate::readers::subscriber::Subscriber;

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
    #[error("there are {MAX_CURSORS} cursors, which is the limit: `dag cursors delete NAME` removes one")]
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

/// Why a cursor is as it was.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotChanged {
    /// That cannot be done with it.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The metadata does not take it.
    #[error("cursor `{name}` is as it was: {why}")]
    Kept {
        /// The cursor.
        name: String,
        /// Why.
        why: MetaError,
    },
    /// Others took it again and again while somebody tried to begin with it.
    #[error("cursor `{0}` changes hands all the time: try again")]
    Contended(String),
}

impl NotChanged {
    /// What the plan says of a change of a cursor, or the disk. `asked` is the stream that was asked for.
    pub fn of(name: &str, asked: &str, why: MetaError) -> NotChanged {
        let name = name.to_owned();
        let error = match why {
            MetaError::Refused(Refusal::Missing(_)) => CursorError::Unknown(name),
            MetaError::Refused(Refusal::TakenOver { since, .. }) => CursorError::TakenOver { name, since },
            MetaError::Refused(Refusal::NotRead { position, .. }) => {
                CursorError::NotRead { name, why: NotRead(position) }
            }
            MetaError::Refused(Refusal::Belongs { stream, .. }) => {
                CursorError::Belongs { name, stream, asked: asked.to_owned() }
            }
            MetaError::Refused(Refusal::Full { .. }) => CursorError::TooMany,
            why => return NotChanged::Kept { name, why },
        };
        NotChanged::Cursor(error)
    }
}

/// Who reads with which cursor.
#[derive(Default)]
pub struct Table {
    /// Cursors that are kept and cannot be read, and why.
    broken: BTreeMap<String, String>,
    readers: BTreeMap<String, (LeaseId, Arc<Subscriber>)>,
}

impl Table {
    /// Nobody reads yet.
    pub fn new(broken: BTreeMap<String, String>) -> Table {
        Table { broken, readers: BTreeMap::new() }
    }

    /// Why there is no cursor of that name.
    pub fn none(&self, name: &str) -> CursorError {
        match self.broken.get(name) {
            Some(why) => CursorError::Broken { name: name.to_owned(), why: why.clone() },
            None => CursorError::Unknown(name.to_owned()),
        }
    }

    /// Whether what is kept of a cursor cannot be read.
    pub fn is_broken(&self, name: &str) -> bool {
        self.broken.contains_key(name)
    }

    /// What could not be read of a cursor has been removed.
    pub fn mend(&mut self, name: &str) {
        self.broken.remove(name);
    }

    /// Whether somebody reads with it.
    pub fn is_read(&self, name: &str) -> bool {
        self.readers.contains_key(name)
    }

    /// Where somebody would begin to read who comes now, where the cursor is there already, and the revision of the cursor that this is
    /// true of. Nobody is sent away.
    pub fn look(&self, plan: &Plan, wish: &Wish, stream: &str) -> Result<(Option<Place>, Revision), CursorError> {
        let name = &wish.name;
        if self.broken.contains_key(name) {
            return Err(self.none(name));
        }
        let revision = plan.revision_of(&Entity::Cursor(name.clone()));
        let Some(cursor) = plan.cursor(name) else {
            return match wish.reader {
                Some(_) => Err(CursorError::Unknown(name.clone())),
                None if plan.cursors_len() >= MAX_CURSORS => Err(CursorError::TooMany),
                None => Ok((None, revision)),
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
            if reader != cursor.reader {
                return Err(taken_over(name, cursor));
            }
            if let Some(after) = wish.after {
                let passed = place.pass(after, cursor.source.is_some());
                passed.map_err(|why| CursorError::NotRead { name: name.clone(), why })?;
            }
        }
        Ok((Some(place), revision))
    }

    /// A reader that the plan has given that number begins; whoever has read before is sent away, unless it is newer.
    pub fn begin(
        &mut self,
        plan: &Plan,
        name: &str,
        number: u64,
        (lease, subscriber): (LeaseId, &Arc<Subscriber>),
        now: Timestamp,
    ) -> Result<(), CursorError> {
        match plan.cursor(name) {
            None => return Err(CursorError::Deleted(name.to_owned())),
            Some(cursor) if cursor.reader != number => return Err(taken_over(name, cursor)),
            Some(_) => {}
        }
        self.expel(name, CursorError::TakenOver { name: name.to_owned(), since: now });
        self.readers.insert(name.to_owned(), (lease, subscriber.clone()));
        Ok(())
    }

    /// A reader is gone.
    pub fn leave(&mut self, name: &str, lease: LeaseId) {
        if self.readers.get(name).is_some_and(|(reader, _)| *reader == lease) {
            self.readers.remove(name);
        }
    }

    /// Sends whoever reads with a cursor away.
    pub fn expel(&mut self, name: &str, why: CursorError) {
        if let Some((_, subscriber)) = self.readers.remove(name) {
            subscriber.dismiss(why.into());
        }
    }
}

const NS_PER_MS: i64 = 1_000_000;

/// A reader's number tells when it came.
fn taken_over(name: &str, cursor: &Cursor) -> CursorError {
    let since = Timestamp(i64::try_from(cursor.reader).unwrap_or(i64::MAX).saturating_mul(NS_PER_MS));
    CursorError::TakenOver { name: name.to_owned(), since }
}

#[cfg(test)]
mod tests {
    use dag_plan::{Change, Given, Proposal, apply};

    use super::*;
    use crate::readers::error::ReaderError;

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

    /// Who comes with that wish is given a number, unless the plan refuses it.
    fn read(plan: &mut Plan, wish: &Wish, place: &Place) -> Result<u64, Refusal> {
        let Wish { name, reader, after, .. } = wish.clone();
        let (stream, source, place) = ("x".to_owned(), None, place.clone());
        let change = Change::Read { cursor: name, stream, source, reader, after, place, at: NOW };
        match apply(plan, &Proposal::of([change]))?.given[..] {
            [Given::Reader(number)] => Ok(number),
            ref given => panic!("{given:?}"),
        }
    }

    fn subscriber() -> Arc<Subscriber> {
        Arc::new(Subscriber::new(None))
    }

    #[test]
    fn whoever_only_looks_sends_nobody_away() {
        let (mut plan, mut table, first) = (Plan::default(), Table::default(), subscriber());
        assert_eq!(table.look(&plan, &wish(None, None), "x"), Ok((None, Revision(0))));
        let reader = read(&mut plan, &wish(None, None), &place(10)).unwrap();
        table.begin(&plan, "c", reader, (LeaseId(1), &first), NOW).unwrap();
        let place_of = |wish: &Wish| table.look(&plan, wish, "x").map(|(place, _)| place);
        assert_eq!(place_of(&wish(None, None)), Ok(Some(place(10))));
        assert_eq!(place_of(&wish(Some(reader), Some(at(19)))), Ok(Some(place(20))));
        assert_eq!((first.failure().is_none(), plan.cursor("c").unwrap().place.clone()), (true, place(10)));
    }

    #[test]
    fn a_newer_reader_sends_the_older_one_away_and_not_the_other_way_round() {
        let (mut plan, mut table) = (Plan::default(), Table::default());
        let (first, second) = (subscriber(), subscriber());
        let numbers = [0, 1].map(|_| read(&mut plan, &wish(None, None), &place(10)).unwrap());
        table.begin(&plan, "c", numbers[1], (LeaseId(2), &second), NOW).unwrap();
        let late = table.begin(&plan, "c", numbers[0], (LeaseId(1), &first), NOW);
        assert!(matches!(late, Err(CursorError::TakenOver { .. })), "it came to it later: {late:?}");
        assert!(second.failure().is_none());
        let third = read(&mut plan, &wish(None, None), &place(10)).unwrap();
        table.begin(&plan, "c", third, (LeaseId(3), &subscriber()), NOW).unwrap();
        let told = second.failure().expect("the older one is told").to_string();
        assert!(told.starts_with("cursor `c` was taken over by a newer reader"), "{told}");
        table.leave("c", LeaseId(2));
        assert!(table.is_read("c"), "the newer one stays");
    }

    #[test]
    fn a_cursor_belongs_to_one_stream_and_has_one_place() {
        let (mut plan, table) = (Plan::default(), Table::default());
        read(&mut plan, &wish(None, None), &place(10)).unwrap();
        let other = table.look(&plan, &wish(None, None), "y").unwrap_err().to_string();
        assert_eq!(other, "cursor `c` belongs to `x`, not to `y`: use another name, or `dag cursors delete c`");
        let placed = table.look(&plan, &Wish { placed: true, ..wish(None, None) }, "x").unwrap_err().to_string();
        assert!(placed.contains("goes on at 1:10") && placed.contains("dag cursors reset c"), "{placed}");
    }

    #[test]
    fn a_cursor_that_cannot_be_read_is_kept_from_use_until_it_is_deleted() {
        let mut table = Table::new(BTreeMap::from([("c".to_owned(), "it is damaged".to_owned())]));
        let refused = table.look(&Plan::default(), &wish(None, None), "x").unwrap_err().to_string();
        assert_eq!(refused, "cursor `c` cannot be read: it is damaged; `dag cursors delete c` removes it");
        table.mend("c");
        assert!(table.look(&Plan::default(), &wish(None, None), "x").is_ok());
    }

    #[test]
    fn who_deletes_sends_readers_away() {
        let (mut plan, mut table, reader) = (Plan::default(), Table::default(), subscriber());
        let number = read(&mut plan, &wish(None, None), &place(10)).unwrap();
        table.begin(&plan, "c", number, (LeaseId(1), &reader), NOW).unwrap();
        apply(&mut plan, &Proposal::of([Change::Delete { cursor: "c".to_owned() }])).unwrap();
        table.expel("c", CursorError::Deleted("c".to_owned()));
        assert!(matches!(reader.failure(), Some(ReaderError::Cursor(CursorError::Deleted(_)))));
        let late = table.begin(&plan, "c", number, (LeaseId(2), &reader), NOW);
        assert_eq!(late, Err(CursorError::Deleted("c".to_owned())));
    }
}
