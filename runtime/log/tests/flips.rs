//! A bit that flipped on the disk is found, named, and never delivered as other data.

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::workload::{DIR, batch, values};
use common::{NOW, entries, integers};
use dag_log::{Committer, OpenError, Options, Publish, PublisherId, ReadError, Source, SourceOptions, Start, Storage};
use dag_model::Timestamp;
use dag_storage_faults::{Disk, Random};

fn options() -> SourceOptions {
    SourceOptions { log: Options { segment_bytes: 1_500, ..Options::default() }, ..SourceOptions::default() }
}

/// A record as it is delivered: its sequence, its value, and whether it is late.
type Delivered = (u64, i64, bool);

/// A source with publishers, late records, heartbeats and several segments, and what it delivers.
fn filled(disk: &Disk) -> (Source, Vec<Delivered>) {
    let committer = Committer::over(Arc::new(disk.clone()));
    let source = Source::create(Path::new(DIR), &integers(), options(), &committer).unwrap();
    for number in 1..=12 {
        let rows: Vec<i64> = (number * 100..number * 100 + 3 * number % 20).collect();
        let publisher =
            PublisherId { name: format!("p{}", number % 2), session: 1, batch: (number as u64).div_ceil(2) };
        let heartbeat = (number % 3 == 0).then_some(Timestamp(number * 10));
        let batch = Some(batch(&rows, number * 10));
        let request = Publish { publisher: Some(publisher), batch, heartbeat, ..Publish::default() };
        source.publish(request, NOW).unwrap().commit.wait().unwrap();
    }
    let delivered = deliver(&source).unwrap();
    assert!(delivered.iter().any(|(.., late)| *late) && !delivered.iter().all(|(.., late)| *late));
    (source, delivered)
}

fn deliver(source: &Source) -> Result<Vec<Delivered>, ReadError> {
    let mut delivered = Vec::new();
    for entry in entries(&mut source.log().reader(Start::Earliest)?)? {
        let loaded = source.log().load(&entry)?;
        let late = |row: usize| loaded.late.as_ref().is_some_and(|late| late.value(row));
        let rows = values(&loaded.batch).into_iter().enumerate();
        delivered.extend(rows.map(|(row, value)| (entry.first + row as u64, value, late(row))));
    }
    Ok(delivered)
}

/// What was said of damage: the file and the offset.
fn named(disk: &Disk, delivered: &[Delivered]) -> Option<(PathBuf, u64)> {
    let committer = Committer::over(Arc::new(disk.clone()));
    let source = match Source::open(Path::new(DIR), options(), &committer, NOW) {
        Ok(source) => source,
        Err(OpenError::Damaged { file, offset, .. }) => return Some((file, offset)),
        // The bit was in the version of the segment's header, which nobody can tell from a newer one's.
        Err(OpenError::Newer { file, .. }) => return Some((file, 0)),
        Err(other) => panic!("{other}"),
    };
    let cut = source.log().cut().map(|cut| (cut.file, cut.offset));
    match deliver(&source) {
        Ok(found) => assert!(delivered.starts_with(&found), "{found:?}"),
        Err(ReadError::Damaged { file, offset, .. }) => return Some((file, offset)),
        Err(other) => panic!("{other}"),
    }
    cut
}

fn files(disk: &Disk, extension: &str) -> Vec<PathBuf> {
    let names = disk.list(Path::new(DIR)).unwrap().into_iter().map(|name| Path::new(DIR).join(name));
    names.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

/// Flips some bit of every byte of those files, each in a copy of the disk.
fn each_flip(disk: &Disk, extension: &str, check: impl Fn(&Disk, &Path, u64)) {
    let files = files(disk, extension);
    assert!(files.len() >= 2, "there are several files");
    let mut random = Random::new(1);
    for path in files {
        for byte in 0..disk.open(&path).unwrap().length().unwrap() {
            let damaged = disk.copy();
            damaged.flip(&path, byte as usize * 8 + random.below(8)).unwrap();
            check(&damaged, &path, byte);
        }
    }
}

#[test]
fn every_flipped_bit_of_a_segment_is_named_and_never_delivered() {
    let disk = Disk::new();
    let (source, delivered) = filled(&disk);
    let crashed = disk.copy();
    drop(source);
    let closed = disk.copy();
    for disk in [crashed, closed] {
        assert_eq!(named(&disk.copy(), &delivered), None, "nothing is wrong without a flip");
        each_flip(&disk, "seg", |damaged, path, byte| {
            let (file, offset) =
                named(damaged, &delivered).unwrap_or_else(|| panic!("byte {byte} of {path:?} was missed"));
            assert_eq!(file, path, "byte {byte}");
            assert!(offset <= byte, "byte {byte} of {path:?} was found at {offset}");
        });
    }
}

#[test]
fn a_flipped_bit_of_an_index_costs_nothing() {
    let disk = Disk::new();
    let (source, delivered) = filled(&disk);
    drop(source);
    each_flip(&disk, "idx", |damaged, path, byte| {
        let committer = Committer::over(Arc::new(damaged.clone()));
        let source = Source::open(Path::new(DIR), options(), &committer, NOW).unwrap();
        assert_eq!(deliver(&source).unwrap(), delivered, "byte {byte} of {path:?}");
    });
}
