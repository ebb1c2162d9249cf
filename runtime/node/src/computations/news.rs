//! What those who read are told of what computes for them: that it has ended, and, by notices, of failures that do not end it.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use dag_api::Notice;
use dag_lock::Mutex;
use dag_model::IncarnationId;
use dag_plan::{LeaseId, Plan};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Notify, broadcast};

use crate::computations::end::Ended;
use crate::computations::{Computations, State};

/// How many notices wait for a subscriber to listen; then the oldest go.
const WAITING: usize = 16;

/// Where a subscriber's notices are put up.
struct Board {
    sender: broadcast::Sender<Arc<Notice>>,
    /// What nobody has asked for yet.
    unheard: Mutex<broadcast::Receiver<Arc<Notice>>>,
}

impl Board {
    /// An empty one.
    pub fn new() -> Board {
        let (sender, unheard) = broadcast::channel(WAITING);
        Board { sender, unheard: Mutex::new("notices", unheard) }
    }

    /// Puts up a notice.
    pub fn put(&self, notice: Arc<Notice>) {
        // An error would mean that nobody listens, but what is unheard does.
        let _ = self.sender.send(notice);
    }

    /// What has been put up since somebody asked last, and what will be.
    pub fn listen(&self) -> Notices {
        let mut unheard = self.unheard.lock();
        Notices(std::mem::replace(&mut *unheard, self.sender.subscribe()))
    }
}

/// What a subscription is told besides records.
pub struct Notices(broadcast::Receiver<Arc<Notice>>);

impl Notices {
    /// The next one; none once the subscription has ended. Nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<Arc<Notice>> {
        loop {
            match self.0.recv().await {
                Ok(notice) => return Some(notice),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

/// What who reads is told of what computes for it. Nothing of it waits for anything, so that it is told under the lock.
pub(crate) struct Listener {
    wake: Notify,
    ended: OnceLock<Ended>,
    /// What is said besides records.
    notices: Board,
}

impl Listener {
    /// One who has been told nothing.
    pub fn new() -> Listener {
        Listener { wake: Notify::new(), ended: OnceLock::new(), notices: Board::new() }
    }

    /// What computes has ended before all of it was there. The first end is the one that counts.
    pub fn end(&self, why: Ended) {
        let _ = self.ended.set(why);
        self.wake();
    }

    /// Why what is read cannot go on.
    pub fn ended(&self) -> Option<&Ended> {
        self.ended.get()
    }

    /// There may be more to read.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until there may be.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// What has been said since somebody asked last, and what will be.
    pub fn notices(&self) -> Notices {
        self.notices.listen()
    }
}

impl Computations {
    /// A run has failed and is tried again: tells those who need it why, and what is done about it.
    pub(super) fn notify_of_failure(&self, state: &State, id: IncarnationId, why: &str, outlook: &str) {
        self.notify(state, id, failure(self, id, why, outlook));
    }

    /// A run has got past what it failed on: tells those who need it.
    pub(super) fn notify_of_recovery(&self, state: &State, id: IncarnationId) {
        let stream = stream(self, id);
        let message = format!("`{stream}` goes on");
        let notice = Notice { stream, incarnation: id.0, state: "running".to_owned(), error: None, message };
        self.notify(state, id, notice);
    }

    /// Tells a new subscriber what those have heard who were there when it happened.
    pub(super) fn notify_of_failures(&self, state: &State, lease: LeaseId) {
        let Some(listener) = state.listeners.get(&lease) else { return };
        let plan = self.inner.meta.plan();
        for (id, failures) in &state.runs.failures {
            if dependents(&plan, state, *id).contains(&lease) {
                let notice = failure(self, *id, &failures.why, "it is being tried again");
                listener.notices.put(Arc::new(notice));
            }
        }
    }

    /// Tells those who read one of these that it has ended.
    pub fn end_readers(&self, ids: &BTreeSet<IncarnationId>, why: &Ended) {
        let state = self.state();
        let leases: BTreeSet<LeaseId> = ids.iter().flat_map(|id| state.holds.users(*id)).collect();
        leases.iter().filter_map(|lease| state.listeners.get(lease)).for_each(|listener| listener.end(why.clone()));
    }

    fn notify(&self, state: &State, id: IncarnationId, notice: Notice) {
        let notice = Arc::new(notice);
        for lease in dependents(&self.inner.meta.plan(), state, id) {
            if let Some(listener) = state.listeners.get(&lease) {
                listener.notices.put(notice.clone());
            }
        }
    }
}

fn failure(computations: &Computations, id: IncarnationId, why: &str, outlook: &str) -> Notice {
    let stream = stream(computations, id);
    let message = format!("`{stream}` failed: {why}; {outlook}");
    let error = Some(why.to_owned());
    Notice { stream, incarnation: id.0, state: "restarting".to_owned(), error, message }
}

fn stream(computations: &Computations, id: IncarnationId) -> String {
    computations.inner.meta.plan().incarnation(id).map_or_else(String::new, |course| course.record.stream.clone())
}

/// Who holds a demand on the run or on what reads it.
fn dependents(plan: &Plan, state: &State, id: IncarnationId) -> BTreeSet<LeaseId> {
    plan.dependents(id).into_iter().flat_map(|id| state.holds.users(id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(incarnation: u64) -> Arc<Notice> {
        let (stream, state, message) = (String::new(), String::new(), String::new());
        Arc::new(Notice { stream, incarnation, state, error: None, message })
    }

    #[tokio::test]
    async fn the_newest_notices_wait_for_who_listens_first_and_end_with_the_subscriber() {
        let board = Board::new();
        (0..20).for_each(|number| board.put(notice(number)));
        let (mut first, mut second) = (board.listen(), board.listen());
        board.put(notice(20));
        drop(board);
        for number in 20 - WAITING as u64 + 1..=20 {
            assert_eq!(first.next().await.unwrap().incarnation, number);
        }
        assert_eq!(first.next().await, None);
        assert_eq!(second.next().await.unwrap().incarnation, 20);
        assert_eq!(second.next().await, None);
    }
}
