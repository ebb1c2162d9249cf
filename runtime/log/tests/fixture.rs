//! A log that the first version wrote is read by every later one.

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

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/version-1")
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

#[test]
#[ignore = "writes the fixture of a new format version"]
fn write_the_fixture() {
    drop(std::fs::remove_dir_all(fixture()));
    write(&Source::create(&fixture(), &each_type(), OPTIONS, &unsynced()).unwrap());
}

#[test]
fn the_first_version_is_read() {
    let (dir, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy(&fixture(), dir.path());
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
