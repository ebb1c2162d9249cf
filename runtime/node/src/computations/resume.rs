//! Where an incarnation goes on that has run before: from its snapshot, or anew behind what is written.

use std::sync::Arc;

use dag_expr::Application;
use dag_flow::{Computation, Operator, Place, Resume, Snapshot, World};
use dag_model::{Frontier, Order};
use dag_plan::{Incarnation, InputStart, upgrade};
use dag_wasm::Component;

use crate::computations::View;
use crate::computations::build::inputs;
use crate::computations::error::StartError;

/// Lets a computation take up its work where its record, its log and its snapshot say.
pub(crate) fn resume(
    view: &View<'_>,
    computation: &mut Computation,
    record: &Incarnation,
    application: &Application,
    snapshot: Option<Arc<Snapshot>>,
) -> Result<(), StartError> {
    let ran = record.ran.last().expect("a record begins with the component that it starts with");
    let written = computation.output.visible().end;
    let fits = |snapshot: &Arc<Snapshot>| {
        let own = snapshot.digest == ran.digest;
        let taken_over = snapshot.output.sequence == ran.output && reads(&computation.operator, snapshot);
        (own || taken_over) && (ran.output..=written).contains(&snapshot.output.sequence)
    };
    let snapshot = snapshot.filter(fits);
    let output = match &snapshot {
        Some(snapshot) => snapshot.output.clone(),
        None => computation.output.hash_at(ran.output)?,
    };
    let mark = record.mark_of(record.ran.len() - 1).0;
    computation.resume = Resume { snapshot, output, muted: None, mark };
    let Some(took_over) = ran.inputs.first() else { return Ok(()) };
    if computation.resume.snapshot.is_none() {
        let starts = replay(view, &computation.operator.component, record, application)?;
        computation.inputs = inputs(view, record, application, &starts)?;
    }
    // Its predecessor's output stays, and is not computed again; nor is it after a snapshot that was taken on the way there.
    if let World::Transform { order: Order::Log, .. } = computation.operator.world {
        let leg = record.inputs[0].legs.len() - took_over.legs.len();
        let sequence = took_over.legs.first().map_or(0, |leg| leg.sequence);
        computation.resume.muted = Some(Place { leg, sequence, from: took_over.from });
    } else if let Frontier::At(from) = ran.from {
        computation.from = computation.from.max(from);
    }
    Ok(())
}

/// Whether the operator says that it reads the state in that snapshot.
pub(crate) fn reads(operator: &Operator, snapshot: &Snapshot) -> bool {
    let signatures = operator.component.signatures();
    let signature = signatures.iter().find(|signature| signature.name == operator.name);
    signature.is_some_and(|signature| signature.state_read.contains(&snapshot.state))
}

/// Where the component that runs last begins to compute its state anew, if it does.
pub(crate) fn replay(
    view: &View<'_>,
    component: &Component,
    record: &Incarnation,
    application: &Application,
) -> Result<Vec<InputStart>, StartError> {
    let answer = view.catalog.bind_with(component, application);
    let lookback = answer.map_err(StartError::Bind)?.facts.lookback;
    let reached = record.ran.last().map_or(Frontier::START, |ran| ran.from);
    Ok(upgrade::replay(&view.plan, record, application, lookback, reached, view))
}
