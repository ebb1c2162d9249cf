//! What snapshots cost and what they save, for `sum(x, 1d, by=host)` with few and with many hosts.
//!
//! The cost is held against the same computation with only one at its end: snapshots follow each other as closely as their own pace allows,
//! which is more often than at the default interval. Recovery is going on from a snapshot at the end of the log, held against
//! beginning anew with the log.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use dag_benches::comparison::Comparison;
use dag_benches::computation::{aggregation, computation, start, until_gone};
use dag_benches::readings::{BATCH, append, log, schema};
use dag_expr::Window;
use dag_flow::{Event, Flow, Handle, Snapshot};
use dag_log::{Durability, Log};
use dag_model::arrow_schema;
use dag_wasm::{Component, Runtime, RuntimeOptions};

/// A window that all records lie in, in nanoseconds: the state only grows.
const DAY: i64 = 86_400_000_000_000;

fn main() {
    let runtime = Runtime::new(RuntimeOptions::default()).expect("the engine starts");
    let component = runtime.load(dag_operators::COMPONENTS[0].bytes).expect("the embedded component loads");
    let folder = tempfile::tempdir().expect("a folder for logs");
    let flow = Flow::start(1).expect("a thread");
    for (batches, hosts) in [(64, 1_000), (256, 1_000), (256, 100_000)] {
        let records = batches * BATCH;
        let input = log(&folder.path().join(format!("{batches}-{hosts}")), &schema(), Durability::Derived);
        (0..batches).for_each(|number| append(&input, &batch(number, hosts)));
        let runs = folder.path().join(format!("{batches}-{hosts}-runs"));
        // The frontier stays within the window, as in a stream that is alive.
        let bench = Bench { flow: &flow, component: &component, input: &input, folder: &runs, runs: Cell::new(0) };
        let title = |what: &str| format!("{what}, {hosts} hosts");
        Comparison::new(&title("sum by host over the log"), records as u64)
            .way("one snapshot, at the end", || drop(bench.run(None, None, records)))
            .way("snapshots as often as their pace allows", || drop(bench.run(None, Some(Duration::ZERO), records)))
            .print();
        let snapshot: Arc<Snapshot> = bench.run(None, Some(Duration::ZERO), records).expect("it stops with one").into();
        Comparison::new(&title("to the end of the log after a crash"), records as u64)
            .way("anew", || drop(bench.run(None, None, records)))
            .way("from a snapshot at its end", || drop(bench.run(Some(snapshot.clone()), None, 0)))
            .print();
    }
}

/// Records of so many hosts in turn, a microsecond apart.
fn batch(number: usize, hosts: usize) -> RecordBatch {
    let rows = number * BATCH..(number + 1) * BATCH;
    let times = TimestampNanosecondArray::from_iter_values(rows.clone().map(|row| row as i64 * 1_000));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(times.with_timezone("UTC")),
        Arc::new(StringArray::from_iter_values(rows.clone().map(|row| format!("host-{}", row % hosts)))),
        Arc::new(Float64Array::from_iter_values(rows.map(|row| row as f64))),
    ];
    RecordBatch::try_new(arrow_schema(&schema()), columns).expect("the columns are those of the schema")
}

struct Bench<'a> {
    flow: &'a Flow,
    component: &'a Arc<Component>,
    input: &'a Log,
    folder: &'a Path,
    runs: Cell<u32>,
}

impl Bench<'_> {
    /// Runs until so many records have been read and taken in; answers the last snapshot.
    fn run(&self, from: Option<Arc<Snapshot>>, interval: Option<Duration>, records: usize) -> Option<Box<Snapshot>> {
        self.runs.set(self.runs.get() + 1);
        let output = log(&self.folder.join(self.runs.get().to_string()), &schema(), Durability::Derived);
        let (handle, events) = self.start(from, interval, &output);
        while handle.progress().records_in() < records as u64 {
            std::thread::sleep(Duration::from_micros(200));
        }
        // The last snapshot comes after all that was read has been taken in; without any, the barrier is only waited for.
        handle.finish();
        until_gone(events)
    }

    fn start(
        &self,
        snapshot: Option<Arc<Snapshot>>,
        interval: Option<Duration>,
        output: &Log,
    ) -> (Handle, Receiver<Event>) {
        let window = Window::Hopping { size: DAY, every: DAY, offset: 0 };
        let sum = aggregation(window, &[0], &[1]);
        let mut computation = computation(self.component, ("sum", Some(("of", "value"))), sum, self.input, output);
        if let Some(snapshot) = &snapshot {
            computation.resume.output = snapshot.output.clone();
        }
        computation.resume.snapshot = snapshot;
        // Without an interval it would stop at once, with what is under way: a long one takes only the last snapshot.
        computation.interval = interval.or(Some(Duration::from_secs(3_600)));
        start(self.flow, computation)
    }
}
