//! A turn of a transform's guest: it is given some of what waits, says more as long as it has more, and hears the frontier. Then what it
//! emitted goes on, before its next turn.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use dag_model::Frontier;

use super::Task;
use crate::budget::{Charge, memory};
use crate::error::ComputeError;
use crate::guest::Guest;
use crate::local::{Credit, Message, Parcel};
use crate::operators::work::Done;
use crate::search::Span;
use crate::snapshot::Barrier;

/// A turn is over after this time, whatever came of it.
const TIME: Duration = Duration::from_millis(50);

/// What a transform's turns leave for the next one.
#[derive(Default)]
pub(super) struct Hand {
    pub guest: Option<Guest>,
    /// What the guest has not been given.
    pub waiting: VecDeque<Given>,
    /// What it was given last, of which it may have more to say.
    last: Option<Records>,
    /// The frontier that it was told since then.
    told: Option<Frontier>,
}

/// What is given to a guest.
pub(super) enum Given {
    Records(Records),
    Barrier(Arc<Barrier>),
}

/// Some records.
pub(super) struct Records {
    /// Of each input, in order.
    pub batches: Vec<RecordBatch>,
    /// For each record: its input. Empty when there is one input.
    pub order: Vec<u8>,
    /// Where they lie, if that is known.
    pub span: Option<Span>,
    /// Given back when all results are written.
    pub credit: Option<Arc<Credit>>,
    /// What comes of them is not shown.
    pub muted: bool,
    /// The memory that they take, where no credit counts it.
    pub held: Option<Charge>,
}

/// What came of a turn so far.
struct Turn<'a> {
    task: &'a Task,
    begun: Instant,
    messages: Vec<Message>,
    bytes: u64,
}

impl Task {
    /// Lets the guest have a turn, at the end of what waits under that frontier. Says where it is by `at`.
    pub(super) fn turn(
        &self,
        hand: &mut Hand,
        frontier: Frontier,
        at: &mut Option<Span>,
    ) -> Result<Done, ComputeError> {
        if self.ordered || self.computation.resume.snapshot.is_some() {
            self.guest(&mut hand.guest)?;
        }
        let mut turn = Turn { task: self, begun: Instant::now(), messages: Vec::new(), bytes: 0 };
        let more = loop {
            if turn.is_over() {
                break true;
            }
            let batch = if let Some(guest) = hand.guest.as_mut().filter(|guest| guest.has_more()) {
                *at = hand.last.as_ref().and_then(|records| records.span);
                guest.rest()?
            } else {
                match hand.waiting.pop_front() {
                    Some(Given::Records(mut records)) => {
                        (*at, hand.told) = (records.span, None);
                        let batches = std::mem::take(&mut records.batches);
                        let guest = self.guest(&mut hand.guest)?;
                        let batch = guest.process(&batches, &records.order)?;
                        records.held = None;
                        hand.last = Some(records);
                        batch
                    }
                    Some(Given::Barrier(barrier)) => {
                        (*at, hand.last) = (None, None);
                        turn.messages.push(self.part(&mut hand.guest, barrier)?);
                        continue;
                    }
                    None => {
                        (*at, hand.last) = (None, None);
                        match &mut hand.guest {
                            Some(guest) if guest.promise() < frontier && hand.told != Some(frontier) => {
                                hand.told = Some(frontier);
                                guest.advance(frontier)?
                            }
                            _ => break false,
                        }
                    }
                }
            };
            turn.emit(batch, hand.last.as_ref());
        };
        let nobody = if more { Frontier::START } else { frontier };
        let promise = hand.guest.as_ref().map_or(nobody, Guest::promise);
        hand.guest.iter().for_each(|guest| self.computation.budget.has_instance(guest.memory()));
        Ok(Done { messages: turn.messages, promise, more })
    }
}

impl Turn<'_> {
    fn is_over(&self) -> bool {
        self.bytes >= self.task.computation.budget.batch()
            || self.begun.elapsed() >= TIME
            || self.task.shared.is_stopped()
    }

    /// Takes in what came of some records, or of the frontier.
    fn emit(&mut self, batch: RecordBatch, of: Option<&Records>) {
        if batch.num_rows() == 0 || of.is_some_and(|of| of.muted) {
            return;
        }
        self.bytes += memory(&batch);
        let (home, credit) = (self.task.computation.home, of.and_then(|of| of.credit.clone()));
        let parcel = Parcel { worker: home, from: home, batch, credit, span: None, muted: false, held: None };
        self.messages.push(Message::Records(parcel));
    }
}
