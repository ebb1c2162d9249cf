//! What follows from a log's prefix, and from nothing else: publishers' numbers, the seal, the last mark and trim.
//!
//! It is a fold over the appends in their order, so that each replica has the same at the same index, and a cut undoes what it cut off.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::append::{Batch, Header, Kind};
use crate::point::Index;

/// What is remembered of a publisher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publisher {
    /// Which run of it.
    pub session: u64,
    /// Its last batch; 0 before the first.
    pub last: u64,
    /// The append of that batch.
    pub at: Index,
    /// Whether it has left, or its history has ended, after that batch.
    pub gone: bool,
}

/// A log's prefix in short. Persisted and sent: the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prefix {
    /// The last append that is folded in.
    pub at: Index,
    /// The publishers that are remembered.
    pub publishers: BTreeMap<String, Publisher>,
    /// The append that sealed the stream.
    pub sealed: Option<Index>,
    /// The revision of the last mark; 0 before the first.
    pub marked: u64,
    /// What lies up to this index need not be kept.
    pub trimmed: Index,
}

/// What a leader makes of a request by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the next.
    Fresh,
    /// It is there, in this append or before it.
    Repeat(Index),
    /// Batches came after the one that it names as the last: it is void (M18).
    Void,
    /// A refusal.
    No(Refusal),
}

/// Why a request is refused by what the log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A batch before it is missing.
    #[error("its publisher's last batch is {last}: the next is {}, not a later one", last + 1)]
    Gap {
        /// The last that is there.
        last: u64,
    },
    /// Another run of the publisher has taken its name over.
    #[error("session {session} has taken the publisher's name over")]
    Fenced {
        /// The run that has the name.
        session: u64,
    },
    /// Nothing more can be published.
    #[error("the stream is sealed")]
    Sealed,
    /// No more publishers can be remembered before some are forgotten.
    #[error("the stream remembers as many publishers as it may")]
    Publishers,
}

impl Prefix {
    /// The next append is folded in. One that is there already changes nothing.
    pub fn fold(&mut self, header: &Header) {
        if header.point.index <= self.at {
            return;
        }
        self.at = header.point.index;
        match &header.kind {
            Kind::Records(Some(batch)) => {
                let publisher = self.session(batch);
                (publisher.last, publisher.at, publisher.gone) = (batch.number, header.point.index, false);
            }
            Kind::Leave(batch) | Kind::Done(batch) => self.session(batch).gone = true,
            Kind::Seal(_) => self.sealed = Some(header.point.index),
            Kind::Mark(revision) => self.marked = self.marked.max(*revision),
            Kind::Trim(index) => self.trimmed = self.trimmed.max(*index),
            Kind::Forget(names) => self.publishers.retain(|name, _| !names.contains(name)),
            Kind::Records(None) | Kind::Note | Kind::Epoch | Kind::Set => {}
        }
    }

    /// What a request with this kind of append comes to, where at most `most` publishers are remembered.
    pub fn judge(&self, kind: &Kind, most: usize) -> Verdict {
        let (batch, is_records) = match kind {
            Kind::Records(Some(batch)) => (batch, true),
            Kind::Leave(batch) | Kind::Done(batch) | Kind::Seal(Some(batch)) => (batch, false),
            other => match (other, self.sealed) {
                (Kind::Seal(None), Some(sealed)) => return Verdict::Repeat(sealed),
                (Kind::Records(None) | Kind::Note, Some(_)) => return Verdict::No(Refusal::Sealed),
                _ => return Verdict::Fresh,
            },
        };
        let known = self.publishers.get(&batch.publisher).copied().unwrap_or_default();
        if batch.session < known.session {
            return Verdict::No(Refusal::Fenced { session: known.session });
        }
        let last = if batch.session == known.session { known.last } else { 0 };
        let next = last + u64::from(is_records);
        if batch.number > next {
            return Verdict::No(Refusal::Gap { last });
        }
        match (batch.number < next, self.sealed) {
            (true, _) if is_records => Verdict::Repeat(known.at),
            (false, Some(sealed)) if matches!(kind, Kind::Seal(_)) => Verdict::Repeat(sealed),
            (true, _) => Verdict::Void,
            (false, Some(_)) => Verdict::No(Refusal::Sealed),
            (false, None) if !self.publishers.contains_key(&batch.publisher) && self.publishers.len() >= most => {
                Verdict::No(Refusal::Publishers)
            }
            (false, None) => Verdict::Fresh,
        }
    }

    fn session(&mut self, batch: &Batch) -> &mut Publisher {
        let publisher = self.publishers.entry(batch.publisher.clone()).or_default();
        if publisher.session != batch.session {
            *publisher = Publisher { session: batch.session, ..Publisher::default() };
        }
        publisher
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::Point;

    fn batch(session: u64, number: u64) -> Batch {
        Batch { publisher: "p".to_owned(), session, number }
    }

    fn folded(kinds: Vec<Kind>) -> Prefix {
        let mut prefix = Prefix::default();
        for (at, kind) in kinds.into_iter().enumerate() {
            prefix.fold(&Header { point: Point::new(1, at as u64 + 1), kind });
        }
        prefix
    }

    fn judged(prefix: &Prefix, kind: Kind) -> Verdict {
        prefix.judge(&kind, 2)
    }

    #[test]
    fn only_the_next_batch_is_taken() {
        let prefix = folded(vec![Kind::Records(Some(batch(1, 1))), Kind::Records(Some(batch(1, 2)))]);
        assert_eq!(judged(&prefix, Kind::Records(Some(batch(1, 3)))), Verdict::Fresh);
        assert_eq!(judged(&prefix, Kind::Records(Some(batch(1, 1)))), Verdict::Repeat(Index(2)));
        assert_eq!(judged(&prefix, Kind::Records(Some(batch(1, 4)))), Verdict::No(Refusal::Gap { last: 2 }));
        assert_eq!(judged(&prefix, Kind::Records(Some(batch(0, 3)))), Verdict::No(Refusal::Fenced { session: 1 }));
        assert_eq!(judged(&prefix, Kind::Records(Some(batch(2, 1)))), Verdict::Fresh);
    }

    #[test]
    fn m18_what_names_a_last_batch_is_void_once_more_have_come() {
        let prefix = folded(vec![Kind::Records(Some(batch(1, 1))), Kind::Records(Some(batch(1, 2)))]);
        for kind in [Kind::Leave, Kind::Done, |batch| Kind::Seal(Some(batch))] {
            assert_eq!(judged(&prefix, kind(batch(1, 2))), Verdict::Fresh);
            assert_eq!(judged(&prefix, kind(batch(1, 1))), Verdict::Void);
            assert_eq!(judged(&prefix, kind(batch(1, 3))), Verdict::No(Refusal::Gap { last: 2 }));
        }
    }

    #[test]
    fn a_repeat_is_known_behind_a_seal_and_what_is_fresh_is_refused() {
        let prefix = folded(vec![Kind::Records(Some(batch(1, 1))), Kind::Seal(None)]);
        assert_eq!(judged(&prefix, Kind::Records(Some(batch(1, 1)))), Verdict::Repeat(Index(1)));
        assert_eq!(judged(&prefix, Kind::Records(Some(batch(1, 2)))), Verdict::No(Refusal::Sealed));
        assert_eq!(judged(&prefix, Kind::Records(None)), Verdict::No(Refusal::Sealed));
        assert_eq!(judged(&prefix, Kind::Seal(Some(batch(1, 1)))), Verdict::Repeat(Index(2)));
    }

    #[test]
    fn h10_a_publisher_is_forgotten_by_an_entry_and_publishers_are_limited() {
        let named = |name: &str| Batch { publisher: name.to_owned(), session: 1, number: 1 };
        let mut prefix = folded(vec![Kind::Records(Some(named("p"))), Kind::Records(Some(named("q")))]);
        assert_eq!(judged(&prefix, Kind::Records(Some(named("r")))), Verdict::No(Refusal::Publishers));
        prefix.fold(&Header { point: Point::new(1, 3), kind: Kind::Forget(vec!["p".to_owned()]) });
        assert_eq!(judged(&prefix, Kind::Records(Some(named("r")))), Verdict::Fresh);
    }
}
