//! Transforms in time order: the inputs merged, as far as their joint frontier.

use std::rc::Rc;
use std::sync::Arc;

use arrow_array::RecordBatch;
use dag_model::Frontier;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::{Scope, StreamVec};

use super::Task;
use crate::computation::{Computation, Event, Shared, frontier_of};
use crate::error::{ComputeError, Failure};
use crate::guest::Guest;
use crate::guests::Guests;
use crate::local::{Local, Message};
use crate::merge::Stretch;
use crate::operators::Reminder;
use crate::operators::scan::{Ahead, Piece};
use crate::operators::work::{Done, Output, Work};
use crate::search::Span;
use crate::snapshot::Barrier;

/// How many times an operator may say that there is more before its results go on.
const MORE: usize = 16;

/// An operator in time order: the inputs merged, as far as their joint frontier.
pub(crate) fn in_time_order<'scope>(
    scope: Scope<'scope, i64>,
    inputs: Vec<(StreamVec<'scope, i64, Piece>, Rc<Ahead>)>,
    computation: Arc<Computation>,
    aliases: Vec<String>,
    guests: Guests,
    shared: Arc<Shared>,
) -> StreamVec<'scope, i64, Local<Message>> {
    let mut builder = OperatorBuilder::new("transform".to_owned(), scope);
    let info = builder.operator_info();
    let (pieces, ahead): (Vec<_>, Vec<_>) = inputs.into_iter().unzip();
    let mut handles: Vec<_> = pieces.into_iter().map(|pieces| builder.new_input(pieces, Pipeline)).collect();
    let (output, stream) = builder.new_output();
    let output = Output::from(output);
    builder.build(move |mut capabilities| {
        let activator = scope.activator_for(info.address.clone());
        let sync = || scope.worker().sync_activator_for(info.address.to_vec());
        shared.enlist(sync());
        let here = scope.index() == computation.home;
        let hold = capabilities.pop().filter(|_| here);
        let mut merge = computation.merge();
        // What the guest has been given is what lies before this.
        let mut cut = computation.resume.snapshot.as_ref().map_or(Frontier::START, |snapshot| snapshot.frontier);
        let mut news = false;
        let mut reminder = Reminder::new(scope.activator_for(info.address.clone()));
        let mut told = Frontier::START;
        let task = Task { computation, aliases, ordered: true };
        let mut work = Work::new(None, guests, sync(), output, hold, shared.clone());
        move |frontiers| {
            for (input, handle) in handles.iter_mut().enumerate() {
                handle.for_each(|_, pieces| pieces.drain(..).for_each(|Local(piece)| merge.push(input, piece)));
            }
            if work.ready().is_none() {
                return;
            }
            let joint = frontiers.iter().map(frontier_of).min().unwrap_or(Frontier::Empty);
            let failed = |error| Event::Failed(Failure { error, at: None, frontier: joint });
            if !work.more && shared.snapshot_due(news) {
                news = false;
                let (places, last) = (merge.places(cut), shared.is_finishing());
                let barrier = Arc::new(Barrier { places, frontier: cut, last });
                let task = task.clone();
                work.run(joint, move |guest, _| {
                    let messages = vec![task.part(guest, barrier)?];
                    let promise = guest.as_ref().map_or(Frontier::START, Guest::promise);
                    Ok(Done { messages, promise, more: false })
                });
                return;
            }
            if shared.is_finishing() && !work.more {
                return;
            }
            let mut stretches = Vec::new();
            if !work.more {
                let merged = match merge.next(joint) {
                    Ok(merged) => merged,
                    Err(error) => return shared.end(failed(error)),
                };
                let after = merged.as_ref().map_or(joint, |merged| merged.frontier);
                (news, cut) = (news || merged.is_some() || after > cut, cut.max(after));
                for (input, ahead) in ahead.iter().enumerate() {
                    ahead.merged(merged.as_ref().map_or(0, |merged| merged.loaded[input]), joint);
                }
                if let Some(merged) = merged {
                    activator.activate();
                    shared.progress.count_in(merged.batches.iter().map(RecordBatch::num_rows).sum());
                    stretches = merged.stretches(&task.computation.search);
                }
            }
            let frontier = if work.more { told } else { cut };
            if stretches.is_empty() && !work.more && frontier <= told {
                reminder.set(&shared, news);
                return;
            }
            told = frontier;
            let task = task.clone();
            work.run(frontier, move |guest, at| task.in_time_order(guest, stretches, frontier, at));
        }
    });
    stream
}

impl Task {
    /// Some of the merged inputs, and what follows from the frontier after them.
    fn in_time_order(
        &self,
        guest: &mut Option<Guest>,
        stretches: Vec<Stretch>,
        frontier: Frontier,
        at: &mut Option<Span>,
    ) -> Result<Done, ComputeError> {
        let guest = self.guest(guest)?;
        let mut out = Vec::new();
        for Stretch { batches, order, span } in stretches {
            while guest.has_more() {
                out.extend(self.results(guest.rest()?, None));
            }
            *at = span;
            out.extend(self.results(guest.process(&batches, &order)?, None));
        }
        let mut more = true;
        for _ in 0..MORE {
            let batch = if guest.has_more() {
                guest.rest()?
            } else if guest.told() < frontier {
                *at = None;
                guest.advance(frontier)?
            } else {
                more = false;
                break;
            };
            out.extend(self.results(batch, None));
        }
        Ok(Done { messages: out, promise: guest.promise(), more })
    }
}
