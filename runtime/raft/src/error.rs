//! What can go wrong with what a cluster agrees on.

use std::time::Duration;

use dag_metadata::MetaError;
use dag_model::NodeId;
use dag_plan::{ProposalError, Refusal};
use dag_transport::Refusal as NotAnswered;

use crate::limits::{MAX_PROPOSAL, MAX_WAITING};
use crate::log::LogError;

/// Why a proposal is not in the plan, or perhaps not.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProposeError {
    /// The plan does not take it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It is none.
    #[error(transparent)]
    Proposal(#[from] ProposalError),
    /// It is too large.
    #[error("a proposal of {0} bytes: a cluster takes at most {MAX_PROPOSAL}")]
    TooLarge(usize),
    /// Too many wait.
    #[error("{MAX_WAITING} changes of the metadata wait, which is the limit: try again in a moment")]
    Busy,
    /// The voters cannot agree: it is not in the plan.
    #[error("{0}")]
    NoMajority(#[from] NoMajority),
    /// Nobody has said what became of it: it may be in the plan, or come into it yet. Sent again it is refused as stale if it is.
    #[error("it is not known whether the metadata have changed: {0}; look again, and decide again")]
    Unknown(String),
    /// This node takes no part any more: it is not in the plan.
    #[error("this node takes no part in the metadata any more: {0}")]
    Ended(String),
}

/// The voters cannot agree, as this node sees it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMajority {
    /// This node leads, and a majority does not answer.
    #[error("a majority of those who vote on the metadata has not answered for {0:.1?}")]
    Silent(Duration),
    /// Nobody leads.
    #[error(
        "nobody leads those who vote on the metadata, for {0:.1?}: a majority of them is not there, or not connected"
    )]
    NoLeader(Duration),
    /// The one who leads is not reached.
    #[error("node {node} leads those who vote on the metadata, and is not reached: {why}")]
    NotReached {
        /// It.
        node: NodeId,
        /// Why.
        why: String,
    },
    /// No voter is reached.
    #[error("none of those who vote on the metadata is reached: {0}")]
    NoVoter(String),
}

/// Why a voter does not start.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StartError {
    /// The plan cannot be read.
    #[error(transparent)]
    Metadata(#[from] MetaError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Its seat is another folder's.
    #[error(
        "node {node} votes with the folder {seat:032x}, and this folder is {found:032x}: it is another node; give it a number of its own, \
         and let it take the place of the other one"
    )]
    Seat {
        /// The node.
        node: NodeId,
        /// The folder that votes.
        seat: u128,
        /// This one.
        found: u128,
    },
    /// Raft refuses.
    #[error("the metadata cannot be taken part in: {0}")]
    Raft(String),
}

/// Why who votes has not changed, or not all the way.
#[derive(Clone, Debug, thiserror::Error)]
pub enum VotersError {
    /// Not a number that is worth something.
    #[error("{0} voters: it is one or three that vote on the metadata")]
    Count(usize),
    /// Another node leads.
    #[error("{}", .0.map_or("nobody leads those who vote on the metadata now".to_owned(), |node| format!("node {node} leads those who vote on the metadata: it is asked there")))]
    NotLeader(Option<NodeId>),
    /// The node's seat is another folder's.
    #[error("node {0} has a seat with another folder: it is another node, and gets a number of its own")]
    Seat(NodeId),
    /// It did not get done in time. What has begun is finished, or can be asked for again.
    #[error("who votes on the metadata has not changed within {0:.1?}: {1}")]
    Late(Duration, String),
    /// Raft refuses.
    #[error("who votes on the metadata cannot be changed: {0}")]
    Raft(String),
}

/// Why who starts does not know yet that its plan is current.
#[derive(Clone, Debug, thiserror::Error)]
#[error("whether this node's plan is current is not known within {within:.1?}: {why}")]
pub struct NotCurrent {
    /// How long it was tried.
    pub within: Duration,
    /// What stood in the way last.
    pub why: String,
}

/// Why another node does not do what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Code {
    /// What came cannot be.
    Form = 1,
    /// The one who asks has no right to that.
    Sender = 2,
    /// It has not been done; elsewhere, or later, it may be.
    NotHere = 3,
    /// It may have been done.
    Unknown = 4,
    /// Too many wait.
    Busy = 5,
    /// It takes no part any more.
    Ended = 6,
}

impl Code {
    pub fn refusal(self, why: impl ToString) -> NotAnswered {
        NotAnswered::new(self as u16, why.to_string())
    }

    pub fn is(self, refusal: &NotAnswered) -> bool {
        refusal.code == self as u16
    }
}
