//! `avg(x, 5min, by=host)`: what the component boundary costs, and what the engine costs around it.
//!
//! The first comparison folds columns that are in memory, grouped by host, natively and by the embedded component. The second
//! computes the windows from a log, by hand on timely with a hash table, and as the computation that a subscription starts.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::DataType;
use dag_benches::comparison::Comparison;
use dag_benches::computation::{aggregation, complete, computation};
use dag_benches::readings::{BATCH, append, batches, log, schema};
use dag_expr::Window;
use dag_flow::Flow;
use dag_flow::window::fold::{Fold, GuestFold};
use dag_flow::window::keys::Keys;
use dag_log::{Durability, Log, Start};
use dag_model::{Frontier, Timestamp, times};
use dag_wasm::{Component, InstanceOptions, Runtime, RuntimeOptions};
use timely::dataflow::InputHandle;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::Operator as _;
use timely::dataflow::operators::{Capability, Inspect};

const BATCHES: usize = 256;

/// The window, in nanoseconds.
const WINDOW: i64 = 300_000_000_000;

fn main() {
    let records = (BATCHES * BATCH) as u64;
    let batches = batches(BATCHES);
    let runtime = Runtime::new(RuntimeOptions::default()).expect("the engine starts");
    let component = runtime.load(dag_operators::COMPONENTS[0].bytes).expect("the embedded component loads");

    Comparison::new("fold columns into averages by host", records)
        .way("native", || fold_natively(&batches))
        .way("the embedded component", || fold_by_component(&batches, &component))
        .print();

    let folder = tempfile::tempdir().expect("a folder for logs");
    let input = log(&folder.path().join("input"), &schema(), Durability::Derived);
    batches.iter().for_each(|batch| append(&input, batch));
    input.end(Frontier::Empty, Timestamp(0)).expect("the disk takes it");
    let flow = Flow::start(1).expect("a thread");
    let number = Cell::new(0);
    Comparison::new("avg(x, 5min, by=host) from a log, one worker", records)
        .way("timely by hand", || by_hand(&input))
        .way("a computation, which also writes its log", || {
            number.set(number.get() + 1);
            let output = log(&folder.path().join(number.get().to_string()), &schema(), Durability::Derived);
            compute(&flow, &component, &input, &output);
        })
        .print();
}

/// Each row's host as a number that slots can have.
fn slots(keys: &mut Keys, batch: &RecordBatch) -> Vec<i64> {
    let numbers = keys.intern(&batch.columns()[1..2], batch.num_rows()).expect("there are few hosts");
    numbers.into_iter().map(i64::from).collect()
}

fn fold_natively(batches: &[RecordBatch]) {
    let mut keys = Keys::new(&[DataType::Utf8]).expect("texts can be keys");
    let mut states: Vec<(f64, i64)> = Vec::new();
    for batch in batches {
        let slots = slots(&mut keys, batch);
        states.resize(keys.bound(), (0.0, 0));
        for (slot, value) in slots.into_iter().zip(batch.column(2).as_primitive::<Float64Type>().values()) {
            let state = &mut states[slot as usize];
            state.0 += value;
            state.1 += 1;
        }
    }
    black_box(states.iter().map(|(sum, count)| sum / *count as f64).collect::<Vec<_>>());
}

fn fold_by_component(batches: &[RecordBatch], component: &Component) {
    let mut keys = Keys::new(&[DataType::Utf8]).expect("texts can be keys");
    let mut instance = component.aggregate(InstanceOptions::default()).expect("it is an aggregate");
    let bound = instance.bind("avg", &[("of", "value")], &schema()).expect("it has avg");
    let mut fold = GuestFold::new(instance, bound.result, usize::MAX);
    for batch in batches {
        let slots = slots(&mut keys, batch);
        fold.update(&slots, times(batch), &batch.columns()[2..3]).expect("it folds");
    }
    let all: Vec<i64> = (0..keys.bound() as i64).collect();
    let averages: ArrayRef = fold.finish(&all).expect("it has results");
    black_box(averages);
}

/// A window's sums and counts by host, and the right to send its results.
type Open = (Capability<i64>, HashMap<String, (f64, i64)>);

fn by_hand(input: &Log) {
    let log = input.clone();
    let results = timely::execute_directly(move |worker| {
        let results = Rc::new(RefCell::new(Vec::<(i64, String, f64)>::new()));
        let (mut input, collected) = (InputHandle::new(), results.clone());
        worker.dataflow::<i64, _, _>(|scope| {
            input
                .to_stream(scope)
                .unary_frontier(Pipeline, "average", |_, _| {
                    let mut windows = BTreeMap::<i64, Open>::new();
                    move |(input, frontier), output| {
                        input.for_each(|capability, batches: &mut Vec<RecordBatch>| {
                            let capability = capability.retain(0);
                            batches.drain(..).for_each(|batch| fold_into(&mut windows, &capability, &batch));
                        });
                        while let Some(window) = windows.first_entry() {
                            if frontier.less_than(&(window.key() + WINDOW)) {
                                break;
                            }
                            let (start, (capability, hosts)) = window.remove_entry();
                            let averages =
                                hosts.into_iter().map(|(host, (sum, count))| (start, host, sum / count as f64));
                            output.session(&capability).give_iterator(averages);
                        }
                    }
                })
                .container::<Vec<_>>()
                .inspect_batch(move |_, batch| collected.borrow_mut().extend_from_slice(batch));
        });
        let mut reader = log.reader(Start::Earliest).expect("the log is there");
        while let Some(entry) = reader.next().expect("the log can be read") {
            if entry.count > 0 {
                input.send(log.load(&entry).expect("the log can be read").batch);
            }
            if let Some(time) = entry.frontier.time() {
                input.advance_to(time.0);
            }
            worker.step();
        }
        input.close();
        while worker.step() {}
        results.take()
    });
    assert!(black_box(results).len() > 100);
}

fn fold_into(windows: &mut BTreeMap<i64, Open>, capability: &Capability<i64>, batch: &RecordBatch) {
    let (hosts, values) = (batch.column(1).as_string::<i32>(), batch.column(2).as_primitive::<Float64Type>().values());
    for (row, time) in times(batch).iter().enumerate() {
        let start = time - time.rem_euclid(WINDOW);
        let (_, states) = windows.entry(start).or_insert_with(|| (capability.clone(), HashMap::new()));
        let state = match states.get_mut(hosts.value(row)) {
            Some(state) => state,
            None => states.entry(hosts.value(row).to_owned()).or_default(),
        };
        state.0 += values[row];
        state.1 += 1;
    }
}

fn compute(flow: &Flow, component: &Arc<Component>, input: &Log, output: &Log) {
    let window = Window::Hopping { size: WINDOW, every: WINDOW, offset: 0 };
    let average = aggregation(window, &[0], &[1]);
    let computation = computation(component, ("avg", Some(("of", "value"))), average, input, output);
    assert!(complete(flow, computation) > 100);
}
