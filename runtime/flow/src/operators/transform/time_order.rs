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
use crate::computation::Computation;
use crate::error::{ComputeError, Failure};
use crate::guest::Guest;
use crate::guests::Guests;
use crate::local::{Local, Message};
use crate::merge::{Merge, Stretch};
use crate::operators::barriers::Barriers;
use crate::operators::frontier_of;
use crate::operators::scan::{Ahead, Piece};
use crate::operators::work::{Done, Output, Work};
use crate::shared::{Event, Shared};
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
        let activator = || scope.activator_for(info.address.clone());
        let sync = || scope.worker().sync_activator_for(info.address.to_vec());
        shared.enlist(sync());
        ahead.iter().for_each(|ahead| ahead.wakes(activator()));
        let here = scope.index() == computation.home;
        let hold = capabilities.pop().filter(|_| here);
        let again = activator();
        let mut merging = Merging {
            merge: computation.merge(),
            ahead,
            cut: computation.resume.snapshot.as_ref().map_or(Frontier::START, |snapshot| snapshot.frontier),
            told: Frontier::START,
            barriers: Barriers::new(shared.clone(), activator()),
            work: Work::new(Hand::default(), guests, sync(), output, hold, shared.clone()),
            task: Task { computation, aliases, ordered: true, shared: shared.clone() },
        };
        move |frontiers| {
            for (input, handle) in handles.iter_mut().enumerate() {
                let merge = &mut merging.merge;
                handle.for_each(|_, pieces| pieces.drain(..).for_each(|Local(piece)| merge.push(input, piece)));
            }
            if merging.work.ready(|_| false).is_none() {
                if here && merging.work.is_over() {
                    // Without a capability this operator may never be asked again.
                    shared.begins_no_more();
                }
                return;
            }
            let joint = frontiers.iter().map(frontier_of).min().unwrap_or(Frontier::Empty);
            match merging.advance(joint) {
                Ok(true) => again.activate(),
                Ok(false) => {}
                Err(error) => shared.end(Event::Failed(Failure { error, at: None, frontier: joint })),
            }
        }
    });
    stream
}

/// What is merged, and what the guest has been given of it.
struct Merging {
    merge: Merge,
    ahead: Vec<Rc<Ahead>>,
    /// What the guest has been given is what lies before this.
    cut: Frontier,
    /// The frontier that it was told last.
    told: Frontier,
    barriers: Barriers,
    work: Work<Hand>,
    task: Task,
}

impl Merging {
    /// Gives the guest, which is there, what comes next under the inputs' joint frontier. Returns whether there may be more, after the turns
    /// of others.
    fn advance(&mut self, joint: Frontier) -> Result<bool, ComputeError> {
        if !self.work.more
            && let Some(barrier) = self.barriers.for_snapshot(|| (self.merge.places(self.cut), self.cut))
        {
            self.send(barrier, joint);
            return Ok(false);
        }
        if self.barriers.stops() || self.task.shared.is_finishing() && !self.work.more {
            return Ok(false);
        }
        let stretches = if self.work.more { None } else { self.next(joint)? };
        let more = stretches.is_some();
        let stretches = stretches.unwrap_or_default();
        let frontier = if self.work.more { self.told } else { self.cut };
        if stretches.is_empty() && !self.work.more && frontier <= self.told {
            self.rest(joint);
            return Ok(more);
        }
        self.told = frontier;
        let task = self.task.clone();
        self.work.run(frontier, move |hand, at| {
            hand.waiting.extend(stretches.into_iter().map(given));
            task.turn(hand, frontier, at)
        });
        Ok(more)
    }

    /// Some of the records before the joint frontier; none when there are no more.
    fn next(&mut self, joint: Frontier) -> Result<Option<VecDeque<Stretch>>, ComputeError> {
        let merged = self.merge.next(joint)?;
        let after = merged.as_ref().map_or(joint, |merged| merged.frontier);
        self.barriers.note(merged.is_some() || after > self.cut);
        self.cut = self.cut.max(after);
        for (input, ahead) in self.ahead.iter().enumerate() {
            ahead.merged(merged.as_ref().map_or(0, |merged| merged.loaded[input]), joint);
        }
        Ok(merged.map(|merged| {
            self.task.shared.progress.count_in(merged.batches.iter().map(RecordBatch::num_rows).sum());
            merged.stretches(&self.task.computation.search, &self.task.computation.budget)
        }))
    }

    /// All that lies before the joint frontier is taken in; where an input that stands at a mark has it, nothing more can come there.
    fn rest(&mut self, joint: Frontier) {
        let mark = self.ahead.iter().filter(|_| self.cut == joint).find_map(|ahead| ahead.mark(joint));
        let Some(revision) = mark else { return self.barriers.remind() };
        match self.barriers.for_mark(revision, || (self.merge.places(self.cut), self.cut)) {
            Some(barrier) => self.send(barrier, joint),
            None => self.ahead.iter().for_each(|ahead| ahead.go_on()),
        }
    }

    /// Has the guest's state go with the barrier.
    fn send(&mut self, barrier: Barrier, joint: Frontier) {
        let (task, barrier) = (self.task.clone(), Arc::new(barrier));
        self.work.run(joint, move |hand, _| {
            let messages = vec![task.part(&mut hand.guest, barrier)?];
            let promise = hand.guest.as_ref().map_or(Frontier::START, Guest::promise);
            Ok(Done { messages, promise, more: false })
        });
    }
}

fn given(Stretch { batches, order, span, held }: Stretch) -> Given {
    Given::Records(Records { batches, order, span, credit: None, muted: false, held: Some(held) })
}
