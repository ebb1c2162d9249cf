//! A transform on its home worker; its guest works beside it.

use std::rc::Rc;
use std::sync::Arc;

use arrow_array::RecordBatch;
use dag_model::{Frontier, arrow_schema};
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::{Scope, StreamVec};

use super::scan::{Ahead, Piece};
use super::{Hold, Reminder, downgrade};
use crate::computation::{Computation, Event, Shared, frontier_of};
use crate::error::{ComputeError, Failure, Span};
use crate::guest::Guest;
use crate::guests::{Aside, Guests};
use crate::local::{Credit, Local, Message, Parcel};
use crate::merge::{Merge, Merged};
use crate::snapshot::{Barrier, Part};

/// How many times an operator may say that there is more before its results go on.
const MORE: usize = 16;

/// What a job has done.
struct Done {
    messages: Vec<Message>,
    /// Nothing before this will be emitted.
    promise: Frontier,
    /// The guest has said that there is more under this frontier.
    unfinished: Option<Frontier>,
}

/// What jobs know.
#[derive(Clone)]
struct Task {
    computation: Arc<Computation>,
    aliases: Vec<String>,
}

impl Task {
    fn guest<'a>(&self, guest: &'a mut Option<Guest>, ordered: bool) -> Result<&'a mut Guest, ComputeError> {
        if guest.is_none() {
            *guest = Some(Guest::new(&self.computation, &self.aliases, ordered)?);
        }
        Ok(guest.as_mut().expect("made above"))
    }

    fn results(&self, batch: RecordBatch, credit: Option<Arc<Credit>>) -> Option<Message> {
        let home = self.computation.home;
        let parcel = Parcel { worker: home, from: home, batch, credit, span: None, muted: false };
        (parcel.batch.num_rows() > 0).then_some(Message::Records(parcel))
    }

    fn part(&self, guest: &mut Option<Guest>, barrier: Arc<Barrier>) -> Result<Message, ComputeError> {
        let home = self.computation.home;
        let saved = guest.as_mut().map(Guest::save).transpose()?;
        let promise = guest.as_ref().map_or(barrier.frontier, Guest::promise);
        let part = saved.map(|saved| Box::new(Part::Transformed(saved)));
        Ok(Message::Part { worker: home, from: home, barrier, promise, part })
    }

    /// Each batch at once, in log order.
    fn in_log_order(
        &self,
        guest: &mut Option<Guest>,
        messages: Vec<Message>,
        frontier: Frontier,
        at: &mut Option<Span>,
    ) -> Result<Done, ComputeError> {
        if self.computation.resume.snapshot.is_some() {
            self.guest(guest, false)?;
        }
        let mut out = Vec::new();
        for message in messages {
            match message {
                Message::Records(parcel) => {
                    *at = parcel.span;
                    let guest = self.guest(guest, false)?;
                    let (mut batch, mut more) = guest.process(&[parcel.batch], &[])?;
                    loop {
                        out.extend(self.results(batch, parcel.credit.clone()).filter(|_| !parcel.muted));
                        if !more {
                            break;
                        }
                        (batch, more) = guest.advance(guest.promise())?;
                    }
                }
                Message::Barrier { barrier, .. } => out.push(self.part(guest, barrier)?),
                Message::Part { .. } => unreachable!("parts go to the sink"),
            }
        }
        *at = None;
        let mut promise = frontier;
        if let Some(guest) = guest {
            while guest.promise() < frontier {
                let (batch, more) = guest.advance(frontier)?;
                out.extend(self.results(batch, None));
                if !more {
                    break;
                }
            }
            promise = guest.promise();
        }
        Ok(Done { messages: out, promise, unfinished: None })
    }

    /// A stretch of the merged inputs, and what follows from the frontier after it.
    fn in_time_order(
        &self,
        guest: &mut Option<Guest>,
        merged: Option<Merged>,
        told: Frontier,
        unfinished: bool,
    ) -> Result<Done, ComputeError> {
        let guest = self.guest(guest, true)?;
        let mut out = Vec::new();
        let mut more = unfinished;
        if let Some(merged) = merged {
            let (batch, rest) = guest.process(&merged.batches, &merged.order)?;
            out.extend(self.results(batch, None));
            more = rest;
        }
        if told > guest.promise() || more {
            more = true;
            for _ in 0..MORE {
                let (batch, rest) = guest.advance(told)?;
                out.extend(self.results(batch, None));
                more = rest;
                if !more {
                    break;
                }
            }
        }
        Ok(Done { messages: out, promise: guest.promise(), unfinished: more.then_some(told) })
    }
}

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
    let mut output = OutputBuilder::<_, CapacityContainerBuilder<Vec<Local<Message>>>>::from(output);
    builder.build(move |mut capabilities| {
        let mut hold: Hold = capabilities.pop();
        let sync = || scope.worker().sync_activator_for(info.address.to_vec());
        shared.enlist(sync());
        let here = scope.index() == computation.home;
        let task = Task { computation, aliases };
        let mut aside: Aside<Option<Guest>, Result<Done, Failure>> = Aside::new(None, guests, sync());
        let mut pending = Vec::new();
        let mut told = Frontier::START;
        move |frontiers| {
            input.for_each(|_, data| pending.extend(data.drain(..).map(|Local(message)| message)));
            if shared.is_stopped() || !here {
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
                    downgrade(&mut hold, done.promise);
                }
                Some(Err(failure)) => {
                    hold = None;
                    shared.end(Event::Failed(failure));
                }
                None => {}
            }
            let frontier = frontier_of(&frontiers[0]);
            let Some(guest) = aside.here() else { return };
            if hold.is_none() || (pending.is_empty() && frontier <= told) {
                return;
            }
            told = frontier;
            if guest.is_none() && pending.is_empty() && task.computation.resume.snapshot.is_none() {
                downgrade(&mut hold, frontier);
                return;
            }
            let (task, messages) = (task.clone(), std::mem::take(&mut pending));
            aside.run(move |guest| {
                let mut at = None;
                let done = task.in_log_order(guest, messages, frontier, &mut at);
                done.map_err(|error| Failure { error, at, frontier })
            });
        }
    });
    stream
}

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
    let mut output = OutputBuilder::<_, CapacityContainerBuilder<Vec<Local<Message>>>>::from(output);
    builder.build(move |mut capabilities| {
        let mut hold: Hold = capabilities.pop();
        let activator = scope.activator_for(info.address.clone());
        let sync = || scope.worker().sync_activator_for(info.address.to_vec());
        shared.enlist(sync());
        let here = scope.index() == computation.home;
        let mut merge = Merge::new(computation.schemas.iter().map(arrow_schema).collect());
        merge.begin(&(0..computation.inputs.len()).map(|input| computation.place(input)).collect::<Vec<_>>());
        // What the guest has been given is what lies before this.
        let mut cut = computation.resume.snapshot.as_ref().map_or(Frontier::START, |snapshot| snapshot.frontier);
        let mut news = false;
        let mut reminder = Reminder::new(scope.activator_for(info.address.clone()));
        let mut unfinished = None;
        let mut told = Frontier::START;
        let task = Task { computation, aliases };
        let mut aside: Aside<Option<Guest>, Result<Done, Failure>> = Aside::new(None, guests, sync());
        move |frontiers| {
            for (input, handle) in handles.iter_mut().enumerate() {
                handle.for_each(|_, pieces| pieces.drain(..).for_each(|Local(piece)| merge.push(input, piece)));
            }
            if shared.is_stopped() || !here {
                hold = None;
            }
            let Some(held) = &hold else { return };
            match aside.back() {
                Some(Ok(done)) => {
                    if !done.messages.is_empty() {
                        let mut output = output.activate();
                        output.session(held).give_iterator(done.messages.into_iter().map(Local));
                    }
                    unfinished = done.unfinished;
                    downgrade(&mut hold, done.promise);
                }
                Some(Err(failure)) => {
                    hold = None;
                    shared.end(Event::Failed(failure));
                }
                None => {}
            }
            if hold.is_none() || aside.here().is_none() {
                return;
            }
            let joint = frontiers.iter().map(frontier_of).min().unwrap_or(Frontier::Empty);
            let failed = |error| Event::Failed(Failure { error, at: None, frontier: joint });
            if unfinished.is_none() && shared.snapshot_due(news) {
                news = false;
                let (places, last) = (merge.places(cut), shared.is_finishing());
                let barrier = Arc::new(Barrier { places, frontier: cut, last });
                let task = task.clone();
                aside.run(move |guest| {
                    let promise = guest.as_ref().map_or(Frontier::START, Guest::promise);
                    let part =
                        task.part(guest, barrier).map_err(|error| Failure { error, at: None, frontier: joint })?;
                    Ok(Done { messages: vec![part], promise, unfinished: None })
                });
                return;
            }
            if shared.is_finishing() && unfinished.is_none() {
                return;
            }
            let mut merged = None;
            if unfinished.is_none() {
                merged = match merge.next(joint) {
                    Ok(merged) => merged,
                    Err(error) => return shared.end(failed(error)),
                };
                let after = merged.as_ref().map_or(joint, |merged| merged.frontier);
                (news, cut) = (news || merged.is_some() || after > cut, cut.max(after));
                for (input, ahead) in ahead.iter().enumerate() {
                    ahead.merged(merged.as_ref().map_or(0, |merged| merged.loaded[input]), joint);
                }
                if merged.is_some() {
                    activator.activate();
                }
            }
            merged = merged.filter(|merged| merged.batches.iter().any(|batch| batch.num_rows() > 0));
            let frontier = unfinished.unwrap_or(cut);
            if merged.is_none() && unfinished.is_none() && frontier <= told {
                reminder.set(&shared, news);
                return;
            }
            told = frontier;
            if let Some(merged) = &merged {
                shared.progress.count_in(merged.batches.iter().map(RecordBatch::num_rows).sum());
            }
            let (task, rest) = (task.clone(), unfinished.is_some());
            aside.run(move |guest| {
                let done = task.in_time_order(guest, merged, frontier, rest);
                done.map_err(|error| Failure { error, at: None, frontier })
            });
        }
    });
    stream
}
