//! The standard operators through the component boundary: what the host sends and gets back.

use std::sync::{Arc, LazyLock};

use arrow_array::types::{Float64Type, TimestampNanosecondType};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampNanosecondArray, cast::AsArray};
use dag_model::frame::{decode, decode_batch, encode, encode_batch};
use dag_model::{Field, Frontier, Order, Schema, Timestamp, Type, arrow_schema};
use dag_wasm::{Aggregate, CallError, Component, InstanceOptions, Runtime, RuntimeOptions, Transform};

static COMPONENTS: LazyLock<Vec<Arc<Component>>> = LazyLock::new(|| {
    let runtime = Runtime::new(RuntimeOptions::default()).unwrap();
    dag_operators::COMPONENTS.iter().map(|embedded| runtime.load(embedded.bytes).unwrap()).collect()
});

fn with_operator(name: &str) -> &'static Component {
    let exports = |component: &&Arc<Component>| component.signatures().iter().any(|one| one.name == name);
    COMPONENTS.iter().find(exports).unwrap()
}

fn schema() -> Schema {
    Schema::new(vec![Field::new("value", Type::Float64)])
}

fn ints(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn times(values: &[i64]) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from(values.to_vec()).with_timezone("UTC"))
}

fn floats(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn frame(columns: &[ArrayRef]) -> Vec<u8> {
    encode(columns[0].len(), columns.iter().map(AsRef::as_ref))
}

fn aggregate(operator: &str) -> Aggregate {
    let mut aggregate = with_operator(operator).aggregate(InstanceOptions::default()).unwrap();
    let binding = aggregate.bind(operator, &[("of", "value")], &schema()).unwrap();
    assert_eq!((binding.result, &binding.columns[..]), (Type::Float64, &[0][..]));
    aggregate
}

fn results(frame: Vec<u8>) -> Vec<Option<f64>> {
    decode(frame, &[Type::Float64]).unwrap()[0].as_primitive::<Float64Type>().iter().collect()
}

#[test]
fn every_embedded_component_loads_under_its_own_name() {
    let said: Vec<&str> = COMPONENTS.iter().map(|component| component.name()).collect();
    let embedded: Vec<&str> = dag_operators::COMPONENTS.iter().map(|embedded| embedded.name).collect();
    assert_eq!(said, embedded);
}

#[test]
fn slots_fold_combine_and_are_forgotten() {
    let mut avg = aggregate("avg");
    avg.update(&frame(&[ints(&[0, 1, 0]), times(&[1, 2, 3]), floats(&[1.0, 10.0, 3.0])])).unwrap();
    assert_eq!(results(avg.finish(&frame(&[ints(&[1, 0, 2])])).unwrap()), [Some(10.0), Some(2.0), None]);
    avg.combine(&frame(&[ints(&[0]), ints(&[1])])).unwrap();
    avg.clear(&frame(&[ints(&[1])])).unwrap();
    assert_eq!(results(avg.finish(&frame(&[ints(&[0, 1])])).unwrap()), [Some(14.0 / 3.0), None]);
}

#[test]
fn the_result_after_each_record_is_scanned() {
    let scanned = aggregate("sum").scan(&frame(&[ints(&[0, 0, 1]), times(&[1, 2, 3]), floats(&[1.0, 2.0, 5.0])]));
    assert_eq!(results(scanned.unwrap()), [Some(1.0), Some(3.0), Some(5.0)]);
}

#[test]
fn saved_slots_go_on_in_another_instance() {
    let mut one = aggregate("avg");
    one.update(&frame(&[ints(&[7, 7]), times(&[1, 2]), floats(&[1.0, 2.0])])).unwrap();
    let state = one.state(&frame(&[ints(&[7])])).unwrap();
    let columns = decode(state, &[Type::Float64, Type::Int64, Type::Boolean]).unwrap();

    let mut other = aggregate("avg");
    other.merge(&frame(&[vec![ints(&[3])], columns].concat())).unwrap();
    other.update(&frame(&[ints(&[3]), times(&[3]), floats(&[6.0])])).unwrap();
    assert_eq!(results(other.finish(&frame(&[ints(&[3])])).unwrap()), [Some(3.0)]);
}

fn batch(seconds: &[i64], values: &[f64]) -> RecordBatch {
    RecordBatch::try_new(arrow_schema(&schema()), vec![times(seconds), floats(values)]).unwrap()
}

fn transform(operator: &str, arguments: &[(&str, &str)], order: Order) -> Transform {
    let mut transform = with_operator(operator).transform(InstanceOptions::default()).unwrap();
    let opening = transform.open(operator, arguments, &[("x", &schema())]).unwrap();
    assert_eq!((opening.schema, opening.order), (schema(), order));
    transform
}

/// The times of what a transform emits for a batch.
fn emitted(transform: &mut Transform, batch: &RecordBatch) -> Vec<i64> {
    let out = transform.process(&[encode_batch(batch)], &[]).unwrap();
    assert_eq!((out.hold, out.more), (None, false));
    let out = decode_batch(out.frame, &arrow_schema(&schema())).unwrap();
    out.column(0).as_primitive::<TimestampNanosecondType>().values().to_vec()
}

#[test]
fn a_transform_takes_batches_and_emits_them() {
    let mut filter = transform("filter", &[("predicate", "value>90")], Order::Log);
    assert_eq!(emitted(&mut filter, &batch(&[3, 1, 2], &[95.0, 10.0, 91.0])), [3, 2]);
    let out = filter.advance(Frontier::At(Timestamp(5))).unwrap();
    assert_eq!(decode_batch(out.frame, &arrow_schema(&schema())).unwrap().num_rows(), 0);
}

#[test]
fn a_snapshot_goes_on_in_another_instance() {
    let arguments = [("limit", "90"), ("times", "3"), ("of", "value")];
    let mut one = transform("above", &arguments, Order::Time);
    assert_eq!(emitted(&mut one, &batch(&[1, 2], &[91.0, 92.0])), [] as [i64; 0]);
    let chunks = one.snapshot().unwrap();

    let mut other = transform("above", &arguments, Order::Time);
    other.restore(1, &chunks).unwrap();
    assert_eq!(emitted(&mut other, &batch(&[3, 4], &[93.0, 94.0])), [3]);
}

#[test]
fn an_operator_says_why_it_refuses_its_arguments() {
    let mut filter = with_operator("filter").transform(InstanceOptions::default()).unwrap();
    let refusal = filter.open("filter", &[("predicate", "load>90")], &[("x", &schema())]).unwrap_err();
    assert!(matches!(&refusal, CallError::Refused(words) if words.contains("load")), "{refusal}");
}
