//! Transforms in time order: the inputs merged, as far as their joint frontier.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use arrow_array::RecordBatch;
use dag_model::Frontier;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::{Scope, StreamVec};

use super::Task;
use super::turn::{Given, Hand, Records};
use crate::computation::{Computation, Event, Shared, frontier_of};
use crate::error::Failure;
use crate::guest::Guest;
use crate::guests::Guests;
use crate::local::{Local, Message};
use crate::merge::Stretch;
use crate::operators::Reminder;
use crate::operators::scan::{Ahead, Piece};
use crate::operators::work::{Done, Output, Work};
use crate::snapshot::Barrier;

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
        ahead.iter().for_each(|ahead| ahead.wakes(scope.activator_for(info.address.clone())));
        // Whether the barrier after which nothing comes has been made for a mark.
        let mut stops = false;
        let task = Task { computation, aliases, ordered: true, shared: shared.clone() };
        let mut work = Work::new(Hand::default(), guests, sync(), output, hold, shared.clone());
        move |frontiers| {
            for (input, handle) in handles.iter_mut().enumerate() {
                handle.for_each(|_, pieces| pieces.drain(..).for_each(|Local(piece)| merge.push(input, piece)));
            }
            if work.ready(|_| false).is_none() {
                if here && work.is_over() {
                    // Without a capability this operator may never be asked again.
                    shared.begins_no_more();
                }
                return;
            }
            let joint = frontiers.iter().map(frontier_of).min().unwrap_or(Frontier::Empty);
            let failed = |error| Event::Failed(Failure { error, at: None, frontier: joint });
            let barrier = |work: &mut Work<Hand>, places, cut, last, mark| {
                let barrier = Arc::new(Barrier { places, frontier: cut, last, mark });
                let task = task.clone();
                work.run(joint, move |hand, _| {
                    let messages = vec![task.part(&mut hand.guest, barrier)?];
                    let promise = hand.guest.as_ref().map_or(Frontier::START, Guest::promise);
                    Ok(Done { messages, promise, more: false })
                });
            };
            if !stops && !work.more && shared.snapshot_due(news) {
                news = false;
                return barrier(&mut work, merge.places(cut), cut, shared.is_finishing(), None);
            }
            if stops || shared.is_finishing() && !work.more {
                return;
            }
            let mut stretches = VecDeque::new();
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
                    stretches = merged.stretches(&task.computation.search, &task.computation.budget);
                }
            }
            let frontier = if work.more { told } else { cut };
            if stretches.is_empty() && !work.more && frontier <= told {
                // All that lies before the joint frontier is taken in; where one that stands at a mark has it, nothing more can come there.
                if let Some(revision) = ahead.iter().filter(|_| cut == joint).find_map(|ahead| ahead.mark(joint)) {
                    match shared.mark_at(revision) {
                        Some(mark) => {
                            stops = mark.stops;
                            barrier(&mut work, merge.places(cut), cut, stops, Some(mark));
                            shared.is_at(mark);
                        }
                        None => ahead.iter().for_each(|ahead| ahead.go_on()),
                    }
                    return;
                }
                reminder.set(&shared, news);
                return;
            }
            told = frontier;
            let task = task.clone();
            work.run(frontier, move |hand, at| {
                hand.waiting.extend(stretches.into_iter().map(given));
                task.turn(hand, frontier, at)
            });
        }
    });
    stream
}

fn given(Stretch { batches, order, span, held }: Stretch) -> Given {
    Given::Records(Records { batches, order, span, credit: None, muted: false, held: Some(held) })
}
