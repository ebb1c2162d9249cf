//! A transform on its home worker.

use std::rc::Rc;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use dag_model::{Frontier, Timestamp, arrow_schema, frame, times};
use dag_wasm::Output;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::{Scope, StreamVec};

use super::scan::{Ahead, Piece};
use super::{Hold, downgrade};
use crate::computation::{Computation, Event, Operator, Shared, frontier_of};
use crate::error::ComputeError;
use crate::local::{Credit, Local, Parcel};
use crate::merge::Merge;

/// How many times an operator may say that there is more before others get their turn.
const MORE: usize = 16;

/// A guest and what it has promised.
struct Guest {
    instance: dag_wasm::Transform,
    schema: SchemaRef,
    /// No output before this.
    promise: Frontier,
    /// Whether output must come in time order.
    ordered: bool,
    /// The greatest time that was emitted.
    last: Timestamp,
}

impl Guest {
    fn new(computation: &Computation, aliases: &[String], ordered: bool) -> Result<Guest, ComputeError> {
        let Operator { component, name, arguments, options, .. } = &computation.operator;
        let mut instance = component.transform(options.clone())?;
        let arguments: Vec<(&str, &str)> =
            arguments.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let inputs: Vec<_> = aliases.iter().map(String::as_str).zip(&computation.schemas).collect();
        instance.open(name, &arguments, &inputs)?;
        Ok(Guest {
            instance,
            schema: arrow_schema(&computation.schema),
            promise: Frontier::START,
            ordered,
            last: Timestamp::MIN,
        })
    }

    fn process(&mut self, batches: &[RecordBatch], order: &[u8]) -> Result<(RecordBatch, bool), ComputeError> {
        let frames: Vec<Vec<u8>> = batches.iter().map(frame::encode_batch).collect();
        let output = self.instance.process(&frames, order)?;
        self.take(output, None)
    }

    fn advance(&mut self, frontier: Frontier) -> Result<(RecordBatch, bool), ComputeError> {
        let output = self.instance.advance(frontier)?;
        self.take(output, Some(frontier))
    }

    /// Checks what the guest answers against what it has promised. Its promise moves when it was told a frontier.
    fn take(&mut self, output: Output, told: Option<Frontier>) -> Result<(RecordBatch, bool), ComputeError> {
        let batch = frame::decode_batch(output.frame, &self.schema)?;
        for time in times(&batch).iter().copied().map(Timestamp) {
            if self.promise.passed(time) {
                return Err(ComputeError::Order { time, frontier: self.promise });
            }
            if self.ordered && time < self.last {
                return Err(ComputeError::Order { time, frontier: Frontier::At(self.last) });
            }
            self.last = self.last.max(time);
        }
        if let Some(frontier) = told
            && !output.more
        {
            let hold = output.hold.map_or(frontier, |hold| frontier.min(Frontier::At(hold)));
            self.promise = self.promise.max(hold);
        }
        Ok((batch, output.more))
    }
}

/// An operator in log order: each batch at once.
pub(crate) fn in_log_order<'scope>(
    parcels: StreamVec<'scope, i64, Local<Parcel>>,
    computation: Arc<Computation>,
    aliases: Vec<String>,
    shared: Arc<Shared>,
) -> StreamVec<'scope, i64, Local<Parcel>> {
    let scope = parcels.scope();
    let mut builder = OperatorBuilder::new("transform".to_owned(), scope);
    let info = builder.operator_info();
    let mut input = builder.new_input(parcels, Pipeline);
    let (output, stream) = builder.new_output();
    let mut output = OutputBuilder::<_, CapacityContainerBuilder<Vec<Local<Parcel>>>>::from(output);
    builder.build(move |mut capabilities| {
        let mut hold: Hold = capabilities.pop();
        shared.enlist(scope.worker().sync_activator_for(info.address.to_vec()));
        let mut guest: Option<Guest> = None;
        move |frontiers| {
            let mut parcels = Vec::new();
            input.for_each(|_, data| parcels.append(data));
            if shared.is_stopped() {
                (hold, guest) = (None, None);
            }
            if hold.is_none() {
                return;
            }
            let frontier = frontier_of(&frontiers[0]);
            let mut advance = || -> Result<(), ComputeError> {
                let mut output = output.activate();
                let mut session = output.session(hold.as_ref().expect("checked above"));
                let mut give = |batch: RecordBatch, credit: Option<Arc<Credit>>| {
                    if batch.num_rows() > 0 {
                        session.give(Local(Parcel { worker: computation.home, batch, credit }));
                    }
                };
                for Local(parcel) in parcels.drain(..) {
                    if guest.is_none() {
                        guest = Some(Guest::new(&computation, &aliases, false)?);
                    }
                    let guest = guest.as_mut().expect("made above");
                    let (batch, mut more) = guest.process(&[parcel.batch], &[])?;
                    give(batch, parcel.credit.clone());
                    while more {
                        let (batch, still) = guest.advance(guest.promise)?;
                        give(batch, parcel.credit.clone());
                        more = still;
                    }
                }
                let mut promise = frontier;
                if let Some(guest) = &mut guest
                    && guest.promise < frontier
                {
                    loop {
                        let (batch, more) = guest.advance(frontier)?;
                        give(batch, None);
                        if !more {
                            break;
                        }
                    }
                    promise = guest.promise;
                }
                drop(session);
                drop(output);
                downgrade(&mut hold, promise);
                Ok(())
            };
            if let Err(error) = advance() {
                shared.end(Event::Failed(error));
            }
            if hold.is_none() {
                guest = None;
            }
        }
    });
    stream
}

/// An operator in time order: the inputs merged, as far as their joint frontier.
pub(crate) fn in_time_order<'scope>(
    scope: Scope<'scope, i64>,
    inputs: Vec<(StreamVec<'scope, i64, Piece>, Rc<Ahead>)>,
    computation: Arc<Computation>,
    aliases: Vec<String>,
    shared: Arc<Shared>,
) -> StreamVec<'scope, i64, Local<Parcel>> {
    let mut builder = OperatorBuilder::new("transform".to_owned(), scope);
    let info = builder.operator_info();
    let (pieces, ahead): (Vec<_>, Vec<_>) = inputs.into_iter().unzip();
    let mut handles: Vec<_> = pieces.into_iter().map(|pieces| builder.new_input(pieces, Pipeline)).collect();
    let (output, stream) = builder.new_output();
    let mut output = OutputBuilder::<_, CapacityContainerBuilder<Vec<Local<Parcel>>>>::from(output);
    builder.build(move |mut capabilities| {
        let mut hold: Hold = capabilities.pop();
        let activator = scope.activator_for(info.address.clone());
        shared.enlist(scope.worker().sync_activator_for(info.address.to_vec()));
        let here = scope.index() == computation.home;
        let mut merge = Merge::new(computation.schemas.iter().map(arrow_schema).collect());
        let mut guest: Option<Guest> = None;
        // The guest has said that there is more under this frontier.
        let mut unfinished: Option<Frontier> = None;
        move |frontiers| {
            for (input, handle) in handles.iter_mut().enumerate() {
                handle.for_each(|_, pieces| pieces.drain(..).for_each(|Local(piece)| merge.push(input, piece)));
            }
            if shared.is_stopped() || !here {
                (hold, guest) = (None, None);
            }
            if hold.is_none() {
                return;
            }
            let joint = frontiers.iter().map(frontier_of).min().unwrap_or(Frontier::Empty);
            let mut advance = || -> Result<(), ComputeError> {
                if guest.is_none() {
                    guest = Some(Guest::new(&computation, &aliases, true)?);
                }
                let guest = guest.as_mut().expect("made above");
                let mut results = Vec::new();
                let mut frontier = joint;
                if unfinished.is_none() {
                    let merged = merge.next(joint)?;
                    for (input, ahead) in ahead.iter().enumerate() {
                        ahead.merged(merged.as_ref().map_or(0, |merged| merged.loaded[input]), joint);
                    }
                    if let Some(merged) = merged {
                        frontier = merged.frontier;
                        shared.progress.count_in(merged.batches.iter().map(RecordBatch::num_rows).sum());
                        if merged.batches.iter().any(|batch| batch.num_rows() > 0) {
                            let (batch, more) = guest.process(&merged.batches, &merged.order)?;
                            results.push(batch);
                            unfinished = more.then_some(frontier);
                        }
                        activator.activate();
                    }
                }
                let told = unfinished.unwrap_or(frontier);
                if told > guest.promise || unfinished.is_some() {
                    let mut more = true;
                    for _ in 0..MORE {
                        if !more {
                            break;
                        }
                        let (batch, still) = guest.advance(told)?;
                        results.push(batch);
                        more = still;
                    }
                    unfinished = more.then_some(told);
                    if more {
                        activator.activate();
                    }
                }
                if results.iter().any(|batch| batch.num_rows() > 0) {
                    let mut output = output.activate();
                    let worker = computation.home;
                    let full = results.into_iter().filter(|batch| batch.num_rows() > 0);
                    let parcels = full.map(|batch| Local(Parcel { worker, batch, credit: None }));
                    output.session(hold.as_ref().expect("checked above")).give_iterator(parcels);
                }
                downgrade(&mut hold, guest.promise);
                Ok(())
            };
            if let Err(error) = advance() {
                shared.end(Event::Failed(error));
            }
            if hold.is_none() {
                guest = None;
            }
        }
    });
    stream
}
