//! Notices: what subscribers are told of failures that do not end their subscriptions.

use std::collections::BTreeSet;
use std::sync::Arc;

use dag_api::Notice;
use dag_lock::Mutex;
use dag_model::IncarnationId;
use dag_model::text::shortened;
use dag_plan::{LeaseId, Plan};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::node::{Node, State};

/// How many notices wait for a subscriber to listen; then the oldest go.
const WAITING: usize = 16;

/// Where a subscriber's notices are put up.
pub(crate) struct Board {
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

/// Nobody reads under that id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no subscription `{0}`, or not any more")]
pub struct NoSubscription(String);

impl Node {
    /// The notices of the subscription of that id. Who knows it is the subscriber: it takes with it what has waited.
    pub fn notices(&self, id: &str) -> Result<Notices, NoSubscription> {
        let lease = id.split('-').next().and_then(|number| number.parse().ok()).map(LeaseId);
        let state = self.state();
        let subscriber = lease.and_then(|lease| Some((lease, state.subscribers.get(&lease)?)));
        match subscriber.filter(|(lease, subscriber)| subscriber.id(*lease) == id) {
            Some((_, subscriber)) => Ok(subscriber.notices.listen()),
            None => Err(NoSubscription(shortened(id, 40).into_owned())),
        }
    }

    /// A run has failed and is tried again: tells those who need it why, and what is done about it.
    pub(crate) fn notify_of_failure(&self, state: &State, id: IncarnationId, why: &str, outlook: &str) {
        self.notify(state, id, failure(self, id, why, outlook));
    }

    /// A run has got past what it failed on: tells those who need it.
    pub(crate) fn notify_of_recovery(&self, state: &State, id: IncarnationId) {
        let stream = stream(self, id);
        let message = format!("`{stream}` goes on");
        let notice = Notice { stream, incarnation: id.0, state: "running".to_owned(), error: None, message };
        self.notify(state, id, notice);
    }

    /// Tells a new subscriber what those have heard who were there when it happened.
    pub(crate) fn notify_of_failures(&self, state: &State, lease: LeaseId) {
        let Some(subscriber) = state.subscribers.get(&lease) else { return };
        let plan = self.inner.meta.plan();
        for (id, failures) in &state.runs.failures {
            if dependents(&plan, state, *id).contains(&lease) {
                let notice = failure(self, *id, &failures.why, "it is being tried again");
                subscriber.notices.put(Arc::new(notice));
            }
        }
    }

    fn notify(&self, state: &State, id: IncarnationId, notice: Notice) {
        let notice = Arc::new(notice);
        for lease in dependents(&self.inner.meta.plan(), state, id) {
            if let Some(subscriber) = state.subscribers.get(&lease) {
                subscriber.notices.put(notice.clone());
            }
        }
    }
}

fn failure(node: &Node, id: IncarnationId, why: &str, outlook: &str) -> Notice {
    let stream = stream(node, id);
    let message = format!("`{stream}` failed: {why}; {outlook}");
    let error = Some(why.to_owned());
    Notice { stream, incarnation: id.0, state: "restarting".to_owned(), error, message }
}

fn stream(node: &Node, id: IncarnationId) -> String {
    node.inner.meta.plan().incarnation(id).map_or_else(String::new, |course| course.record.stream.clone())
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
