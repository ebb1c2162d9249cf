//! The windows of an aggregate on one worker: it folds what comes and closes what the frontier has passed, beside the worker.

use std::sync::Arc;

use dag_expr::Window;
use dag_model::{Frontier, Hops};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use super::{Hold, downgrade};
use crate::computation::{Computation, Event, Shared, frontier_of};
use crate::error::{ComputeError, Failure, Span};
use crate::folding::Folding;
use crate::guests::{Aside, Guests};
use crate::local::{Local, Message, Parcel};
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

/// What a job has done.
struct Done {
    messages: Vec<Message>,
    /// Nothing before this will be emitted.
    promise: Frontier,
    /// There are more windows to close under the same frontier.
    more: bool,
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
    let mut output = OutputBuilder::<_, CapacityContainerBuilder<Vec<Local<Message>>>>::from(output);
    let task = Task { computation, window, by, worker: scope.index(), peers: scope.peers() };
    builder.build(move |mut capabilities| {
        let mut hold: Hold = capabilities.pop();
        let sync = || scope.worker().sync_activator_for(info.address.to_vec());
        shared.enlist(sync());
        let mut aside: Aside<Option<Folding>, Result<Done, Failure>> = Aside::new(None, guests, sync());
        let mut pending = Vec::new();
        // What is open in the snapshot has to be taken up even where no record comes.
        let (mut told, mut more) = (Frontier::START, task.computation.resume.snapshot.is_some());
        move |frontiers| {
            input.for_each(|_, data| pending.extend(data.drain(..).map(|Local(message)| message)));
            if shared.is_stopped() {
                hold = None;
                pending.clear();
            }
            let Some(held) = &hold else { return };
            match aside.back() {
                Some(Ok(done)) => {
                    if !done.messages.is_empty() {
                        let mut output = output.activate();
                        output.session(held).give_iterator(done.messages.into_iter().map(Local));
                    }
                    more = done.more;
                    downgrade(&mut hold, done.promise);
                }
                Some(Err(failure)) => {
                    hold = None;
                    shared.end(Event::Failed(failure));
                }
                None => {}
            }
            let frontier = frontier_of(&frontiers[0]);
            let Some(folding) = aside.here() else { return };
            if hold.is_none() || (pending.is_empty() && !more && frontier <= told) {
                return;
            }
            told = frontier;
            if folding.is_none() && pending.is_empty() && !more {
                downgrade(&mut hold, promise(None, window, frontier));
                return;
            }
            let (task, messages) = (task.clone(), std::mem::take(&mut pending));
            aside.run(move |folding| task.run(folding, messages, frontier));
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
    fn run(&self, folding: &mut Option<Folding>, messages: Vec<Message>, frontier: Frontier) -> Result<Done, Failure> {
        let mut at = None;
        self.fold(folding, messages, frontier, &mut at).map_err(|error| Failure { error, at, frontier })
    }

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
            Message::Records(Parcel { worker: home, from: self.worker, batch, credit, span, muted })
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
