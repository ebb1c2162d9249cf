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

    /// Goes on behind a record that has been read. Returns whether that is further than it was.
    ///
    /// # Errors
    /// If none of the logs has such a position.
    pub fn pass(&mut self, read: Position) -> Result<bool, NotRead> {
        let at = self.legs.iter().position(|leg| leg.run == read.run).ok_or(NotRead(read))?;
        let next = read.sequence.saturating_add(1);
        if next <= self.legs[at].sequence {
            return Ok(false);
        }
        self.legs.drain(..at);
        self.legs[0].sequence = next;
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
        assert_eq!(place.pass(at(1, 119)), Ok(true));
        assert_eq!(place.next(), at(1, 120));
        assert_eq!(place.pass(at(1, 110)), Ok(false), "an acknowledgement that was overtaken");
        assert_eq!(place.next(), at(1, 120));
    }

    #[test]
    fn it_follows_its_reader_from_log_to_log() {
        let mut place = place(&[at(7, 40), at(3, 0)]);
        assert_eq!(place.pass(at(7, 59)), Ok(true));
        assert_eq!(place.legs, [at(7, 60), at(3, 0)], "the first may have more");
        assert_eq!(place.pass(at(3, 0)), Ok(true));
        assert_eq!(place.legs, [at(3, 1)]);
        assert_eq!(place.pass(at(7, 59)), Err(NotRead(at(7, 59))));
    }

    #[test]
    fn the_newest_result_is_settled_by_the_first_acknowledgement() {
        let mut place = Place { newest: Some(Frontier::At(Timestamp(60))), ..place(&[at(2, 0)]) };
        assert_eq!(place.pass(at(2, 4)), Ok(true));
        assert_eq!((place.next(), place.newest), (at(2, 5), None));
    }
}
