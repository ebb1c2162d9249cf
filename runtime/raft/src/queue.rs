//! Proposals that wait for the leader's next entry: those that cannot wait come first, whoever came before them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use dag_lock::Mutex;
use dag_plan::{Change, Proposal};
use tokio::sync::{Notify, oneshot};

use crate::limits::{MAX_GROUP, MAX_GROUPED, MAX_WAITING, MAX_WAITING_BYTES};
use crate::message::Went;

/// What came of a proposal that is in no entry, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It has not been proposed, and is not going to be.
    NotHere(String),
    /// It may be in the plan, or come into it yet.
    Unknown(String),
    /// Too many wait.
    Busy,
    /// This node takes no part any more.
    Ended(String),
}

const WAITS: u8 = 0;
const TAKEN: u8 = 1;
const GIVEN_UP: u8 = 2;

/// A proposal that waits.
pub(crate) struct Item {
    pub proposal: Bytes,
    state: Arc<AtomicU8>,
    answer: oneshot::Sender<Result<Went, Lost>>,
}

impl Item {
    pub fn answer(self, outcome: Result<Went, Lost>) {
        // An error means that whoever waited is gone.
        let _ = self.answer.send(outcome);
    }
}

/// What whoever proposed waits with. It is given up when this is dropped, unless it has been taken.
pub(crate) struct Ticket {
    state: Arc<AtomicU8>,
    pub outcome: oneshot::Receiver<Result<Went, Lost>>,
}

impl Ticket {
    /// Whether it was still time to give it up.
    pub fn give_up(&self) -> bool {
        self.state.compare_exchange(WAITS, GIVEN_UP, Ordering::SeqCst, Ordering::SeqCst) != Err(TAKEN)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// Whether a proposal goes before others: who started, and so who is over, and epochs.
pub(crate) fn is_urgent(proposal: &Proposal) -> bool {
    let is = |change: &Change| matches!(change, Change::Up { .. } | Change::BeginEpoch { .. });
    !proposal.changes.is_empty() && proposal.changes.iter().all(is)
}

/// See the module.
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    told: Notify,
}

#[derive(Default)]
struct Waiting {
    urgent: VecDeque<Item>,
    others: VecDeque<Item>,
    bytes: usize,
}

impl Queue {
    pub fn new() -> Queue {
        Queue { waiting: Mutex::new("proposals", Waiting::default()), told: Notify::new() }
    }

    /// Lets a proposal wait.
    pub fn push(&self, proposal: Bytes, is_urgent: bool) -> Result<Ticket, Lost> {
        let (answer, outcome) = oneshot::channel();
        let state = Arc::new(AtomicU8::new(WAITS));
        let item = Item { proposal, state: state.clone(), answer };
        {
            let mut waiting = self.waiting.lock();
            let (many, bytes) = (waiting.urgent.len() + waiting.others.len() + 1, waiting.bytes + item.proposal.len());
            if many > MAX_WAITING || bytes > MAX_WAITING_BYTES {
                return Err(Lost::Busy);
            }
            waiting.bytes = bytes;
            if is_urgent { waiting.urgent.push_back(item) } else { waiting.others.push_back(item) }
        }
        self.told.notify_one();
        Ok(Ticket { state, outcome })
    }

    /// As many as an entry takes, once there are any.
    pub async fn take(&self) -> Vec<Item> {
        loop {
            let taken = self.waiting.lock().take();
            if !taken.is_empty() {
                return taken;
            }
            self.told.notified().await;
        }
    }
}

impl Waiting {
    fn take(&mut self) -> Vec<Item> {
        let (mut taken, mut bytes) = (Vec::new(), 2);
        while let Some(item) = self.urgent.front().or(self.others.front()) {
            let length = 4 + item.proposal.len();
            if taken.len() == MAX_GROUPED || bytes + length > MAX_GROUP {
                break;
            }
            let item = self.urgent.pop_front().or_else(|| self.others.pop_front()).expect("it was there");
            self.bytes -= item.proposal.len();
            if item.state.compare_exchange(WAITS, TAKEN, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                bytes += length;
                taken.push(item);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    fn taken(queue: &Queue) -> Vec<Bytes> {
        queue.waiting.lock().take().into_iter().map(|item| item.proposal).collect()
    }

    #[test]
    fn what_cannot_wait_goes_before_what_came_first_and_what_was_given_up_does_not_go() {
        let queue = Queue::new();
        let first = queue.push(bytes("first"), false).unwrap();
        let given_up = queue.push(bytes("given up"), false).unwrap();
        let urgent = queue.push(bytes("urgent"), true).unwrap();
        assert!(given_up.give_up());
        assert_eq!(taken(&queue), [bytes("urgent"), bytes("first")]);
        assert!(!first.give_up() && !urgent.give_up(), "they are on their way");
    }

    #[test]
    fn an_entry_takes_so_many_bytes_and_the_queue_so_many_proposals() {
        let queue = Queue::new();
        let large = Bytes::from(vec![0; 64 << 10]);
        let tickets: Vec<_> = (0..8).map(|_| queue.push(large.clone(), false).unwrap()).collect();
        assert_eq!([taken(&queue).len(), taken(&queue).len(), taken(&queue).len()], [3, 3, 2]);
        drop(tickets);
        let tickets: Vec<_> = (0..MAX_WAITING).map(|_| queue.push(bytes("x"), false).unwrap()).collect();
        assert!(matches!(queue.push(bytes("x"), true), Err(Lost::Busy)));
        drop(tickets);
    }

    #[test]
    fn epochs_and_starts_go_first_unless_something_else_is_with_them() {
        let (node, stream) = (dag_model::NodeId(1), dag_model::StreamId(1));
        let (up, epoch) = (Change::Up { node, boot: 1 }, Change::BeginEpoch { stream, lost: None });
        let other = Change::Made { stream };
        assert!(is_urgent(&Proposal::of([up.clone(), epoch])));
        assert!(!is_urgent(&Proposal::of([up, other])) && !is_urgent(&Proposal::default()));
    }
}
