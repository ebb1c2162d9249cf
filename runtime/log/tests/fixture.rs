//! A log that an earlier version wrote is read by every later one, and goes on.

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use common::*;
use dag_log::{Durability, Kind, Options, Publish, PublisherId, Source, SourceOptions, Start};
use dag_model::{Field, Frontier, Schema, Timestamp, Type, arrow_schema};

const S: i64 = 1_000_000_000;
const OPTIONS: SourceOptions = SourceOptions {
    log: Options {
        segment_bytes: 1 << 20,
        durability: Durability::Os,
        retention: dag_log::Retention { age: None, bytes: None },
    },
    out_of_order: std::time::Duration::from_secs(1),
    max_ahead: std::time::Duration::from_secs(600),
    idle: std::time::Duration::from_secs(30),
    clock_node: false,
    arrival: false,
    remember: None,
};

fn fixture(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/version-{version}"))
}

/// One column of each type.
fn each_type() -> Schema {
    Schema::new(Type::ALL.into_iter().map(|ty| Field::new(ty.name(), ty)).collect())
}

/// Records at `seconds`, every third of whose values are null.
fn each(seconds: std::ops::Range<i64>) -> RecordBatch {
    let times = |times: Vec<Option<i64>>| Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC"));
    let some = |second: i64| (second % 3 != 0).then_some(second);
    let column = || seconds.clone().map(some);
    let columns: Vec<ArrayRef> = vec![
        times(seconds.clone().map(|second| Some(second * S)).collect()),
        Arc::new(column().map(|value| value.map(|value| value % 2 == 0)).collect::<BooleanArray>()),
        Arc::new(column().collect::<Int64Array>()),
        Arc::new(column().map(|value| value.map(|value| value as f64 / 8.0)).collect::<Float64Array>()),
        Arc::new(column().map(|value| value.map(|value| format!("text {value}"))).collect::<StringArray>()),
        Arc::new(column().map(|value| value.map(|value| value.to_le_bytes())).collect::<BinaryArray>()),
        times(column().collect()),
    ];
    RecordBatch::try_new(arrow_schema(&each_type()), columns).unwrap()
}

fn batches() -> [RecordBatch; 3] {
    // The second is large enough to be compressed; of the third some are late.
    [each(0..4), each(4..200), each(190..203)]
}

fn write(source: &Source) {
    for (index, batch) in batches().into_iter().enumerate() {
        let publisher = Some(PublisherId { name: "writer".into(), session: 7, batch: index as u64 + 1 });
        let request = Publish { publisher, batch: Some(batch), ..Publish::default() };
        source.publish(request, Timestamp(1000 * S)).unwrap();
    }
    let heartbeat = Publish { heartbeat: Some(Timestamp(205 * S)), ..Publish::default() };
    source.publish(heartbeat, Timestamp(1001 * S)).unwrap();
    let publisher = Some(PublisherId { name: "writer".into(), session: 7, batch: 0 });
    source.publish(Publish { publisher, leave: true, ..Publish::default() }, Timestamp(1002 * S)).unwrap();
}

/// What the second version has besides.
fn write_more(source: &Source) {
    source.begin_epoch(5, Timestamp(1003 * S)).unwrap();
    source.mark(77, Timestamp(1003 * S)).unwrap();
    let publish = |name: &str, leave| {
        let publisher = Some(PublisherId { name: name.into(), session: 1, batch: 1 });
        let request = Publish {
            publisher,
            batch: Some(each(210..212)),
            allowance: Some(std::time::Duration::from_secs(40)),
            bookmark: Some(name.as_bytes().to_vec()),
            leave,
            ..Publish::default()
        };
        source.publish(request, Timestamp(1004 * S)).unwrap();
    };
    publish("forgotten", true);
    source.alter(SourceOptions { remember: Some(std::time::Duration::from_secs(9)), ..OPTIONS });
    publish("file", false);
    source.tick(Timestamp(1014 * S)).unwrap();
    source.trim_to(3, Timestamp(1014 * S)).unwrap();
}

#[test]
#[ignore = "writes the fixture of a new format version"]
fn write_the_fixture() {
    drop(std::fs::remove_dir_all(fixture(2)));
    let source = Source::create(&fixture(2), &each_type(), OPTIONS, &unsynced()).unwrap();
    write(&source);
    write_more(&source);
}

#[test]
fn the_second_version_is_read() {
    let (dir, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy(&fixture(2), dir.path());
    let source = Source::open(dir.path(), OPTIONS, &unsynced(), Timestamp(2000 * S)).unwrap();
    let log = source.log();
    assert_eq!((source.epoch(), log.visible().end, log.visible().index, log.mark()), (5, 217, 10, Some(77)));
    assert_eq!((source.publisher("forgotten"), source.publisher("writer")), (None, None));
    assert_eq!((source.publisher("file"), source.bookmark("file")), (Some((1, 1)), Some(b"file".to_vec())));
    assert_eq!(source.stats().joined[0].bound, Timestamp(201 * S), "it has an allowance of its own");
    let found = entries(&mut log.reader(Start::Earliest).unwrap()).unwrap();
    let listed: Vec<_> = found.iter().map(|entry| (entry.index, entry.epoch, entry.kind, entry.count)).collect();
    let expected = [
        (1, 1, Kind::Records, 4),
        (2, 1, Kind::Records, 196),
        (3, 1, Kind::Records, 13),
        (4, 1, Kind::Frontier, 0),
        (5, 5, Kind::Epoch, 0),
        (6, 5, Kind::Mark(77), 0),
        (7, 5, Kind::Records, 2),
        (8, 5, Kind::Records, 2),
        (9, 5, Kind::Frontier, 0),
        (10, 5, Kind::Trim(3), 0),
    ];
    assert_eq!(listed, expected);
    for (entry, batch) in found.iter().zip(batches()) {
        assert_eq!(log.load(entry).unwrap().batch, batch);
    }
    let again = Source::create(fresh.path(), &each_type(), OPTIONS, &unsynced()).unwrap();
    write(&again);
    write_more(&again);
    assert_eq!(log.hash(), again.log().hash());
}

#[test]
fn a_log_of_the_first_version_goes_on_in_a_new_segment() {
    let dir = tempfile::tempdir().unwrap();
    copy(&fixture(1), dir.path());
    let first = || std::fs::read(&segments(dir.path())[0]).unwrap();
    let before = first();
    let open = || Source::open(dir.path(), OPTIONS, &unsynced(), Timestamp(2000 * S)).unwrap();
    drop(open());
    assert_eq!((first() == before, segments(dir.path()).len()), (true, 1), "nothing changes until something follows");
    for number in 4..7 {
        let source = open();
        let publisher = |batch| Some(PublisherId { name: "writer".into(), session: 7, batch });
        let again = Publish { publisher: publisher(3), batch: Some(each(190..203)), ..Publish::default() };
        assert!(source.publish(again, Timestamp(2000 * S)).unwrap().repeat);
        let second = 200 + 10 * number as i64;
        let next =
            Publish { publisher: publisher(number), batch: Some(each(second..second + 2)), ..Publish::default() };
        let receipt = source.publish(next, Timestamp(2000 * S)).unwrap();
        assert_eq!((receipt.epoch, receipt.first), (1, 213 + 2 * (number - 4)));
        let found = entries(&mut source.log().reader(Start::Earliest).unwrap()).unwrap();
        let indexed: Vec<u64> = found.iter().map(|entry| entry.index).skip_while(|index| *index == 0).collect();
        assert_eq!(indexed, (1..=indexed.len() as u64).collect::<Vec<_>>(), "what lies before is the base");
        assert_eq!(found.len() - indexed.len(), 4);
        assert_eq!(found.last().map(|entry| source.log().load(entry).unwrap().batch), Some(each(second..second + 2)));
        assert!(source.log().check(1, receipt.end).is_ok());
        assert_eq!(source.log().hash_at(213).unwrap().sequence, 213);
    }
    assert!(first() == before, "the old segment stays as it was");
    assert_eq!(segments(dir.path()).len(), 2);
    assert_eq!(open().publisher("writer"), Some((7, 6)));
}

#[test]
fn the_first_version_is_read() {
    let (dir, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy(&fixture(1), dir.path());
    let source = Source::open(dir.path(), OPTIONS, &unsynced(), Timestamp(2000 * S)).unwrap();
    let log = source.log();
    assert_eq!(log.schema(), &each_type());
    assert_eq!((log.visible().epoch, log.visible().end, log.visible().max_time), (1, 213, Timestamp(202 * S)));
    assert_eq!((source.publisher("writer"), source.stats().late), (Some((7, 3)), 8));
    assert!(source.stats().joined.is_empty());
    let found = entries(&mut log.reader(Start::Earliest).unwrap()).unwrap();
    let frontiers: Vec<_> = found.iter().map(|entry| (entry.kind, entry.count, entry.frontier)).collect();
    let at = |second: i64| Frontier::At(Timestamp(second * S));
    assert_eq!(
        frontiers,
        [
            (Kind::Records, 4, at(2)),
            (Kind::Records, 196, at(198)),
            (Kind::Records, 13, at(201)),
            (Kind::Frontier, 0, at(201)),
        ]
    );
    for (entry, batch) in found.iter().zip(batches()) {
        assert_eq!(log.load(entry).unwrap().batch, batch);
    }
    assert_eq!(log.load(&found[2]).unwrap().late().num_rows(), 8);

    let again = Source::create(fresh.path(), &each_type(), OPTIONS, &unsynced()).unwrap();
    write(&again);
    assert_eq!(log.hash(), again.log().hash());
}
