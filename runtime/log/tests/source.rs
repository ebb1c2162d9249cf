//! Publishing to a source: what is in its log, and what is left of it after a restart.

mod common;

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::*;
use dag_log::{
    Clock, Committer, Durability, Moment, Options, OsStorage, Publish, PublishError, PublisherId, Receipt, Retention,
    Source, SourceOptions, Start, Steady,
};
use dag_model::{Frontier, Timestamp};
use dag_storage_faults::{Failing, Operation};
use proptest::prelude::*;

const S: i64 = 1_000_000_000;

fn source_options(out_of_order: u64) -> SourceOptions {
    SourceOptions {
        log: Options { durability: Durability::Os, ..Options::default() },
        out_of_order: Duration::from_secs(out_of_order),
        ..SourceOptions::default()
    }
}

fn create(dir: &tempfile::TempDir, options: SourceOptions) -> Source {
    Source::create(dir.path(), &schema(), options, &Committer::new()).unwrap()
}

fn reopen(source: Source, dir: &tempfile::TempDir, now: i64) -> Source {
    let options = source.options();
    drop(source);
    Source::open(dir.path(), options, &Committer::new(), Timestamp(now * S)).unwrap()
}

fn seconds(times: impl IntoIterator<Item = i64>) -> Option<arrow_array::RecordBatch> {
    Some(at(times.into_iter().map(|time| time * S)))
}

fn named(batch: u64, times: impl IntoIterator<Item = i64>) -> Publish {
    let publisher = Some(PublisherId { name: "p".into(), session: 1, batch });
    Publish { publisher, batch: seconds(times), ..Publish::default() }
}

fn at_1000(source: &Source, request: Publish) -> Result<Receipt, PublishError> {
    source.publish(request, Timestamp(1000 * S))
}

fn at_second(second: i64) -> Frontier {
    frontier(second * S)
}

#[test]
fn a_late_record_lies_in_the_same_entry_and_is_marked() {
    let dir = tempfile::tempdir().unwrap();
    let mut source = create(&dir, source_options(0));
    at_1000(&source, named(1, [10])).unwrap();
    let receipt = at_1000(&source, named(2, [4, 12, 9, 10])).unwrap();
    assert_eq!((receipt.accepted, receipt.late, receipt.first, receipt.end), (4, 2, 1, 5));
    for _ in 0..2 {
        let mut reader = source.log().reader(Start::Sequence(1)).unwrap();
        let entry = reader.next().unwrap().unwrap();
        assert_eq!((entry.count, entry.late, entry.frontier), (4, 2, at_second(12)));
        let loaded = source.log().load(&entry).unwrap();
        let expected = |times: [i64; 2]| records(&seconds(times).unwrap());
        assert_eq!(records(&loaded.on_time()), expected([12, 10]));
        assert_eq!(records(&loaded.late()), expected([4, 9]));
        assert_eq!((source.stats().records, source.stats().late), (5, 2));
        source = reopen(source, &dir, 1000);
    }
}

#[test]
fn an_entry_whose_records_are_all_late_has_none_on_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut source = create(&dir, source_options(0));
    at_1000(&source, named(1, [10])).unwrap();
    at_1000(&source, named(2, [1, 2])).unwrap();
    source = reopen(source, &dir, 1000);
    let entry = source.log().reader(Start::Sequence(1)).unwrap().next().unwrap().unwrap();
    let loaded = source.log().load(&entry).unwrap();
    assert_eq!((loaded.on_time().num_rows(), loaded.late().num_rows()), (0, 2));
}

#[test]
fn a_batch_that_is_sent_again_is_there_once_even_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut source = create(&dir, source_options(0));
    at_1000(&source, named(1, [1, 2])).unwrap();
    let again = at_1000(&source, named(1, [1, 2])).unwrap();
    assert_eq!((again.repeat, again.accepted, again.end), (true, 0, 2));
    source = reopen(source, &dir, 1000);
    assert_eq!(source.publisher("p"), Some((1, 1)));
    assert!(at_1000(&source, named(1, [1, 2])).unwrap().repeat);
    assert_eq!(at_1000(&source, named(2, [3])).unwrap().first, 2);
    assert_eq!(all(source.log()).unwrap(), records(&seconds([1, 2, 3]).unwrap()));
    assert!(matches!(at_1000(&source, named(9, [3])), Err(PublishError::Gap { expected: 3, found: 9, .. })));
}

#[test]
fn publishers_and_late_counts_outlive_the_segments_that_they_came_in() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { age: None, bytes: Some(1) };
    let log = Options { segment_bytes: 600, durability: Durability::Os, retention };
    let mut source = create(&dir, SourceOptions { log, ..source_options(0) });
    let other = Publish {
        publisher: Some(PublisherId { name: "old".into(), session: 9, batch: 1 }),
        leave: true,
        ..named(0, [1])
    };
    at_1000(&source, other).unwrap();
    at_1000(&source, named(1, [5, 0])).unwrap();
    for batch in 2..20 {
        at_1000(&source, named(batch, [3 + batch as i64])).unwrap();
    }
    assert!(source.log().trim(Timestamp(0)).unwrap().segments > 2);
    let (stats, hash) = (source.stats(), source.log().hash());
    source = reopen(source, &dir, 1000);
    assert_eq!(dag_log::Stats { bytes: stats.bytes, ..source.stats() }, stats);
    assert_eq!(source.log().hash(), hash);
    assert_eq!(source.publisher("old"), Some((9, 1)));
    assert_eq!((stats.late, stats.frontier), (1, at_second(22)));
}

#[test]
fn who_was_joined_still_is_after_a_restart_and_idles_from_then_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut source = create(&dir, source_options(0));
    at_1000(&source, named(1, [10])).unwrap();
    source = reopen(source, &dir, 5000);
    assert_eq!(source.stats().joined[0].bound, Timestamp(10 * S));
    assert_eq!(source.next_deadline(), Some(Steady(5030 * S)));
    let unnamed = Publish { batch: seconds([20]), ..Publish::default() };
    assert_eq!(at_1000(&source, unnamed.clone()).unwrap().frontier, at_second(10), "p holds it");
    assert_eq!(source.tick(Timestamp(5029 * S)).unwrap(), Some(Steady(5030 * S)));
    assert_eq!(source.tick(Timestamp(5030 * S)).unwrap(), None);
    source = reopen(source, &dir, 6000);
    assert!(source.stats().joined.is_empty(), "that it left is in the log");
    assert_eq!(at_1000(&source, unnamed).unwrap().frontier, at_second(20));
}

#[test]
fn the_frontier_of_a_replay_is_the_one_that_readers_saw() {
    let dir = tempfile::tempdir().unwrap();
    let mut source = create(&dir, source_options(2));
    at_1000(&source, named(1, [10])).unwrap();
    at_1000(&source, Publish { heartbeat: Some(Timestamp(15 * S)), batch: None, ..named(0, []) }).unwrap();
    at_1000(&source, named(2, [20])).unwrap();
    at_1000(&source, Publish { done: true, batch: None, ..named(0, []) }).unwrap();
    at_1000(&source, Publish { seal: true, ..Publish::default() }).unwrap();
    let expected = [at_second(8), at_second(15), at_second(18), frontier(20 * S + 1), Frontier::Empty];
    for _ in 0..2 {
        let found = entries(&mut source.log().reader(Start::Earliest).unwrap()).unwrap();
        assert_eq!(found.iter().map(|entry| entry.frontier).collect::<Vec<_>>(), expected);
        source = reopen(source, &dir, 1000);
    }
    assert!(matches!(at_1000(&source, named(3, [30])), Err(PublishError::Sealed)));
    assert!(at_1000(&source, named(2, [20])).unwrap().repeat);
}

#[test]
fn rows_far_past_the_clock_are_refused_and_the_others_kept() {
    let dir = tempfile::tempdir().unwrap();
    let source = create(&dir, source_options(0));
    let request = named(1, [999, 1601, 1600, 5000]);
    let receipt = at_1000(&source, request.clone()).unwrap();
    assert_eq!(receipt.refused.iter().map(|refused| refused.row).collect::<Vec<_>>(), [1, 3]);
    assert_eq!((receipt.accepted, receipt.frontier), (2, at_second(1600)));
    assert_eq!(source.stats().refused, 2);
    let history = Publish { history: true, ..named(2, [5000]) };
    assert_eq!(at_1000(&source, history).unwrap().accepted, 1);
    let none = at_1000(&source, named(3, [9000])).unwrap();
    assert_eq!((none.accepted, none.refused.len()), (0, 1));
    assert_eq!(source.publisher("p"), Some((1, 3)), "a batch without an accepted row is accepted, too");
}

#[test]
fn what_changes_nothing_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let source = create(&dir, source_options(0));
    let heartbeat = Publish { heartbeat: Some(Timestamp(5 * S)), batch: None, ..named(0, []) };
    at_1000(&source, heartbeat.clone()).unwrap();
    let before = source.stats().bytes;
    at_1000(&source, heartbeat).unwrap();
    at_1000(&source, Publish::default()).unwrap();
    source.tick(Timestamp(1001 * S)).unwrap();
    assert_eq!(source.stats().bytes, before);
}

#[test]
fn the_node_closes_the_window_of_a_publisher_that_died() {
    let dir = tempfile::tempdir().unwrap();
    let source = create(&dir, SourceOptions { clock_node: true, ..source_options(0) });
    at_1000(&source, named(1, [10])).unwrap();
    source.node_heartbeat(Timestamp(1000 * S)).unwrap();
    assert_eq!(source.stats().frontier, at_second(10), "it may still be alive");
    source.tick(Timestamp(1030 * S)).unwrap();
    source.node_heartbeat(Timestamp(1030 * S)).unwrap();
    assert_eq!(source.stats().frontier, at_second(1030));
}

#[test]
fn the_node_speaks_for_what_came_within_the_allowance_only() {
    let dir = tempfile::tempdir().unwrap();
    let source = create(&dir, SourceOptions { clock_node: true, ..source_options(20) });
    source.node_heartbeat(Timestamp(1000 * S)).unwrap();
    assert_eq!(source.stats().frontier, at_second(980));
}

/// A source that gives records the time of their arrival.
fn stamping(dir: &tempfile::TempDir) -> Source {
    create(dir, SourceOptions { arrival: true, ..source_options(0) })
}

/// The system's clocks.
struct System(Instant);

impl Clock for System {
    fn now(&self) -> Moment {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Moment { wall: Timestamp(wall.as_nanos() as i64), steady: Steady(self.0.elapsed().as_nanos() as i64) }
    }
}

#[test]
fn of_many_publishers_at_once_no_record_is_late_that_is_stamped_on_arrival() {
    let dir = tempfile::tempdir().unwrap();
    let (source, clock) = (stamping(&dir), System(Instant::now()));
    // Some are named and stay joined, some come for one request each, and some bring much.
    let publishers = [(None, 300, 1), (Some("p"), 300, 1), (None, 300, 1), (None, 15, 20_000), (Some("q"), 15, 20_000)];
    std::thread::scope(|scope| {
        for (name, batches, records) in publishers {
            let (source, clock) = (&source, &clock);
            scope.spawn(move || {
                for batch in 1..=batches {
                    let publisher = name.map(|name: &str| PublisherId { name: name.into(), session: 1, batch });
                    let request = Publish { publisher, batch: Some(at(0..records)), ..Publish::default() };
                    assert_eq!(source.publish(request, clock).unwrap().late, 0);
                }
            });
        }
    });
    let sent: u64 = publishers.iter().map(|(_, batches, records)| batches * *records as u64).sum();
    assert_eq!((source.stats().records, source.stats().late), (sent, 0));
}

#[test]
fn a_record_is_stamped_with_the_clock_or_the_frontier_where_that_was_set_back() {
    let dir = tempfile::tempdir().unwrap();
    let source = stamping(&dir);
    let record = || Publish { batch: Some(at([7])), ..Publish::default() };
    assert_eq!(source.publish(record(), Timestamp(1000 * S)).unwrap().frontier, at_second(1000));
    let back = Moment { wall: Timestamp(400 * S), steady: Steady(1001 * S) };
    let receipt = source.publish(record(), back).unwrap();
    assert_eq!((receipt.late, receipt.refused.len(), receipt.frontier), (0, 0, at_second(1000)));
    // Nor is what the frontier says refused as far ahead of the clock.
    let far_back = Moment { wall: Timestamp(0), steady: Steady(1002 * S) };
    let request = Publish { heartbeat: Some(Timestamp(0)), done: true, ..record() };
    assert_eq!(source.publish(request, far_back).unwrap().late, 0);
    let times: Vec<i64> = all(source.log()).unwrap().iter().map(|record| record.0).collect();
    assert_eq!(times, [1000 * S, 1000 * S, 1000 * S]);
    let later = source.publish(record(), Timestamp(1003 * S)).unwrap();
    assert_eq!((later.late, later.frontier), (0, at_second(1003)));
}

#[test]
fn a_heartbeat_is_the_nodes_now_where_records_are_stamped_on_arrival() {
    let dir = tempfile::tempdir().unwrap();
    let source = stamping(&dir);
    let ahead = Publish { heartbeat: Some(Timestamp(9_000 * S)), batch: None, ..named(0, []) };
    assert_eq!(at_1000(&source, ahead).unwrap().frontier, at_second(1000));
    assert_eq!(at_1000(&source, Publish { batch: Some(at([7])), ..Publish::default() }).unwrap().late, 0);
}

#[test]
fn silence_is_not_measured_by_a_clock_that_can_be_set() {
    let dir = tempfile::tempdir().unwrap();
    let source = create(&dir, source_options(0));
    at_1000(&source, named(1, [10])).unwrap();
    source.tick(Moment { wall: Timestamp(9_999 * S), steady: Steady(1029 * S) }).unwrap();
    assert_eq!(source.stats().joined.len(), 1, "set ahead, it does not send anybody away");
    source.tick(Moment { wall: Timestamp(0), steady: Steady(1030 * S) }).unwrap();
    assert_eq!(source.stats().joined.len(), 0, "set back, it does not keep anybody");
}

#[test]
fn a_receipt_is_kept_when_the_batch_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let source = create(&dir, SourceOptions { log: Options::default(), ..source_options(0) });
    let receipt = at_1000(&source, named(1, [1])).unwrap();
    receipt.commit.wait().unwrap();
    assert_eq!(source.log().visible().end, 1);
    at_1000(&source, named(1, [1])).unwrap().commit.wait().unwrap();
}

#[test]
fn what_changes_nothing_is_acknowledged_after_a_clean_restart_too() {
    let dir = tempfile::tempdir().unwrap();
    let source = create(&dir, SourceOptions::default());
    at_1000(&source, named(1, [10])).unwrap().commit.wait().unwrap();
    let source = reopen(source, &dir, 1000);
    let commit = at_1000(&source, named(1, [10])).unwrap().commit;
    let (done, kept) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(commit.wait()).unwrap());
    assert_eq!(kept.recv_timeout(Duration::from_secs(10)), Ok(Ok(())));
}

#[test]
fn several_publishers_at_once_lose_and_repeat_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let source = create(&dir, SourceOptions { log: Options::default(), ..source_options(0) });
    std::thread::scope(|scope| {
        for name in ["a", "b", "c", "d"] {
            let source = &source;
            scope.spawn(move || {
                for batch in 1..=25 {
                    let publisher = Some(PublisherId { name: name.into(), session: 1, batch });
                    let request = Publish { publisher, batch: seconds([batch as i64]), ..Publish::default() };
                    at_1000(source, request).unwrap().commit.wait().unwrap();
                }
            });
        }
    });
    let mut found = all(source.log()).unwrap();
    found.sort_by_key(|record| record.0);
    let expected: Vec<Record> = (1..=25).flat_map(|time| records(&seconds([time; 4]).unwrap())).collect();
    assert_eq!(found, expected);
    assert_eq!(source.stats().frontier, at_second(25));
}

fn any_request() -> impl Strategy<Value = Publish> {
    let times = proptest::option::weighted(0.7, proptest::collection::vec(0i64..60, 0..6));
    let heartbeat = proptest::option::weighted(0.3, 0i64..60);
    let name = proptest::option::weighted(0.8, proptest::sample::select(vec!["a", "b", "c"]));
    (name, times, heartbeat, 0..10u8, 1u64..3).prop_map(|(name, times, heartbeat, end, session)| Publish {
        publisher: name.map(|name| PublisherId { name: name.into(), session, batch: 0 }),
        batch: times.and_then(seconds),
        heartbeat: heartbeat.map(|second| Timestamp(second * S)),
        done: end == 0,
        leave: end == 1,
        ..Publish::default()
    })
}

/// Gives the request the number that its publisher's next batch has.
fn numbered(source: &Source, mut request: Publish) -> Publish {
    if let Some(publisher) = &mut request.publisher {
        let last = source.publisher(&publisher.name).filter(|(session, _)| *session == publisher.session);
        publisher.batch = last.map_or(1, |(_, batch)| batch + 1);
    }
    request
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn restarts_change_nothing_of_what_publishing_gives(requests in proptest::collection::vec(any_request(), 1..16)) {
        let (steady_dir, restarted_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let committer = unsynced();
        let options = SourceOptions { log: options(Durability::Os, 700), ..source_options(3) };
        let steady = Source::create(steady_dir.path(), &schema(), options, &committer).unwrap();
        let mut restarted = Source::create(restarted_dir.path(), &schema(), options, &committer).unwrap();
        let mut frontier = Frontier::START;
        for request in requests {
            let expected = at_1000(&steady, numbered(&steady, request.clone()));
            let found = at_1000(&restarted, numbered(&restarted, request));
            let outcome = |outcome: &Result<Receipt, PublishError>| match outcome {
                Ok(receipt) => Ok((receipt.first, receipt.end, receipt.late, receipt.frontier)),
                Err(error) => Err(error.to_string()),
            };
            prop_assert_eq!(outcome(&expected), outcome(&found));
            if let Ok(receipt) = &found {
                prop_assert!(receipt.frontier >= frontier);
                frontier = receipt.frontier;
            }
            prop_assert_eq!(steady.stats().joined, restarted.stats().joined);
            drop((expected, found, restarted));
            restarted = Source::open(restarted_dir.path(), options, &committer, Timestamp(1000 * S)).unwrap();
        }
        prop_assert_eq!(all(steady.log()).unwrap(), all(restarted.log()).unwrap());
        prop_assert_eq!(steady.log().hash(), restarted.log().hash());
        prop_assert_eq!(steady.stats().late, restarted.stats().late);
    }

    #[test]
    fn readers_never_meet_an_unmarked_record_behind_the_frontier(
        requests in proptest::collection::vec(any_request(), 1..16),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let source = Source::create(dir.path(), &schema(), source_options(3), &unsynced()).unwrap();
        for request in requests {
            drop(at_1000(&source, numbered(&source, request)));
        }
        let mut reader = source.log().reader(Start::Earliest).unwrap();
        let mut before = Frontier::START;
        while let Some(entry) = reader.next().unwrap() {
            let loaded = source.log().load(&entry).unwrap();
            prop_assert!(records(&loaded.on_time()).iter().all(|record| !before.passed(Timestamp(record.0))));
            prop_assert!(records(&loaded.late()).iter().all(|record| before.passed(Timestamp(record.0))));
            before = entry.frontier;
        }
    }
}

#[test]
fn what_a_source_counted_is_told_while_a_disk_hangs() {
    let dir = tempfile::tempdir().unwrap();
    let failing = Failing::over(Arc::new(OsStorage));
    let committer = Committer::over(Arc::new(failing.clone()));
    let source = Source::create(dir.path(), &schema(), source_options(0), &committer).unwrap();
    at_1000(&source, named(1, [10, 5000])).unwrap();
    at_1000(&source, named(2, [4, 12])).unwrap();
    let write = failing.hold_next(Operation::Write);
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let publishing = scope.spawn(|| at_1000(&source, named(3, [9, 20])).unwrap());
        write.arrived();
        scope.spawn(|| tell.send(source.stats()).unwrap());
        let stats = told.recv_timeout(Duration::from_secs(60));
        write.release();
        let stats = stats.expect("who asks waits for no disk");
        assert_eq!((stats.records, stats.late, stats.refused, stats.frontier), (3, 1, 1, at_second(12)));
        assert_eq!((stats.joined.len(), stats.joined[0].bound), (1, Timestamp(12 * S)));
        publishing.join().unwrap();
    });
    let stats = source.stats();
    assert_eq!((stats.records, stats.late, stats.joined[0].bound), (5, 2, Timestamp(20 * S)));
    source.tick(Timestamp(2000 * S)).unwrap();
    assert!(source.stats().joined.is_empty(), "it has been silent for too long");
}
