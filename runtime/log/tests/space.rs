//! A full disk, and the part of it that stays free.

mod common;

use std::path::Path;
use std::sync::Arc;

use common::workload::{DIR, batch, values};
use common::{NOW, entries, integers};
use dag_log::{
    AppendError, Committer, Durability, Log, NoRoom, Options, Publish, PublishError, PublisherId, Receipt, Source,
    SourceOptions, Start,
};
use dag_model::{Frontier, Timestamp};
use dag_storage_faults::{Disk, Random};

/// A source with small segments on that disk, of which it keeps some part free.
fn source(disk: &Disk, reserve: u8) -> Source {
    let committer = Committer::over(Arc::new(disk.clone())).keep_free(reserve);
    let log = Options { segment_bytes: 4_000, ..Options::default() };
    let options = SourceOptions { log, ..SourceOptions::default() };
    Source::create(Path::new(DIR), &integers(), options, &committer).unwrap()
}

fn publish(source: &Source, number: u64) -> Result<Receipt, PublishError> {
    let first = number as i64 * 50;
    let rows: Vec<i64> = (first..first + 50).collect();
    let publisher = Some(PublisherId { name: "p".into(), session: 1, batch: number });
    let request = Publish { publisher, batch: Some(batch(&rows, NOW.0)), ..Publish::default() };
    let receipt = source.publish(request, NOW)?;
    receipt.commit.wait().unwrap();
    Ok(receipt)
}

/// Publishes until that is refused; returns the number of the batch that was.
fn fill(source: &Source, from: u64) -> (u64, AppendError) {
    for number in from..from + 10_000 {
        match publish(source, number) {
            Ok(_) => {}
            Err(PublishError::Append(error)) => return (number, error),
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the disk does not fill up")
}

fn all(source: &Source) -> Vec<i64> {
    let mut reader = source.log().reader(Start::Earliest).unwrap();
    let entries = entries(&mut reader).unwrap();
    entries.iter().flat_map(|entry| values(&source.log().load(entry).unwrap().batch)).collect()
}

#[test]
fn a_full_disk_refuses_to_publish_serves_readers_and_recovers_by_itself() {
    let disk = Disk::new();
    disk.resize(100_000);
    let source = source(&disk, 0);
    let (refused, error) = fill(&source, 1);
    assert!(matches!(error, AppendError::Full(_)), "{error}");
    assert_eq!(all(&source), (50..refused as i64 * 50).collect::<Vec<_>>());
    disk.resize(200_000);
    publish(&source, refused).unwrap();
    let (again, error) = fill(&source, refused + 1);
    assert!(matches!(error, AppendError::Full(_)), "{error}");
    assert_eq!(all(&source), (50..again as i64 * 50).collect::<Vec<_>>());
}

#[test]
fn a_log_opens_on_a_full_disk() {
    let disk = Disk::new();
    disk.resize(30_000);
    let source = source(&disk, 0);
    let (refused, _) = fill(&source, 1);
    let options = source.options();
    drop(source);
    disk.resize(1);
    let committer = Committer::over(Arc::new(disk.clone()));
    let source = Source::open(Path::new(DIR), options, &committer, NOW).unwrap();
    assert_eq!(all(&source), (50..refused as i64 * 50).collect::<Vec<_>>());
}

#[test]
fn the_reserve_is_left_free_and_what_else_a_publisher_says_is_taken() {
    const SIZE: u64 = 20 << 20;
    let disk = Disk::new();
    disk.resize(SIZE);
    let source = source(&disk, 25);
    let mut random = Random::new(1);
    let mut publish = || {
        let rows: Vec<i64> = (0..30_000).map(|_| random.below(usize::MAX) as i64).collect();
        let request = Publish { batch: Some(batch(&rows, NOW.0)), history: true, ..Publish::default() };
        source.publish(request, NOW).map(|receipt| receipt.commit.wait().unwrap())
    };
    let refused = std::iter::repeat_with(&mut publish).take(100).find_map(Result::err).expect("the disk is small");
    let PublishError::Append(AppendError::Reserved(NoRoom::Reserved { free, total, percent, .. })) = refused else {
        panic!("{refused}");
    };
    assert_eq!((total, percent), (SIZE, 25));
    assert!((SIZE / 4..SIZE / 4 + (1 << 20)).contains(&free), "{free} of {total} are free");
    let heartbeat = Publish { heartbeat: Some(Timestamp(NOW.0 + 1)), ..Publish::default() };
    source.publish(heartbeat, NOW).unwrap().commit.wait().unwrap();
    disk.resize(2 * SIZE);
    publish().unwrap();
}

#[test]
fn a_derived_log_stops_before_publishers_do_and_its_frontier_and_end_need_no_room() {
    const SIZE: u64 = 20 << 20;
    let disk = Disk::new();
    disk.resize(SIZE);
    let committer = Committer::over(Arc::new(disk.clone())).keep_free(25);
    let options = Options { durability: Durability::Derived, ..Options::default() };
    let log = Log::create(Path::new("/derived"), &integers(), options, &committer).unwrap();
    let mut random = Random::new(1);
    let mut batch_of = |rows: usize| {
        let rows: Vec<i64> = (0..rows).map(|_| random.below(usize::MAX) as i64).collect();
        batch(&rows, NOW.0)
    };
    let mut append = || log.append(&batch_of(30_000), Frontier::START, NOW).map(drop);
    let refused = std::iter::repeat_with(&mut append).take(100).find_map(Result::err).expect("the disk is small");
    let AppendError::Reserved(NoRoom::Reserved { free, percent, .. }) = refused else { panic!("{refused}") };
    assert!(percent == 25 && (SIZE / 2..SIZE / 2 + (1 << 20)).contains(&free), "{free} are free");
    assert!(committer.is_short(Path::new("/derived")));

    let options = SourceOptions::default();
    let source = Source::create(Path::new(DIR), &integers(), options, &committer).unwrap();
    let request = Publish { batch: Some(batch(&[1], NOW.0)), ..Publish::default() };
    source.publish(request, NOW).expect("publishers have room of their own");
    log.advance(Frontier::At(NOW), NOW).unwrap();
    log.end(Frontier::Empty, NOW).unwrap();
}
