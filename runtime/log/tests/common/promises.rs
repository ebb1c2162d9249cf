//! What a source promised and showed, held against what is in its log.

use std::collections::BTreeMap;

use dag_log::{Durability, ReadError, Reader, Source};
use dag_model::Frontier;

use super::workload::values;

/// A batch that was sent.
#[derive(Clone, Debug)]
struct Attempt {
    values: Vec<i64>,
    /// Who sent it, and its number.
    publisher: Option<(String, u64)>,
    /// The sequence of its first record, once a receipt named it.
    first: Option<u64>,
    acknowledged: bool,
}

/// What was promised and shown.
#[derive(Clone, Debug)]
pub struct Promises {
    durability: Durability,
    pub created: bool,
    /// By first value; values are never sent in two batches.
    attempts: BTreeMap<i64, Attempt>,
    /// By epoch and sequence.
    seen: BTreeMap<(u64, u64), i64>,
    seen_frontier: Frontier,
    /// What is before may have been trimmed.
    pub earliest: u64,
}

impl Promises {
    pub fn new(durability: Durability) -> Promises {
        Promises {
            durability,
            created: false,
            attempts: BTreeMap::new(),
            seen: BTreeMap::new(),
            seen_frontier: Frontier::START,
            earliest: 0,
        }
    }

    /// A batch is sent, perhaps again.
    pub fn attempt(&mut self, publisher: Option<(String, u64)>, values: &[i64]) {
        let new = || Attempt { values: values.to_vec(), publisher, first: None, acknowledged: false };
        self.attempts.entry(values[0]).or_insert_with(new);
    }

    /// A receipt says where a batch is.
    pub fn given(&mut self, values: &[i64], first: u64) {
        self.attempts.get_mut(&values[0]).expect("it was sent").first = Some(first);
    }

    /// A batch is acknowledged.
    pub fn acknowledge(&mut self, values: &[i64]) {
        self.attempts.get_mut(&values[0]).expect("it was sent").acknowledged = true;
    }

    /// How many records were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.attempts.values().filter(|attempt| attempt.acknowledged).map(|attempt| attempt.values.len()).sum()
    }

    /// Takes in what a reader sees next; a position that was seen before must show the same.
    pub fn see(&mut self, source: &Source, reader: &mut Reader) -> Result<BTreeMap<u64, i64>, ReadError> {
        let mut found = BTreeMap::new();
        loop {
            let before = reader.clone();
            let Some(entry) = reader.next()? else { return Ok(found) };
            let loaded = match source.log().load(&entry) {
                Ok(loaded) => loaded,
                Err(error) => {
                    *reader = before;
                    return Err(error);
                }
            };
            for (sequence, value) in (entry.first..).zip(values(&loaded.batch)) {
                let first_seen = *self.seen.entry((entry.epoch, sequence)).or_insert(value);
                assert_eq!(first_seen, value, "at sequence {sequence} of epoch {}", entry.epoch);
                found.insert(sequence, value);
            }
            self.seen_frontier = self.seen_frontier.max(entry.frontier);
        }
    }

    /// Compares a source that was opened with all that was promised and seen.
    pub fn check(&mut self, source: &Source, mut reader: Reader) -> Result<Reader, ReadError> {
        let (seen, frontier) = (self.seen.clone(), self.seen_frontier);
        let found = self.see(source, &mut reader)?;
        let earliest = source.log().earliest().sequence;
        assert!(earliest <= self.earliest, "{earliest} is the earliest, and {} was", self.earliest);
        assert!(found.keys().copied().eq(earliest..source.log().visible().end), "sequences without gaps");
        if self.durability == Durability::Fsync {
            for ((epoch, sequence), value) in seen.range(..).filter(|((_, sequence), _)| *sequence >= earliest) {
                let there = found.get(sequence);
                assert_eq!(there, Some(value), "what was seen at sequence {sequence} of epoch {epoch} was lost");
            }
            assert!(source.log().visible().frontier >= frontier, "a frontier that was seen was lost");
        }
        let places: BTreeMap<i64, u64> = found.iter().map(|(sequence, value)| (*value, *sequence)).collect();
        assert_eq!(places.len(), found.len(), "a record is there twice");
        let known: usize = self.attempts.values().map(|attempt| self.check_attempt(source, attempt, &places)).sum();
        assert_eq!(known, found.len(), "records that nobody sent");
        Ok(reader)
    }

    /// Returns how many of its records are there.
    fn check_attempt(&self, source: &Source, attempt: &Attempt, places: &BTreeMap<i64, u64>) -> usize {
        let earliest = source.log().earliest().sequence;
        let there: Vec<u64> = attempt.values.iter().filter_map(|value| places.get(value).copied()).collect();
        let cut_in_front = there.first() == Some(&earliest);
        assert!(there.is_empty() || there.len() == attempt.values.len() || cut_in_front, "a part of {attempt:?}");
        assert!(there.windows(2).all(|pair| pair[1] == pair[0] + 1), "{attempt:?} is torn: {there:?}");
        let count = attempt.values.len() as u64;
        let trimmed = attempt.first.is_none_or(|first| first + count <= earliest);
        if attempt.acknowledged && self.durability == Durability::Fsync && !trimmed {
            let last = attempt.first.map(|first| first + count - 1);
            assert_eq!(there.last().copied(), last, "acknowledged and lost: {attempt:?}");
        }
        if let Some((name, number)) = &attempt.publisher {
            let accepted = source.publisher(name).is_some_and(|(_, last)| *number <= last);
            assert!(accepted || there.is_empty(), "{attempt:?} is there and would be taken again");
            if self.durability == Durability::Fsync {
                assert!(
                    !accepted || !there.is_empty() || earliest > 0,
                    "{attempt:?} would be refused and is not there"
                );
                assert!(accepted || !attempt.acknowledged, "acknowledged and forgotten: {attempt:?}");
            }
        }
        there.len()
    }
}
