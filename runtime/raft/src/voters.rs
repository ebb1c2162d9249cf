//! Who votes: one node or three, and how one set becomes another.
//!
//! A set becomes another one by way of both together, in two entries. Whoever began that may be gone before the second: so each leader looks
//! whether a change is half done, and finishes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use dag_model::NodeId;
use openraft::error::{ClientWriteError, InitializeError, RaftError};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::error::VotersError;
use crate::limits::{AGAIN, VOTERS};
use crate::types::Seat;
use crate::voter::{Shared, Voter};

/// How often a leader looks whether a change is half done, if nothing tells it to.
const LOOK: Duration = Duration::from_millis(500);

impl Voter {
    /// Makes this node the one that votes, of a cluster that has no other yet. What its plan has is what the cluster begins with. May be said
    /// again.
    pub async fn begin(&self) -> Result<(), VotersError> {
        let shared = &self.shared;
        let begun = shared.raft.initialize(BTreeMap::from([(shared.node.0, shared.seat)])).await;
        match begun {
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {}
            Err(error) => return Err(VotersError::Raft(error.to_string())),
        }
        shared.has_snapshot(Instant::now() + VOTERS).await
    }

    /// Changes who votes. Asked of the leader; those who are new to it have started, and nobody else's log has been theirs.
    pub async fn set_voters(&self, wanted: &BTreeMap<NodeId, Seat>) -> Result<(), VotersError> {
        if ![1, 3].contains(&wanted.len()) {
            return Err(VotersError::Count(wanted.len()));
        }
        let shared = &self.shared;
        let _changing = shared.changing.lock().await;
        let deadline = Instant::now() + VOTERS;
        if shared.leader() != Some(shared.node) {
            return Err(VotersError::NotLeader(shared.leader()));
        }
        let there = shared.raft.metrics().borrow().membership_config.membership().clone();
        for (node, seat) in wanted {
            match there.get_node(&node.0) {
                Some(found) if found != seat => return Err(VotersError::Seat(*node)),
                _ => {}
            }
        }
        // What no entry has made, as what a node that was alone knew, comes to others with a snapshot only.
        shared.has_snapshot(deadline).await?;
        for (node, seat) in wanted {
            if there.get_node(&node.0).is_none() {
                within(deadline, shared.raft.add_learner(node.0, *seat, true)).await?;
            }
        }
        let ids: BTreeSet<u64> = wanted.keys().map(|node| node.0).collect();
        within(deadline, shared.raft.change_membership(ids, false)).await
    }
}

/// Waits for what Raft does about members.
async fn within<T>(
    deadline: Instant,
    change: impl Future<Output = Result<T, RaftError<u64, ClientWriteError<u64, Seat>>>>,
) -> Result<(), VotersError> {
    match timeout_at(deadline, change).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to)))) => {
            Err(VotersError::NotLeader(to.leader_id.map(NodeId)))
        }
        Ok(Err(error)) => Err(VotersError::Raft(error.to_string())),
        Err(_) => Err(VotersError::Late(VOTERS, "a node that is to vote does not follow".to_owned())),
    }
}

impl Shared {
    /// Sees to it that the log does not begin at its beginning, but behind a snapshot.
    async fn has_snapshot(&self, deadline: Instant) -> Result<(), VotersError> {
        loop {
            let (snapshot, purged, applied) = {
                let metrics = self.raft.metrics();
                let metrics = metrics.borrow();
                (metrics.snapshot, metrics.purged, metrics.last_applied)
            };
            let trigger = self.raft.trigger();
            let told = match (purged, snapshot, applied) {
                (Some(_), ..) => return Ok(()),
                (None, Some(snapshot), _) => trigger.purge_log(snapshot.index).await,
                (None, None, Some(_)) => trigger.snapshot().await,
                (None, None, None) => Ok(()),
            };
            told.map_err(|error| VotersError::Raft(error.to_string()))?;
            if Instant::now() + AGAIN >= deadline {
                return Err(VotersError::Late(VOTERS, "no snapshot has been taken".to_owned()));
            }
            sleep(AGAIN).await;
        }
    }
}

/// Finishes what others have left half done, while this node leads.
pub(crate) async fn reconcile(shared: Arc<Shared>) {
    let mut metrics = shared.raft.metrics();
    loop {
        let half_done = {
            let metrics = metrics.borrow_and_update();
            let sets = metrics.membership_config.membership().get_joint_config();
            let leads = metrics.current_leader == Some(shared.node.0);
            sets.last().filter(|_| leads && sets.len() > 1).cloned()
        };
        if let Some(to) = half_done
            && let Ok(_changing) = shared.changing.try_lock()
        {
            tracing::info!(?to, "a change of who votes on the metadata was left half done: it is finished");
            let changed = timeout(VOTERS, shared.raft.change_membership(to, false)).await;
            if let Ok(Err(error)) = changed {
                tracing::debug!(%error, "it is tried again");
                sleep(AGAIN).await;
            }
        }
        if let Ok(Err(_)) = timeout(LOOK, metrics.changed()).await {
            return;
        }
    }
}
