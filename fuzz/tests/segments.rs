//! Segments of logs: what a disk, or somebody, made of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, RecordBatch, StringArray, TimestampNanosecondArray};
use arrow_buffer::{BooleanBuffer, Buffer, OffsetBuffer, ScalarBuffer};
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions, write_message};
use arrow_ipc::{CompressionType, MetadataVersion};
use dag_fuzz::fuzz;
use dag_fuzz::mutation::{mutated, mutations};
use dag_log::{Committer, Durability, Log, Options, Retention, Source, SourceOptions, Start};
use dag_model::{Field, Frontier, Schema, Timestamp, Type};
use proptest::prelude::*;

const OPTIONS: SourceOptions = SourceOptions {
    log: Options {
        segment_bytes: 1 << 20,
        durability: Durability::Os,
        retention: Retention { age: None, bytes: None },
    },
    out_of_order: Duration::from_secs(1),
    max_ahead: Duration::from_secs(600),
    idle: Duration::from_secs(30),
    clock_node: false,
    arrival: false,
    remember: None,
};

/// A segment that each version wrote, and one of late records that say what they came behind.
fn seeds() -> [Vec<u8>; 3] {
    let fixture = |version: u32| {
        let path = format!("../runtime/log/tests/fixtures/version-{version}/00000000000000000000.seg");
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("the fixture is there")
    };
    [fixture(1), fixture(2), of_late_records()]
}

fn of_late_records() -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a folder can be made");
    let options = Options { durability: Durability::Derived, ..OPTIONS.log };
    let schema = Schema::new(vec![Field::new("text", Type::Utf8)]);
    let log = Log::create(dir.path(), &schema, options, &Committer::new()).expect("a log can be made");
    for time in 0..100 {
        let times = TimestampNanosecondArray::from(vec![time, time + 1, time + 2]).with_timezone("UTC");
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("text")]));
        let batch = RecordBatch::try_new(log.arrow_schema().clone(), vec![Arc::new(times), texts]);
        let late = BooleanBuffer::collect_bool(3, |row| row != time as usize % 4);
        let behind = vec![Timestamp(time + 5); late.count_set_bits()];
        let batch = batch.expect("these are its columns");
        log.append_late(&batch, &late, &behind, Frontier::At(Timestamp(time)), Timestamp(time)).expect("it is taken");
    }
    log.sync().wait().expect("it is written");
    fs::read(dir.path().join("00000000000000000000.seg")).expect("it is there")
}

/// A folder with one segment, opened as often as there are inputs.
struct Folder {
    dir: tempfile::TempDir,
    committer: Committer,
}

impl Folder {
    fn new() -> Folder {
        Folder { dir: tempfile::tempdir().expect("a folder can be made"), committer: Committer::new() }
    }

    fn segment(&self) -> PathBuf {
        self.dir.path().join("00000000000000000000.seg")
    }

    /// Opens a log of this one segment and reads all of it, as far as it goes; the records as text, one line each.
    fn read(&self, segment: &[u8]) -> Vec<String> {
        for file in fs::read_dir(self.dir.path()).expect("it can be listed") {
            fs::remove_file(file.expect("it can be listed").path()).expect("it can be emptied");
        }
        fs::write(self.segment(), segment).expect("it can be written");
        let Ok(log) = Log::open(self.dir.path(), OPTIONS.log, &self.committer) else { return Vec::new() };
        let mut lines = Vec::new();
        let Ok(mut reader) = log.reader(Start::Earliest) else { return lines };
        while let Ok(Some(entry)) = reader.next() {
            let Ok(loaded) = log.load(&entry) else { break };
            for batch in [&loaded.batch, &loaded.late()] {
                lines.extend((0..batch.num_rows()).map(|row| format!("{:?}", batch.slice(row, 1))));
            }
        }
        drop(log);
        // Its publishers, and what follows from them.
        if let Ok(source) = Source::open(self.dir.path(), OPTIONS, &self.committer, Timestamp(2_000_000_000_000)) {
            let _ = (source.stats(), source.tick(Timestamp(3_000_000_000_000)));
        }
        lines
    }
}

#[test]
fn a_damaged_segment_gives_its_records_as_they_were_or_not_at_all() {
    let folder = Folder::new();
    let seeds = seeds().map(|seed| (folder.read(&seed), seed));
    assert!(seeds.iter().all(|(whole, _)| whole.len() > 200));
    fuzz((0..seeds.len(), mutations()), |(seed, mutations)| {
        let (whole, seed) = &seeds[seed];
        let read = folder.read(&mutated(seed, &mutations));
        assert!(whole.starts_with(&read), "{} records of {}", read.len(), whole.len());
    });
}

#[test]
fn a_segment_that_was_made_with_its_checksums_right_is_read_or_refused() {
    let (folder, seeds) = (Folder::new(), seeds());
    fuzz((0..seeds.len(), mutations()), |(seed, mutations)| {
        let mut segment = mutated(&seeds[seed], &mutations);
        checksum(&mut segment);
        folder.read(&segment);
    });
}

/// A record with so many columns of so many bytes each, which compress to next to nothing.
fn zeros(log: &Log, columns: usize, bytes: usize) -> RecordBatch {
    let offsets = OffsetBuffer::new(ScalarBuffer::from(vec![0, i32::try_from(bytes).expect("text is not that long")]));
    let text: ArrayRef = Arc::new(StringArray::new(offsets, Buffer::from(vec![0; bytes]), None));
    let time: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1]).with_timezone("UTC"));
    let columns = std::iter::once(time).chain(std::iter::repeat_n(text, columns)).collect();
    RecordBatch::try_new(log.arrow_schema().clone(), columns).expect("a record")
}

/// A segment with one entry, whose one record unpacks to so many columns of so many bytes: the log never writes it, since records have
/// a limit, but it is all in order.
fn bomb(columns: usize, bytes: usize) -> Vec<u8> {
    let (folder, committer) = (tempfile::tempdir().expect("a folder can be made"), Committer::new());
    let schema = Schema::new((0..columns).map(|column| Field::new(format!("c{column}"), Type::Utf8)).collect());
    let log = Log::create(folder.path(), &schema, OPTIONS.log, &committer).expect("a log can be made");
    log.append(&zeros(&log, columns, 1), Frontier::At(Timestamp(1)), Timestamp(1)).expect("it is appended");
    log.sync().wait().expect("it is written");
    let mut segment = fs::read(folder.path().join("00000000000000000000.seg")).expect("it is there");

    let options = IpcWriteOptions::try_new(8, false, MetadataVersion::V5).expect("eight is a power of two");
    let options = options.try_with_compression(Some(CompressionType::LZ4_FRAME)).expect("it is compiled in");
    let batch = zeros(&log, columns, bytes);
    let encoded = IpcDataGenerator::default().encode(
        &batch,
        &mut DictionaryTracker::new(false),
        &options,
        &mut Default::default(),
    );
    let mut body = Vec::new();
    write_message(&mut body, encoded.expect("plain columns encode").1, &options).expect("memory takes it");
    let number = |at: usize| u32::from_le_bytes(segment[at..at + 4].try_into().expect("four bytes")) as usize;
    let entry = 16 + number(8).next_multiple_of(8);
    let begin = entry + 24 + number(entry + 8).next_multiple_of(8);
    let length = u32::try_from(body.len()).expect("it is small");
    segment[entry + 12..entry + 16].copy_from_slice(&length.to_le_bytes());
    segment.truncate(begin);
    segment.extend(body);
    checksum(&mut segment);
    segment
}

#[test]
fn a_record_that_unpacks_to_more_than_a_record_may_be_is_not_unpacked() {
    const MIB: usize = 1 << 20;
    let folder = Folder::new();
    assert_eq!(folder.read(&bomb(3, 1_000)).len(), 1, "it is read where it is small");
    let seeds =
        [(1, 60 * MIB), (2, 60 * MIB), (12, 60 * MIB), (200, 4 * MIB)].map(|(columns, bytes)| bomb(columns, bytes));
    assert!(seeds.iter().all(|seed| seed.len() < 4 * MIB), "they are small");
    fuzz((0..seeds.len(), prop::option::of(mutations())), |(seed, mutations)| {
        let mut segment = mutated(&seeds[seed], &mutations.unwrap_or_default());
        checksum(&mut segment);
        folder.read(&segment);
    });
}

#[test]
fn any_bytes_are_read_or_refused_as_a_segment() {
    let folder = Folder::new();
    fuzz(any::<Vec<u8>>(), |bytes| drop(folder.read(&bytes)));
}

/// Makes the checksums right, as far as the lengths lead through the file; see the documentation of `dag-log`.
fn checksum(segment: &mut [u8]) {
    let number =
        |bytes: &[u8], at: usize| bytes.get(at..at + 4).map(|four| u32::from_le_bytes(four.try_into().expect("four")));
    let padded = |length: u32| (length as usize).next_multiple_of(8);
    let Some(length) = number(segment, 8) else { return };
    let mut at = 16 + padded(length);
    if at > segment.len() {
        return;
    }
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&segment[..12]);
    hasher.update(&segment[16..at]);
    segment[12..16].copy_from_slice(&hasher.finalize().to_le_bytes());
    while let (Some(header), Some(body)) = (number(segment, at + 8), number(segment, at + 12)) {
        let begin = at + 24 + padded(header);
        let end = begin.saturating_add(body as usize);
        if end > segment.len() {
            return;
        }
        let body = crc32fast::hash(&segment[begin..end]);
        segment[at + 16..at + 20].copy_from_slice(&body.to_le_bytes());
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&0_u64.to_le_bytes());
        hasher.update(&(at as u64).to_le_bytes());
        hasher.update(&segment[at..at + 20]);
        hasher.update(&segment[at + 24..begin]);
        segment[at + 20..at + 24].copy_from_slice(&hasher.finalize().to_le_bytes());
        at = end.next_multiple_of(8);
    }
}

#[test]
fn checksums_are_computed_as_the_log_computes_them() {
    for seed in seeds() {
        let mut again = seed.clone();
        checksum(&mut again);
        assert_eq!(again, seed);
    }
}
