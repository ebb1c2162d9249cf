//! What runs for an incarnation, built from its record: the operator with its limits, and the logs that it reads and writes.

use std::sync::Arc;

use dag_expr::Application;
use dag_flow::{Aggregation, Budget, Computation, Input, Leg, Operator, Resume, Search, World};
use dag_model::{Digest, Schema, Timestamp, Windowing};
use dag_plan::{Began, Incarnation, InputStart, LogId, Skipped, Until};
use dag_wasm::{Component, InstanceOptions};

use crate::computations::error::StartError;
use crate::computations::{Computations, View};
use crate::operators::limits::of_record;

impl Computations {
    /// The computation that an incarnation record describes, as this node runs it.
    pub(crate) fn computation_of(
        &self,
        view: &View<'_>,
        record: &Incarnation,
        application: &Application,
        output: dag_log::Log,
    ) -> Result<Computation, StartError> {
        let budget = Budget::within(self.inner.config.computation_memory.bytes(), &self.inner.memory);
        computation(view, record, application, output, self.inner.flow.peers(), budget)
    }
}

/// The component that an incarnation was last given to.
pub(crate) fn last_digest(record: &Incarnation) -> Digest {
    record.ran.last().expect("a record begins with the component that it starts with").digest
}

fn computation(
    view: &View<'_>,
    record: &Incarnation,
    application: &Application,
    output: dag_log::Log,
    workers: usize,
    budget: Arc<Budget>,
) -> Result<Computation, StartError> {
    let component = view.catalog.code(last_digest(record)).map_err(StartError::Component)?;
    let world = world(view, record, application, &component)?;
    let options = InstanceOptions {
        label: record.stream.clone(),
        random: view.moved.first(record.id).0,
        limits: of_record(record.limits),
        holder: Some(budget.holder().clone()),
    };
    let begun = output.hash_at(0)?;
    Ok(Computation {
        operator: Operator {
            component,
            name: application.operator.clone(),
            arguments: application
                .arguments
                .iter()
                .map(|argument| (argument.name.clone(), argument.value.clone()))
                .collect(),
            options,
            world,
        },
        inputs: inputs(view, record, application, &record.inputs)?,
        schemas: application.inputs.iter().map(|input| input.stream.schema().clone()).collect(),
        schema: application.schema.clone(),
        from: match record.began {
            Began::At(from) => from,
            Began::Next => Timestamp::MIN,
        },
        until: match record.until {
            Some(Until::Time(until)) => Some(until),
            _ => None,
        },
        output,
        home: usize::try_from(record.id.0).unwrap_or(0) % workers,
        resume: Resume { snapshot: None, output: begun, muted: None, mark: 0 },
        marks: Vec::new(),
        interval: None,
        search: Search::Off,
        budget,
    })
}

/// What the operator computes in: windows, or records in an order that it asks for.
fn world(
    view: &View<'_>,
    record: &Incarnation,
    application: &Application,
    component: &Arc<Component>,
) -> Result<World, StartError> {
    let answer = view.catalog.bind_with(component, application).map_err(StartError::Bind)?;
    let Some(window) = application.window else {
        let aliases = application.inputs.iter().map(|input| input.alias.clone()).collect();
        return Ok(World::Transform { order: answer.facts.order, aliases });
    };
    let schema = application.inputs[0].stream.schema();
    let place = |name: &String| schema.find(name).map(|(at, _)| at).expect("binding checked the columns");
    let newer = || StartError::Windowing(record.windowing);
    Ok(World::Aggregate(Aggregation {
        window,
        windowing: Windowing::from_number(record.windowing).ok_or_else(newer)?,
        by: application.by.iter().map(place).collect(),
        columns: answer.columns,
    }))
}

/// The inputs of a computation that begins there.
pub(super) fn inputs(
    view: &View<'_>,
    record: &Incarnation,
    application: &Application,
    starts: &[InputStart],
) -> Result<Vec<Input>, StartError> {
    let until = match record.until {
        Some(Until::Sequence(sequence)) => Some(sequence),
        _ => None,
    };
    let input = |(input, start): (usize, &InputStart)| {
        let schema = application.inputs[input].stream.schema();
        let legs = start.legs.iter().map(|leg| leg_of(view, leg, schema)).collect::<Result<_, _>>()?;
        let leg_of = |skipped: &Skipped| start.legs.iter().position(|leg| leg.log == skipped.log);
        let of_input = record.skipped.iter().filter(|skipped| skipped.input as usize == input);
        let skipped = of_input.filter_map(|skipped| Some((leg_of(skipped)?, skipped.sequence))).collect();
        Ok(Input { legs, from: start.from, late: start.late, until, skipped })
    };
    starts.iter().enumerate().map(input).collect()
}

/// A leg of a route of records with these columns, with its log, which is made where its run has not been started yet.
pub(crate) fn leg_of(view: &View<'_>, leg: &dag_plan::Leg, schema: &Schema) -> Result<Leg, StartError> {
    let gone = |source| StartError::Gone { log: view.name_of(&leg.log), source };
    let (log, incarnation) = match &leg.log {
        LogId::Source(_) => (view.log(&leg.log).ok_or_else(|| gone(None))?, None),
        LogId::Derived(id) => {
            let log = view.logs.get_or_create(*id, schema);
            (log.map_err(|error| gone(Some(error)))?, Some(*id))
        }
    };
    let log = view.logs.to_read(&leg.log, log, leg.sequence).map_err(|error| gone(Some(error)))?;
    Ok(Leg { log, incarnation, sequence: leg.sequence })
}
