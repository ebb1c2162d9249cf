//! The windows of an aggregate on one worker: it folds what comes and closes what the frontier has passed, beside the worker.
//!
//! Records, barriers and frontiers are taken in one after the other, as they came. Closing up to a frontier is done where that frontier
//! stands among them, in steps, and what follows waits: no more is taken in than results go out for, and a barrier's state is that of
//! its place. Between two steps results may go out and the computation may be stopped.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::RecordBatch;
use dag_expr::Window;
use dag_model::{Frontier, Hops, Timestamp, times};
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use super::work::{Done, Output, Work};
use crate::budget::memory;
use crate::computation::{Aggregation, Computation};
use crate::error::ComputeError;
use crate::folding::Folding;
use crate::guests::Guests;
use crate::local::{Local, Message, Parcel};
use crate::operators::frontier_of;
use crate::search::Span;
use crate::shared::Shared;
use crate::snapshot::{Barrier, Folded, Part, Snapshot};

/// How many results a job gathers before they go out, but for those of its last step.
const RESULTS: usize = 8_192;

/// How many steps a job takes at most.
const STEPS: usize = 256;

/// What a job is about.
#[derive(Clone)]
struct Task {
    computation: Arc<Computation>,
    aggregation: Arc<Aggregation>,
    worker: usize,
    peers: usize,
    shared: Arc<Shared>,
}

/// The windows, and what has come for them and is not taken in yet, in order.
struct Station {
    /// What is taken up first.
    saved: Option<Arc<Snapshot>>,
    /// None as long as nothing has come.
    folding: Option<Folding>,
    queue: VecDeque<Item>,
    /// Windows are closed up to here, or are being closed.
    reached: Frontier,
}

/// What comes for windows.
enum Item {
    /// Records, of which so many have been taken in.
    Records(Parcel, usize),
    /// A barrier behind all that came before.
    Barrier(Arc<Barrier>),
    /// Nothing before this will follow.
    Frontier(Frontier),
}

/// Results of what comes, which goes to the workers that it is for.
pub(crate) fn aggregate<'scope>(
    messages: StreamVec<'scope, i64, Local<Message>>,
    computation: Arc<Computation>,
    aggregation: Arc<Aggregation>,
    saved: Option<Arc<Snapshot>>,
    guests: Guests,
    shared: Arc<Shared>,
) -> StreamVec<'scope, i64, Local<Message>> {
    let scope = messages.scope();
    let mut builder = OperatorBuilder::new("aggregate".to_owned(), scope);
    let info = builder.operator_info();
    let to = Exchange::new(|Local(message): &Local<Message>| message.worker() as u64);
    let mut input = builder.new_input(messages, to);
    let (output, stream) = builder.new_output();
    let output = Output::from(output);
    builder.build(move |mut capabilities| {
        let sync = || scope.worker().sync_activator_for(info.address.to_vec());
        shared.enlist(sync());
        let (worker, peers) = (scope.index(), scope.peers());
        let task = Task { computation, aggregation, worker, peers, shared: shared.clone() };
        // What is open in the snapshot has to be taken up even where no record comes.
        let mut begin = saved.is_some();
        let station = Station { saved, folding: None, queue: VecDeque::new(), reached: Frontier::START };
        let mut work = Work::new(station, guests, sync(), output, capabilities.pop(), shared);
        let mut pending: VecDeque<Item> = VecDeque::new();
        let mut told = Frontier::START;
        move |frontiers| {
            input.for_each(|_, data| pending.extend(data.drain(..).map(|Local(message)| Item::of(message))));
            let frontier = frontier_of(&frontiers[0]);
            if frontier > told {
                told = frontier;
                if let Some(Item::Frontier(_)) = pending.back() {
                    pending.pop_back();
                }
                pending.push_back(Item::Frontier(frontier));
            }
            let is_barrier = |item: &Item| matches!(item, Item::Barrier(_));
            let due = |station: &Station| pending.iter().chain(&station.queue).any(is_barrier);
            let Some(station) = work.ready(due) else { return };
            station.queue.append(&mut pending);
            let untouched = station.folding.is_none() && station.queue.len() == 1;
            if let Some(Item::Frontier(frontier)) = station.queue.front()
                && untouched
                && !begin
            {
                station.reached = *frontier;
                station.queue.clear();
                return work.promise(promise(None, &task.aggregation, told));
            }
            if station.queue.is_empty() && !begin {
                return;
            }
            begin = false;
            let task = task.clone();
            work.run(frontier, move |station, at| task.advance(station, at));
        }
    });
    stream
}

/// Takes up the snapshot as one worker would that has everything, to see whether the operator can.
pub(crate) fn probe(computation: &Arc<Computation>, aggregation: &Aggregation) -> Result<(), ComputeError> {
    let Some(snapshot) = &computation.resume.snapshot else { return Ok(()) };
    restored(computation, aggregation, snapshot, computation.home, 1, &|| false).map(drop)
}

impl Item {
    fn of(message: Message) -> Item {
        match message {
            Message::Records(parcel) => Item::Records(parcel, 0),
            Message::Barrier { barrier, .. } => Item::Barrier(barrier),
            Message::Part { .. } => unreachable!("parts go to the sink"),
        }
    }
}

impl Task {
    /// Takes in what has come, until there are results enough.
    fn advance(&self, station: &mut Station, at: &mut Option<Span>) -> Result<Done, ComputeError> {
        let stopped = || self.shared.is_stopped();
        if let Some(saved) = station.saved.take() {
            station.folding =
                restored(&self.computation, &self.aggregation, &saved, self.worker, self.peers, &stopped)?;
        }
        let (mut messages, mut results, mut bytes) = (Vec::new(), 0, 0);
        for _ in 0..STEPS {
            if results >= RESULTS || bytes >= self.computation.budget.batch() || stopped() {
                break;
            }
            let Some(item) = station.queue.pop_front() else { break };
            let (batch, rest) = self.step(station, item, at, &mut messages)?;
            *at = None;
            if let Some(batch) = batch.filter(|batch| batch.num_rows() > 0) {
                (results, bytes) = (results + batch.num_rows(), bytes + memory(&batch));
                messages.push(self.results(batch));
            }
            if let Some(rest) = rest {
                station.queue.push_front(rest);
            }
        }
        let promise = promise(station.folding.as_ref(), &self.aggregation, station.reached);
        station.folding.iter().for_each(|folding| self.computation.budget.has_instance(folding.memory()));
        Ok(Done { messages, promise, more: !station.queue.is_empty() })
    }

    /// A step of taking in the foremost of what has come; returns results, and what is left of it.
    fn step(
        &self,
        station: &mut Station,
        item: Item,
        at: &mut Option<Span>,
        messages: &mut Vec<Message>,
    ) -> Result<(Option<RecordBatch>, Option<Item>), ComputeError> {
        match item {
            Item::Records(parcel, taken) => {
                *at = parcel.span;
                let folding = match &mut station.folding {
                    Some(folding) => folding,
                    none => none.insert(Folding::new(&self.computation, &self.aggregation)?),
                };
                let rows = (parcel.batch.num_rows() - taken).min(folding.most_rows());
                let slice = parcel.batch.slice(taken, rows);
                let results = folding.insert(&slice)?;
                if !matches!(self.aggregation.window, Window::Hopping { .. }) {
                    // These come in time order: what has come of them can be written before the frontier gets here.
                    let last = times(&slice).last().map_or(Timestamp::MIN, |time| Timestamp(*time));
                    station.reached = station.reached.max(Frontier::At(last));
                }
                let taken = taken + rows;
                Ok((results, (taken < parcel.batch.num_rows()).then_some(Item::Records(parcel, taken))))
            }
            Item::Frontier(frontier) => {
                let (results, more) = station.close(frontier)?;
                Ok((results, more.then_some(Item::Frontier(frontier))))
            }
            Item::Barrier(barrier) => {
                let (results, more) = station.close(barrier.frontier)?;
                if more || results.is_some() {
                    return Ok((results, Some(Item::Barrier(barrier))));
                }
                let part = match &mut station.folding {
                    Some(folding) if barrier.saves() => {
                        folding.save(&|| self.shared.is_stopped())?.map(|part| Box::new(Part::Folded(part)))
                    }
                    _ => None,
                };
                let promise = promise(station.folding.as_ref(), &self.aggregation, barrier.frontier);
                let (worker, from) = (self.computation.home, self.worker);
                messages.push(Message::Part { worker, from, barrier, promise, part });
                Ok((None, None))
            }
        }
    }

    /// Results on their way to the sink.
    fn results(&self, batch: RecordBatch) -> Message {
        let (worker, from) = (self.computation.home, self.worker);
        Message::Records(Parcel { worker, from, batch, credit: None, span: None, muted: false, held: None })
    }
}

impl Station {
    /// A step of closing windows up to a frontier; returns results, and whether there may be more.
    fn close(&mut self, frontier: Frontier) -> Result<(Option<RecordBatch>, bool), ComputeError> {
        self.reached = self.reached.max(frontier);
        let Some(folding) = &mut self.folding else { return Ok((None, false)) };
        let step = folding.close(frontier)?;
        Ok((step.results, step.more))
    }
}

/// What a worker takes up from the snapshot, if that has anything for it.
fn restored(
    computation: &Computation,
    aggregation: &Aggregation,
    snapshot: &Snapshot,
    worker: usize,
    peers: usize,
    stopped: &dyn Fn() -> bool,
) -> Result<Option<Folding>, ComputeError> {
    let parts: Vec<&Folded> = snapshot.parts.iter().filter_map(Part::folded).collect();
    let elsewhere = aggregation.by.is_empty() && worker != computation.home;
    if elsewhere || parts.is_empty() {
        return Ok(None);
    }
    let mut folding = Folding::new(computation, aggregation)?;
    let restored = folding.restore(&parts, snapshot.frontier, worker, peers, stopped);
    restored.map_err(ComputeError::in_restore)?;
    Ok(Some(folding))
}

/// What nothing will be emitted before.
fn promise(folding: Option<&Folding>, aggregation: &Aggregation, frontier: Frontier) -> Frontier {
    match (folding, aggregation.window) {
        (Some(folding), _) => folding.hold(frontier),
        (None, Window::Hopping { size, every, offset }) => Hops { size, every, offset }.frontier(frontier),
        (None, Window::Running | Window::Session { .. }) => frontier,
    }
}
