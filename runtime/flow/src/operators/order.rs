//! Order for aggregates that need it: the pieces of one input become batches in time order, cut by key.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use dag_model::Frontier;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use super::scan::{Ahead, Piece};
use super::shard::Shards;
use super::{Hold, Reminder, downgrade};
use crate::computation::{Computation, Event, Shared, frontier_of};
use crate::error::{ComputeError, Failure};
use crate::local::{Credits, Local, Message, Parcel};
use crate::merge::Stretch;
use crate::snapshot::Barrier;

/// Batches of `pieces` in time order, as far as their frontier, and barriers to `stateful` workers.
pub(crate) fn order<'scope>(
    pieces: StreamVec<'scope, i64, Piece>,
    computation: Arc<Computation>,
    shards: Shards,
    stateful: Vec<usize>,
    ahead: Rc<Ahead>,
    shared: Arc<Shared>,
) -> StreamVec<'scope, i64, Local<Message>> {
    let scope = pieces.scope();
    let mut builder = OperatorBuilder::new("order".to_owned(), scope);
    let info = builder.operator_info();
    let mut input = builder.new_input(pieces, Pipeline);
    let (output, stream) = builder.new_output();
    let mut output = OutputBuilder::<_, CapacityContainerBuilder<Vec<Local<Message>>>>::from(output);
    builder.build(move |mut capabilities| {
        let mut hold: Hold = capabilities.pop();
        let activator = scope.activator_for(info.address.clone());
        let sync = || scope.worker().sync_activator_for(info.address.to_vec());
        shared.enlist(sync());
        let credits = Credits::new(sync(), computation.budget.clone());
        let mut merge = computation.merge();
        let here = scope.index() == computation.home;
        // What has been emitted is what lies before this.
        let mut cut = computation.resume.snapshot.as_ref().map_or(Frontier::START, |snapshot| snapshot.frontier);
        let mut news = false;
        // Merged, and held back until there are credits.
        let mut waiting = VecDeque::new();
        let mut reminder = Reminder::new(scope.activator_for(info.address.clone()));
        ahead.wakes(scope.activator_for(info.address.clone()));
        // Whether the barrier after which nothing comes has been sent for a mark.
        let mut stops = false;
        move |frontiers| {
            input.for_each(|_, pieces| pieces.drain(..).for_each(|Local(piece)| merge.push(0, piece)));
            if shared.is_stopped() || !here {
                hold = None;
            }
            if hold.is_none() {
                return;
            }
            let frontier = frontier_of(&frontiers[0]);
            let barrier = |places, cut, last, mark| Barrier { places, frontier: cut, last, mark }.to(&stateful);
            if !stops && waiting.is_empty() && shared.snapshot_due(news) {
                news = false;
                let barrier = barrier(merge.places(cut), cut, shared.is_finishing(), None);
                output.activate().session(hold.as_ref().expect("checked above")).give_iterator(barrier);
            }
            if stops || waiting.is_empty() && shared.is_finishing() {
                return;
            }
            let mut went_on = false;
            let mut advance = || -> Result<(), ComputeError> {
                if waiting.is_empty() && credits.available() {
                    let Some(merged) = merge.next(frontier)? else {
                        ahead.merged(0, frontier);
                        (news, cut) = (news || frontier > cut, cut.max(frontier));
                        downgrade(&mut hold, frontier);
                        let Some(revision) = ahead.mark(frontier) else { return Ok(()) };
                        while !stops && let Some(mark) = shared.mark_at(revision) {
                            stops = mark.stops;
                            let barrier = barrier(merge.places(cut), cut, stops, Some(mark));
                            output.activate().session(hold.as_ref().expect("it has a time")).give_iterator(barrier);
                            shared.is_at(mark);
                        }
                        if !stops {
                            ahead.go_on();
                        }
                        return Ok(());
                    };
                    ahead.merged(merged.loaded[0], frontier);
                    (news, cut) = (true, cut.max(merged.frontier));
                    waiting = merged.stretches(&computation.search, &computation.budget);
                    went_on = true;
                }
                while credits.available()
                    && let Some(Stretch { batches, span, .. }) = waiting.pop_front()
                {
                    let batch = batches.into_iter().next().expect("a merge of one input");
                    shared.progress.count_in(batch.num_rows());
                    let credit = credits.take(&batch);
                    let mut output = output.activate();
                    let mut session = output.session(hold.as_ref().expect("checked above"));
                    for (worker, batch) in shards.split(batch)? {
                        let (from, credit) = (computation.home, Some(credit.clone()));
                        let parcel = Parcel { worker, from, batch, credit, span, muted: false, held: None };
                        session.give(Local(Message::Records(parcel)));
                    }
                    went_on = true;
                }
                if went_on && waiting.is_empty() {
                    activator.activate();
                }
                // As far as what is sent reaches, or results would wait for what nobody has credits for.
                let reached = waiting.front().map_or(cut, |next: &Stretch| Frontier::At(next.time()));
                if reached.time().is_some() {
                    downgrade(&mut hold, reached);
                }
                Ok(())
            };
            if let Err(error) = advance() {
                shared.end(Event::Failed(Failure { error, at: None, frontier }));
            }
            if hold.is_none() {
                // Without a capability this operator may never be asked again.
                shared.begins_no_more();
            }
            reminder.set(&shared, news && hold.is_some());
        }
    });
    stream
}
