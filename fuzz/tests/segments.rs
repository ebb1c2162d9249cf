//! Segments of logs: what a disk, or somebody, made of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dag_fuzz::fuzz;
use dag_fuzz::mutation::{mutated, mutations};
use dag_log::{Committer, Durability, Log, Options, Retention, Source, SourceOptions, Start};
use dag_model::Timestamp;
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

/// A segment that the first version wrote.
fn seed() -> Vec<u8> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/log/tests/fixtures/version-1/00000000000000000000.seg");
    fs::read(path).expect("the fixture is there")
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
    let (folder, seed) = (Folder::new(), seed());
    let whole = folder.read(&seed);
    assert!(whole.len() > 200);
    fuzz(mutations(), |mutations| {
        let read = folder.read(&mutated(&seed, &mutations));
        assert!(whole.starts_with(&read), "{} records of {}", read.len(), whole.len());
    });
}

#[test]
fn a_segment_that_was_made_with_its_checksums_right_is_read_or_refused() {
    let (folder, seed) = (Folder::new(), seed());
    fuzz(mutations(), |mutations| {
        let mut segment = mutated(&seed, &mutations);
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
    let (seed, mut again) = (seed(), seed());
    checksum(&mut again);
    assert_eq!(again, seed);
}
