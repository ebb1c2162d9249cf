//! What the host holds for a computation stays within its budget, and what comes of it is the same as without one.

mod mirrored;

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use dag_expr::Window;
use dag_flow::budget::{Share, Usage};
use dag_flow::{
    Aggregation, Budget, Computation, Cursor, Event, Flow, Handle, Input, Leg, Merge, Operator, Resume, Search,
    Snapshot, Step, World,
};
use dag_log::{Committer, Durability, Log, Options, Retention, Start};
use dag_model::{Field, Frontier, Order, Schema, Timestamp, Type, Windowing, arrow_schema, times};
use dag_wasm::{Component, InstanceOptions, Memory, Runtime, RuntimeOptions};
use proptest::prelude::*;

/// Long enough for a loaded machine; a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(120);

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

fn schema() -> Schema {
    Schema::new(vec![Field::new("value", Type::Int64), Field::new("text", Type::Utf8)])
}

/// Compiled once for all tests.
fn component(name: &str) -> Arc<Component> {
    static COMPONENTS: OnceLock<Vec<Arc<Component>>> = OnceLock::new();
    let load = || {
        let runtime = Runtime::new(RuntimeOptions::default()).unwrap();
        dag_operators::COMPONENTS.iter().map(|embedded| runtime.load(embedded.bytes).unwrap()).collect()
    };
    COMPONENTS.get_or_init(load).iter().find(|component| component.name() == name).unwrap().clone()
}

fn log(folder: &Path, name: &str, schema: &Schema) -> Log {
    let retention = Retention { age: None, bytes: None };
    let options = Options { segment_bytes: 1 << 20, durability: Durability::Derived, retention };
    Log::create(&folder.join(name), schema, options, &Committer::new()).unwrap()
}

/// Records at these times, numbered from `first`, each with a text of so many bytes.
fn batch(at: &[i64], first: i64, width: usize) -> RecordBatch {
    let numbers = Int64Array::from_iter_values((0..at.len() as i64).map(|row| first + row));
    let texts = StringArray::from_iter_values(at.iter().map(|time| format!("{time}{}", "-".repeat(width))));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(TimestampNanosecondArray::from(at.to_vec()).with_timezone("UTC")),
        Arc::new(numbers),
        Arc::new(texts),
    ];
    RecordBatch::try_new(arrow_schema(&schema()), columns).unwrap()
}

fn whole(log: &Log) -> Input {
    let leg = Leg { log: mirrored::read(log), incarnation: None, sequence: 0 };
    Input { legs: vec![leg], from: Timestamp::MIN, late: false, until: None, skipped: Vec::new() }
}

/// A merge into which all pieces of these logs have gone.
fn merge_of(logs: &[Log], budget: &Arc<Budget>) -> Merge {
    let mut merge = Merge::numbered(logs.iter().map(|_| arrow_schema(&schema())).collect(), budget);
    for (input, log) in logs.iter().enumerate() {
        let mut cursor = Cursor::new(whole(log), Arc::new(|| ()));
        while let Step::Piece(piece) = cursor.step().unwrap() {
            merge.push(input, Arc::new(piece));
        }
    }
    merge
}

/// (time, input, sequence, value) of all records of a merge, in its order, and the frontiers of its answers.
fn drained(mut merge: Merge) -> Vec<(i64, usize, u64, i64)> {
    let (mut all, mut reached) = (Vec::new(), Frontier::START);
    while let Some(merged) = merge.next(Frontier::Empty).unwrap() {
        let values: Vec<_> =
            merged.batches.iter().map(|batch| batch.column(1).as_primitive::<Int64Type>().values().to_vec()).collect();
        let mut values: Vec<_> = values.into_iter().map(Vec::into_iter).collect();
        for spot in &merged.spots {
            let value = values[spot.input].next().unwrap();
            assert!(!reached.passed(spot.time), "nothing comes before what has been passed");
            all.push((spot.time.0, spot.input, spot.position.sequence, value));
        }
        reached = reached.max(merged.frontier);
    }
    all
}

fn usage(budget: &Budget, share: Share) -> Usage {
    budget.usage().into_iter().find(|usage| usage.share == share).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn what_overlaps_further_than_the_budget_is_put_back_and_comes_in_order_all_the_same(
        entries in prop::collection::vec(prop::collection::vec(0_i64..400, 1..60), 1..40), inputs in 1_usize..4,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let logs: Vec<Log> = (0..inputs).map(|input| log(folder.path(), &input.to_string(), &schema())).collect();
        let mut expected = Vec::new();
        for (number, at) in entries.iter().enumerate() {
            let (log, first) = (&logs[number % inputs], number as i64 * 1_000);
            let sequence = log.visible().end;
            log.append(&batch(at, first, 1_000), Frontier::START, Timestamp(0)).unwrap();
            let rows = at.iter().zip(0..);
            expected.extend(rows.map(|(time, row)| (*time, number % inputs, sequence + row, first + row as i64)));
        }
        expected.sort_unstable();
        // Of which a quarter is for order: fewer than two hundred of these records at once, of two thousand.
        let (small, large) = (Budget::new(MIB), Budget::new(Budget::DEFAULT));
        prop_assert_eq!(&drained(merge_of(&logs, &large)), &expected);
        prop_assert_eq!(&drained(merge_of(&logs, &small)), &expected);
        let held = usage(&small, Share::Order);
        prop_assert!(held.peak <= held.limit, "{:?}", held);
        prop_assert_eq!(held.bytes, 0);
    }
}

#[test]
fn records_of_one_time_that_are_more_than_the_budget_are_an_error_that_says_so_and_one_alone_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let input = log(folder.path(), "input", &schema());
    for first in 0..4 {
        input.append(&batch(&[7; 10], first * 10, 10_000), Frontier::START, Timestamp(0)).unwrap();
    }
    let budget = Budget::new(MIB);
    let mut merge = merge_of(std::slice::from_ref(&input), &budget);
    let error = std::iter::repeat_with(|| merge.next(Frontier::Empty)).find_map(Result::err).unwrap().to_string();
    assert!(error.contains("records in time order") && error.contains("256KiB"), "{error}");
    assert!(error.contains("of its 1MiB") && error.contains("--computation-memory"), "{error}");

    let large = log(folder.path(), "large", &schema());
    large.append(&batch(&[7], 0, 4 << 20), Frontier::START, Timestamp(0)).unwrap();
    assert_eq!(drained(merge_of(&[large], &budget)).len(), 1);
}

fn aggregation(window: Window, by: &[usize], columns: &[usize]) -> World {
    World::Aggregate(Aggregation { window, windowing: Windowing::NEWEST, by: by.to_vec(), columns: columns.to_vec() })
}

/// An application of a standard operator.
fn application(name: &str, world: World, inputs: &[Log], output: &Log, budget: u64) -> Computation {
    let arguments: &[(&str, &str)] = match name {
        "delta" => &[("of", "value")],
        "filter" => &[("predicate", "value >= 0")],
        "sum" => &[("of", "value")],
        _ => &[],
    };
    let component = component(if matches!(world, World::Aggregate(_)) { "aggregates" } else { "transforms" });
    Computation {
        operator: Operator {
            component,
            name: name.to_owned(),
            arguments: arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            options: InstanceOptions { label: "test".to_owned(), random: 1, ..InstanceOptions::default() },
            world,
        },
        inputs: inputs.iter().map(whole).collect(),
        schemas: inputs.iter().map(|_| schema()).collect(),
        schema: output.schema().clone(),
        from: Timestamp::MIN,
        until: None,
        output: output.clone(),
        home: 0,
        resume: Resume { snapshot: None, output: output.hash_at(0).unwrap(), muted: None, mark: 0 },
        marks: Vec::new(),
        interval: None,
        search: Search::Off,
        budget: Budget::new(budget),
    }
}

fn run(flow: &Flow, computation: Computation) -> (Handle, Receiver<Event>) {
    let (sender, events) = channel();
    let handle = flow.run(computation, Box::new(move |event| drop(sender.send(event))));
    (handle, events)
}

#[track_caller]
fn finishes(events: &Receiver<Event>) {
    match events.recv_timeout(PATIENCE).unwrap() {
        Event::Finished => {}
        event => panic!("{event:?}"),
    }
    assert!(matches!(events.recv_timeout(PATIENCE).unwrap(), Event::Gone));
}

fn records(log: &Log) -> RecordBatch {
    let mut reader = log.reader(Start::Earliest).unwrap();
    let mut batches = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        if entry.count > 0 {
            batches.push(log.load(&entry).unwrap().batch);
        }
    }
    arrow_select::concat::concat_batches(&arrow_schema(log.schema()), &batches).unwrap()
}

/// What an aggregate's records of integers look like.
fn results(aggregation: &Aggregation) -> Schema {
    let keys = aggregation.by.iter().map(|column| schema().fields[*column].clone());
    let bounds = match aggregation.window {
        Window::Session { .. } => vec!["start", "end"],
        _ => Vec::new(),
    };
    let bounds = bounds.into_iter().map(|name| Field::new(name, Type::Timestamp));
    Schema::new(keys.chain(bounds).chain([Field::new("value", Type::Int64)]).collect())
}

#[test]
fn keys_that_are_more_than_the_budget_end_their_computation_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let input = log(folder.path(), "input", &schema());
    for first in 0..300 {
        input.append(&batch(&[first], first, 40_000), Frontier::At(Timestamp(first)), Timestamp(0)).unwrap();
    }
    let keyed = Aggregation { window: Window::Running, windowing: Windowing::NEWEST, by: vec![1], columns: Vec::new() };
    let output = log(folder.path(), "output", &results(&keyed));
    let flow = Flow::start(2).unwrap();
    let inputs = std::slice::from_ref(&input);
    let (_handle, events) = run(&flow, application("count", World::Aggregate(keyed), inputs, &output, 16 * MIB));
    match events.recv_timeout(PATIENCE).unwrap() {
        Event::Failed(failure) => {
            let told = failure.error.to_string();
            assert!(told.starts_with("its keys would take"), "{told}");
            assert!(told.contains("the 8MiB that keys and windows may take of its 16MiB"), "{told}");
            assert!(told.contains("shorter windows or fewer keys") && told.contains("--computation-memory"), "{told}");
        }
        event => panic!("{event:?}"),
    }
}

/// The snapshot that a computation leaves once it is told to finish.
fn left(handle: &Handle, events: &Receiver<Event>, records: u64) -> Box<Snapshot> {
    while handle.progress().records_in() < records {
        std::thread::yield_now();
    }
    handle.finish();
    let mut last = None;
    loop {
        match events.recv_timeout(PATIENCE).unwrap() {
            Event::Snapshot(snapshot) => last = Some(snapshot),
            Event::Gone => return last.expect("it stops with one"),
            event => panic!("{event:?}"),
        }
    }
}

#[test]
fn a_snapshot_counts_as_long_as_it_is_there_and_goes_once_it_is_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let input = log(folder.path(), "input", &schema());
    for first in 0..50 {
        input.append(&batch(&[first], first, 40_000), Frontier::At(Timestamp(first)), Timestamp(0)).unwrap();
    }
    let keyed = aggregation(Window::Hopping { size: 1_000, every: 1_000, offset: 0 }, &[1], &[]);
    let World::Aggregate(shape) = &keyed else { unreachable!() };
    let output = log(folder.path(), "output", &results(shape));
    let (flow, memory) = (Flow::start(2).unwrap(), Memory::new(1 << 30));
    let mut computation = application("count", keyed.clone(), std::slice::from_ref(&input), &output, 0);
    computation.interval = Some(Duration::from_secs(3_600));
    let mut again = computation.clone();
    computation.budget = Budget::within(Budget::DEFAULT, &memory);
    let (handle, events) = run(&flow, computation);
    let snapshot = left(&handle, &events, 50);
    assert!(snapshot.bytes() > 50 * 40_000);
    assert_eq!(memory.held(), snapshot.bytes(), "nothing else is left");

    again.resume =
        Resume { output: snapshot.output.clone(), snapshot: Some(Arc::from(snapshot)), muted: None, mark: 0 };
    let budget = Budget::within(Budget::DEFAULT, &memory);
    again.budget = budget.clone();
    let (handle, events) = run(&flow, again);
    let begun = std::time::Instant::now();
    while usage(&budget, Share::State).bytes < 50 * 40_000 || memory.held() > budget.held() {
        assert!(begun.elapsed() < PATIENCE, "{} and {}", memory.held(), budget.held());
        std::thread::yield_now();
    }
    drop(left(&handle, &events, 0));
    assert_eq!(memory.held(), 0);
}

#[test]
fn wide_records_go_through_every_kind_of_operator_within_the_budget_and_the_same_comes_of_them() {
    const WIDTH: usize = 40_000;
    let session = aggregation(Window::Session { gap: 3 }, &[], &[]);
    let running = aggregation(Window::Running, &[], &[0]);
    let keyed = aggregation(Window::Session { gap: 3 }, &[1], &[]);
    let in_time_order = |aliases: &[&str]| {
        let aliases = aliases.iter().map(|&alias| alias.to_owned()).collect();
        World::Transform { order: Order::Time, aliases }
    };
    let in_log_order = World::Transform { order: Order::Log, aliases: vec!["input".to_owned()] };
    let applications = [
        ("count", session, 1),
        ("sum", running, 1),
        ("count", keyed, 1),
        ("delta", in_time_order(&["input"]), 1),
        ("union", in_time_order(&["a", "b"]), 2),
        ("filter", in_log_order, 1),
    ];
    let folder = tempfile::tempdir().unwrap();
    let input = log(folder.path(), "input", &schema());
    for first in (0..600).step_by(6) {
        let at: Vec<i64> = (first..first + 6).map(|row| 10 * row + (row * 7) % 31).collect();
        input.append(&batch(&at, first, WIDTH), Frontier::At(Timestamp(10 * first - 40)), Timestamp(0)).unwrap();
    }
    input.end(Frontier::Empty, Timestamp(0)).unwrap();
    for (number, (name, world, inputs)) in applications.into_iter().enumerate() {
        let output_schema = match &world {
            World::Aggregate(aggregation) => results(aggregation),
            World::Transform { .. } if name == "delta" => Schema::new(vec![Field::new("value", Type::Int64)]),
            World::Transform { .. } => schema(),
        };
        let flow = Flow::start(2).unwrap();
        let mut outputs = Vec::new();
        // A small one of 16 MiB: 2 each for the queue and results, 4 for order, where 24 come in.
        for budget in [Budget::DEFAULT, 16 * MIB] {
            let output = log(folder.path(), &format!("{number}-{budget}"), &output_schema);
            let logs = vec![input.clone(); inputs];
            let (handle, events) = run(&flow, application(name, world.clone(), &logs, &output, budget));
            finishes(&events);
            outputs.push(records(&output));
            for usage in handle.budget().usage() {
                // What each of the two workers has begun when there is room is finished: a batch, up to the end of a record, and one that it
                // began before that one was counted.
                assert!(usage.peak <= usage.limit + 4 * (256 * KIB + WIDTH as u64), "{name} with {budget}: {usage:?}");
            }
            assert_eq!(handle.budget().held(), 0, "{name}: what is gone holds nothing");
        }
        assert!(outputs[0].num_rows() > 0, "{name}");
        assert_eq!(outputs[0], outputs[1], "{name}");
        assert!(times(&outputs[0]).is_sorted() || name == "filter", "{name}");
    }
}

#[test]
fn a_computation_whose_input_has_ended_stops_in_the_middle_of_what_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let input = log(folder.path(), "input", &schema());
    input.append(&batch(&[1_000_000_000], 0, 1), Frontier::START, Timestamp(0)).unwrap();
    input.end(Frontier::Empty, Timestamp(0)).unwrap();
    let endless = aggregation(Window::Hopping { size: 1_000_000_000, every: 1, offset: 0 }, &[], &[]);
    for workers in [1, 2] {
        let flow = Flow::start(workers).unwrap();
        let schema = Schema::new(vec![Field::new("value", Type::Int64)]);
        let output = log(folder.path(), &workers.to_string(), &schema);
        let mut computation = application("count", endless.clone(), std::slice::from_ref(&input), &output, 16 * MIB);
        computation.interval = Some(Duration::from_secs(3600));
        let (sender, moved) = channel();
        let watched = output.clone();
        let _watch = output.on_visible(Arc::new(move || {
            if watched.visible().end > 0 {
                let _ = sender.send(());
            }
        }));
        let (handle, events) = run(&flow, computation);
        moved.recv_timeout(PATIENCE).unwrap();
        handle.finish();
        assert!(matches!(events.recv_timeout(PATIENCE).unwrap(), Event::Gone));
        assert!(!output.visible().ended, "it was not at its end");
    }
}
