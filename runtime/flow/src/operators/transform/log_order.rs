//! Transforms in log order: each batch at once, as it comes.

use std::sync::Arc;

use dag_model::Frontier;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use super::Task;
use crate::computation::{Computation, Shared, frontier_of};
use crate::error::ComputeError;
use crate::guest::Guest;
use crate::guests::Guests;
use crate::local::{Local, Message};
use crate::operators::work::{Done, Output, Work};
use crate::search::Span;

/// An operator in log order.
pub(crate) fn in_log_order<'scope>(
    messages: StreamVec<'scope, i64, Local<Message>>,
    computation: Arc<Computation>,
    aliases: Vec<String>,
    guests: Guests,
    shared: Arc<Shared>,
) -> StreamVec<'scope, i64, Local<Message>> {
    let scope = messages.scope();
    let mut builder = OperatorBuilder::new("transform".to_owned(), scope);
    let info = builder.operator_info();
    let mut input = builder.new_input(messages, Pipeline);
    let (output, stream) = builder.new_output();
    let output = Output::from(output);
    builder.build(move |mut capabilities| {
        let sync = || scope.worker().sync_activator_for(info.address.to_vec());
        shared.enlist(sync());
        let here = scope.index() == computation.home;
        let hold = capabilities.pop().filter(|_| here);
        let task = Task { computation, aliases, ordered: false };
        let mut work = Work::new(None, guests, sync(), output, hold, shared);
        let mut pending = Vec::new();
        let mut told = Frontier::START;
        move |frontiers| {
            input.for_each(|_, data| pending.extend(data.drain(..).map(|Local(message)| message)));
            let Some(guest) = work.ready() else { return };
            let (nothing, frontier) = (guest.is_none(), frontier_of(&frontiers[0]));
            if pending.is_empty() && frontier <= told {
                return;
            }
            told = frontier;
            if nothing && pending.is_empty() && task.computation.resume.snapshot.is_none() {
                return work.promise(frontier);
            }
            let (task, messages) = (task.clone(), std::mem::take(&mut pending));
            work.run(frontier, move |guest, at| task.in_log_order(guest, messages, frontier, at));
        }
    });
    stream
}

impl Task {
    /// Each batch at once, in log order.
    fn in_log_order(
        &self,
        guest: &mut Option<Guest>,
        messages: Vec<Message>,
        frontier: Frontier,
        at: &mut Option<Span>,
    ) -> Result<Done, ComputeError> {
        if self.computation.resume.snapshot.is_some() {
            self.guest(guest)?;
        }
        let mut out = Vec::new();
        for message in messages {
            match message {
                Message::Records(parcel) => {
                    *at = parcel.span;
                    let guest = self.guest(guest)?;
                    let mut batch = guest.process(&[parcel.batch], &[])?;
                    loop {
                        out.extend(self.results(batch, parcel.credit.clone()).filter(|_| !parcel.muted));
                        if !guest.has_more() {
                            break;
                        }
                        batch = guest.rest()?;
                    }
                }
                Message::Barrier { barrier, .. } => out.push(self.part(guest, barrier)?),
                Message::Part { .. } => unreachable!("parts go to the sink"),
            }
        }
        *at = None;
        let mut promise = frontier;
        if let Some(guest) = guest {
            if guest.promise() < frontier {
                out.extend(self.results(guest.advance(frontier)?, None));
            }
            while guest.has_more() {
                out.extend(self.results(guest.rest()?, None));
            }
            promise = guest.promise();
        }
        Ok(Done { messages: out, promise, more: false })
    }
}
