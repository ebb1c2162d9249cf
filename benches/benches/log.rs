//! The stream log against plain files of as many bytes: what checksums, columns, compression, and indexes cost, and what they save.

use std::cell::Cell;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write;
use std::path::Path;

use arrow_array::RecordBatch;
use dag_benches::comparison::Comparison;
use dag_benches::readings::{BATCH, append, batches, log, schema};
use dag_log::{Durability, Log, Start};

/// Together, large enough that one sync does not count for much.
const BULK: usize = 256;

/// Each synced, as by a publisher that waits for the answer before it sends more.
const SINGLE: usize = 32;

fn main() {
    let bulk = batches(BULK);
    let folder = tempfile::tempdir().expect("a folder for files");
    let filled = log(&folder.path().join("filled"), &schema(), Durability::Fsync);
    fill(&filled, &bulk);
    let bytes = filled.bytes() as usize;
    println!("{BULK} batches of {BATCH} records take {bytes} bytes in the log");

    let number = Cell::new(0);
    let fresh = || {
        number.set(number.get() + 1);
        folder.path().join(number.get().to_string())
    };
    let part = fs::read(first_segment(&folder.path().join("filled"))).expect("the log has a segment");
    let part = &part[..bytes / BULK];
    Comparison::new("append, one sync at the end", (BULK * BATCH) as u64)
        .way("a file of as many bytes, fdatasync", || write(&fresh(), &part.repeat(BULK), 1))
        .way("the log", || fill(&log(&fresh(), &schema(), Durability::Fsync), &bulk))
        .print();
    Comparison::new("append, a sync after each batch", (SINGLE * BATCH) as u64)
        .way("a file of as many bytes, fdatasync", || write(&fresh(), part, SINGLE))
        .way("the log", || {
            let log = log(&fresh(), &schema(), Durability::Fsync);
            bulk[..SINGLE].iter().for_each(|batch| fill(&log, std::slice::from_ref(batch)));
        })
        .print();
    Comparison::new("read", (BULK * BATCH) as u64)
        .way("the segment file", || drop(black_box(fs::read(first_segment(&folder.path().join("filled"))))))
        .way("the log's batches", || read(&filled))
        .print();
}

/// Appends and waits until all of it is durable.
fn fill(log: &Log, batches: &[RecordBatch]) {
    batches.iter().for_each(|batch| append(log, batch));
    log.sync().wait().expect("the disk takes it");
}

fn read(log: &Log) {
    let mut reader = log.reader(Start::Earliest).expect("the log is there");
    while let Some(entry) = reader.next().expect("the log can be read") {
        black_box(log.load(&entry).expect("the log can be read"));
    }
}

/// Writes the part so many times, with a sync after each.
fn write(path: &Path, part: &[u8], times: usize) {
    let mut file = File::create(path).expect("the folder can be written");
    for _ in 0..times {
        file.write_all(part).and_then(|()| file.sync_data()).expect("the disk takes it");
    }
}

fn first_segment(folder: &Path) -> std::path::PathBuf {
    let files = fs::read_dir(folder).expect("the log has a folder").map(|file| file.expect("it can be listed").path());
    files.filter(|path| path.extension().is_some_and(|end| end == "seg")).min().expect("the log has a segment")
}
