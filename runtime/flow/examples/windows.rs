//! Sums in windows of ten seconds, from one log into another.
//!
//!     cargo run -p dag-flow --example windows
//!
//! The flow knows nothing of streams, demand or HTTP: it is given logs and an operator, and runs until its inputs end or it is told to stop.
//! Windows close as the frontier of the input passes their end, whatever the time is here.

use std::path::Path;
use std::sync::{Arc, mpsc};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, TimestampNanosecondArray};
use dag_expr::Window;
use dag_flow::{Aggregation, Budget, Computation, Event, Flow, Input, Leg, Operator, Resume, Search, World};
use dag_log::{Committer, Durability, Log, Options, Retention, Start};
use dag_model::{Field, Frontier, Schema, Timestamp, Type, Windowing, arrow_schema};
use dag_wasm::{InstanceOptions, Runtime, RuntimeOptions};

const SECOND: i64 = 1_000_000_000;

fn main() {
    let folder = tempfile::tempdir().expect("a folder for logs");
    let schema = Schema::new(vec![Field::new("value", Type::Int64)]);
    let (input, output) = (log(&folder.path().join("input"), &schema), log(&folder.path().join("output"), &schema));
    let running = {
        let flow = Flow::start(2).expect("two threads");
        let (told, events) = mpsc::channel();
        let handle =
            flow.run(sums(&schema, input.clone(), output.clone()), Box::new(move |event| drop(told.send(event))));
        (flow, handle, events)
    };

    // Nothing before 12 s will follow the first batch, so that one window closes; the end of the input closes the others.
    append(&input, &schema, &[(0, 1), (5, 2), (12, 4)], 12);
    append(&input, &schema, &[(14, 8), (31, 16)], 31);
    input.end(Frontier::Empty, Timestamp(0)).expect("the log is written");
    let (_flow, _handle, events) = running;
    assert!(matches!(events.recv(), Ok(Event::Finished)));

    let mut reader = output.reader(Start::Earliest).expect("the log is read");
    let mut sums = Vec::new();
    while let Some(entry) = reader.next().expect("the log is read") {
        if entry.count > 0 {
            let batch = output.load(&entry).expect("the log is read").batch;
            let times = dag_model::times(&batch).iter().map(|time| time / SECOND);
            sums.extend(times.zip(batch.column(1).as_primitive::<Int64Type>().values().iter().copied()));
        }
    }
    sums.iter().for_each(|(second, sum)| println!("from {second:>2} s: {sum}"));
    assert_eq!(sums, [(0, 3), (10, 12), (30, 16)], "no window without records");
}

fn log(folder: &Path, schema: &Schema) -> Log {
    let retention = Retention { age: None, bytes: None };
    let options = Options { segment_bytes: 1 << 20, durability: Durability::Derived, retention };
    Log::create(folder, schema, options, &Committer::new()).expect("a log can be made")
}

/// Appends records, as seconds and values, and that nothing before the second `frontier` follows.
fn append(log: &Log, schema: &Schema, records: &[(i64, i64)], frontier: i64) {
    let times = TimestampNanosecondArray::from_iter_values(records.iter().map(|(second, _)| second * SECOND));
    let values = Int64Array::from_iter_values(records.iter().map(|(_, value)| *value));
    let columns: Vec<ArrayRef> = vec![Arc::new(times.with_timezone("UTC")), Arc::new(values)];
    let batch = RecordBatch::try_new(arrow_schema(schema), columns).expect("they are the schema's columns");
    log.append(&batch, Frontier::At(Timestamp(frontier * SECOND)), Timestamp(0)).expect("the log is written");
}

fn sums(schema: &Schema, input: Log, output: Log) -> Computation {
    let runtime = Runtime::new(RuntimeOptions::default()).expect("the engine starts");
    let component = dag_operators::COMPONENTS.iter().find(|component| component.name == "aggregates");
    let leg = Leg { log: input, incarnation: None, sequence: 0 };
    Computation {
        operator: Operator {
            component: runtime.load(component.expect("it is embedded").bytes).expect("it is a component"),
            name: "sum".to_owned(),
            arguments: vec![("of".to_owned(), "value".to_owned())],
            options: InstanceOptions::default(),
            world: World::Aggregate(Aggregation {
                window: Window::Hopping { size: 10 * SECOND, every: 10 * SECOND, offset: 0 },
                windowing: Windowing::NEWEST,
                by: Vec::new(),
                columns: vec![0],
            }),
        },
        inputs: vec![Input { legs: vec![leg], from: Timestamp::MIN, late: false, until: None, skipped: Vec::new() }],
        schemas: vec![schema.clone()],
        schema: schema.clone(),
        from: Timestamp::MIN,
        until: None,
        resume: Resume { snapshot: None, output: output.hash_at(0).expect("it is empty"), muted: None, mark: 0 },
        output,
        home: 0,
        marks: Vec::new(),
        interval: None,
        search: Search::Off,
        budget: Budget::new(Budget::DEFAULT),
    }
}
