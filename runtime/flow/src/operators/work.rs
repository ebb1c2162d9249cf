//! What an operator has its guest do beside the worker, and the way of its results into the dataflow.

use std::sync::Arc;

use dag_model::Frontier;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::scheduling::SyncActivator;

use super::{Hold, downgrade};
use crate::budget::{Budget, Part, Share, memory};
use crate::error::{ComputeError, Failure};
use crate::guests::{Aside, Guests};
use crate::local::{Local, Message};
use crate::search::Span;
use crate::shared::{Event, Present, Shared};

/// Where an operator's messages go.
pub(crate) type Output = OutputBuilder<i64, CapacityContainerBuilder<Vec<Local<Message>>>>;

/// What a job has done.
pub(crate) struct Done {
    /// Results, and what is held where a barrier passed.
    pub messages: Vec<Message>,
    /// Nothing before this will be emitted.
    pub promise: Frontier,
    /// There is more to do under the frontier that the job knew.
    pub more: bool,
}

impl Done {
    /// The same, whose results are counted until they are written.
    fn counted(mut self, budget: &Arc<Budget>) -> Done {
        for message in &mut self.messages {
            if let Message::Records(parcel) = message {
                parcel.held = Some(Arc::new(budget.hold(Part::Results, memory(&parcel.batch))));
            }
        }
        self
    }
}

/// What came of a job. The computation is not gone before that, nor before the state of a job that nobody waits for.
type Answer = (Result<Done, Box<Failure>>, Present);

/// A state that jobs change, one at a time, and what comes of them.
pub(crate) struct Work<S> {
    aside: Aside<S, Answer>,
    output: Output,
    hold: Hold,
    /// Whether the last job has left something to do under the frontier that it knew.
    pub more: bool,
    shared: Arc<Shared>,
    operator: Arc<SyncActivator>,
}

impl<S: Send + 'static> Work<S> {
    /// Work on a state for the operator that is woken by `operator`. Without a hold nothing is ever done.
    pub fn new(
        state: S,
        guests: Guests,
        operator: SyncActivator,
        output: Output,
        hold: Hold,
        shared: Arc<Shared>,
    ) -> Work<S> {
        let woken = Arc::new(operator.clone());
        Work { aside: Aside::new(state, guests, operator), output, hold, more: false, shared, operator: woken }
    }

    /// Lets the results of the last job go on, or ends the computation if it failed; returns the state if there may be another job.
    /// `barrier` says whether that will have to do with a barrier.
    pub fn ready(&mut self, barrier: impl FnOnce(&S) -> bool) -> Option<&mut S> {
        if self.shared.is_stopped() {
            self.hold = None;
        }
        let held = self.hold.as_ref()?;
        match self.aside.back().map(|(answer, _)| answer) {
            Some(Ok(done)) => {
                if !done.messages.is_empty() {
                    let mut output = self.output.activate();
                    output.session(held).give_iterator(done.messages.into_iter().map(Local));
                }
                self.more = done.more;
                downgrade(&mut self.hold, done.promise);
            }
            Some(Err(failure)) => {
                self.hold = None;
                self.shared.end(Event::Failed(*failure));
            }
            None => {}
        }
        if !self.shared.budget().has_room(Share::Results, &self.operator) && !self.is_last() {
            self.aside.here().filter(|state| barrier(state))?;
        }
        self.hold.as_ref()?;
        self.aside.here()
    }

    /// Whether results that others emitted can't be written before this operator has gone on: however many there are, it has to.
    fn is_last(&self) -> bool {
        self.hold.as_ref().is_some_and(|hold| *hold.time() <= self.shared.written_up_to())
    }

    /// Whether nothing will be emitted any more.
    pub fn is_over(&self) -> bool {
        self.hold.is_none()
    }

    /// Promises that nothing before this will be emitted.
    pub fn promise(&mut self, frontier: Frontier) {
        downgrade(&mut self.hold, frontier);
    }

    /// Gives the state, which [is there](Work::ready), to a job that knows this frontier. It is to say where it is by setting its second
    /// argument.
    pub fn run(
        &mut self,
        frontier: Frontier,
        job: impl FnOnce(&mut S, &mut Option<Span>) -> Result<Done, ComputeError> + Send + 'static,
    ) {
        let present = self.shared.present();
        self.aside.run(move |state| {
            let mut at = None;
            let answer = job(state, &mut at).map(|done| done.counted(present.shared().budget()));
            (answer.map_err(|error| Box::new(Failure { error, at, frontier })), present)
        });
    }
}
