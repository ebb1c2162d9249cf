//! What an operator has its guest do beside the worker, and the way of its results into the dataflow.

use std::sync::Arc;

use dag_model::Frontier;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::scheduling::SyncActivator;

use super::{Hold, downgrade};
use crate::computation::{Event, Shared};
use crate::error::{ComputeError, Failure};
use crate::guests::{Aside, Guests};
use crate::local::{Local, Message};
use crate::search::Span;

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

/// A state that jobs change, one at a time, and what comes of them.
pub(crate) struct Work<S> {
    aside: Aside<S, Result<Done, Box<Failure>>>,
    output: Output,
    hold: Hold,
    /// Whether the last job has left something to do under the frontier that it knew.
    pub more: bool,
    shared: Arc<Shared>,
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
        Work { aside: Aside::new(state, guests, operator), output, hold, more: false, shared }
    }

    /// Lets the results of the last job go on, or ends the computation if it failed; answers the state if there may be another job.
    pub fn ready(&mut self) -> Option<&mut S> {
        if self.shared.is_stopped() {
            self.hold = None;
        }
        let held = self.hold.as_ref()?;
        match self.aside.back() {
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
        self.hold.as_ref()?;
        self.aside.here()
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
        self.aside.run(move |state| {
            let mut at = None;
            job(state, &mut at).map_err(|error| Box::new(Failure { error, at, frontier }))
        });
    }
}
