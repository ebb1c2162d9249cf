//! A cursor as it is kept: which stream it belongs to, who may move it, and where it is.

use dag_model::{Frontier, Position, Timestamp};
use serde::{Deserialize, Serialize};

/// Where a reader begins, so exactly that the same records come whenever it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// In each log that is to be read, one after the other, the next record wanted. At least one.
    pub legs: Vec<Position>,
    /// Earlier records are not wanted.
    pub from: Timestamp,
    /// Begin with the newest result before this frontier, in the only leg: where it lies is known once the log has got there.
    pub newest: Option<Frontier>,
}

impl Place {
    /// The next record wanted.
    pub fn next(&self) -> Position {
        self.legs[0]
    }

    /// Goes on behind a record that has been read. Returns whether that is further than it was. `source` says that its only log is a
    /// source's, in which later epochs follow.
    ///
    /// # Errors
    /// If none of the logs has such a position.
    pub fn pass(&mut self, read: Position, source: bool) -> Result<bool, NotRead> {
        let goes_on = |leg: &Position| read.run >= leg.run || read.sequence < leg.sequence;
        let at = self.legs.iter().position(|leg| if source { goes_on(leg) } else { leg.run == read.run });
        let at = at.ok_or(NotRead(read))?;
        let next = read.sequence.saturating_add(1);
        if next <= self.legs[at].sequence {
            return Ok(false);
        }
        self.legs.drain(..at);
        self.legs[0] = Position { sequence: next, ..read };
        self.newest = None;
        Ok(true)
    }
}

/// A position that the reader cannot have read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a position of what it reads")]
pub struct NotRead(pub Position);

/// A named cursor. Persisted, in postcard: what its fields are, and their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The canonical expression that it belongs to.
    pub stream: String,
    /// The source whose log it is in; none where the stream is derived, whose runs have logs of their own.
    pub source: Option<String>,
    /// The newest of its readers, the only one who may move it. Later readers have greater numbers.
    pub reader: u64,
    /// Where it is.
    pub place: Place,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last moved by an acknowledgement.
    pub acknowledged: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(run: u64, sequence: u64) -> Position {
        Position { run, sequence }
    }

    fn place(legs: &[Position]) -> Place {
        Place { legs: legs.to_vec(), from: Timestamp::MIN, newest: None }
    }

    #[test]
    fn it_is_behind_the_last_record_that_was_acknowledged_and_never_goes_back() {
        let mut place = place(&[at(1, 100)]);
        assert_eq!(place.pass(at(1, 119), false), Ok(true));
        assert_eq!(place.next(), at(1, 120));
        assert_eq!(place.pass(at(1, 110), false), Ok(false), "an acknowledgement that was overtaken");
        assert_eq!(place.next(), at(1, 120));
    }

    #[test]
    fn a_cursor_of_the_first_version_is_read() {
        let cursor = Cursor {
            stream: "x".to_owned(),
            source: Some("x".to_owned()),
            reader: 300,
            place: Place {
                legs: vec![at(1, 100), at(2, 0)],
                from: Timestamp(-1),
                newest: Some(Frontier::At(Timestamp(1))),
            },
            created: Timestamp(2),
            acknowledged: Some(Timestamp(3)),
        };
        let bytes = [
            1, b'x', // stream
            1, 1, b'x', // source
            0xAC, 2, // reader
            2, 1, 100, 2, 0, // legs
            1, // from
            1, 0, 2, // newest
            4, // created
            1, 6, // acknowledged
        ];
        assert_eq!(postcard::from_bytes::<Cursor>(&bytes), Ok(cursor.clone()));
        assert_eq!(postcard::to_stdvec(&cursor), Ok(bytes.to_vec()));
    }

    #[test]
    fn it_follows_its_reader_from_log_to_log() {
        let mut place = place(&[at(7, 40), at(3, 0)]);
        assert_eq!(place.pass(at(7, 59), false), Ok(true));
        assert_eq!(place.legs, [at(7, 60), at(3, 0)], "the first may have more");
        assert_eq!(place.pass(at(3, 0), false), Ok(true));
        assert_eq!(place.legs, [at(3, 1)]);
        assert_eq!(place.pass(at(7, 59), false), Err(NotRead(at(7, 59))));
    }

    #[test]
    fn the_newest_result_is_settled_by_the_first_acknowledgement() {
        let mut place = Place { newest: Some(Frontier::At(Timestamp(60))), ..place(&[at(2, 0)]) };
        assert_eq!(place.pass(at(2, 4), false), Ok(true));
        assert_eq!((place.next(), place.newest), (at(2, 5), None));
    }

    #[test]
    fn it_follows_its_reader_of_a_source_from_epoch_to_epoch() {
        let mut place = place(&[at(3, 1100)]);
        assert_eq!(place.pass(at(3, 1199), true), Ok(true));
        assert_eq!(place.pass(at(4, 1205), true), Ok(true));
        assert_eq!(place.next(), at(4, 1206));
        assert_eq!(place.pass(at(3, 1150), true), Ok(false), "an acknowledgement that was overtaken");
        assert_eq!(place.pass(at(3, 1206), true), Err(NotRead(at(3, 1206))), "a record that was lost");
        assert_eq!(place.next(), at(4, 1206));
    }
}
