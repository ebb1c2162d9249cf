//! What tests of computations share.
#![allow(dead_code, reason = "each test uses some of it")]

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use dag_expr::Window;
use dag_flow::{Aggregation, Budget, Computation, Event, Flow, Handle, Input, Leg, Operator, Resume, Search, World};
use dag_log::{Committer, Durability, Log, Options, Retention, Start};
use dag_model::{Field, Frontier, Schema, Timestamp, Type, Windowing, arrow_schema, times};
use dag_wasm::{Component, InstanceOptions, Runtime, RuntimeOptions};

/// Long enough for a loaded machine; a test that reaches it has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn input_schema() -> Schema {
    Schema::new(vec![Field::new("host", Type::Utf8), Field::new("value", Type::Float64)])
}

/// Compiled once for all tests.
pub fn component(name: &str) -> Arc<Component> {
    static COMPONENTS: OnceLock<Vec<Arc<Component>>> = OnceLock::new();
    let load = || {
        let runtime = Runtime::new(RuntimeOptions::default()).unwrap();
        dag_operators::COMPONENTS.iter().map(|embedded| runtime.load(embedded.bytes).unwrap()).collect()
    };
    let components = COMPONENTS.get_or_init(load);
    components.iter().find(|component| component.name() == name).unwrap().clone()
}

pub fn log(folder: &Path, name: &str, schema: &Schema) -> Log {
    let retention = Retention { age: None, bytes: None };
    let options = Options { segment_bytes: 1 << 20, durability: Durability::Derived, retention };
    Log::create(&folder.join(name), schema, options, &Committer::new()).unwrap()
}

pub fn batch(rows: &[(i64, &str, f64)]) -> RecordBatch {
    let times = TimestampNanosecondArray::from_iter_values(rows.iter().map(|row| row.0)).with_timezone("UTC");
    let hosts = StringArray::from_iter_values(rows.iter().map(|row| row.1));
    let values = Float64Array::from_iter_values(rows.iter().map(|row| row.2));
    let columns: Vec<ArrayRef> = vec![Arc::new(times), Arc::new(hosts), Arc::new(values)];
    RecordBatch::try_new(arrow_schema(&input_schema()), columns).unwrap()
}

pub fn at(time: i64) -> Frontier {
    Frontier::At(Timestamp(time))
}

pub fn whole(log: &Log) -> Input {
    let leg = Leg { log: crate::mirrored::read(log), incarnation: None, sequence: 0 };
    Input { legs: vec![leg], from: Timestamp::MIN, late: false, until: None, skipped: Vec::new() }
}

/// Of the last column.
pub fn aggregation(window: Window, by: Vec<usize>) -> Aggregation {
    Aggregation { window, windowing: Windowing::NEWEST, by, columns: vec![1] }
}

pub fn aggregate(inputs: Vec<Input>, window: Window, by: Vec<usize>, output: &Log, home: usize) -> Computation {
    let options = InstanceOptions { label: "test".to_owned(), random: 1, ..InstanceOptions::default() };
    Computation {
        operator: Operator {
            component: component("aggregates"),
            name: "sum".to_owned(),
            arguments: vec![("of".to_owned(), "value".to_owned())],
            options,
            world: World::Aggregate(aggregation(window, by)),
        },
        schemas: inputs.iter().map(|_| input_schema()).collect(),
        inputs,
        schema: output.schema().clone(),
        from: Timestamp::MIN,
        until: None,
        output: output.clone(),
        home,
        resume: Resume { snapshot: None, output: output.hash_at(0).unwrap(), muted: None, mark: 0 },
        marks: Vec::new(),
        interval: None,
        search: Search::Off,
        budget: Budget::new(Budget::DEFAULT),
    }
}

pub fn run(flow: &Flow, computation: Computation) -> (Handle, Receiver<Event>) {
    let (sender, events) = channel();
    let handle = flow.run(computation, Box::new(move |event| drop(sender.send(event))));
    (handle, events)
}

pub fn finishes(events: &Receiver<Event>) {
    match events.recv_timeout(PATIENCE).unwrap() {
        Event::Finished => {}
        event => panic!("{event:?}"),
    }
    assert!(matches!(events.recv_timeout(PATIENCE).unwrap(), Event::Gone));
}

pub fn records(log: &Log) -> Vec<RecordBatch> {
    let mut reader = log.reader(Start::Earliest).unwrap();
    let mut batches = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        if entry.count > 0 {
            batches.push(log.load(&entry).unwrap().batch);
        }
    }
    batches
}

/// (time, host, value) of a log of sums by host.
pub fn sums(log: &Log) -> Vec<(i64, String, f64)> {
    let rows = |batch: RecordBatch| {
        let (times, hosts) = (times(&batch).to_vec(), batch.column(1).as_string::<i32>().clone());
        let values = batch.column(2).as_primitive::<Float64Type>().clone();
        (0..batch.num_rows())
            .map(move |row| (times[row], hosts.value(row).to_owned(), values.value(row)))
            .collect::<Vec<_>>()
    };
    records(log).into_iter().flat_map(rows).collect()
}

/// Records of forty hosts, a little out of order, cut into batches of `cut`.
pub fn fill(input: &Log, cut: usize) {
    fill_part(input, cut, 0..5_000);
    input.end(Frontier::Empty, Timestamp(0)).unwrap();
}

/// Some of these records, without an end.
pub fn fill_part(input: &Log, cut: usize, part: std::ops::Range<i64>) {
    let hosts: Vec<String> = (0..40).map(|host| format!("host-{host}")).collect();
    let rows: Vec<(i64, &str, f64)> = part
        .map(|row| (row + (row * 7) % 11, hosts[usize::try_from(row % 40).unwrap()].as_str(), (row % 97) as f64 * 0.1))
        .collect();
    for rows in rows.chunks(cut) {
        let least = rows.iter().map(|row| row.0).min().unwrap();
        input.append(&batch(rows), at(least.saturating_sub(11)), Timestamp(0)).unwrap();
    }
}

/// Lets a computation that was told to finish, or has come to a mark, go on from the snapshot that it leaves, the next time that it is run.
pub fn go_on(computation: &mut Computation, events: &Receiver<Event>) {
    let mut last = None;
    loop {
        match events.recv_timeout(PATIENCE).unwrap() {
            Event::Snapshot(snapshot) => last = Some(snapshot),
            Event::Marked(_) => {}
            Event::Gone => break,
            event => panic!("{event:?}"),
        }
    }
    let snapshot = last.expect("a computation that finishes leaves a snapshot");
    let (output, mark) = (snapshot.output.clone(), snapshot.mark);
    computation.resume = Resume { output, snapshot: Some(Arc::from(snapshot)), muted: None, mark };
}

pub fn world_name(world: &World) -> String {
    match world {
        World::Aggregate(Aggregation { window, by, .. }) => format!("{window:?} by {by:?}"),
        World::Transform { order, .. } => format!("{order:?}"),
    }
}
