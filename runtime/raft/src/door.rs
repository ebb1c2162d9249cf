//! The door: the plan, and how it changes, on whatever node of a cluster.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dag_model::{IncarnationId, NodeId};
use dag_plan::{Applied, Plan, Proposal};
use dag_transport::RequestError;
use tokio::time::{Instant, sleep, timeout_at};

use crate::error::{Code, NoMajority, NotCurrent, ProposeError};
use crate::follower;
use crate::limits::{AGAIN, LEADERLESS, MAX_PROPOSAL, PROPOSE};
use crate::message::{self, Request, Went};
use crate::network::Peers;
use crate::queue::Lost;
use crate::view::View;
use crate::voter;

/// See the module. Clones are the same one.
#[derive(Clone)]
pub struct Door {
    view: Arc<View>,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Voter(Arc<voter::Shared>),
    Follower(Arc<follower::Shared>),
}

impl Door {
    pub(crate) fn of_voter(voter: Arc<voter::Shared>) -> Door {
        Door { view: voter.view.clone(), way: Way::Voter(voter) }
    }

    pub(crate) fn of_follower(follower: Arc<follower::Shared>) -> Door {
        Door { view: follower.view.clone(), way: Way::Follower(follower) }
    }

    /// All that lasts, as far as this node knows.
    pub fn plan(&self) -> Arc<Plan> {
        self.view.plan()
    }

    /// The incarnations that have changed since this was asked last, once there are any. Nothing is lost if the future is dropped.
    pub async fn changed(&self) -> BTreeSet<IncarnationId> {
        self.view.changed().await
    }

    /// Changes the plan. Returns when the cluster has agreed on it and this node's plan has it.
    ///
    /// # Errors
    /// Why nothing of it has changed, or that this is [not known](ProposeError::Unknown): it is not sent again by itself where it may have
    /// been taken.
    pub async fn propose(&self, proposal: &Proposal) -> Result<Applied, ProposeError> {
        self.propose_within(proposal, PROPOSE).await
    }

    /// The same with another limit of time.
    pub async fn propose_within(&self, proposal: &Proposal, within: Duration) -> Result<Applied, ProposeError> {
        let bytes = proposal.encode()?;
        if bytes.len() > MAX_PROPOSAL {
            return Err(ProposeError::TooLarge(bytes.len()));
        }
        let deadline = Instant::now() + within;
        let (index, place) = match &self.way {
            Way::Voter(voter) => voter.send(bytes.into(), proposal, deadline).await?,
            Way::Follower(follower) => follower.send(bytes.into(), deadline).await?,
        };
        self.came(index, deadline).await.map_err(|why| ProposeError::Unknown(why.to_owned()))?;
        let answers = self.view.answers(index);
        let answer = answers.and_then(|answers| answers.0.get(place).cloned());
        let unknown = || ProposeError::Unknown("it is in an entry that has come with a snapshot".to_owned());
        Ok(answer.ok_or_else(unknown)??)
    }

    /// Waits until this node's plan has all that was agreed on before this was called.
    pub async fn catch_up(&self, within: Duration) -> Result<(), NotCurrent> {
        let deadline = Instant::now() + within;
        let not_current = |why: &dyn std::fmt::Display| NotCurrent { within, why: why.to_string() };
        let next = match &self.way {
            Way::Voter(voter) => voter.read(deadline).await,
            Way::Follower(follower) => follower.read(deadline).await,
        };
        let next = next.map_err(|why| not_current(&why))?;
        if next == 0 {
            return Ok(());
        }
        self.came(next - 1, deadline).await.map_err(|why| not_current(&why))
    }

    /// Waits until this node has applied an entry.
    async fn came(&self, index: u64, deadline: Instant) -> Result<(), &'static str> {
        let mut next = self.view.next();
        match timeout_at(deadline, next.wait_for(|next| *next > index)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err("this node's plan has not come so far in time"),
        }
    }
}

/// What came of asking another node.
pub(crate) fn outcome<T>(
    answer: Result<Bytes, RequestError>,
    read: impl FnOnce(&[u8]) -> Result<T, crate::form::FormError>,
) -> Result<T, Lost> {
    match answer {
        Ok(answer) => read(&answer).map_err(|error| Lost::Unknown(error.to_string())),
        Err(RequestError::Refused(refusal)) if Code::NotHere.is(&refusal) || Code::Ended.is(&refusal) => {
            Err(Lost::NotHere(refusal.text))
        }
        Err(RequestError::Refused(refusal)) if Code::Busy.is(&refusal) => Err(Lost::Busy),
        Err(RequestError::Refused(refusal)) => Err(Lost::Unknown(refusal.text)),
        Err(error @ (RequestError::Down(_) | RequestError::Busy(_) | RequestError::TooLong(_))) => {
            Err(Lost::NotHere(error.to_string()))
        }
        Err(error @ (RequestError::Late(..) | RequestError::Broken(_))) => Err(Lost::Unknown(error.to_string())),
    }
}

/// Asks a node.
pub(crate) async fn ask(
    peers: &Peers,
    node: NodeId,
    request: &Request,
    deadline: Instant,
) -> Result<Bytes, RequestError> {
    peers(node).request(request.encode(), deadline.saturating_duration_since(Instant::now())).await
}

impl voter::Shared {
    /// Brings a proposal into an entry, here or where the leader is.
    async fn send(&self, bytes: Bytes, proposal: &Proposal, deadline: Instant) -> Result<Went, ProposeError> {
        loop {
            let why = match self.agrees() {
                Ok(leader) if leader == self.node => match self.here(bytes.clone(), proposal, deadline).await {
                    Err(Lost::NotHere(why)) => NoMajority::NotReached { node: leader, why },
                    other => return other.map_err(ProposeError::from),
                },
                Ok(leader) => {
                    let request = Request::Propose { onward: false, proposal: bytes.clone() };
                    let answer = ask(&self.peers, leader, &request, deadline).await;
                    match outcome(answer, message::went) {
                        Err(Lost::NotHere(why)) => NoMajority::NotReached { node: leader, why },
                        other => return other.map_err(ProposeError::from),
                    }
                }
                Err(NoMajority::NoLeader(since)) if since < LEADERLESS => NoMajority::NoLeader(since),
                Err(no_majority) => return Err(no_majority.into()),
            };
            if self.again(deadline).await.is_err() {
                return Err(why.into());
            }
        }
    }

    /// Waits a little; an error is that there is no time left, or no part to take any more.
    async fn again(&self, deadline: Instant) -> Result<(), ()> {
        if Instant::now() + AGAIN >= deadline || self.raft.metrics().borrow().running_state.is_err() {
            return Err(());
        }
        sleep(AGAIN).await;
        Ok(())
    }

    /// Brings a proposal into an entry of this node's.
    pub async fn here(&self, bytes: Bytes, proposal: &Proposal, deadline: Instant) -> Result<Went, Lost> {
        let mut ticket = self.push(bytes, proposal)?;
        let outcome = timeout_at(deadline, &mut ticket.outcome).await;
        match outcome {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) if ticket.give_up() => Err(Lost::Ended("it stops".to_owned())),
            Ok(Err(_)) => Err(Lost::Unknown("it stops".to_owned())),
            Err(_) if ticket.give_up() => Err(Lost::NotHere("its turn did not come in time".to_owned())),
            Err(_) => Err(Lost::Unknown("a majority has not answered in time".to_owned())),
        }
    }

    /// The index behind all that was agreed on before this was called.
    async fn read(&self, deadline: Instant) -> Result<u64, String> {
        loop {
            let why = match self.leader() {
                Some(leader) if leader == self.node => match self.read_here(deadline).await {
                    Ok(next) => return Ok(next),
                    Err(why) => why,
                },
                Some(leader) => {
                    let answer = ask(&self.peers, leader, &Request::Read { onward: false }, deadline).await;
                    match answer.map_err(|error| error.to_string()) {
                        Ok(answer) => return message::agreed(&answer).map_err(|error| error.to_string()),
                        Err(why) => why,
                    }
                }
                None => NoMajority::NoLeader(self.leaderless()).to_string(),
            };
            if self.again(deadline).await.is_err() {
                return Err(why);
            }
        }
    }

    /// The same where this node leads.
    pub async fn read_here(&self, deadline: Instant) -> Result<u64, String> {
        match timeout_at(deadline, self.raft.get_read_log_id()).await {
            Ok(Ok((place, _))) => Ok(place.map_or(0, |place| place.index + 1)),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("a majority has not answered in time".to_owned()),
        }
    }
}

impl From<Lost> for ProposeError {
    fn from(lost: Lost) -> ProposeError {
        match lost {
            Lost::NotHere(why) => ProposeError::NoMajority(NoMajority::NoVoter(why)),
            Lost::Unknown(why) => ProposeError::Unknown(why),
            Lost::Busy => ProposeError::Busy,
            Lost::Ended(why) => ProposeError::Ended(why),
        }
    }
}
