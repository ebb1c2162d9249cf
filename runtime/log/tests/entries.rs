//! What lies in a log besides records: indexes, epochs, marks, trims, who is forgotten, what late records came behind.

mod common;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use arrow_buffer::BooleanBuffer;
use common::*;
use dag_log::{
    AppendError, Committer, Durability, Entry, Kind, Log, OpenError, Options, Publish, PublishError, PublisherId,
    ReadError, Replicas, Retention, Source, SourceOptions, Start,
};
use dag_model::{Frontier, Timestamp};
use proptest::prelude::*;

fn source_options(durability: Durability, segment_bytes: u64) -> SourceOptions {
    SourceOptions { log: options(durability, segment_bytes), ..SourceOptions::default() }
}

fn publish(source: &Source, times: impl IntoIterator<Item = i64>) {
    let request = Publish { batch: Some(at(times)), ..Publish::default() };
    source.publish(request, NOW).unwrap().commit.wait().unwrap();
}

fn listed(log: &Log) -> Vec<Entry> {
    entries(&mut log.reader(Start::Earliest).unwrap()).unwrap()
}

fn indexes(log: &Log) -> Vec<(u64, Kind, u64)> {
    listed(log).iter().map(|entry| (entry.index, entry.kind, entry.epoch)).collect()
}

#[test]
fn each_append_has_the_next_index_with_records_or_without() {
    let dir = tempfile::tempdir().unwrap();
    let (options, committer) = (source_options(Durability::Fsync, 1 << 20), unsynced());
    let source = Source::create(dir.path(), &schema(), options, &committer).unwrap();
    publish(&source, [1, 2]);
    source.publish(Publish { heartbeat: Some(Timestamp(9)), ..Publish::default() }, NOW).unwrap();
    source.begin_epoch(4, NOW).unwrap();
    source.mark(17, NOW).unwrap();
    publish(&source, 0..100_000);
    source.trim_to(2, NOW).unwrap();
    source.publish(Publish { seal: true, ..Publish::default() }, NOW).unwrap();
    let expected = [
        (1, Kind::Records, 1),
        (2, Kind::Frontier, 1),
        (3, Kind::Epoch, 4),
        (4, Kind::Mark(17), 4),
        (5, Kind::Records, 4),
        (5, Kind::Records, 4),
        (6, Kind::Trim(2), 4),
        (7, Kind::Frontier, 4),
    ];
    source.log().sync().wait().unwrap();
    assert_eq!(indexes(source.log()), expected);
    assert_eq!(source.log().visible().index, 7);
    drop(source);
    let log = Log::open(dir.path(), options.log, &committer).unwrap();
    assert_eq!(indexes(&log), expected, "the entry that closes a log has no index");
    let epochs = |log: &Log| log.epochs().iter().map(|it| (it.epoch, it.index, it.first)).collect::<Vec<_>>();
    assert_eq!((epochs(&log), log.mark()), (vec![(1, 1, 0), (4, 3, 2)], Some(17)));
    for (index, expected) in [(0, 1), (2, 2), (5, 5), (7, 7)] {
        let first = log.reader(Start::Index(index)).unwrap().next().unwrap();
        assert_eq!(first.map(|entry| entry.index), Some(expected));
    }
}

#[test]
fn epochs_are_given_in_their_order_and_an_empty_one_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let (options, committer) = (source_options(Durability::Os, 300), unsynced());
    let source = Source::create(dir.path(), &schema(), options, &committer).unwrap();
    publish(&source, [1]);
    source.begin_epoch(3, NOW).unwrap();
    source.begin_epoch(7, NOW).unwrap();
    for stale in [7, 6, 1] {
        let refused = source.begin_epoch(stale, NOW).unwrap_err();
        assert!(matches!(refused, AppendError::StaleEpoch { last: 7, .. }), "{refused}");
    }
    (10..20).for_each(|time| publish(&source, [time]));
    assert!(segments(dir.path()).len() > 2);
    let log = source.log();
    let known: Vec<_> = log.epochs().iter().map(|it| (it.epoch, it.index, it.first)).collect();
    assert_eq!(known, [(1, 1, 0), (3, 2, 1), (7, 3, 1)]);
    assert_eq!([0, 1, 11, 900].map(|sequence| log.epoch_at(sequence)), [1, 7, 7, 7]);
    assert!(log.check(3, 1).is_ok());
    assert!(matches!(log.check(3, 2), Err(ReadError::Lost { epoch: 3, asked: 2, end: 1 })));
}

#[test]
fn of_epochs_that_are_trimmed_only_the_one_in_force_there_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { age: None, bytes: Some(1) };
    let log = Options { retention, ..options(Durability::Fsync, 300) };
    let options = SourceOptions { log, ..SourceOptions::default() };
    let source = Source::create(dir.path(), &schema(), options, &unsynced()).unwrap();
    for epoch in 2..40 {
        source.begin_epoch(epoch, NOW).unwrap();
        publish(&source, [epoch as i64]);
        source.log().trim(NOW).unwrap();
    }
    let (epochs, earliest) = (source.log().epochs(), source.log().earliest().sequence);
    assert!(epochs.len() < 10, "{epochs:?}");
    assert!(epochs[0].first <= earliest && earliest > 30, "{epochs:?} from {earliest}");
    assert!(matches!(source.log().check(5, 3), Err(ReadError::Trimmed { .. })));
    assert!(matches!(source.log().check(5, 37), Err(ReadError::Lost { .. })), "it never had such a record");
}

#[test]
fn a_log_whose_epochs_are_given_waits_for_one_after_a_crash() {
    let (dir, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (options, committer) = (source_options(Durability::Os, 1 << 20), unsynced());
    let source = Source::create(dir.path(), &schema(), options, &committer).unwrap();
    publish(&source, [1]);
    copy(dir.path(), crashed.path());
    let given =
        Source::open_in(crashed.path(), options, Replicas::Several { committed: u64::MAX }, &committer, NOW).unwrap();
    assert!(given.log().is_unclean());
    let one =
        || given.publish(Publish { batch: Some(at([2])), ..Publish::default() }, NOW).map(|receipt| receipt.epoch);
    let refused = one().unwrap_err();
    assert!(matches!(refused, PublishError::Append(AppendError::NoEpoch { last: 1 })), "{refused}");
    given.begin_epoch(6, NOW).unwrap();
    assert_eq!(one().unwrap(), 6);
    drop(given);
    let given =
        Source::open_in(crashed.path(), options, Replicas::Several { committed: u64::MAX }, &committer, NOW).unwrap();
    assert!(!given.log().is_unclean(), "closed in good order");
    assert_eq!(given.epoch(), 6);
}

#[test]
fn marks_lie_in_the_order_of_their_revisions_and_the_first_counts() {
    let dir = tempfile::tempdir().unwrap();
    let (options, committer) = (source_options(Durability::Os, 200), unsynced());
    let source = Source::create(dir.path(), &schema(), options, &committer).unwrap();
    for revision in [5, 5, 3, 8, 8] {
        source.mark(revision, NOW).unwrap();
    }
    (10..20).for_each(|time| publish(&source, [time]));
    drop(source);
    let source = Source::open(dir.path(), options, &committer, NOW).unwrap();
    source.mark(8, NOW).unwrap();
    let marks = listed(source.log()).into_iter().filter(|entry| matches!(entry.kind, Kind::Mark(_)));
    assert_eq!(marks.map(|entry| entry.kind).collect::<Vec<_>>(), [Kind::Mark(5), Kind::Mark(8)]);
}

#[test]
fn a_trim_lets_the_segments_before_it_go() {
    let dir = tempfile::tempdir().unwrap();
    let (options, committer) = (source_options(Durability::Fsync, 300), unsynced());
    let source = Source::create(dir.path(), &schema(), options, &committer).unwrap();
    (0..20).for_each(|time| publish(&source, [time]));
    assert_eq!(source.log().trim(NOW).unwrap().segments, 0);
    source.trim_to(12, NOW).unwrap();
    assert!(source.log().trim(NOW).unwrap().segments > 2);
    let earliest = source.log().earliest().sequence;
    assert!((8..=12).contains(&earliest), "{earliest}");
    assert_eq!(records_from(source.log()), (earliest as i64..20).collect::<Vec<_>>());
}

#[test]
fn retention_says_what_it_removes_before_it_does() {
    let dir = tempfile::tempdir().unwrap();
    let (mut options, committer) = (source_options(Durability::Fsync, 300), unsynced());
    options.log.retention.bytes = Some(1500);
    let source = Source::create(dir.path(), &schema(), options, &committer).unwrap();
    assert!(!source.log().is_trim_due(NOW));
    (0..20).for_each(|time| publish(&source, [time]));
    assert!(source.log().is_trim_due(NOW));
    let trims = |log: &Log| {
        listed(log).iter().filter(|it| matches!(it.kind, Kind::Trim(_))).map(|it| it.kind).collect::<Vec<_>>()
    };
    assert!(source.trim(NOW).unwrap().segments > 2);
    let earliest = source.log().earliest().sequence;
    assert!(earliest > 0);
    assert_eq!(trims(source.log()), [Kind::Trim(earliest)]);
    source.trim(NOW).unwrap();
    assert_eq!(source.log().visible().index, 21, "what is kept is said once");
    assert_eq!(records_from(source.log()), (earliest as i64..20).collect::<Vec<_>>());
}

fn records_from(log: &Log) -> Vec<i64> {
    all(log).unwrap().iter().map(|record| record.0).collect()
}

#[test]
fn who_is_forgotten_is_in_the_log() {
    let (dir, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let remember = Some(Duration::from_nanos(100));
    let options = SourceOptions { remember, ..source_options(Durability::Os, 1 << 20) };
    let committer = unsynced();
    let source = Source::create(dir.path(), &schema(), options, &committer).unwrap();
    for name in ["a", "b"] {
        let publisher = Some(PublisherId { name: name.into(), session: 1, batch: 1 });
        let request = Publish { publisher, batch: Some(at([1])), leave: name == "a", ..Publish::default() };
        source.publish(request, Timestamp(1_000)).unwrap();
    }
    source.tick(Timestamp(1_100)).unwrap();
    assert_eq!(source.publisher("a"), Some((1, 1)));
    source.tick(Timestamp(1_101)).unwrap();
    assert_eq!((source.publisher("a"), source.publisher("b")), (None, Some((1, 1))));
    copy(dir.path(), crashed.path());
    let again = Source::open(crashed.path(), options, &committer, Timestamp(1_000)).unwrap();
    assert_eq!((again.publisher("a"), again.publisher("b")), (None, Some((1, 1))), "replaying forgets the same");
}

#[test]
fn bookmarks_and_allowances_outlive_the_segments_that_they_came_in() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { age: None, bytes: Some(1) };
    let log = Options { retention, ..options(Durability::Fsync, 300) };
    let (options, committer) = (SourceOptions { log, ..SourceOptions::default() }, unsynced());
    let mut source = Source::create(dir.path(), &schema(), options, &committer).unwrap();
    let file = |batch, time| Publish {
        publisher: Some(PublisherId { name: "file".into(), session: 1, batch }),
        batch: Some(at([time])),
        bookmark: (batch == 1).then(|| b"line 7".to_vec()),
        allowance: (batch == 1).then(|| Duration::from_nanos(50)),
        ..Publish::default()
    };
    source.publish(file(1, 100), NOW).unwrap();
    (0..20).for_each(|_| publish(&source, [60]));
    assert!(source.log().trim(NOW).unwrap().segments > 2);
    drop(source);
    source = Source::open(dir.path(), options, &committer, NOW).unwrap();
    assert_eq!(source.bookmark("file").as_deref(), Some(&b"line 7"[..]));
    assert_eq!(source.publish(file(2, 200), NOW).unwrap().frontier, frontier(150));
}

/// Records, which of them are late, and what those came behind.
fn any_late() -> impl Strategy<Value = Vec<Vec<(Record, Option<i64>)>>> {
    let record = (any_record(), proptest::option::of(-5i64..60));
    proptest::collection::vec(proptest::collection::vec(record, 1..20), 1..8)
}

fn append_late(log: &Log, rows: &[(Record, Option<i64>)]) {
    let batch = batch(&rows.iter().map(|(record, _)| record.clone()).collect::<Vec<_>>());
    let late = BooleanBuffer::collect_bool(rows.len(), |row| rows[row].1.is_some());
    let behind: Vec<Timestamp> = rows.iter().filter_map(|(_, behind)| behind.map(Timestamp)).collect();
    log.append_late(&batch, &late, &behind, Frontier::START, NOW).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn late_records_of_a_derived_log_keep_what_they_came_behind(batches in any_late(), small in any::<bool>()) {
        let (dir, whole_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let options = options(Durability::Derived, if small { 500 } else { 1 << 20 });
        let committer = unsynced();
        let log = Log::create(dir.path(), &schema(), options, &committer).unwrap();
        batches.iter().for_each(|rows| append_late(&log, rows));
        log.sync().wait().unwrap();
        let hash = log.hash();
        drop(log);
        let log = Log::open(dir.path(), options, &committer).unwrap();
        let mut found = Vec::new();
        for entry in listed(&log) {
            let loaded = log.load(&entry).unwrap();
            let mut behind = loaded.behind.iter().flat_map(|behind| behind.iter()).map(|frontier| frontier.0);
            let is_late = |row: usize| loaded.late.as_ref().is_some_and(|late| late.value(row));
            let rows = records(&loaded.batch).into_iter().enumerate();
            let rows: Vec<_> = rows.map(|(row, record)| (record, if is_late(row) { behind.next() } else { None })).collect();
            found.extend(rows);
        }
        let whole = batches.concat();
        prop_assert_eq!(&found, &whole);
        prop_assert_eq!(&log.hash(), &hash);

        // The running hash covers them, whatever the cuts.
        let all = Log::create(whole_dir.path(), &schema(), options, &committer).unwrap();
        append_late(&all, &whole);
        prop_assert_eq!(&all.hash(), &hash);
        for sequence in 0..=whole.len() as u64 {
            prop_assert_eq!(log.hash_at(sequence).unwrap(), all.hash_at(sequence).unwrap());
        }
        if let Some(late) = whole.iter().position(|(_, behind)| behind.is_some()) {
            let (mut other, other_dir) = (whole.clone(), tempfile::tempdir().unwrap());
            other[late].1 = other[late].1.map(|behind| behind + 1);
            let log = Log::create(other_dir.path(), &schema(), options, &committer).unwrap();
            append_late(&log, &other);
            prop_assert_ne!(&log.hash(), &hash);
        }
    }
}

#[test]
fn a_kind_of_entry_that_a_newer_program_wrote_is_refused_and_not_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let (options, committer) = (options(Durability::Fsync, 1 << 20), unsynced());
    let log = Log::create(dir.path(), &schema(), options, &committer).unwrap();
    log.append(&at([1]), frontier(1), NOW).unwrap();
    log.advance(frontier(2), NOW).unwrap();
    drop(log);
    let path = &segments(dir.path())[0];
    let mut bytes = fs::read(path).unwrap();
    // Of the last entry but one, whose kind becomes that of a change of the schema.
    let at = bytes.windows(4).enumerate().filter(|(_, found)| found == b"dagE").map(|(at, _)| at).nth(1).unwrap();
    bytes[at + 5] = 8;
    let header = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize;
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&0u64.to_le_bytes());
    checksum.update(&(at as u64).to_le_bytes());
    checksum.update(&bytes[at..at + 20]);
    checksum.update(&bytes[at + 24..at + 24 + header.next_multiple_of(8)]);
    bytes[at + 20..at + 24].copy_from_slice(&checksum.finalize().to_le_bytes());
    overwrite(path, &bytes);
    let refused = Log::open(dir.path(), options, &committer).unwrap_err();
    let what = "kinds of entries";
    assert!(matches!(&refused, OpenError::Newer { what: found, found: 8, .. } if *found == what), "{refused}");
    assert_eq!(fs::read(path).unwrap(), bytes, "nothing was changed");
}

#[test]
fn a_source_goes_on_in_a_new_epoch_where_it_was_mended() {
    let failing = dag_storage_faults::Failing::over(Arc::new(dag_log::OsStorage));
    let dir = tempfile::tempdir().unwrap();
    let options = source_options(Durability::Fsync, 1 << 20);
    let committer = Committer::over(Arc::new(failing.clone()));
    let source = Source::create(dir.path(), &schema(), options, &committer).unwrap();
    publish(&source, [1]);
    failing.fail_next(dag_storage_faults::Operation::Sync);
    let request = |time| Publish { batch: Some(at([time])), ..Publish::default() };
    let receipt = source.publish(request(2), NOW).unwrap();
    assert!(receipt.commit.wait().is_err());
    let later = Timestamp(NOW.0 + 2_000_000_000);
    let receipt = source.publish(request(3), later).unwrap();
    receipt.commit.wait().unwrap();
    assert_eq!((receipt.epoch, receipt.first), (2, 1), "nobody takes it for the record that was cut off");
    assert!(matches!(source.log().check(1, 2), Err(ReadError::Lost { epoch: 1, .. })));
    assert_eq!(indexes(source.log()), [(1, Kind::Records, 1), (2, Kind::Records, 2)]);
}

/// A source with other replicas, of which nothing is known to be committed.
fn replicated(dir: &std::path::Path, options: SourceOptions, committer: &Committer, committed: u64) -> Source {
    if fs::read_dir(dir).unwrap().next().is_none() {
        drop(Source::create(dir, &schema(), options, committer).unwrap());
    }
    Source::open_in(dir, options, Replicas::Several { committed }, committer, NOW).unwrap()
}

#[test]
fn with_replicas_an_append_is_shown_and_acknowledged_once_it_is_committed() {
    for durability in [Durability::Fsync, Durability::Os] {
        let dir = tempfile::tempdir().unwrap();
        let source = replicated(dir.path(), source_options(durability, 1 << 20), &unsynced(), 0);
        let log = source.log();
        let one =
            |times: Vec<i64>| source.publish(Publish { batch: Some(at(times)), ..Publish::default() }, NOW).unwrap();
        let receipts = [one(vec![1]), one((0..100_000).collect()), one(vec![2])];
        log.sync().wait().unwrap();
        let durable = log.durable();
        assert_eq!((durable.epoch, durable.index, log.visible().end), (1, 3, 0), "durable, and not committed");
        let mut reader = log.reader(Start::Earliest).unwrap();
        assert!(reader.next().unwrap().is_none());
        let told = {
            let (commit, (done, told)) = (receipts[1].commit.clone(), std::sync::mpsc::channel());
            std::thread::spawn(move || done.send(commit.wait()).unwrap());
            told
        };
        log.commit(1).unwrap();
        receipts[0].commit.wait().unwrap();
        assert_eq!((log.visible().end, log.visible().index), (1, 1));
        assert!(told.try_recv().is_err(), "the next one is not");
        log.commit(2).unwrap();
        told.recv_timeout(Duration::from_secs(60)).expect("it is told").unwrap();
        assert_eq!(entries(&mut reader).unwrap().iter().map(|entry| entry.index).collect::<Vec<_>>(), [1, 2, 2]);
        log.commit(1).unwrap();
        assert_eq!(log.visible().index, 2, "it never goes back");
        log.commit(900).unwrap();
        receipts[2].commit.wait().unwrap();
        assert_eq!((log.visible().end, log.visible().index), (100_002, 3), "what is to come is not here");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_replica_that_is_opened_shows_what_is_known_to_be_committed(
        batches in any_batches(),
        small in any::<bool>(),
        epochs in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (options, committer) = (source_options(Durability::Fsync, if small { 300 } else { 1 << 20 }), unsynced());
        let source = replicated(dir.path(), options, &committer, 0);
        let mut states = vec![source.log().visible()];
        for (number, records) in batches.iter().enumerate() {
            if epochs && number % 3 == 1 {
                source.begin_epoch(source.epoch() + 2, NOW).unwrap();
                source.log().commit(u64::MAX).unwrap();
                states.push(source.log().visible());
            }
            let request = Publish { batch: Some(batch(records)), history: true, ..Publish::default() };
            source.publish(request, NOW).unwrap();
            source.log().sync().wait().unwrap();
            source.log().commit(u64::MAX).unwrap();
            states.push(source.log().visible());
        }
        drop(source);
        for (index, state) in states.iter().enumerate() {
            let source = replicated(dir.path(), options, &committer, index as u64);
            let visible = source.log().visible();
            prop_assert_eq!((visible.index, visible.end), (index as u64, state.end));
            prop_assert_eq!((visible.frontier, visible.max_time), (state.frontier, state.max_time));
            let shown: Vec<Record> = batches.concat().into_iter().take(state.end as usize).collect();
            prop_assert_eq!(all(source.log()).unwrap(), shown);
            let whole = source.log().durable();
            prop_assert_eq!((whole.epoch, whole.index), (source.epoch(), states.len() as u64 - 1));
        }
    }
}
