//! Batches, logs and what is in them.
#![allow(dead_code)] // each test file uses some of it

pub mod derived;
pub mod promises;
pub mod workload;

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use dag_log::{
    Committer, Durability, Entry, Log, Options, OsStorage, ReadError, Reader, Retention, Space, Start, Storage,
    StorageFile,
};
use dag_model::{Field, Frontier, Schema, Timestamp, Type, arrow_schema, times};
use proptest::prelude::*;

/// A clock for tests that do not care.
pub const NOW: Timestamp = Timestamp(1_000_000);

/// One number and one text.
pub fn schema() -> Schema {
    Schema::new(vec![Field::new("value", Type::Float64), Field::new("host", Type::Utf8)])
}

/// A record of [`schema`].
pub type Record = (i64, Option<f64>, Option<String>);

pub fn batch(records: &[Record]) -> RecordBatch {
    let times = TimestampNanosecondArray::from_iter_values(records.iter().map(|record| record.0)).with_timezone("UTC");
    let columns: Vec<ArrayRef> = vec![
        Arc::new(times),
        Arc::new(records.iter().map(|record| record.1).collect::<Float64Array>()),
        Arc::new(records.iter().map(|record| record.2.clone()).collect::<StringArray>()),
    ];
    RecordBatch::try_new(arrow_schema(&schema()), columns).unwrap()
}

pub fn records(batch: &RecordBatch) -> Vec<Record> {
    let values = batch.column(1).as_primitive::<Float64Type>();
    let hosts = batch.column(2).as_string::<i32>();
    let rows = times(batch).iter().zip(values).zip(hosts);
    rows.map(|((time, value), host)| (*time, value, host.map(str::to_owned))).collect()
}

/// Records at these times that differ from each other.
pub fn at(times: impl IntoIterator<Item = i64>) -> RecordBatch {
    let record = |time: i64| (time, Some(time as f64 / 4.0), Some(format!("host-{}", time % 3)));
    batch(&times.into_iter().map(record).collect::<Vec<_>>())
}

/// A log of one integer column.
pub fn integers() -> Schema {
    Schema::new(vec![Field::new("value", Type::Int64)])
}

pub fn sum(batch: &RecordBatch) -> i64 {
    batch.column(1).as_primitive::<Int64Type>().values().iter().sum()
}

pub fn options(durability: Durability, segment_bytes: u64) -> Options {
    Options { segment_bytes, durability, retention: Retention::default() }
}

/// All visible entries from there on.
pub fn entries(reader: &mut Reader) -> Result<Vec<Entry>, ReadError> {
    std::iter::from_fn(|| reader.next().transpose()).collect()
}

/// All visible records of a log.
pub fn all(log: &Log) -> Result<Vec<Record>, ReadError> {
    let mut found = Vec::new();
    for entry in entries(&mut log.reader(Start::Earliest)?)? {
        found.extend(records(&log.load(&entry)?.batch));
    }
    Ok(found)
}

/// A copy of a folder, as a crash would leave it: what is open goes on elsewhere.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        overwrite(&to.join(entry.file_name()), &std::fs::read(entry.path()).unwrap());
    }
}

/// Makes a file have that content without emptying it first, for which some file systems wait for the disk.
pub fn overwrite(path: &Path, content: &[u8]) {
    let file = std::fs::File::options().write(true).create(true).truncate(false).open(path).unwrap();
    file.write_all_at(content, 0).unwrap();
    file.set_len(content.len() as u64).unwrap();
}

/// The segment files in a folder, ascending.
pub fn segments(dir: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|end| end == "seg")).collect();
    paths.sort();
    paths
}

pub fn frontier(time: i64) -> Frontier {
    Frontier::At(Timestamp(time))
}

pub fn any_record() -> impl Strategy<Value = Record> {
    let host = proptest::option::of(proptest::sample::select(vec!["", "a", "web1", "a longer name of a host"]));
    (-50i64..50, proptest::option::of(-9.0..9.0f64), host.prop_map(|host| host.map(str::to_owned)))
}

pub fn any_batches() -> impl Strategy<Value = Vec<Vec<Record>>> {
    proptest::collection::vec(proptest::collection::vec(any_record(), 1..20), 1..12)
}

/// A committer whose syncs do nothing, for tests that open a log thousands of times.
pub fn unsynced() -> Committer {
    Committer::over(Arc::new(Unsynced))
}

struct Unsynced;
struct UnsyncedFile(Arc<dyn StorageFile>);

impl Storage for Unsynced {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        Ok(Arc::new(UnsyncedFile(OsStorage.create(path)?)))
    }
    fn open(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        Ok(Arc::new(UnsyncedFile(OsStorage.open(path)?)))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsStorage.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        OsStorage.remove(path)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        OsStorage.list(dir)
    }
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        OsStorage.create_dir(dir)
    }
    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        OsStorage.remove_dir(dir)
    }
    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }
    fn space(&self, dir: &Path) -> io::Result<Space> {
        OsStorage.space(dir)
    }
}

impl StorageFile for UnsyncedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_at(bytes, offset)
    }
    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }
    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }
    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.truncate(length)
    }
}
