//! Rewinding, following, and what retention leaves.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use dag_log::{Committer, Durability, Kind, Log, ReadError, Retention, Start};
use dag_model::{Frontier, Timestamp};
use proptest::prelude::*;

fn log(dir: &tempfile::TempDir, segment_bytes: u64) -> Log {
    let options = options(Durability::Derived, segment_bytes);
    Log::create(dir.path(), &schema(), options, &Committer::new()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_seek_by_time_begins_with_the_first_entry_that_reaches_it(
        batches in any_batches(),
        time in -60i64..60,
        small in any::<bool>(),
        frontiers in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let log = log(&dir, if small { 500 } else { 1 << 20 });
        for (index, records) in batches.iter().enumerate() {
            log.append(&batch(records), frontier(index as i64), NOW).unwrap();
            if frontiers {
                log.advance(Frontier::At(Timestamp(index as i64).saturating_add(1)), NOW).unwrap();
            }
        }
        let reaches = |records: &Vec<Record>| records.iter().any(|record| record.0 >= time);
        let skipped = batches.iter().take_while(|records| !reaches(records)).count();
        let expected: usize = batches[..skipped].iter().map(Vec::len).sum();
        let mut reader = log.reader(Start::Time(Timestamp(time))).unwrap();
        prop_assert_eq!(reader.sequence(), expected as u64);
        let entry = reader.next().unwrap();
        prop_assert_eq!(entry.as_ref().map(|entry| entry.first), (skipped < batches.len()).then_some(expected as u64));
        if let Some(entry) = entry {
            prop_assert!(entry.max_time >= Timestamp(time));
        }
    }

    #[test]
    fn a_seek_by_sequence_begins_with_the_entry_that_holds_it(
        batches in any_batches(),
        asked in any::<prop::sample::Index>(),
        small in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let log = log(&dir, if small { 500 } else { 1 << 20 });
        for (index, records) in batches.iter().enumerate() {
            log.append(&batch(records), frontier(index as i64), NOW).unwrap();
        }
        let total = batches.iter().map(Vec::len).sum::<usize>() as u64;
        let asked = asked.index(total as usize) as u64;
        let mut reader = log.reader(Start::Sequence(asked)).unwrap();
        let before = reader.frontier();
        let entry = reader.next().unwrap().unwrap();
        prop_assert!(entry.first <= asked && asked < entry.end());
        let number = batches.iter().scan(0, |end, records| { *end += records.len() as u64; Some(*end) })
            .take_while(|end| *end <= asked).count();
        let expected = if number == 0 { Frontier::START } else { frontier(number as i64 - 1) };
        prop_assert_eq!(before, expected, "the frontier before that entry");
        prop_assert!(log.reader(Start::Sequence(total)).unwrap().next().unwrap().is_none());
        let past = log.reader(Start::Sequence(total + 1)).map(|_| ());
        prop_assert!(matches!(past, Err(ReadError::PastEnd { .. })), "past the end");
    }
}

#[test]
fn a_seek_finds_its_place_among_many_small_entries() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(&dir, 300_000);
    for index in 0..3_000 {
        log.append(&at([index * 10]), frontier(index * 10), NOW).unwrap();
    }
    for asked in [0, 1, 777, 1_500, 2_998, 2_999] {
        let mut by_sequence = log.reader(Start::Sequence(asked as u64)).unwrap();
        assert_eq!(by_sequence.next().unwrap().unwrap().first, asked as u64);
        let mut by_time = log.reader(Start::Time(Timestamp(asked * 10 - 3))).unwrap();
        assert_eq!(by_time.next().unwrap().unwrap().first, asked as u64);
    }
}

#[test]
fn a_reader_follows_what_is_appended_through_rolled_segments() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(&dir, 600);
    let mut reader = log.reader(Start::End).unwrap();
    let mut late = log.reader(Start::Earliest).unwrap();
    for index in 0..20 {
        assert!(reader.next().unwrap().is_none());
        log.append(&at([index]), frontier(index), NOW).unwrap();
        let entry = reader.next().unwrap().unwrap();
        assert_eq!((entry.first, reader.frontier()), (index as u64, frontier(index)));
        assert_eq!(records(&log.load(&entry).unwrap().batch), records(&at([index])));
    }
    assert!(segments(dir.path()).len() > 3);
    assert_eq!(entries(&mut late).unwrap().len(), 20);
}

#[test]
fn a_reader_sees_the_end_of_an_incarnation() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(&dir, 1 << 20);
    log.append(&at([1]), frontier(1), NOW).unwrap();
    log.end(frontier(4), NOW).unwrap();
    let found = entries(&mut log.reader(Start::Earliest).unwrap()).unwrap();
    assert_eq!((found[1].kind, found[1].frontier, found[1].first), (Kind::End, frontier(4), 1));
}

#[test]
fn retention_by_size_keeps_the_newest_and_says_what_is_complete() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { age: None, bytes: Some(2_000) };
    let options = dag_log::Options { retention, ..options(Durability::Os, 600) };
    let committer = Committer::new();
    let log = Log::create(dir.path(), &schema(), options, &committer).unwrap();
    assert_eq!(log.earliest().complete_from, Timestamp::MIN, "its true beginning");
    for index in 0..20 {
        log.append(&at([index * 10]), frontier(index * 10), NOW).unwrap();
    }
    let mut stale = log.reader(Start::Earliest).unwrap();
    let trimmed = log.trim(NOW).unwrap();
    assert!(trimmed.segments > 0 && log.bytes() <= 2_000);
    let earliest = log.earliest();
    assert_eq!(earliest.complete_from, Timestamp((earliest.sequence as i64 - 1) * 10 + 1));
    assert!(matches!(stale.next(), Err(ReadError::Trimmed { asked: 0, earliest: kept }) if kept == earliest.sequence));
    assert!(matches!(log.reader(Start::Sequence(0)).map(|_| ()), Err(ReadError::Trimmed { .. })));
    assert!(matches!(log.check(1, 0), Err(ReadError::Trimmed { .. })));
    let kept = all(&log).unwrap();
    assert_eq!(kept, records(&at((earliest.sequence as i64..20).map(|index| index * 10))));
    drop(log);
    let log = Log::open(dir.path(), options, &committer).unwrap();
    assert_eq!((log.earliest(), all(&log).unwrap()), (earliest, kept));
    assert_eq!(log.visible().max_time, Timestamp(190));
}

#[test]
fn retention_by_age_goes_by_when_records_were_appended() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { age: Some(Duration::from_secs(60)), bytes: None };
    let options = dag_log::Options { retention, ..options(Durability::Os, 600) };
    let log = Log::create(dir.path(), &schema(), options, &Committer::new()).unwrap();
    let second = 1_000_000_000;
    for index in 0..20 {
        log.append(&at([-index]), Frontier::START, Timestamp(index * second)).unwrap();
    }
    assert_eq!(log.trim(Timestamp(60 * second)).unwrap().segments, 0);
    log.trim(Timestamp(70 * second)).unwrap();
    let mut reader = log.reader(Start::Earliest).unwrap();
    let first = reader.next().unwrap().unwrap().appended;
    assert!(first > Timestamp(0) && first <= Timestamp(10 * second), "{first}");
    log.trim(Timestamp(7_000 * second)).unwrap();
    assert_eq!(segments(dir.path()).len(), 1, "the segment that is written to stays");
    assert_eq!(log.visible().end, 20);
}

#[test]
fn a_removed_log_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("stream");
    let log = Log::create(&dir, &schema(), options(Durability::Fsync, 600), &Committer::new()).unwrap();
    for index in 0..10 {
        log.append(&at([index]), Frontier::START, NOW).unwrap();
    }
    log.sync().wait().unwrap();
    let mut reader = log.reader(Start::Earliest).unwrap();
    log.remove().unwrap();
    assert!(!dir.exists());
    assert!(matches!(reader.next(), Err(ReadError::Removed)));
    assert!(log.append(&at([1]), Frontier::START, NOW).is_err());
}

#[test]
fn readers_of_a_live_stream_share_its_records() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(&dir, 1 << 20);
    let mut readers: Vec<_> = (0..100).map(|_| log.reader(Start::End).unwrap()).collect();
    let appended = at([1, 2, 3]);
    log.append(&appended, Frontier::START, NOW).unwrap();
    for reader in &mut readers {
        let entry = reader.next().unwrap().unwrap();
        assert!(Arc::ptr_eq(log.load(&entry).unwrap().batch.column(1), appended.column(1)));
    }
}
