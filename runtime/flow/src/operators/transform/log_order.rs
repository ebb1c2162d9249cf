//! Transforms in log order: each batch at once, as it comes.

use std::sync::Arc;

use dag_model::Frontier;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use super::Task;
use super::turn::{Given, Hand, Records};
use crate::computation::Computation;
use crate::guests::Guests;
use crate::local::{Local, Message, Parcel};
use crate::operators::frontier_of;
use crate::operators::work::{Output, Work};
use crate::shared::Shared;

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
        let task = Task { computation, aliases, ordered: false, shared: shared.clone() };
        let mut work = Work::new(Hand::default(), guests, sync(), output, hold, shared);
        let mut pending = Vec::new();
        let mut told = Frontier::START;
        move |frontiers| {
            input.for_each(|_, data| pending.extend(data.drain(..).map(|Local(message)| message)));
            let Some(hand) = work.ready(|_| pending.iter().any(|message| matches!(message, Message::Barrier { .. })))
            else {
                return;
            };
            let (nothing, frontier) = (hand.guest.is_none(), frontier_of(&frontiers[0]));
            if pending.is_empty() && !work.more && frontier <= told {
                return;
            }
            told = frontier;
            if nothing && pending.is_empty() && !work.more && task.computation.resume.snapshot.is_none() {
                return work.promise(frontier);
            }
            let (task, messages) = (task.clone(), std::mem::take(&mut pending));
            work.run(frontier, move |hand, at| {
                hand.waiting.extend(messages.into_iter().map(given));
                task.turn(hand, frontier, at)
            });
        }
    });
    stream
}

fn given(message: Message) -> Given {
    match message {
        Message::Records(Parcel { batch, credit, span, muted, .. }) => {
            Given::Records(Records { batches: vec![batch], order: Vec::new(), span, credit, muted, held: None })
        }
        Message::Barrier { barrier, .. } => Given::Barrier(barrier),
        Message::Part { .. } => unreachable!("parts go to the sink"),
    }
}
