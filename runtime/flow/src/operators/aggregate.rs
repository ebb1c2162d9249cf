//! The windows of an aggregate on one worker: it folds what comes and closes what the frontier has passed, beside the worker.

use std::sync::Arc;

use dag_expr::Window;
use dag_model::{Frontier, Hops};
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use super::work::{Done, Output, Work};
use crate::computation::{Computation, Shared, frontier_of};
use crate::error::ComputeError;
use crate::folding::Folding;
use crate::guests::Guests;
use crate::local::{Local, Message, Parcel};
use crate::search::Span;
use crate::snapshot::{Folded, Part};

/// What a job is about.
#[derive(Clone)]
struct Task {
    computation: Arc<Computation>,
    window: Window,
    by: Vec<usize>,
    worker: usize,
    peers: usize,
}

/// Results of what comes, which goes to the workers that it is for.
pub(crate) fn aggregate<'scope>(
    messages: StreamVec<'scope, i64, Local<Message>>,
    computation: Arc<Computation>,
    window: Window,
    by: Vec<usize>,
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
    let task = Task { computation, window, by, worker: scope.index(), peers: scope.peers() };
    builder.build(move |mut capabilities| {
        let sync = || scope.worker().sync_activator_for(info.address.to_vec());
        shared.enlist(sync());
        let mut work = Work::new(None, guests, sync(), output, capabilities.pop(), shared);
        let mut pending = Vec::new();
        let mut told = Frontier::START;
        // What is open in the snapshot has to be taken up even where no record comes.
        work.more = task.computation.resume.snapshot.is_some();
        move |frontiers| {
            input.for_each(|_, data| pending.extend(data.drain(..).map(|Local(message)| message)));
            let Some(folding) = work.ready(&pending) else { return };
            let (nothing, frontier) = (folding.is_none(), frontier_of(&frontiers[0]));
            if pending.is_empty() && !work.more && frontier <= told {
                return;
            }
            told = frontier;
            if nothing && pending.is_empty() && !work.more {
                return work.promise(promise(None, window, frontier));
            }
            let (task, messages) = (task.clone(), std::mem::take(&mut pending));
            work.run(frontier, move |folding, at| task.fold(folding, messages, frontier, at));
        }
    });
    stream
}

/// Takes up the snapshot as one worker would that has everything, to see whether the operator can.
pub(crate) fn probe(computation: &Arc<Computation>, window: Window, by: Vec<usize>) -> Result<(), ComputeError> {
    let computation = computation.clone();
    let worker = computation.home;
    Task { computation, window, by, worker, peers: 1 }.restored().map(drop)
}

impl Task {
    fn fold(
        &self,
        folding: &mut Option<Folding>,
        messages: Vec<Message>,
        frontier: Frontier,
        at: &mut Option<Span>,
    ) -> Result<Done, ComputeError> {
        if folding.is_none() {
            *folding = self.restored()?;
        }
        let home = self.computation.home;
        let results = |batch, credit| {
            let (span, muted) = (None, false);
            Message::Records(Parcel { worker: home, from: self.worker, batch, credit, span, muted, held: None })
        };
        let mut out = Vec::new();
        for message in messages {
            match message {
                Message::Records(parcel) => {
                    *at = parcel.span;
                    if folding.is_none() {
                        *folding = Some(self.new_folding(self.computation.operator.options.random)?);
                    }
                    let inserted = folding.as_mut().expect("made above").insert(&parcel.batch)?;
                    out.extend(inserted.map(|batch| results(batch, parcel.credit)));
                }
                Message::Barrier { barrier, .. } => {
                    *at = None;
                    let part = match folding {
                        None => None,
                        Some(folding) => {
                            while let Some(batch) = folding.close(barrier.frontier)? {
                                out.push(results(batch, None));
                            }
                            Some(Box::new(Part::Folded(folding.save()?)))
                        }
                    };
                    let promise = promise(folding.as_ref(), self.window, barrier.frontier);
                    out.push(Message::Part { worker: home, from: self.worker, barrier, promise, part });
                }
                Message::Part { .. } => unreachable!("parts go to the sink"),
            }
        }
        *at = None;
        let mut more = false;
        if let Some(folding) = folding
            && let Some(batch) = folding.close(frontier)?
        {
            out.push(results(batch, None));
            more = true;
        }
        Ok(Done { messages: out, promise: promise(folding.as_ref(), self.window, frontier), more })
    }

    fn new_folding(&self, random: u64) -> Result<Folding, ComputeError> {
        Folding::new(&self.computation, self.window, &self.by, random)
    }

    /// What this worker takes up from the snapshot, if that has anything for it.
    fn restored(&self) -> Result<Option<Folding>, ComputeError> {
        let Some(snapshot) = &self.computation.resume.snapshot else { return Ok(None) };
        let parts: Vec<&Folded> = snapshot.parts.iter().filter_map(Part::folded).collect();
        let elsewhere = self.by.is_empty() && self.worker != self.computation.home;
        if elsewhere || parts.is_empty() {
            return Ok(None);
        }
        let random = parts.get(self.worker).or(parts.first()).map_or(0, |part| part.random);
        let mut folding = self.new_folding(random)?;
        let restored = folding.restore(&parts, snapshot.frontier, self.worker, self.peers);
        restored.map_err(ComputeError::in_restore)?;
        Ok(Some(folding))
    }
}

/// What nothing will be emitted before.
fn promise(folding: Option<&Folding>, window: Window, frontier: Frontier) -> Frontier {
    match (folding, window) {
        (Some(folding), _) => folding.hold(frontier),
        (None, Window::Hopping { size, every, offset }) => Hops { size, every, offset }.frontier(frontier),
        (None, Window::Running | Window::Session { .. }) => frontier,
    }
}
