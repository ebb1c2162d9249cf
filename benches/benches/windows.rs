//! Windows over much: windows that overlap, keys that come once, wide records. Each is read from a log and computed natively, in the
//! plainest way, and as the computation that a subscription starts, which also writes its results.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use dag_benches::comparison::Comparison;
use dag_benches::computation::{aggregation, complete, computation};
use dag_benches::readings::{BATCH, append, log};
use dag_expr::Window;
use dag_flow::{Aggregation, Flow};
use dag_log::{Durability, Log, Start};
use dag_model::{Field, Frontier, Schema, Timestamp, Type, arrow_schema, times};
use dag_wasm::{Component, Runtime, RuntimeOptions};

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The argument of operators over the column `value`.
const OF_VALUE: Option<(&str, &str)> = Some(("of", "value"));

/// How many keys come in one second.
const KEYS: usize = 1 << 20;

/// How many wide records there are, and how many bytes each takes besides its value.
const WIDE: (usize, usize) = (1 << 14, 4_096);

fn main() {
    let runtime = Runtime::new(RuntimeOptions::default()).expect("the engine starts");
    let component = runtime.load(dag_operators::COMPONENTS[0].bytes).expect("the embedded component loads");
    let folder = tempfile::tempdir().expect("a folder for logs");
    let flow = Flow::start(1).expect("a thread");
    let bench = Bench { component, flow, folder: folder.path(), number: Cell::new(0) };
    bench.overlapping("avg(x, 7d, every=5min) over eight weeks", 5 * MINUTE, 56 * DAY, (7 * DAY, 5 * MINUTE));
    bench.overlapping("avg(x, 1h, every=1s) over three days of 5 min", 5 * MINUTE, 3 * DAY, (HOUR, SECOND));
    bench.overlapping("avg(x, 1d, every=1min) over nine days", MINUTE, 9 * DAY, (DAY, MINUTE));
    bench.keys();
    bench.wide();
}

struct Bench<'a> {
    component: Arc<Component>,
    flow: Flow,
    folder: &'a Path,
    number: Cell<u32>,
}

impl Bench<'_> {
    /// A log in a folder of its own.
    fn log(&self, schema: &Schema) -> Log {
        self.number.set(self.number.get() + 1);
        log(&self.folder.join(self.number.get().to_string()), schema, Durability::Derived)
    }

    /// A log of these columns, an entry for each batch.
    fn input(&self, schema: &Schema, batches: impl Iterator<Item = Vec<ArrayRef>>) -> Log {
        let input = self.log(schema);
        for columns in batches {
            append(&input, &RecordBatch::try_new(arrow_schema(schema), columns).expect("the columns are those of it"));
        }
        input.end(Frontier::Empty, Timestamp(0)).expect("the disk takes it");
        input
    }

    /// Overlapping windows (size, every) over a reading each `step`.
    fn overlapping(&self, title: &str, step: i64, length: i64, (size, every): (i64, i64)) {
        let schema = Schema::new(vec![Field::new("value", Type::Float64)]);
        let readings: Vec<i64> = (0..length / step).map(|number| number * step).collect();
        let columns = |part: &[i64]| -> Vec<ArrayRef> {
            let value = |time: &i64| (time / step * 37 % 101) as f64 * 0.1;
            vec![time_column(part.iter().copied()), Arc::new(Float64Array::from_iter_values(part.iter().map(value)))]
        };
        let input = self.input(&schema, readings.chunks(BATCH).map(columns));
        let window = Window::Hopping { size, every, offset: 0 };
        let results = ((length - step + size) / every) as u64;
        Comparison::new(&format!("{title}, by result"), results)
            .way("each window's records one by one", || {
                assert_eq!(naive(&input, size, every).len() as u64, results);
            })
            .way("a computation, which also writes its log", || {
                assert_eq!(self.compute(&input, ("avg", OF_VALUE), &schema, aggregation(window, &[], &[0])), results);
            })
            .print();
    }

    fn keys(&self) {
        let schema = Schema::new(vec![Field::new("id", Type::Int64)]);
        let keys: Vec<i64> = (0..KEYS as i64).map(|key| key * 7_919 % KEYS as i64).collect();
        let columns = |part: &[i64]| -> Vec<ArrayRef> {
            vec![time_column(part.iter().map(|_| 0)), Arc::new(Int64Array::from(part.to_vec()))]
        };
        let input = self.input(&schema, keys.chunks(BATCH).map(columns));
        let output = Schema::new(vec![Field::new("id", Type::Int64), Field::new("value", Type::Int64)]);
        let window = Window::Hopping { size: SECOND, every: SECOND, offset: 0 };
        Comparison::new("count(x, 1s, by=id), a million keys in a second", KEYS as u64)
            .way("a hash table, sorted", || {
                let mut counts: HashMap<i64, i64> = HashMap::new();
                for batch in batches(&input) {
                    batch.column(1).as_primitive::<Int64Type>().values().iter().for_each(|key| {
                        *counts.entry(*key).or_default() += 1;
                    });
                }
                let sorted: BTreeMap<i64, i64> = counts.into_iter().collect();
                assert_eq!(black_box(sorted).len(), KEYS);
            })
            .way("a computation, which also writes its log", || {
                let found = self.compute(&input, ("count", None), &output, aggregation(window, &[0], &[]));
                assert_eq!(found, KEYS as u64);
            })
            .print();
    }

    fn wide(&self) {
        let (records, bytes) = WIDE;
        let fields = vec![Field::new("body", Type::Utf8), Field::new("value", Type::Float64)];
        let schema = Schema::new(fields);
        let body = "wide".repeat(bytes / 4);
        let numbers: Vec<i64> = (0..records as i64).collect();
        let columns = |part: &[i64]| -> Vec<ArrayRef> {
            vec![
                time_column(part.iter().map(|number| number * SECOND)),
                Arc::new(StringArray::from_iter_values(part.iter().map(|_| &body))),
                Arc::new(Float64Array::from_iter_values(part.iter().map(|number| *number as f64))),
            ]
        };
        let input = self.input(&schema, numbers.chunks(BATCH / 4).map(columns));
        let output = Schema::new(vec![Field::new("value", Type::Float64)]);
        let window = Window::Hopping { size: MINUTE, every: MINUTE, offset: 0 };
        Comparison::new("sum(x, 1min) of records of 4 KiB", records as u64)
            .way("adding up", || {
                let mut sums: BTreeMap<i64, f64> = BTreeMap::new();
                for batch in batches(&input) {
                    for (time, value) in
                        times(&batch).iter().zip(batch.column(2).as_primitive::<Float64Type>().values())
                    {
                        *sums.entry(time / MINUTE).or_default() += value;
                    }
                }
                assert!(black_box(sums).len() > 100);
            })
            .way("a computation, which also writes its log", || {
                let found = self.compute(&input, ("sum", OF_VALUE), &output, aggregation(window, &[], &[1]));
                assert!(found > 100);
            })
            .print();
    }

    /// Computes all of an input; returns how many results there are.
    fn compute(
        &self,
        input: &Log,
        operator: (&str, Option<(&str, &str)>),
        schema: &Schema,
        aggregation: Aggregation,
    ) -> u64 {
        let output = self.log(schema);
        complete(&self.flow, computation(&self.component, operator, aggregation, input, &output))
    }
}

fn time_column(times: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC"))
}

/// The records of a log.
fn batches(log: &Log) -> impl Iterator<Item = RecordBatch> {
    let mut reader = log.reader(Start::Earliest).expect("the log is there");
    std::iter::from_fn(move || {
        loop {
            let entry = reader.next().expect("the log can be read")?;
            if entry.count > 0 {
                return Some(log.load(&entry).expect("the log can be read").batch);
            }
        }
    })
}

/// The average of each window's records, added up one after the other.
fn naive(input: &Log, size: i64, every: i64) -> Vec<(i64, f64)> {
    let mut records: VecDeque<(i64, f64)> = VecDeque::new();
    for batch in batches(input) {
        let values = batch.column(1).as_primitive::<Float64Type>().values();
        records.extend(times(&batch).iter().copied().zip(values.iter().copied()));
    }
    let (first, last) = (records[0].0, records[records.len() - 1].0);
    let mut averages = Vec::new();
    let mut start = (first - size).div_euclid(every) * every + every;
    while start <= last {
        while records.front().is_some_and(|(time, _)| *time < start) {
            records.pop_front();
        }
        let inside = records.iter().take_while(|(time, _)| *time < start + size);
        let (sum, count) = inside.fold((0.0, 0), |(sum, count), (_, value)| (sum + value, count + 1));
        averages.push((start, sum / f64::from(count)));
        start += every;
    }
    black_box(averages)
}
