//! Logs, origins of them, and what a reader sees.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use dag_log::{
    Committer, Durability, Entry, Kind, Loaded, Log, Options, Publish, ReadError, Reader, Replicas, Retention, Source,
    SourceOptions, Start,
};
use dag_mirror::{Answer, Here, Limits, Origin, Ring};
use dag_model::{Field, Frontier, Schema, Timestamp, Type, arrow_schema};

/// A clock for tests that do not care.
pub const NOW: Timestamp = Timestamp(1_000_000);

/// A test in which nothing moves for so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn schema() -> Schema {
    Schema::new(vec![Field::new("number", Type::Int64), Field::new("text", Type::Utf8)])
}

/// Records at these times with texts of that length, which no compression makes shorter.
pub fn batch(times: &[i64], length: usize) -> RecordBatch {
    let mut noise = 1_u64;
    let mut text = |_| -> String {
        let letter = |noise: &mut u64| {
            *noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + (*noise >> 40) as u8 % 90)
        };
        (0..length).map(|_| letter(&mut noise)).collect()
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(TimestampNanosecondArray::from(times.to_vec()).with_timezone("UTC")),
        Arc::new(Int64Array::from_iter_values(times.iter().map(|time| time * 3))),
        Arc::new(StringArray::from_iter_values((0..times.len()).map(&mut text))),
    ];
    RecordBatch::try_new(arrow_schema(&schema()), columns).unwrap()
}

pub fn options(retention: Retention) -> SourceOptions {
    let log = Options { segment_bytes: 8 << 10, durability: Durability::Os, retention };
    SourceOptions { log, ..SourceOptions::default() }
}

pub fn publish(source: &Source, times: &[i64], length: usize) {
    let request = Publish { batch: Some(batch(times, length)), ..Publish::default() };
    source.publish(request, NOW).unwrap().commit.wait().unwrap();
}

/// Little of everything, so that all of it is found wanting.
pub fn limits() -> Limits {
    Limits { cache: 32 << 10, in_flight: 48 << 10, ahead: 16 << 10, patience: PATIENCE, ..Limits::default() }
}

/// A replica of a log: a copy of it as it is now, of which all is committed up to that index.
pub fn replica(log: &Log, to: &Path, committed: u64, committer: &Committer) -> Source {
    log.copy(to, log.extent(), &|_| Ok(())).unwrap();
    Source::open_in(to, options(Retention::default()), Replicas::Several { committed }, committer, NOW).unwrap()
}

/// A node whose log is exchanged while mirrors read it.
#[derive(Clone)]
pub struct Exchanged(Arc<Mutex<Log>>);

impl Exchanged {
    pub fn new(log: &Log) -> Exchanged {
        Exchanged(Arc::new(Mutex::new(log.clone())))
    }

    pub fn exchange(&self, log: &Log) {
        *self.0.lock().unwrap() = log.clone();
    }
}

impl Origin for Exchanged {
    fn ask(&self, question: Vec<u8>, ring: Ring) -> Box<dyn Answer> {
        Here::new(self.0.lock().unwrap().clone()).ask(question, ring)
    }
}

/// What a reader sees of an entry, wherever it lies.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    kind: Kind,
    place: (u64, u64),
    pub first: u64,
    counts: (u32, u32),
    times: (Timestamp, Timestamp),
    frontier: Frontier,
    appended: Timestamp,
    body: (u32, u32),
}

pub fn seen(entry: &Entry) -> Seen {
    Seen {
        kind: entry.kind,
        place: (entry.epoch, entry.index),
        first: entry.first,
        counts: (entry.count, entry.late),
        times: (entry.min_time, entry.max_time),
        frontier: entry.frontier,
        appended: entry.appended,
        body: (entry.body_length(), entry.body_checksum()),
    }
}

/// The records of an entry, as they are compared.
pub fn contents(loaded: &Loaded) -> (RecordBatch, Option<Vec<bool>>, Option<Vec<Timestamp>>) {
    let late = loaded.late.as_ref().map(|late| late.iter().collect());
    (loaded.batch.clone(), late, loaded.behind.as_ref().map(|behind| behind.to_vec()))
}

/// All entries that a reader has before it now.
pub fn rest(reader: &mut Reader) -> Result<Vec<Entry>, ReadError> {
    std::iter::from_fn(|| reader.next().transpose()).collect()
}

pub fn all(log: &Log) -> Vec<Entry> {
    rest(&mut log.reader(Start::Earliest).unwrap()).unwrap()
}

/// Waits until the mirror has got as far as that, for as long as it gets further.
pub fn wait_for(mirror: &Log, reached: impl Fn(&Log) -> bool) {
    let (sender, moved) = channel();
    let _watch = mirror.on_visible(Arc::new(move || {
        // An error means that it is not waited for any more.
        let _ = sender.send(());
    }));
    while !reached(mirror) {
        if let Err(RecvTimeoutError::Timeout) = moved.recv_timeout(PATIENCE) {
            panic!("nothing has come for {PATIENCE:?}: {:?}", mirror.visible());
        }
    }
}

/// Waits until the mirror has all that the log has.
pub fn follow(mirror: &Log, log: &Log) {
    let index = log.visible().index;
    wait_for(mirror, |mirror| mirror.visible().index >= index);
}
