//! A transform on its home worker; its guest works beside it, in turns (see `turn`). In log order it takes what comes, in time order its
//! inputs merged.

mod log_order;
mod time_order;
mod turn;

use std::sync::Arc;

pub(crate) use log_order::in_log_order;
pub(crate) use time_order::in_time_order;

use crate::computation::Computation;
use crate::error::ComputeError;
use crate::guest::Guest;
use crate::local::Message;
use crate::shared::Shared;
use crate::snapshot::{Barrier, Part};

/// What jobs know.
#[derive(Clone)]
struct Task {
    computation: Arc<Computation>,
    aliases: Vec<String>,
    /// Whether the operator takes its input in time order.
    ordered: bool,
    shared: Arc<Shared>,
}

impl Task {
    fn guest<'a>(&self, guest: &'a mut Option<Guest>) -> Result<&'a mut Guest, ComputeError> {
        if guest.is_none() {
            *guest = Some(Guest::new(&self.computation, &self.aliases, self.ordered)?);
        }
        Ok(guest.as_mut().expect("made above"))
    }

    fn part(&self, guest: &mut Option<Guest>, barrier: Arc<Barrier>) -> Result<Message, ComputeError> {
        let home = self.computation.home;
        if self.computation.resume.snapshot.is_some() {
            // What nobody has taken up yet goes into the next snapshot, too.
            self.guest(guest)?;
        }
        let saved = guest.as_mut().filter(|_| barrier.saves()).map(Guest::save).transpose()?;
        let promise = guest.as_ref().map_or(barrier.frontier, Guest::promise);
        let part = saved.map(|saved| Box::new(Part::Transformed(saved)));
        Ok(Message::Part { worker: home, from: home, barrier, promise, part })
    }
}
