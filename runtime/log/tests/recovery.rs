//! Opening after a crash, and after damage.

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use common::*;
use dag_log::{Committer, Durability, Log, OpenError, Options, OsStorage, ReadError, Retention};
use dag_model::{Frontier, Timestamp};
use dag_storage_faults::{Failing, Operation};

/// Batches of two records, and a frontier.
fn fill(log: &Log, batches: std::ops::Range<i64>) {
    for index in batches {
        log.append(&at([index * 2, index * 2 + 1]), frontier(index), NOW).unwrap();
        log.sync().wait().unwrap();
    }
}

fn expected(batches: i64) -> Vec<Record> {
    records(&at(0..batches * 2))
}

fn flip(path: &Path, bit: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    overwrite(path, &bytes);
}

#[test]
fn any_prefix_of_the_last_segment_opens_with_a_prefix_of_the_records() {
    let (dir, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let committer = unsynced();
    let options = options(Durability::Fsync, 900);
    let log = Log::create(dir.path(), &schema(), options, &committer).unwrap();
    fill(&log, 0..6);
    copy(dir.path(), crashed.path());
    let files = segments(crashed.path());
    let last = files.last().unwrap();
    assert!(files.len() > 1);
    let whole = fs::read(last).unwrap();
    let mut counts = Vec::new();
    for length in 0..=whole.len() {
        overwrite(last, &whole[..length]);
        let log = Log::open(crashed.path(), options, &committer).unwrap();
        let found = all(&log).unwrap();
        assert_eq!(found, expected(found.len() as i64 / 2), "cut to {length} bytes");
        counts.push(found.len());
    }
    assert!(counts.is_sorted());
    assert_eq!(*counts.last().unwrap(), 12);
}

#[test]
fn a_log_whose_tail_was_cut_goes_on() {
    let (dir, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let committer = unsynced();
    let options = options(Durability::Fsync, 1 << 20);
    let log = Log::create(dir.path(), &schema(), options, &committer).unwrap();
    fill(&log, 0..3);
    copy(dir.path(), crashed.path());
    let path = &segments(crashed.path())[0];
    let bytes = fs::read(path).unwrap();
    overwrite(path, &bytes[..bytes.len() - 9]);
    let log = Log::open(crashed.path(), options, &committer).unwrap();
    assert_eq!(log.visible().epoch, 1, "nobody was promised what was cut");
    fill(&log, 2..5);
    drop(log);
    assert_eq!(all(&Log::open(crashed.path(), options, &committer).unwrap()).unwrap(), expected(5));
}

#[test]
fn a_torn_tail_of_what_looks_like_entries_is_read_a_few_times_and_not_once_for_each() {
    let (dir, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options = options(Durability::Fsync, 1 << 30);
    let log = Log::create(dir.path(), &schema(), options, &unsynced()).unwrap();
    fill(&log, 0..3);
    copy(dir.path(), crashed.path());
    // As a publisher's text may be: the magic, version 1, of records, with a header of 16 bytes and a body of 4 MiB.
    let mut forged = b"dagE\x01\x01\0\0".to_vec();
    forged.extend([16u32.to_le_bytes(), (4u32 << 20).to_le_bytes(), [7; 4], [7; 4]].concat());
    let path = &segments(crashed.path())[0];
    let mut bytes = fs::read(path).unwrap();
    let whole = bytes.len();
    bytes.extend(forged.repeat(2_000));
    bytes.resize(bytes.len() + (5 << 20), 0);
    overwrite(path, &bytes);
    let storage = Failing::over(Arc::new(OsStorage));
    let log = Log::open(crashed.path(), options, &Committer::over(Arc::new(storage.clone()))).unwrap();
    assert_eq!((all(&log).unwrap(), log.bytes()), (expected(3), whole as u64));
    let reads = storage.operations().iter().filter(|operation| **operation == Operation::Read).count();
    assert!(reads < 40, "{reads} reads of {} MiB", bytes.len() >> 20);
}

#[test]
fn an_append_of_several_entries_is_there_as_a_whole_or_not() {
    let (dir, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let committer = unsynced();
    let options = options(Durability::Fsync, 1 << 30);
    let log = Log::create(dir.path(), &schema(), options, &committer).unwrap();
    fill(&log, 0..1);
    let before = log.bytes();
    log.append(&at(2..100_000), frontier(9), NOW).unwrap();
    log.sync().wait().unwrap();
    copy(dir.path(), crashed.path());
    let path = &segments(crashed.path())[0];
    let whole = fs::read(path).unwrap();
    // In its second entry, which is the last.
    overwrite(path, &whole[..whole.len() - 50_000]);
    let log = Log::open(crashed.path(), options, &committer).unwrap();
    assert_eq!((log.visible().end, log.visible().frontier, log.bytes()), (2, frontier(0), before));
    assert_eq!(log.hash().sequence, 2);
}

#[test]
fn damage_before_what_was_durable_is_refused_by_file_and_offset() {
    let (dir, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let committer = unsynced();
    let options = options(Durability::Fsync, 1 << 20);
    let log = Log::create(dir.path(), &schema(), options, &committer).unwrap();
    fill(&log, 0..1);
    let second = log.bytes();
    fill(&log, 1..4);
    copy(dir.path(), crashed.path());
    let path = segments(crashed.path())[0].clone();
    flip(&path, second as usize * 8 + 700);
    match Log::open(crashed.path(), options, &committer) {
        Err(OpenError::Damaged { file, offset, .. }) => assert_eq!((file, offset), (path, second)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn damage_at_the_very_end_of_a_log_that_was_closed_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let committer = unsynced();
    let options = options(Durability::Os, 1 << 20);
    let log = Log::create(dir.path(), &schema(), options, &committer).unwrap();
    fill(&log, 0..1);
    let last = log.bytes();
    log.append(&at([7]), Frontier::START, NOW).unwrap();
    drop(log);
    let path = segments(dir.path())[0].clone();
    flip(&path, last as usize * 8 + 700);
    let refused = Log::open(dir.path(), options, &committer);
    assert!(matches!(refused, Err(OpenError::Damaged { offset, .. }) if offset == last));
}

#[test]
fn a_sealed_segment_that_was_cut_is_refused() {
    let (dir, damaged) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let committer = unsynced();
    let options = options(Durability::Fsync, 500);
    let log = Log::create(dir.path(), &schema(), options, &committer).unwrap();
    fill(&log, 0..6);
    let files = segments(dir.path());
    for length in [0, 100, fs::metadata(&files[0]).unwrap().len() / 2, fs::metadata(&files[0]).unwrap().len() - 8] {
        copy(dir.path(), damaged.path());
        fs::File::options().write(true).open(&segments(damaged.path())[0]).unwrap().set_len(length).unwrap();
        let refused = Log::open(damaged.path(), options, &committer);
        assert!(matches!(refused, Err(OpenError::Damaged { .. })), "cut to {length}");
    }
    copy(dir.path(), damaged.path());
    fs::remove_file(&segments(damaged.path())[1]).unwrap();
    assert!(matches!(Log::open(damaged.path(), options, &committer), Err(OpenError::Damaged { .. })));
}

#[test]
fn an_index_that_is_missing_or_damaged_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let committer = unsynced();
    let options = options(Durability::Fsync, 900);
    let log = Log::create(dir.path(), &schema(), options, &committer).unwrap();
    fill(&log, 0..6);
    drop(log);
    let index = segments(dir.path())[0].with_extension("idx");
    let stored = fs::read(&index).unwrap();
    fs::remove_file(&index).unwrap();
    assert_eq!(all(&Log::open(dir.path(), options, &committer).unwrap()).unwrap(), expected(6));
    assert_eq!(fs::read(&index).unwrap(), stored);
    flip(&index, 200);
    assert_eq!(all(&Log::open(dir.path(), options, &committer).unwrap()).unwrap(), expected(6));
    assert_eq!(fs::read(&index).unwrap(), stored);
}

#[test]
fn a_crash_under_os_begins_a_new_epoch_and_tells_readers_past_the_end() {
    let (dir, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let committer = unsynced();
    let options = options(Durability::Os, 1 << 20);
    let log = Log::create(dir.path(), &schema(), options, &committer).unwrap();
    fill(&log, 0..2);
    copy(dir.path(), crashed.path());
    fill(&log, 2..3);
    assert!(log.check(1, 6).is_ok());

    let log = Log::open(crashed.path(), options, &committer).unwrap();
    assert_eq!((log.visible().epoch, log.visible().end), (2, 4));
    fill(&log, 2..4);
    assert!(log.check(1, 4).is_ok(), "what is left of the first epoch");
    assert!(matches!(log.check(1, 6), Err(ReadError::Lost { epoch: 1, asked: 6, end: 4 })));
    assert!(log.check(2, 6).is_ok());
    assert!(matches!(log.check(2, 9), Err(ReadError::PastEnd { asked: 9, end: 8 })));
    assert!(matches!(log.check(3, 1), Err(ReadError::PastEnd { .. })));
    drop(log);

    let log = Log::open(crashed.path(), options, &committer).unwrap();
    assert_eq!(log.visible().epoch, 2, "closed in good order");
    assert!(matches!(log.check(1, 6), Err(ReadError::Lost { end: 4, .. })));
}

#[test]
fn a_segment_that_is_lost_is_named_and_one_that_retention_removed_is_not_missed() {
    let (dir, robbed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let committer = unsynced();
    let kept = Retention { age: None, bytes: Some(3_000) };
    let options = Options { retention: kept, ..options(Durability::Fsync, 900) };
    let log = Log::create(dir.path(), &schema(), options, &committer).unwrap();
    fill(&log, 0..20);
    let lost = |expected: &Path| {
        let found = Log::open(robbed.path(), options, &committer).map(drop).unwrap_err();
        let what = "the segment is missing";
        assert!(matches!(&found, OpenError::Damaged { file, what: found, .. } if file == expected && found == what));
    };
    let rob = |which: &[usize]| {
        copy(dir.path(), robbed.path());
        let files = segments(robbed.path());
        which.iter().for_each(|which| fs::remove_file(&files[*which]).unwrap());
        files[which[0]].clone()
    };
    lost(&rob(&[0, 1]));
    lost(&rob(&[1]));

    assert!(log.trim(NOW).unwrap().segments > 1);
    drop(log);
    fs::remove_dir_all(robbed.path()).unwrap();
    copy(dir.path(), robbed.path());
    assert_eq!(Log::open(robbed.path(), options, &committer).unwrap().visible().end, 40);
    lost(&rob(&[0]));
}

#[test]
fn a_folder_without_a_log_is_missing_and_a_second_log_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let committer = unsynced();
    let options = options(Durability::Fsync, 1 << 20);
    assert!(matches!(Log::open(&dir.path().join("x"), options, &committer), Err(OpenError::Missing(_))));
    assert!(matches!(Log::open(dir.path(), options, &committer), Err(OpenError::Missing(_))));
    let log = Log::create(dir.path(), &schema(), options, &committer).unwrap();
    assert!(matches!(Log::create(dir.path(), &schema(), options, &committer), Err(OpenError::Exists(_))));
    log.append(&at([1]), Frontier::At(Timestamp(1)), NOW).unwrap();
}

#[test]
fn a_last_segment_that_is_lost_is_named() {
    let (dir, robbed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let committer = unsynced();
    for durability in [Durability::Fsync, Durability::Os] {
        let options = options(durability, 900);
        let log = Log::create(&dir.path().join(format!("{durability:?}")), &schema(), options, &committer).unwrap();
        fill(&log, 0..20);
        let (from, to) = (dir.path().join(format!("{durability:?}")), robbed.path().join(format!("{durability:?}")));
        copy(&from, &to);
        let last = segments(&to).pop().unwrap();
        fs::remove_file(&last).unwrap();
        let found = Log::open(&to, options, &committer).map(drop).unwrap_err();
        assert!(matches!(&found, OpenError::Damaged { file, .. } if *file == last), "{found}");
    }
}

#[test]
fn a_cut_below_what_was_durable_is_known_and_goes_on_in_a_new_epoch() {
    let (dir, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (committer, options) = (unsynced(), options(Durability::Fsync, 1 << 20));
    let log = Log::create(dir.path(), &schema(), options, &committer).unwrap();
    fill(&log, 0..10);
    drop(log);
    copy(dir.path(), cut.path());
    let path = &segments(cut.path())[0];
    let whole = fs::read(path).unwrap();
    let torn = Log::open(dir.path(), options, &committer).unwrap();
    assert!(!torn.is_short() && !torn.is_unclean());
    overwrite(path, &whole[..whole.len() / 2]);
    let again = tempfile::tempdir().unwrap();
    for crashed in [0, 1].map(|number| again.path().join(number.to_string())) {
        let log = Log::open(cut.path(), options, &committer).unwrap();
        assert!(log.is_short() && log.is_unclean(), "until something follows");
        assert_eq!(log.epochs().last().map(|epoch| epoch.epoch), Some(2));
        copy(cut.path(), &crashed);
        let after = Log::open(&crashed, options, &committer).unwrap();
        assert!(after.is_short(), "through a crash, too");
        drop(after);
        let closed = Log::open(&crashed, options, &committer).unwrap();
        assert!(!closed.is_short());
        assert_eq!(closed.visible().epoch, 2, "what closed it said so");
        std::mem::forget(log);
    }
    let log = Log::open(cut.path(), options, &committer).unwrap();
    let left = log.visible().end as i64 / 2;
    assert!(left < 10);
    fill(&log, left..20);
    drop(log);
    let log = Log::open(cut.path(), options, &committer).unwrap();
    assert!(!log.is_short());
    assert_eq!((all(&log).unwrap(), log.visible().epoch), (expected(20), 2));
    assert!(matches!(log.check(1, 20), Err(ReadError::Lost { epoch: 1, .. })));
}

#[test]
fn a_cut_below_an_end_that_was_said_while_the_log_was_open_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let (committer, options) = (unsynced(), options(Durability::Fsync, 1 << 20));
    let log = Log::create(dir.path(), &schema(), options, &committer).unwrap();
    fill(&log, 0..10);
    log.sync().wait().unwrap();
    assert!(log.is_durable_unsaid());
    for said in [false, true] {
        if said {
            log.say_durable();
            assert!(!log.is_durable_unsaid());
        }
        let cut = tempfile::tempdir().unwrap();
        copy(dir.path(), cut.path());
        let whole = Log::open(cut.path(), options, &committer).unwrap();
        assert!(!whole.is_short() && whole.visible().end == 20);
        let bytes = fs::read(&segments(dir.path())[0]).unwrap();
        let torn = tempfile::tempdir().unwrap();
        copy(dir.path(), torn.path());
        overwrite(&segments(torn.path())[0], &bytes[..bytes.len() - 8]);
        assert_eq!(Log::open(torn.path(), options, &committer).unwrap().is_short(), said);
    }
    fill(&log, 10..12);
    log.sync().wait().unwrap();
    assert!(log.is_durable_unsaid(), "there is more now");
}
