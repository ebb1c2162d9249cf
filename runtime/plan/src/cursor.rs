//! A named cursor as it is kept: which stream it belongs to, who may move it, and where it is.

use dag_model::{Frontier, Position, StreamId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::entity::Revision;

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

/// A named cursor. Persisted: the order of the fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The canonical expression that it belongs to.
    pub stream: String,
    /// The source whose log it is in; none where the stream is derived, whose incarnations have logs of their own.
    pub source: Option<StreamId>,
    /// The newest of its readers, the only one who may move it. Later readers have greater numbers.
    pub reader: u64,
    /// Where it is.
    pub place: Place,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last moved by an acknowledgement.
    pub acknowledged: Option<Timestamp>,
    /// When it was made, reset, or got its reader. Acknowledgements do not count: they are many, and nothing is decided on them.
    pub revision: Revision,
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
