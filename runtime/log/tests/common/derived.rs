//! A derived log under load: what it holds is a function of the sequence alone, as if computed again after every crash.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, TimestampNanosecondArray};
use dag_log::{AppendError, Committer, Durability, Log, OpenError, Options, Retention, RunningHash, Start, Storage};
use dag_model::{Frontier, Timestamp, arrow_schema};
use dag_storage_faults::Random;

use super::workload::{PowerOff, REQUESTS, values};
use super::{entries, frontier, integers};

const DIR: &str = "/derived/1";

/// A derived log, and how much of it was synced.
pub struct Derived {
    storage: Arc<dyn Storage>,
    log: Option<Log>,
    random: Random,
    now: i64,
    /// Records before this sequence were synced.
    synced: u64,
    /// What is before may have been trimmed.
    earliest: u64,
}

impl Derived {
    pub fn new(storage: Arc<dyn Storage>, seed: u64) -> Derived {
        Derived { storage, log: None, random: Random::new(seed), now: 0, synced: 0, earliest: 0 }
    }

    /// Makes the log and fills it, opening it again after every failure. More than one in a row is a power cut.
    pub fn run(&mut self) -> Result<(), PowerOff> {
        self.open()?;
        for _ in 0..REQUESTS {
            self.step()?;
        }
        Ok(())
    }

    /// Goes on over other storage, that of the same log after a power cut, say.
    pub fn go_on(&mut self, storage: Arc<dyn Storage>) {
        self.log = None;
        self.storage = storage;
    }

    /// Opens the log, or makes it where nothing of it was ever synced, and compares it with what it should hold.
    pub fn open(&mut self) -> Result<(), PowerOff> {
        self.log = None;
        let retention = Retention { age: None, bytes: Some(6_000) };
        let options = Options { segment_bytes: 1_200, durability: Durability::Derived, retention };
        let committer = Committer::over(self.storage.clone());
        for attempt in 0.. {
            let opened = match Log::open(Path::new(DIR), options, &committer) {
                Err(OpenError::Missing(_)) if self.synced == 0 => {
                    Log::create(Path::new(DIR), &integers(), options, &committer)
                }
                opened => opened,
            };
            match opened {
                Ok(log) => {
                    self.log = Some(log);
                    match self.check() {
                        Ok(()) => return Ok(()),
                        Err(dag_log::ReadError::Io { .. }) => {}
                        Err(error) => panic!("what was opened can't be read: {error}"),
                    }
                }
                Err(OpenError::Io { .. }) => {}
                Err(error) => panic!("the log does not open: {error}"),
            }
            if attempt == 2 {
                return Err(PowerOff);
            }
        }
        unreachable!("the loop ends by returning")
    }

    fn log(&self) -> &Log {
        self.log.as_ref().expect("an open log")
    }

    fn check(&self) -> Result<(), dag_log::ReadError> {
        let log = self.log();
        let visible = log.visible();
        let earliest = log.earliest().sequence;
        assert!(earliest <= self.earliest, "{earliest} is the earliest, and {} was", self.earliest);
        assert!(visible.end >= self.synced, "{} records are left of {} that were synced", visible.end, self.synced);
        let mut found = Vec::new();
        for entry in entries(&mut log.reader(Start::Earliest)?)? {
            found.extend(values(&log.load(&entry)?.batch));
        }
        assert_eq!(found, values(&records(earliest, visible.end)), "a stretch of what was computed, from {earliest}");
        assert!(visible.frontier <= frontier(visible.end as i64), "records before {:?} are missing", visible.frontier);
        let mut hash = RunningHash::empty(2);
        hash.update(&records(0, visible.end), None);
        assert_eq!(log.hash(), hash);
        Ok(())
    }

    fn step(&mut self) -> Result<(), PowerOff> {
        self.now += 5;
        let end = self.log().visible().end;
        match self.random.below(20) {
            0 => self.open(),
            1 | 2 => {
                // What is not removed now is removed with the next.
                let _ = self.log().trim(Timestamp(self.now));
                self.earliest = self.earliest.max(self.log().earliest().sequence);
                Ok(())
            }
            3 => match self.log().sync().wait() {
                Ok(()) => {
                    self.synced = self.synced.max(end);
                    Ok(())
                }
                Err(_) => self.open(),
            },
            4..6 => self.appended(self.log().advance(frontier(end as i64), Timestamp(self.now))),
            _ => {
                let next = end + 1 + self.random.below(12) as u64;
                let batch = records(end, next);
                self.appended(self.log().append(&batch, Frontier::START, Timestamp(self.now)).map(drop))
            }
        }
    }

    fn appended(&mut self, outcome: Result<(), AppendError>) -> Result<(), PowerOff> {
        match outcome {
            Ok(()) | Err(AppendError::Io { .. }) => Ok(()),
            Err(AppendError::Failed(_)) => self.open(),
            Err(other) => panic!("not an error of the storage: {other}"),
        }
    }
}

/// The records from one sequence up to another.
fn records(from: u64, to: u64) -> RecordBatch {
    let sequences = || from as i64..to as i64;
    let times = TimestampNanosecondArray::from_iter_values(sequences()).with_timezone("UTC");
    let columns: Vec<ArrayRef> =
        vec![Arc::new(times), Arc::new(Int64Array::from_iter_values(sequences().map(|sequence| sequence * 7)))];
    RecordBatch::try_new(arrow_schema(&integers()), columns).unwrap()
}
