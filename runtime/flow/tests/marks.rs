//! Computations come to marks: they stop there, or hand them on.

use std::sync::mpsc::Receiver;

use arrow_array::RecordBatch;
use dag_expr::Window;
use dag_flow::{Computation, Event, Flow, Mark, World};
use dag_log::{Kind, Log, Start};
use dag_model::{Field, Frontier, Order, Timestamp, Type, arrow_schema};

mod kit;
mod mirrored;

use kit::*;

const STOPS: Mark = Mark { revision: 5, stops: true };
const GOES_ON: Mark = Mark { revision: 5, stops: false };

/// Each way in which a computation reads and writes, with the columns of its output.
fn worlds() -> Vec<(&'static str, World, Vec<Field>)> {
    let fields = input_schema().fields;
    let fold = |window| World::Aggregate(aggregation(window, vec![0]));
    let mut session = fields.clone();
    session.splice(1..1, ["start", "end"].map(|name| Field::new(name, Type::Timestamp)));
    let aliases = || vec!["input".to_owned()];
    vec![
        ("sum", fold(Window::Hopping { size: 100, every: 100, offset: 0 }), fields.clone()),
        ("sum", fold(Window::Session { gap: 3 }), session),
        ("sum", fold(Window::Running), fields.clone()),
        ("delta", World::Transform { order: Order::Time, aliases: aliases() }, fields.clone()),
        ("filter", World::Transform { order: Order::Log, aliases: aliases() }, fields),
    ]
}

fn computation(name: &str, world: &World, input: &Log, output: &Log) -> Computation {
    let mut computation = aggregate(vec![whole(input)], Window::Running, Vec::new(), output, 0);
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
}

fn all(output: &Log) -> RecordBatch {
    arrow_select::concat::concat_batches(&arrow_schema(output.schema()), &records(output)).unwrap()
}

/// How many records lie before the only mark.
fn before_mark(log: &Log) -> (u64, u64) {
    let mut reader = log.reader(Start::Earliest).unwrap();
    let mut marks = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        if let Kind::Mark(revision) = entry.kind {
            marks.push((revision, entry.first));
        }
    }
    assert_eq!(marks.len(), 1, "{marks:?}");
    marks[0]
}

fn comes_to(events: &Receiver<Event>, mark: u64) {
    loop {
        match events.recv_timeout(PATIENCE).unwrap() {
            Event::Marked(found) => return assert_eq!(found, mark),
            Event::Snapshot(_) => {}
            event => panic!("{event:?}"),
        }
    }
}

#[test]
fn what_stops_at_a_mark_has_taken_in_all_before_it_and_goes_on_from_there_also_where_it_comes_to_it_again() {
    for (name, world, fields) in worlds() {
        let folder = tempfile::tempdir().unwrap();
        let (input, plain) =
            (log(folder.path(), "input", &input_schema()), log(folder.path(), "plain", &input_schema()));
        let schema = dag_model::Schema::new(fields);
        let output = |name: &str| log(folder.path(), name, &schema);
        let (whole_run, stopped, early) = (output("whole"), output("stopped"), output("early"));
        fill(&plain, 50);
        fill_part(&input, 50, 0..2_000);
        // A mark of an earlier deployment, which nobody waits for.
        input.append_mark(3, Timestamp(0)).unwrap();
        // Its log ends at the place of the mark, which comes later.
        let mut again = Computation { marks: vec![STOPS], ..computation(name, &world, &input, &early) };
        let flow = Flow::start(1).unwrap();
        let (handle, events) = run(&flow, Computation { interval: Some(PATIENCE), ..again.clone() });
        while handle.progress().records_in() < 2_000 && early.visible().end == 0 {
            std::thread::yield_now();
        }
        handle.finish();
        go_on(&mut again, &events);
        input.append_mark(5, Timestamp(0)).unwrap();
        fill_part(&input, 50, 2_000..5_000);
        input.end(Frontier::Empty, Timestamp(0)).unwrap();
        finishes(&run(&Flow::start(1).unwrap(), computation(name, &world, &plain, &whole_run)).1);
        let expected = all(&whole_run);
        let mut ends = Vec::new();
        for (workers, mut computation, output) in [
            (2, Computation { marks: vec![STOPS], ..computation(name, &world, &input, &stopped) }, &stopped),
            (1, again, &early),
        ] {
            let flow = Flow::start(workers).unwrap();
            let (_handle, events) = run(&flow, computation.clone());
            comes_to(&events, 5);
            go_on(&mut computation, &events);
            let (mark, end) = before_mark(output);
            assert_eq!((mark, end), (5, output.visible().end), "{}", world_name(&world));
            assert!(end > 0 && end < expected.num_rows() as u64, "{}", world_name(&world));
            ends.push(end);
            // It has come to the mark; a later one is not here.
            computation.marks = vec![Mark { revision: 6, stops: true }];
            let flow = Flow::start(2).unwrap();
            let (_handle, events) = run(&flow, computation);
            while !matches!(events.recv_timeout(PATIENCE).unwrap(), Event::Finished) {}
            assert_eq!(all(output), expected, "{}", world_name(&world));
        }
        assert_eq!(ends[0], ends[1], "it is one place, however it is come to: {}", world_name(&world));
    }
}

#[test]
fn a_mark_is_handed_on_behind_what_comes_of_the_records_before_it_and_readers_come_to_it_too() {
    for (name, world, fields) in worlds() {
        let folder = tempfile::tempdir().unwrap();
        let input = log(folder.path(), "input", &input_schema());
        fill_part(&input, 50, 0..2_000);
        input.append_mark(5, Timestamp(0)).unwrap();
        fill_part(&input, 50, 2_000..5_000);
        input.end(Frontier::Empty, Timestamp(0)).unwrap();
        let schema = dag_model::Schema::new(fields);
        let output = |name: &str| log(folder.path(), name, &schema);
        let (stopped, handed_on) = (output("stopped"), output("handed on"));
        let flow = Flow::start(2).unwrap();
        comes_to(&run(&flow, Computation { marks: vec![STOPS], ..computation(name, &world, &input, &stopped) }).1, 5);
        let marks = vec![GOES_ON, Mark { revision: 6, stops: false }];
        finishes(&run(&flow, Computation { marks, ..computation(name, &world, &input, &handed_on) }).1);
        assert_eq!(before_mark(&handed_on), (5, stopped.visible().end), "{}", world_name(&world));
        let nested = log(folder.path(), "nested", &schema);
        let filter = World::Transform { order: Order::Log, aliases: vec!["input".to_owned()] };
        let mut reader = computation("filter", &filter, &handed_on, &nested);
        reader.schemas = vec![schema.clone()];
        let (_handle, events) = run(&flow, Computation { marks: vec![STOPS], ..reader });
        comes_to(&events, 5);
        let place = events.iter().find_map(|event| match event {
            Event::Snapshot(snapshot) => Some(snapshot.places[0]),
            _ => None,
        });
        assert_eq!(place.map(|place| place.sequence), Some(stopped.visible().end), "{}", world_name(&world));
    }
}

#[test]
fn two_marks_at_one_place_are_both_come_to() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (log(folder.path(), "input", &input_schema()), log(folder.path(), "output", &input_schema()));
    fill_part(&input, 50, 0..2_000);
    // The mark of a later deployment has come first, so that of the earlier one is not there.
    input.append_mark(7, Timestamp(0)).unwrap();
    let (name, world, _) = worlds().remove(0);
    let marks = vec![GOES_ON, Mark { revision: 7, stops: true }];
    let flow = Flow::start(2).unwrap();
    let (_handle, events) = run(&flow, Computation { marks, ..computation(name, &world, &input, &output) });
    comes_to(&events, 7);
    assert_eq!(output.mark(), Some(7));
}

#[test]
fn an_input_that_is_far_ahead_of_the_other_one_keeps_nobody_from_the_mark() {
    let folder = tempfile::tempdir().unwrap();
    let (ahead, behind) = (log(folder.path(), "ahead", &input_schema()), log(folder.path(), "behind", &input_schema()));
    let output = log(folder.path(), "output", &input_schema());
    behind.append(&batch(&[(500, "behind", 2.0)]), at(501), Timestamp(0)).unwrap();
    behind.append_mark(5, Timestamp(0)).unwrap();
    // More entries than are read ahead of the joint frontier.
    for time in 0..10_000 {
        ahead.append(&batch(&[(time, "ahead", 1.0)]), at(time), Timestamp(0)).unwrap();
    }
    ahead.append_mark(5, Timestamp(0)).unwrap();
    let mut union = aggregate(vec![whole(&ahead), whole(&behind)], Window::Running, Vec::new(), &output, 0);
    union.operator.component = component("transforms");
    union.operator.name = "union".to_owned();
    union.operator.arguments = Vec::new();
    union.operator.world = World::Transform { order: Order::Time, aliases: vec!["a".to_owned(), "b".to_owned()] };
    union.marks = vec![STOPS];
    let flow = Flow::start(2).unwrap();
    let (_handle, events) = run(&flow, union.clone());
    comes_to(&events, 5);
    go_on(&mut union, &events);
    assert_eq!(before_mark(&output), (5, 502), "all that lies before the joint frontier");
    union.marks = vec![Mark { revision: 6, stops: false }];
    let flow = Flow::start(1).unwrap();
    let (_handle, events) = run(&flow, union);
    [&ahead, &behind].iter().for_each(|log| log.end(Frontier::Empty, Timestamp(0)).unwrap());
    while !matches!(events.recv_timeout(PATIENCE).unwrap(), Event::Finished) {}
    assert_eq!(all(&output).num_rows(), 10_001);
}

#[test]
fn a_mark_that_comes_while_it_runs_is_come_to_once_it_is_awaited() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (log(folder.path(), "input", &input_schema()), log(folder.path(), "output", &input_schema()));
    let world = World::Aggregate(aggregation(Window::Running, vec![0]));
    let flow = Flow::start(2).unwrap();
    let (handle, events) = run(&flow, computation("sum", &world, &input, &output));
    fill_part(&input, 50, 0..100);
    handle.await_mark(STOPS);
    // Nothing more comes: an idle source is no obstacle.
    input.append_mark(5, Timestamp(0)).unwrap();
    comes_to(&events, 5);
    assert!(events.iter().any(|event| matches!(event, Event::Gone)), "it stops there");
}
