//! The embedded components, run as a node runs them.

use std::sync::{Arc, LazyLock};

use dag_frame::{AlignedBytes, Column, Field, Frame, Schema, Type, encode};
use dag_model::{Frontier, Order};
use dag_operators::COMPONENTS;
use dag_wasm::{CallError, Component, InstanceOptions, Runtime, RuntimeOptions};

/// All components, compiled once for all tests.
static LOADED: LazyLock<Vec<Arc<Component>>> = LazyLock::new(|| {
    let runtime = Runtime::new(RuntimeOptions::default()).unwrap();
    COMPONENTS.iter().map(|embedded| runtime.load(embedded.bytes).unwrap()).collect()
});

/// The component that is embedded under that name.
fn component(name: &str) -> &'static Component {
    let place = COMPONENTS.iter().position(|embedded| embedded.name == name).unwrap();
    &LOADED[place]
}

fn frame(columns: &[Column]) -> Vec<u8> {
    encode(columns[0].len, &columns.iter().map(Column::view).collect::<Vec<_>>())
}

fn columns(frame: &[u8]) -> Vec<Column> {
    let bytes = AlignedBytes::copy(frame);
    Frame::parse(&bytes).unwrap().columns().iter().map(|column| column.to_column()).collect()
}

fn floats(values: impl IntoIterator<Item = f64>) -> Column {
    Column::float64(values.into_iter().map(Some))
}

fn seconds(seconds: std::ops::Range<i64>) -> Column {
    Column::timestamp(seconds.map(|second| Some(second * 1_000_000_000)))
}

fn value() -> Schema {
    Schema::new(vec![Field::new("value", Type::Float64)])
}

#[test]
fn each_says_its_own_name_and_its_operators() {
    let operators = |name: &str| {
        let component = component(name);
        assert_eq!(component.name(), name);
        component.signatures().iter().map(|signature| signature.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(operators("aggregates"), ["count", "sum", "avg", "min", "max", "first", "last", "stddev"]);
    assert_eq!(operators("transforms"), ["filter", "map", "union", "join", "delta", "rate", "above"]);
}

#[test]
fn an_aggregate_folds_frames_into_slots() {
    let mut avg = component("aggregates").aggregate(InstanceOptions::default()).unwrap();
    let binding = avg.bind("avg", &[("of", "value")], &value()).unwrap();
    assert_eq!((binding.result, binding.columns), (Type::Float64, vec![0]));
    let slots = |slots: &[i64]| Column::int64(slots.iter().copied().map(Some));
    avg.update(&frame(&[slots(&[0, 1, 0]), seconds(0..3), floats([1.0, 5.0, 3.0])])).unwrap();
    assert_eq!(
        columns(&avg.finish(&frame(&[slots(&[1, 0, 2])])).unwrap()),
        [Column::float64([Some(5.0), Some(2.0), None])]
    );

    let state = columns(&avg.state(&frame(&[slots(&[0])])).unwrap());
    let merged = [vec![slots(&[2])], state].concat();
    avg.merge(&frame(&merged)).unwrap();
    avg.combine(&frame(&[slots(&[2]), slots(&[1])])).unwrap();
    avg.clear(&frame(&[slots(&[0])])).unwrap();
    assert_eq!(columns(&avg.finish(&frame(&[slots(&[2, 0])])).unwrap()), [Column::float64([Some(3.0), None])]);
    let scanned = avg.scan(&frame(&[slots(&[0, 0]), seconds(3..5), floats([1.0, 2.0])])).unwrap();
    assert_eq!(columns(&scanned), [floats([1.0, 1.5])]);
}

#[test]
fn a_transform_goes_from_open_to_restore() {
    let transforms = component("transforms");
    let arguments = [("limit", "90"), ("times", "3"), ("of", "value")];
    let open = || {
        let mut above = transforms.transform(InstanceOptions::default()).unwrap();
        let opening = above.open("above", &arguments, &[("x", &value())]).unwrap();
        assert_eq!((opening.order, opening.schema), (Order::Time, value()));
        above
    };
    let mut above = open();
    let out = above.process(&[frame(&[seconds(0..4), floats([91.0, 92.0, 93.0, 94.0])])], &[]).unwrap();
    assert_eq!(columns(&out.frame), [seconds(2..3), floats([93.0])]);
    let chunks = above.snapshot().unwrap();
    let mut above = open();
    above.restore(1, &chunks).unwrap();
    let out = above.process(&[frame(&[seconds(4..6), floats([95.0, 96.0])])], &[]).unwrap();
    assert_eq!(columns(&out.frame), [seconds(5..6), floats([96.0])]);
    assert_eq!(above.advance(Frontier::Empty).unwrap().hold, None);
    assert!(matches!(above.restore(2, &chunks), Err(CallError::Refused(_))));
}

#[test]
fn a_refusal_reaches_the_host_as_text() {
    let mut avg = component("aggregates").aggregate(InstanceOptions::default()).unwrap();
    let schema = Schema::new(vec![Field::new("host", Type::Utf8)]);
    let Err(CallError::Refused(error)) = avg.bind("avg", &[("of", "value")], &schema) else {
        panic!("it has no value")
    };
    assert!(error.starts_with("there is no column `value`; the input has `host`"), "{error}");
}
