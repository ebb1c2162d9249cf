//! What is appended is what is read, after a restart, too.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use common::*;
use dag_log::{AppendError, Committer, Durability, Kind, Log, Options, ReadError, Retention, RunningHash, Start};
use dag_model::{Field, Frontier, Schema, Timestamp, Type, arrow_schema};
use proptest::prelude::*;

const EACH: [Durability; 3] = [Durability::Fsync, Durability::Os, Durability::Derived];

#[test]
fn every_type_and_every_null_comes_back() {
    let fields = Type::ALL.into_iter().map(|ty| Field::new(ty.name(), ty)).collect();
    let schema = Schema::new(fields);
    let times = |times: Vec<Option<i64>>| Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC"));
    let columns: Vec<ArrayRef> = vec![
        times(vec![Some(3), Some(-1), Some(2)]),
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        Arc::new(Int64Array::from(vec![None, Some(i64::MIN), Some(7)])),
        Arc::new(arrow_array::Float64Array::from(vec![Some(f64::NAN), None, Some(-0.0)])),
        Arc::new(StringArray::from(vec![Some(""), Some("grüße"), None])),
        Arc::new(BinaryArray::from_opt_vec(vec![Some(&[0, 255][..]), None, Some(&[])])),
        times(vec![None, Some(i64::MAX), Some(0)]),
    ];
    let batch = RecordBatch::try_new(arrow_schema(&schema), columns).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let committer = Committer::new();
    let options = options(Durability::Os, 1 << 20);
    let log = Log::create(dir.path(), &schema, options, &committer).unwrap();
    log.append(&batch, Frontier::START, NOW).unwrap();
    drop(log);
    let log = Log::open(dir.path(), options, &committer).unwrap();
    assert_eq!(log.schema(), &schema);
    let entry = log.reader(Start::Earliest).unwrap().next().unwrap().unwrap();
    // Debug text, because NaN is not equal to itself.
    assert_eq!(format!("{:?}", log.load(&entry).unwrap().batch), format!("{batch:?}"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_log_that_is_opened_again_has_the_same_records(
        batches in any_batches(),
        durability in proptest::sample::select(&EACH),
        small in any::<bool>(),
        reopen_at in 0usize..12,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let committer = unsynced();
        let options = options(durability, if small { 400 } else { 1 << 20 });
        let mut log = Log::create(dir.path(), &schema(), options, &committer).unwrap();
        for (index, records) in batches.iter().enumerate() {
            if index == reopen_at {
                drop(log);
                log = Log::open(dir.path(), options, &committer).unwrap();
            }
            log.append(&batch(records), frontier(index as i64), NOW).unwrap();
        }
        log.sync().wait().unwrap();
        let (visible, hash) = (log.visible(), log.hash());
        prop_assert_eq!(all(&log).unwrap(), batches.concat());
        drop(log);
        let log = Log::open(dir.path(), options, &committer).unwrap();
        prop_assert_eq!(log.visible(), visible);
        prop_assert_eq!(log.hash(), hash);
        prop_assert_eq!(all(&log).unwrap(), batches.concat());
    }

    #[test]
    fn the_running_hash_does_not_depend_on_the_cuts(batches in any_batches(), change in any::<prop::sample::Index>()) {
        let committer = Committer::new();
        let hash = |batches: &[Vec<Record>]| {
            let dir = tempfile::tempdir().unwrap();
            let log = Log::create(dir.path(), &schema(), options(Durability::Derived, 1 << 20), &committer).unwrap();
            for records in batches {
                log.append(&batch(records), Frontier::START, NOW).unwrap();
            }
            log.hash()
        };
        let mut whole = batches.concat();
        prop_assert_eq!(hash(&batches), hash(std::slice::from_ref(&whole)));
        let changed = change.index(whole.len());
        whole[changed].0 += 1;
        prop_assert_ne!(hash(&batches), hash(&[whole]));
    }

    #[test]
    fn the_hash_at_a_sequence_is_that_of_the_records_before_it(batches in any_batches(), segment in 100u64..1_000) {
        let dir = tempfile::tempdir().unwrap();
        let options = options(Durability::Derived, segment);
        let log = Log::create(dir.path(), &schema(), options, &Committer::new()).unwrap();
        for (index, records) in batches.iter().enumerate() {
            log.append(&batch(records), frontier(index as i64), NOW).unwrap();
            log.advance(frontier(index as i64 + 1), NOW).unwrap();
        }
        let whole = batch(&batches.concat());
        let mut expected = RunningHash::empty(whole.num_columns());
        for sequence in 0..=whole.num_rows() {
            prop_assert_eq!(log.hash_at(sequence as u64).unwrap(), expected.clone());
            if sequence < whole.num_rows() {
                expected.update(&whole.slice(sequence, 1), None);
            }
        }
        prop_assert_eq!(log.hash(), expected);
    }
}

#[test]
fn the_hash_at_a_sequence_is_found_in_a_segment_with_many_index_points_and_after_trimming() {
    let dir = tempfile::tempdir().unwrap();
    let keep = Retention { age: None, bytes: Some(1) };
    let options = Options { segment_bytes: 300 << 10, durability: Durability::Derived, retention: keep };
    let log = Log::create(dir.path(), &schema(), options, &Committer::new()).unwrap();
    let mut hashes = vec![log.hash()];
    for index in 0..60 {
        log.append(&at((0..3_000).map(|row| row * index)), frontier(index), NOW).unwrap();
        hashes.push(log.hash());
    }
    assert!(segments(dir.path()).len() > 1);
    let middle = |index: usize| {
        let mut hash = hashes[index].clone();
        hash.update(&at((0..1_000).map(|row| row * index as i64)), None);
        hash
    };
    for (index, hash) in hashes[..60].iter().enumerate() {
        assert_eq!(log.hash_at(index as u64 * 3_000).unwrap(), *hash);
        assert_eq!(log.hash_at(index as u64 * 3_000 + 1_000).unwrap(), middle(index));
    }
    assert!(matches!(log.hash_at(180_001), Err(ReadError::PastEnd { end: 180_000, .. })));
    log.trim(NOW).unwrap();
    let earliest = log.earliest().sequence;
    assert!(earliest > 0);
    assert_eq!(log.hash_at(earliest).unwrap(), hashes[earliest as usize / 3_000]);
    assert!(matches!(log.hash_at(earliest - 1), Err(ReadError::Trimmed { .. })));
}

#[test]
fn a_null_and_an_empty_text_have_different_hashes() {
    let committer = Committer::new();
    let hash = |host: Option<&str>| {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::create(dir.path(), &schema(), options(Durability::Derived, 1 << 20), &committer).unwrap();
        log.append(&batch(&[(0, None, host.map(str::to_owned))]), Frontier::START, NOW).unwrap();
        log.hash()
    };
    assert_ne!(hash(None), hash(Some("")));
}

#[test]
fn a_large_batch_is_cut_into_entries_and_shown_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::create(dir.path(), &integers(), options(Durability::Derived, 1 << 20), &Committer::new()).unwrap();
    let changes = Arc::new(AtomicUsize::new(0));
    let count = changes.clone();
    let watch = log.on_visible(Arc::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
    }));
    let rows = 200_000;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(TimestampNanosecondArray::from_iter_values(0..rows).with_timezone("UTC")),
        Arc::new(Int64Array::from_iter_values(0..rows)),
    ];
    let batch = RecordBatch::try_new(arrow_schema(&integers()), columns).unwrap();
    log.append(&batch, frontier(rows), NOW).unwrap();
    assert_eq!(changes.load(Ordering::Relaxed), 1);
    let found = entries(&mut log.reader(Start::Earliest).unwrap()).unwrap();
    assert!(found.len() > 1);
    let (last, earlier) = found.split_last().unwrap();
    assert_eq!((last.frontier, last.end()), (frontier(rows), rows as u64));
    assert!(earlier.iter().all(|entry| entry.frontier == Frontier::START), "the frontier comes with the last part");
    let sum: i64 = found.iter().map(|entry| sum(&log.load(entry).unwrap().batch)).sum();
    assert_eq!(sum, rows * (rows - 1) / 2);
    drop(watch);
    log.advance(Frontier::Empty, NOW).unwrap();
    assert_eq!(changes.load(Ordering::Relaxed), 1, "a dropped watch hears nothing");
}

#[test]
fn a_record_has_64_mebibytes() {
    const LIMIT: usize = 64 << 20;
    let schema = Schema::new(vec![Field::new("text", Type::Utf8)]);
    let dir = tempfile::tempdir().unwrap();
    let log = Log::create(dir.path(), &schema, options(Durability::Os, 1 << 20), &Committer::new()).unwrap();
    // Besides its text it takes its time and two offsets.
    let record = |bytes: usize| {
        let time: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1]).with_timezone("UTC"));
        let text = StringArray::from(vec!["x".repeat(bytes - 16)]);
        RecordBatch::try_new(log.arrow_schema().clone(), vec![time, Arc::new(text)]).unwrap()
    };
    let fits = record(LIMIT);
    log.append(&fits, Frontier::START, NOW).unwrap();
    let entry = log.reader(Start::Earliest).unwrap().next().unwrap().unwrap();
    assert!(log.load(&entry).unwrap().batch == fits, "it is read as it was");
    let over = log.append(&record(LIMIT + 1), Frontier::START, NOW);
    assert!(matches!(over, Err(AppendError::TooLarge { bytes, limit: LIMIT }) if bytes == LIMIT + 1), "{over:?}");
}

#[test]
fn a_batch_of_other_columns_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::create(dir.path(), &integers(), options(Durability::Derived, 1 << 20), &Committer::new()).unwrap();
    let refused = log.append(&at([1]), Frontier::START, NOW);
    assert!(matches!(refused, Err(AppendError::Schema { .. })));
    assert_eq!(log.visible().end, 0);
}

#[test]
fn a_frontier_never_goes_back_and_is_written_only_when_it_moves() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::create(dir.path(), &schema(), options(Durability::Derived, 1 << 20), &Committer::new()).unwrap();
    log.append(&at([1]), frontier(9), NOW).unwrap();
    log.append(&at([10]), frontier(5), NOW).unwrap();
    log.advance(frontier(7), NOW).unwrap();
    log.append(&at([]), frontier(9), NOW).unwrap();
    log.advance(frontier(11), NOW).unwrap();
    let found = entries(&mut log.reader(Start::Earliest).unwrap()).unwrap();
    let frontiers: Vec<_> = found.iter().map(|entry| (entry.kind, entry.frontier)).collect();
    let expected = [(Kind::Records, 9), (Kind::Records, 9), (Kind::Frontier, 11)];
    assert_eq!(frontiers, expected.map(|(kind, time)| (kind, frontier(time))));
}

#[test]
fn nothing_comes_after_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let options = options(Durability::Derived, 1 << 20);
    let committer = Committer::new();
    let log = Log::create(dir.path(), &schema(), options, &committer).unwrap();
    log.append(&at([1]), Frontier::Empty, NOW).unwrap();
    assert!(matches!(log.append(&at([2]), Frontier::Empty, NOW), Err(AppendError::Sealed)));
    log.end(Frontier::Empty, NOW).unwrap();
    assert!(matches!(log.end(Frontier::Empty, NOW), Err(AppendError::Sealed)));
    drop(log);
    let log = Log::open(dir.path(), options, &committer).unwrap();
    assert!(log.visible().ended);
    assert!(matches!(log.append(&at([2]), Frontier::Empty, NOW), Err(AppendError::Sealed)));
}

#[test]
fn times_of_an_entry_are_its_least_and_greatest() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::create(dir.path(), &schema(), options(Durability::Derived, 1 << 20), &Committer::new()).unwrap();
    log.append(&at([5, -3, 4]), Frontier::START, Timestamp(77)).unwrap();
    let entry = log.reader(Start::Earliest).unwrap().next().unwrap().unwrap();
    assert_eq!((entry.min_time, entry.max_time, entry.appended), (Timestamp(-3), Timestamp(5), Timestamp(77)));
    assert_eq!(log.visible().max_time, Timestamp(5));
}
