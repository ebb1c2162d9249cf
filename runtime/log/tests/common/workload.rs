//! A few hundred requests to a source, the same for the same seed, over storage that may fail, and what was promised.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, TimestampNanosecondArray};
use dag_log::{
    AppendError, Commit, Committer, Durability, OpenError, Options, Publish, PublishError, PublisherId, Reader,
    Retention, Source, SourceOptions, Start, Storage,
};
use dag_model::{Timestamp, arrow_schema};
use dag_storage_faults::Random;

use super::integers;
use super::promises::Promises;

/// Where the source lies.
pub const DIR: &str = "/streams/1";
const PUBLISHERS: usize = 3;
/// Requests of a workload.
pub const REQUESTS: usize = 120;

/// The storage does nothing any more.
#[derive(Debug)]
pub struct PowerOff;

/// A batch that a named publisher sends until it is acknowledged.
#[derive(Clone)]
struct Sent {
    number: u64,
    values: Vec<i64>,
}

/// A source under load.
pub struct Workload {
    storage: Arc<dyn Storage>,
    durability: Durability,
    source: Option<Source>,
    /// Follows the source, as a subscriber would.
    reader: Option<Reader>,
    random: Random,
    now: i64,
    next_value: i64,
    unacknowledged: Vec<Option<Sent>>,
    last_number: Vec<u64>,
    waiting: Vec<(Option<usize>, Vec<i64>, Commit)>,
    pub promises: Promises,
    /// Whether a log that has failed is left alone.
    patient: bool,
}

impl Workload {
    pub fn new(storage: Arc<dyn Storage>, durability: Durability, seed: u64) -> Workload {
        Workload {
            storage,
            durability,
            source: None,
            reader: None,
            random: Random::new(seed),
            now: 0,
            next_value: 0,
            unacknowledged: vec![None; PUBLISHERS],
            last_number: vec![0; PUBLISHERS],
            waiting: Vec::new(),
            promises: Promises::new(durability),
            patient: false,
        }
    }

    /// Does not open a log again that has failed.
    pub fn patient(self) -> Workload {
        Workload { patient: true, ..self }
    }

    /// Makes the source and sends all requests. An operation that fails is answered as a node and its publishers do: by
    /// opening again, and by sending again. More than one failure in a row is a power cut.
    pub fn run(&mut self) -> Result<(), PowerOff> {
        self.open()?;
        for _ in 0..REQUESTS {
            self.request()?;
        }
        self.settle()
    }

    /// Sends more requests.
    pub fn more(&mut self, random: Random) -> Result<(), PowerOff> {
        self.random = random;
        (0..20).try_for_each(|_| self.request())?;
        self.settle()
    }

    /// Goes on over other storage, that of the same source after a power cut, say.
    pub fn go_on(&mut self, storage: Arc<dyn Storage>) {
        self.close();
        self.storage = storage;
        self.waiting.clear();
    }

    /// Under `os` a crash may take what was acknowledged: publishers ask where to go on.
    fn resume_publishers(&mut self) {
        for publisher in 0..PUBLISHERS {
            let last = self.source().publisher(&name(publisher)).map_or(0, |(_, last)| last);
            if self.durability == Durability::Os && last < self.last_number[publisher] {
                self.last_number[publisher] = last;
                self.unacknowledged[publisher] = None;
            }
        }
    }

    fn close(&mut self) {
        self.reader = None;
        self.source = None;
    }

    fn options(&self) -> SourceOptions {
        let retention = Retention { age: None, bytes: Some(6_000) };
        let log = Options { segment_bytes: 1_200, durability: self.durability, retention };
        SourceOptions { log, out_of_order: std::time::Duration::from_nanos(20), ..SourceOptions::default() }
    }

    fn source(&self) -> &Source {
        self.source.as_ref().expect("an open source")
    }

    /// Opens the source, or makes it where it was never made.
    pub fn open(&mut self) -> Result<(), PowerOff> {
        self.close();
        for attempt in 0.. {
            match self.try_open() {
                Ok(source) => {
                    self.source = Some(source);
                    break;
                }
                Err(error @ (OpenError::Damaged { .. } | OpenError::Missing(_) | OpenError::Exists(_))) => {
                    panic!("the source does not open: {error}")
                }
                Err(_) if attempt < 2 => {}
                Err(_) => return Err(PowerOff),
            }
        }
        self.promises.created = true;
        self.resume_publishers();
        self.follow_from_the_front()
    }

    fn try_open(&self) -> Result<Source, OpenError> {
        let (dir, options) = (Path::new(DIR), self.options());
        let committer = Committer::over(self.storage.clone());
        match Source::open(dir, options, &committer, Timestamp(self.now)) {
            Err(OpenError::Missing(_)) if !self.promises.created => {
                Source::create(dir, &integers(), options, &committer)
            }
            opened => opened,
        }
    }

    /// Reads all that is there, compares it with what was promised and seen, and keeps reading from there.
    fn follow_from_the_front(&mut self) -> Result<(), PowerOff> {
        for attempt in 0.. {
            let reader = self.source().log().reader(Start::Earliest);
            match reader.and_then(|reader| self.promises.check(self.source.as_ref().expect("an open source"), reader)) {
                Ok(reader) => {
                    self.reader = Some(reader);
                    return Ok(());
                }
                Err(dag_log::ReadError::Io { .. }) if attempt < 2 => {}
                Err(dag_log::ReadError::Io { .. }) => return Err(PowerOff),
                Err(error) => panic!("what was opened can't be read: {error}"),
            }
        }
        unreachable!("the loop ends by returning")
    }

    /// Sees what is new. A read that fails is tried again with the next request.
    fn follow(&mut self) {
        let source = self.source.as_ref().expect("an open source");
        match self.reader.take() {
            Some(mut reader) => {
                let _ = self.promises.see(source, &mut reader);
                self.reader = Some(reader);
            }
            None => unreachable!("an open source is followed"),
        }
        self.promises.earliest = self.promises.earliest.max(source.log().earliest().sequence);
    }

    fn request(&mut self) -> Result<(), PowerOff> {
        self.now += 5;
        let done = match self.random.below(20) {
            0 => self.settle().and_then(|()| self.open()),
            1 | 2 => {
                // What is not removed now is removed with the next.
                let _ = self.source().trim(Timestamp(self.now));
                self.source().log().say_durable();
                Ok(())
            }
            3 => self.source().tick(Timestamp(self.now)).map(drop).or_else(|error| self.failed(error)),
            4 => self.publish(None, true),
            chosen => {
                let publisher = self.random.below(PUBLISHERS);
                self.publish(Some(publisher), chosen < 16)
            }
        };
        done?;
        self.follow();
        Ok(())
    }

    /// After this the request may be sent again.
    fn failed(&mut self, error: AppendError) -> Result<(), PowerOff> {
        match error {
            AppendError::Failed(_) => self.give_up(),
            AppendError::Io { .. } => Ok(()),
            other => panic!("not an error of the storage: {other}"),
        }
    }

    fn publish(&mut self, publisher: Option<usize>, wait: bool) -> Result<(), PowerOff> {
        if let Some(publisher) = publisher.filter(|publisher| self.is_waiting(*publisher)) {
            // A publisher sends a batch when the one before is acknowledged.
            self.settle()?;
            if self.is_waiting(publisher) {
                return Ok(());
            }
        }
        let sent = match publisher.and_then(|publisher| self.unacknowledged[publisher].clone()) {
            Some(again) => again,
            None => self.new_batch(publisher),
        };
        let id = publisher.map(|publisher| PublisherId { name: name(publisher), session: 1, batch: sent.number });
        self.promises.attempt(publisher.map(|publisher| (name(publisher), sent.number)), &sent.values);
        let heartbeat = (self.random.below(4) == 0).then_some(Timestamp(self.now - 30));
        let leave = self.random.below(12) == 0;
        let batch = Some(batch(&sent.values, self.now));
        let request = Publish { publisher: id, batch, heartbeat, leave, ..Publish::default() };
        match self.source().publish(request, Timestamp(self.now)) {
            Ok(receipt) => {
                if !receipt.repeat {
                    self.promises.given(&sent.values, receipt.first);
                }
                self.waiting.push((publisher, sent.values, receipt.commit));
                if wait { self.settle() } else { Ok(()) }
            }
            Err(PublishError::Append(error)) => self.failed(error),
            Err(other) => panic!("not an error of the storage: {other}"),
        }
    }

    fn is_waiting(&self, publisher: usize) -> bool {
        self.waiting.iter().any(|(waiting, ..)| *waiting == Some(publisher))
    }

    fn new_batch(&mut self, publisher: Option<usize>) -> Sent {
        let count = 1 + self.random.below(12) as i64;
        let values: Vec<i64> = (self.next_value..self.next_value + count).collect();
        self.next_value += count;
        let Some(publisher) = publisher else { return Sent { number: 0, values } };
        self.last_number[publisher] += 1;
        let sent = Sent { number: self.last_number[publisher], values };
        self.unacknowledged[publisher] = Some(sent.clone());
        sent
    }

    /// Waits for all acknowledgements that are out.
    pub fn settle(&mut self) -> Result<(), PowerOff> {
        let mut lost = false;
        for (publisher, values, commit) in std::mem::take(&mut self.waiting) {
            match commit.wait() {
                Ok(()) => {
                    self.promises.acknowledge(&values);
                    if let Some(publisher) = publisher {
                        self.unacknowledged[publisher] = None;
                    }
                }
                Err(_) => lost = true,
            }
        }
        if lost { self.give_up() } else { Ok(()) }
    }

    /// The log has failed: opens it again, or leaves it to it to go on.
    fn give_up(&mut self) -> Result<(), PowerOff> {
        if !self.patient {
            return self.open();
        }
        self.now += 1_000_000_000;
        Ok(())
    }

    /// Sends again what named publishers never got an answer to. Then all of it is there once.
    pub fn send_again(&mut self) {
        for publisher in 0..PUBLISHERS {
            if self.unacknowledged[publisher].is_some() {
                self.publish(Some(publisher), true).expect("healthy storage");
            }
            assert!(self.unacknowledged[publisher].is_none(), "a healthy log takes a batch that is sent again");
        }
        self.follow();
    }
}

fn name(publisher: usize) -> String {
    format!("publisher-{publisher}")
}

/// One record per value, at times of which some are late.
pub fn batch(values: &[i64], now: i64) -> RecordBatch {
    let times = TimestampNanosecondArray::from_iter_values(values.iter().map(|value| now - value.wrapping_mul(7) % 40));
    let columns: Vec<ArrayRef> =
        vec![Arc::new(times.with_timezone("UTC")), Arc::new(Int64Array::from(values.to_vec()))];
    RecordBatch::try_new(arrow_schema(&integers()), columns).unwrap()
}

/// The values of a batch.
pub fn values(batch: &RecordBatch) -> Vec<i64> {
    batch.column(1).as_primitive::<Int64Type>().values().to_vec()
}
