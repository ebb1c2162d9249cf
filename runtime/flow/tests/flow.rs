//! Computations on real workers, with the embedded components and real logs.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, RecordBatch, TimestampNanosecondArray};
use dag_expr::Window;
use dag_flow::{Aggregation, Computation, ComputeError, Event, Flow, Place, World};
use dag_log::Log;
use dag_model::{Field, Frontier, Order, Schema, Timestamp, Type, arrow_schema, times};

mod kit;
mod mirrored;

use kit::*;

#[test]
fn results_do_not_depend_on_workers_or_batches() {
    let windows = [
        Window::Hopping { size: 100, every: 100, offset: 0 },
        Window::Hopping { size: 90, every: 60, offset: 7 },
        Window::Session { gap: 3 },
        Window::Running,
    ];
    for window in windows {
        let mut results = Vec::new();
        for (workers, cut) in [(1, 5_000), (2, 97), (4, 311)] {
            let folder = tempfile::tempdir().unwrap();
            let input = log(folder.path(), "input", &input_schema());
            fill(&input, cut);
            let mut schema = input_schema();
            if let Window::Session { .. } = window {
                schema.fields.splice(1..1, ["start", "end"].map(|name| Field::new(name, Type::Timestamp)));
            }
            let output = log(folder.path(), "output", &schema);
            let flow = Flow::start(workers).unwrap();
            let (_handle, events) = run(&flow, aggregate(vec![whole(&input)], window, vec![0], &output, workers - 1));
            finishes(&events);
            let all = arrow_select::concat::concat_batches(&arrow_schema(&schema), &records(&output)).unwrap();
            assert!(all.num_rows() > 0);
            results.push(all);
        }
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{window:?}");
    }
}

#[test]
fn a_window_closes_when_the_frontier_passes_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let input = log(folder.path(), "input", &input_schema());
    let output = log(folder.path(), "output", &input_schema());
    let flow = Flow::start(2).unwrap();
    let tumbling = Window::Hopping { size: 10, every: 10, offset: 0 };
    let (sender, moved) = channel();
    let watched = output.clone();
    let _watch = output.on_visible(Arc::new(move || {
        let _ = sender.send(watched.visible());
    }));
    let (handle, events) = run(&flow, aggregate(vec![whole(&input)], tumbling, vec![0], &output, 0));
    input.append(&batch(&[(1, "a", 1.0), (2, "b", 2.0), (12, "a", 4.0)]), at(9), Timestamp(0)).unwrap();
    let seen = moved.recv_timeout(PATIENCE).unwrap();
    assert_eq!((seen.frontier, seen.end), (at(0), 0));
    input.advance(at(10), Timestamp(0)).unwrap();
    let seen = moved.recv_timeout(PATIENCE).unwrap();
    assert_eq!((seen.frontier, seen.end), (at(10), 2));
    assert_eq!(sums(&output), [(0, "a".to_owned(), 1.0), (0, "b".to_owned(), 2.0)]);
    handle.stop();
    assert!(matches!(events.recv_timeout(PATIENCE).unwrap(), Event::Gone));
    assert!(!output.visible().ended, "stopping is not the end of the stream");
}

#[test]
fn a_run_that_goes_on_does_not_write_again_what_its_log_holds() {
    let folder = tempfile::tempdir().unwrap();
    let input = log(folder.path(), "input", &input_schema());
    fill(&input, 500);
    let (output, again) = (log(folder.path(), "output", &input_schema()), log(folder.path(), "again", &input_schema()));
    let flow = Flow::start(2).unwrap();
    let tumbling = Window::Hopping { size: 100, every: 100, offset: 0 };
    finishes(&run(&flow, aggregate(vec![whole(&input)], tumbling, vec![0], &output, 0)).1);
    let expected = sums(&output);
    // A log as a crash may leave it: some of the results, in other entries.
    let some: Vec<(i64, &str, f64)> = expected[..300].iter().map(|row| (row.0, row.1.as_str(), row.2)).collect();
    again.append(&batch(&some), at(some[299].0), Timestamp(0)).unwrap();
    finishes(&run(&flow, aggregate(vec![whole(&input)], tumbling, vec![0], &again, 1)).1);
    assert_eq!(sums(&again), expected);
}

#[test]
fn a_union_far_ahead_of_its_other_input_waits_without_loading() {
    let folder = tempfile::tempdir().unwrap();
    let (ahead, behind) = (log(folder.path(), "ahead", &input_schema()), log(folder.path(), "behind", &input_schema()));
    let output = log(folder.path(), "output", &input_schema());
    for start in (0..100_000).step_by(1_000) {
        let rows: Vec<_> = (start..start + 1_000).map(|time| (time, "ahead", 1.0)).collect();
        ahead.append(&batch(&rows), at(start), Timestamp(0)).unwrap();
    }
    ahead.end(Frontier::Empty, Timestamp(0)).unwrap();
    let mut computation = aggregate(vec![whole(&ahead), whole(&behind)], Window::Running, Vec::new(), &output, 0);
    computation.operator.component = component("transforms");
    computation.operator.name = "union".to_owned();
    computation.operator.arguments = Vec::new();
    computation.operator.world = World::Transform { order: Order::Time, aliases: vec!["a".to_owned(), "b".to_owned()] };
    let flow = Flow::start(2).unwrap();
    let (handle, events) = run(&flow, computation);
    behind.append(&batch(&[(500, "behind", 2.0)]), at(501), Timestamp(0)).unwrap();
    let (sender, moved) = channel();
    let watched = output.clone();
    let _watch = output.on_visible(Arc::new(move || {
        let _ = sender.send(watched.visible());
    }));
    while output.visible().frontier < at(501) {
        moved.recv_timeout(PATIENCE).unwrap();
    }
    assert_eq!(output.visible().end, 502, "what the joint frontier has passed, and no more");
    assert!(handle.progress().records_in() <= 2_001, "{}", handle.progress().records_in());
    behind.end(Frontier::Empty, Timestamp(0)).unwrap();
    finishes(&events);
    let all: Vec<i64> = records(&output).iter().flat_map(|batch| times(batch).to_vec()).collect();
    assert_eq!(all.len(), 100_001);
    assert!(all.is_sorted());
}

#[test]
fn a_version_that_takes_over_within_an_entry_shows_what_comes_of_the_records_after_that() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (log(folder.path(), "input", &input_schema()), log(folder.path(), "output", &input_schema()));
    let rows: Vec<_> = (0..10).map(|time| (time, "a", 1.0)).collect();
    input.append(&batch(&rows), at(10), Timestamp(0)).unwrap();
    input.end(Frontier::Empty, Timestamp(0)).unwrap();
    let mut computation = aggregate(vec![whole(&input)], Window::Running, Vec::new(), &output, 0);
    computation.operator.component = component("transforms");
    computation.operator.name = "filter".to_owned();
    computation.operator.arguments = vec![("predicate".to_owned(), "value > 0.0".to_owned())];
    computation.operator.world = World::Transform { order: Order::Log, aliases: vec!["input".to_owned()] };
    computation.resume.muted = Some(Place { leg: 0, sequence: 4, from: Timestamp::MIN });
    finishes(&run(&Flow::start(1).unwrap(), computation).1);
    let shown: Vec<i64> = records(&output).iter().flat_map(|batch| times(batch).to_vec()).collect();
    assert_eq!(shown, [4, 5, 6, 7, 8, 9]);
}

#[test]
fn an_operator_that_refuses_fails_its_computation_alone() {
    let folder = tempfile::tempdir().unwrap();
    let schema = Schema::new(vec![Field::new("value", Type::Int64)]);
    let input = log(folder.path(), "input", &schema);
    let numbers: Vec<ArrayRef> = vec![
        Arc::new(TimestampNanosecondArray::from(vec![1, 2]).with_timezone("UTC")),
        Arc::new(arrow_array::Int64Array::from(vec![i64::MAX, 1])),
    ];
    let rows = RecordBatch::try_new(arrow_schema(&schema), numbers).unwrap();
    input.append(&rows, at(1), Timestamp(0)).unwrap();
    input.end(Frontier::Empty, Timestamp(0)).unwrap();
    let (sum, count) = (log(folder.path(), "sum", &schema), log(folder.path(), "count", &schema));
    let flow = Flow::start(2).unwrap();
    let tumbling = Window::Hopping { size: 10, every: 10, offset: 0 };
    let of = |name: &str, output: &Log| {
        let mut computation = aggregate(vec![whole(&input)], tumbling, Vec::new(), output, 0);
        computation.operator.name = name.to_owned();
        computation.schemas = vec![schema.clone()];
        computation.operator.world =
            World::Aggregate(Aggregation { columns: vec![0], ..aggregation(tumbling, Vec::new()) });
        if name == "count" {
            computation.operator.arguments = Vec::new();
        }
        computation
    };
    let (_sum, failed) = run(&flow, of("sum", &sum));
    let (_count, counted) = run(&flow, of("count", &count));
    match failed.recv_timeout(PATIENCE).unwrap() {
        Event::Failed(failure) => assert!(failure.error.to_string().contains("overflow"), "{failure:?}"),
        event => panic!("{event:?}"),
    }
    finishes(&counted);
    assert_eq!(records(&count)[0].column(1).as_primitive::<Int64Type>().value(0), 2);
}

/// Runs it on parts of the input, one after the other: each time it is told to finish once it has written something, and goes on
/// from its last snapshot, on another number of workers, to be told to finish at once.
fn with_interruptions(mut computation: Computation, input: &Log, output: &Log) {
    const PART: i64 = 500;
    for part in 0..10 {
        let workers = [2, 1, 3][part as usize % 3];
        let flow = Flow::start(workers).unwrap();
        computation.home = part as usize % workers;
        let (sender, moved) = channel();
        let (watched, begun) = (output.clone(), output.visible().end);
        let _watch = output.on_visible(Arc::new(move || {
            if watched.visible().end > begun {
                let _ = sender.send(());
            }
        }));
        let (handle, events) = run(&flow, computation.clone());
        fill_part(input, 23, part * PART..(part + 1) * PART);
        moved.recv_timeout(PATIENCE).unwrap();
        handle.finish();
        go_on(&mut computation, &events);
        let (handle, events) = run(&flow, computation.clone());
        handle.finish();
        go_on(&mut computation, &events);
    }
    input.end(Frontier::Empty, Timestamp(0)).unwrap();
    let flow = Flow::start(2).unwrap();
    computation.home = 1;
    let (_handle, events) = run(&flow, computation);
    while !matches!(events.recv_timeout(PATIENCE).unwrap(), Event::Finished) {}
}

#[test]
fn a_computation_goes_on_from_its_snapshot_on_any_number_of_workers() {
    let fold = |window, by| World::Aggregate(aggregation(window, by));
    let hopping = |size, every| fold(Window::Hopping { size, every, offset: 0 }, vec![0]);
    let worlds = [
        ("sum", hopping(100, 100)),
        ("sum", hopping(90, 60)),
        ("sum", fold(Window::Hopping { size: 7, every: 7, offset: 0 }, Vec::new())),
        ("sum", fold(Window::Session { gap: 3 }, vec![0])),
        ("sum", fold(Window::Running, vec![0])),
        ("delta", World::Transform { order: Order::Time, aliases: vec!["input".to_owned()] }),
        ("filter", World::Transform { order: Order::Log, aliases: vec!["input".to_owned()] }),
    ];
    for (name, world) in worlds {
        let folder = tempfile::tempdir().unwrap();
        let input = log(folder.path(), "input", &input_schema());
        fill(&input, 50);
        let mut schema = input_schema();
        if let World::Aggregate(Aggregation { window, by, .. }) = &world {
            if let Window::Session { .. } = window {
                schema.fields.splice(1..1, ["start", "end"].map(|name| Field::new(name, Type::Timestamp)));
            }
            if by.is_empty() {
                schema.fields.remove(0);
            }
        }
        let parts = log(folder.path(), "parts", &input_schema());
        let (whole_run, pieces) = (log(folder.path(), "whole", &schema), log(folder.path(), "pieces", &schema));
        let make = |output: &Log| {
            let mut computation = aggregate(vec![whole(&input)], Window::Running, Vec::new(), output, 0);
            computation.operator.world = world.clone();
            computation.operator.name = name.to_owned();
            if let World::Transform { .. } = world {
                computation.operator.component = component("transforms");
                computation.operator.arguments = match name {
                    "filter" => vec![("predicate".to_owned(), "value > 1.0".to_owned())],
                    _ => vec![("by".to_owned(), "host".to_owned()), ("of".to_owned(), "value".to_owned())],
                };
            }
            computation
        };
        let flow = Flow::start(1).unwrap();
        finishes(&run(&flow, make(&whole_run)).1);
        let mut computation = make(&pieces);
        computation.interval = Some(Duration::ZERO);
        computation.inputs = vec![whole(&parts)];
        with_interruptions(computation, &parts, &pieces);
        let all =
            |output: &Log| arrow_select::concat::concat_batches(&arrow_schema(&schema), &records(output)).unwrap();
        assert_eq!(all(&pieces), all(&whole_run), "{name} {}", world_name(&world));
    }
}

#[test]
fn output_that_differs_from_what_was_computed_before_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let input = log(folder.path(), "input", &input_schema());
    fill(&input, 500);
    let (output, other) = (log(folder.path(), "output", &input_schema()), log(folder.path(), "other", &input_schema()));
    let flow = Flow::start(2).unwrap();
    let tumbling = Window::Hopping { size: 100, every: 100, offset: 0 };
    finishes(&run(&flow, aggregate(vec![whole(&input)], tumbling, vec![0], &output, 0)).1);
    let mut expected = sums(&output);
    expected[200].2 += 1.0;
    let some: Vec<(i64, &str, f64)> = expected[..300].iter().map(|row| (row.0, row.1.as_str(), row.2)).collect();
    other.append(&batch(&some), at(some[299].0), Timestamp(0)).unwrap();
    let (_handle, events) = run(&flow, aggregate(vec![whole(&input)], tumbling, vec![0], &other, 1));
    match events.recv_timeout(PATIENCE).unwrap() {
        Event::Failed(failure) => {
            assert!(matches!(failure.error, ComputeError::Diverged { sequence } if sequence > 200))
        }
        event => panic!("{event:?}"),
    }
}
