//! Aggregates over one log, computed as a subscription would have them computed.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use dag_expr::Window;
use dag_flow::{
    Aggregation, Budget, Computation, Event, Flow, Handle, Input, Leg, Operator, Resume, Search, Snapshot, World,
};
use dag_log::Log;
use dag_model::{Timestamp, Windowing};
use dag_wasm::{Component, InstanceOptions};

/// An aggregate over windows, of records grouped by the columns `by`, which is given the columns `columns`.
pub fn aggregation(window: Window, by: &[usize], columns: &[usize]) -> Aggregation {
    Aggregation { window, windowing: Windowing::NEWEST, by: by.to_vec(), columns: columns.to_vec() }
}

/// All of `input`, computed into `output` by an operator of that component with at most one argument: its name and value.
pub fn computation(
    component: &Arc<Component>,
    (operator, argument): (&str, Option<(&str, &str)>),
    aggregation: Aggregation,
    input: &Log,
    output: &Log,
) -> Computation {
    let leg = Leg { log: input.clone(), incarnation: None, sequence: 0 };
    Computation {
        operator: Operator {
            component: component.clone(),
            name: operator.to_owned(),
            arguments: argument.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            options: InstanceOptions::default(),
            world: World::Aggregate(aggregation),
        },
        inputs: vec![Input { legs: vec![leg], from: Timestamp::MIN, late: false, until: None, skipped: Vec::new() }],
        schemas: vec![input.schema().clone()],
        schema: output.schema().clone(),
        from: Timestamp::MIN,
        until: None,
        output: output.clone(),
        home: 0,
        resume: Resume { snapshot: None, output: output.hash(), muted: None, mark: 0 },
        marks: Vec::new(),
        interval: None,
        search: Search::Off,
        budget: Budget::new(Budget::DEFAULT),
    }
}

/// Starts a computation; its events end when it is gone.
pub fn start(flow: &Flow, computation: Computation) -> (Handle, Receiver<Event>) {
    let (sender, events) = channel();
    // An error means that the measurement is over.
    let handle = flow.run(computation, Box::new(move |event| drop(sender.send(event))));
    (handle, events)
}

/// Waits until a computation is gone; returns the last snapshot that it took.
///
/// # Panics
/// If it fails.
pub fn until_gone(events: Receiver<Event>) -> Option<Box<Snapshot>> {
    let mut last = None;
    for event in events {
        match event {
            Event::Snapshot(snapshot) => last = Some(snapshot),
            Event::Failed(failure) => panic!("{}", failure.error),
            Event::Finished | Event::Marked(_) => {}
            Event::Gone => break,
        }
    }
    last
}

/// Computes to the end of the input; returns how many records the output has then.
pub fn complete(flow: &Flow, computation: Computation) -> u64 {
    let output = computation.output.clone();
    let (_handle, events) = start(flow, computation);
    until_gone(events);
    output.visible().end
}
