//! What limits cost: the same component, called with the same frames, on an engine that interrupts nothing and counts nothing, on one
//! that can end a call, and as a node runs it, with limits on time, memory and output.

#![allow(missing_docs)]

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, TimestampNanosecondArray};
use dag_benches::comparison::Comparison;
use dag_benches::readings::BATCH;
use dag_model::{Field, Schema, Type, frame};
use dag_wasm::{InstanceOptions, Runtime, RuntimeOptions};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, Store};

wasmtime::component::bindgen!({ path: "../wit", world: "aggregate" });

/// Calls in a round.
const CALLS: usize = 1_000;

/// The smallest batch: what a call costs in itself.
const FEW: usize = 16;

/// A host that answers and keeps nothing.
struct Host;

impl dag::operator::host::Host for Host {
    fn log(&mut self, _: dag::operator::host::Level, _: String) {}

    fn random(&mut self) -> u64 {
        0
    }
}

impl dag::operator::types::Host for Host {}

fn main() {
    for rows in [BATCH, FEW] {
        let frame = rows_of(rows);
        let (mut bare, mut interruptible, mut limited) = (instance(false), instance(true), limited());
        Comparison::new(&format!("sum, {rows} records a call"), (rows * CALLS) as u64)
            .way("without limits", || (0..CALLS).for_each(|_| bare.update(&frame)))
            .way("with epoch interruption", || (0..CALLS).for_each(|_| interruptible.update(&frame)))
            .way("as a node runs it", || {
                (0..CALLS).for_each(|_| limited.update(&frame).expect("it takes its frame"));
            })
            .print();
    }
}

/// Rows for a hundred slots.
fn rows_of(rows: usize) -> Vec<u8> {
    let numbers = || 0..rows as i64;
    let columns: [ArrayRef; 3] = [
        Arc::new(Int64Array::from_iter_values(numbers().map(|row| row % 100))),
        Arc::new(TimestampNanosecondArray::from_iter_values(numbers()).with_timezone("UTC")),
        Arc::new(Float64Array::from_iter_values(numbers().map(|row| row as f64))),
    ];
    frame::encode(rows, columns.iter().map(|column| column.as_ref() as &dyn Array))
}

/// An instance on an engine of its own, without limits.
struct Bare {
    store: Store<Host>,
    guest: Aggregate,
}

fn instance(interruptible: bool) -> Bare {
    let mut config = Config::new();
    config.cranelift_nan_canonicalization(true);
    config.wasm_relaxed_simd(false);
    config.epoch_interruption(interruptible);
    let engine = Engine::new(&config).expect("the engine starts");
    let mut linker = Linker::new(&engine);
    Aggregate::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host).expect("one host");
    let component =
        Component::new(&engine, dag_operators::COMPONENTS[0].bytes).expect("the embedded component compiles");
    let mut store = Store::new(&engine, Host);
    if interruptible {
        store.set_epoch_deadline(u64::MAX / 2);
    }
    let guest = Aggregate::instantiate(&mut store, &component, &linker).expect("it is an aggregate");
    let arguments = [dag::operator::types::Argument { name: "of".to_owned(), value: "value".to_owned() }];
    let schema =
        vec![dag::operator::types::Field { name: "value".to_owned(), ty: dag::operator::types::ColumnType::Float64 }];
    let bound = guest.dag_operator_aggregating().call_bind(&mut store, "sum", &arguments, &schema);
    bound.expect("it does not trap").expect("it sums floats");
    Bare { store, guest }
}

impl Bare {
    fn update(&mut self, frame: &[u8]) {
        let updated = self.guest.dag_operator_aggregating().call_update(&mut self.store, frame);
        updated.expect("it does not trap").expect("it takes its frame");
    }
}

/// An instance as a node makes it.
fn limited() -> dag_wasm::Aggregate {
    let runtime = Runtime::new(RuntimeOptions::default()).expect("the engine starts");
    let component = runtime.load(dag_operators::COMPONENTS[0].bytes).expect("the embedded component loads");
    let mut guest = component.aggregate(InstanceOptions::default()).expect("it is an aggregate");
    let schema = Schema::new(vec![Field::new("value", Type::Float64)]);
    guest.bind("sum", &[("of", "value")], &schema).expect("it sums floats");
    guest
}
