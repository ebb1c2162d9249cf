//! Order for aggregates that need it: the pieces of one input become batches in time order, cut by key.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use dag_model::Frontier;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use super::barriers::Barriers;
use super::scan::{Ahead, Piece};
use super::shard::Shards;
use super::work::Output;
use super::{Hold, downgrade};
use crate::computation::Computation;
use crate::error::{ComputeError, Failure};
use crate::local::{Credits, Local, Message, Parcel};
use crate::merge::{Merge, Stretch};
use crate::operators::frontier_of;
use crate::shared::{Event, Shared};
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
    let output = Output::from(output);
    builder.build(move |mut capabilities| {
        let activator = || scope.activator_for(info.address.clone());
        let sync = || scope.worker().sync_activator_for(info.address.to_vec());
        shared.enlist(sync());
        ahead.wakes(activator());
        let here = scope.index() == computation.home;
        let again = activator();
        let mut order = Order {
            output,
            hold: capabilities.pop().filter(|_| here),
            credits: Credits::new(sync(), computation.budget.clone()),
            merge: computation.merge(),
            cut: computation.resume.snapshot.as_ref().map_or(Frontier::START, |snapshot| snapshot.frontier),
            waiting: VecDeque::new(),
            barriers: Barriers::new(shared.clone(), activator()),
            computation,
            shards,
            stateful,
            ahead,
            shared,
        };
        move |frontiers| {
            input.for_each(|_, pieces| pieces.drain(..).for_each(|Local(piece)| order.merge.push(0, piece)));
            if order.shared.is_stopped() {
                order.hold = None;
            }
            if order.hold.is_none() {
                return;
            }
            let frontier = frontier_of(&frontiers[0]);
            match order.advance(frontier) {
                Ok(true) => again.activate(),
                Ok(false) => {}
                Err(error) => order.shared.end(Event::Failed(Failure { error, at: None, frontier })),
            }
            match order.hold {
                // Without a capability this operator may never be asked again.
                None => order.shared.begins_no_more(),
                Some(_) => order.barriers.remind(),
            }
        }
    });
    stream
}

/// What is merged and emitted.
struct Order {
    computation: Arc<Computation>,
    shards: Shards,
    stateful: Vec<usize>,
    ahead: Rc<Ahead>,
    shared: Arc<Shared>,
    output: Output,
    hold: Hold,
    credits: Arc<Credits>,
    merge: Merge,
    /// What has been merged is what lies before this.
    cut: Frontier,
    /// Merged, and held back until there are credits.
    waiting: VecDeque<Stretch>,
    barriers: Barriers,
}

impl Order {
    /// Merges and emits some of what lies before the frontier. Returns whether there may be more, after the turns of others.
    fn advance(&mut self, frontier: Frontier) -> Result<bool, ComputeError> {
        if self.waiting.is_empty()
            && let Some(barrier) = self.barriers.for_snapshot(|| (self.merge.places(self.cut), self.cut))
        {
            self.send(barrier);
        }
        if self.barriers.stops() || self.waiting.is_empty() && self.shared.is_finishing() {
            return Ok(false);
        }
        let mut went_on = false;
        if self.waiting.is_empty() && self.credits.available() {
            let Some(merged) = self.merge.next(frontier)? else {
                self.all_is_merged(frontier);
                return Ok(false);
            };
            self.ahead.merged(merged.loaded[0], frontier);
            self.barriers.note(true);
            self.cut = self.cut.max(merged.frontier);
            self.waiting = merged.stretches(&self.computation.search, &self.computation.budget);
            went_on = true;
        }
        while self.credits.available()
            && let Some(stretch) = self.waiting.pop_front()
        {
            self.emit(stretch)?;
            went_on = true;
        }
        // As far as what is sent reaches, or results would wait for what nobody has credits for.
        let reached = self.waiting.front().map_or(self.cut, |next| Frontier::At(next.time()));
        if reached.time().is_some() {
            downgrade(&mut self.hold, reached);
        }
        Ok(went_on && self.waiting.is_empty())
    }

    /// Nothing before the frontier is left to be merged: where the input stands at a mark, its barrier follows.
    fn all_is_merged(&mut self, frontier: Frontier) {
        self.ahead.merged(0, frontier);
        self.barriers.note(frontier > self.cut);
        self.cut = self.cut.max(frontier);
        downgrade(&mut self.hold, frontier);
        let Some(revision) = self.ahead.mark(frontier) else { return };
        while let Some(barrier) = self.barriers.for_mark(revision, || (self.merge.places(self.cut), self.cut)) {
            self.send(barrier);
        }
        if !self.barriers.stops() {
            self.ahead.go_on();
        }
    }

    fn send(&mut self, barrier: Barrier) {
        let mut output = self.output.activate();
        output.session(self.hold.as_ref().expect("it has a time")).give_iterator(barrier.to(&self.stateful));
    }

    /// Sends records to the workers that own their keys.
    fn emit(&mut self, Stretch { batches, span, .. }: Stretch) -> Result<(), ComputeError> {
        let batch = batches.into_iter().next().expect("a merge of one input");
        self.shared.progress.count_in(batch.num_rows());
        let credit = self.credits.take(&batch);
        let mut output = self.output.activate();
        let mut session = output.session(self.hold.as_ref().expect("it has a time"));
        for (worker, batch) in self.shards.split(batch)? {
            let (from, credit) = (self.computation.home, Some(credit.clone()));
            let parcel = Parcel { worker, from, batch, credit, span, muted: false, held: None };
            session.give(Local(Message::Records(parcel)));
        }
        Ok(())
    }
}
