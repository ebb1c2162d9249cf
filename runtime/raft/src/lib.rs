//! The plan of a cluster: metadata behind Raft. No node uses it yet.
//!
//! ```text
//!   a node that votes                                                  a node that follows
//!   +- Voter --------------------------------------------+             +- Follower ----------------------+
//!   |  Door: plan, propose, changed                      |             |  Door: plan, propose, changed   |
//!   |    | proposals                       plan ^        |             |    |                  plan ^     |
//!   |    v                                      |        |             |    |                       |     |
//!   |  Queue, where it leads  --- groups --> Raft        | <--- proposals --+                       |     |
//!   |  else to the leader                   |    |       |             |                            |     |
//!   |                                   Log v    v Machine ---- a snapshot, then groups ------------+     |
//!   |                                   redb     redb    |             +---------------------------------+
//!   +----------------------------------------------------+
//! ```
//!
//! Read [`Door`] (what a node has of it), [`Voter`] and [`Follower`], then [`types`] (what is agreed on), [`log`](mod@log) and [`machine`] (what
//! lies on the disk), [`message`] and [`form`] (what nodes say to each other), [`limits`].
//!
//! # What holds
//!
//! - **The plan's tables are the same bytes** on each voter at the same entry, and the same that a node that is alone would have written for the
//!   same proposals.
//! - **What is acknowledged is in the plan once**, whoever of a minority dies. What is refused is not in it. What is neither is said to be
//!   [unknown](error::ProposeError::Unknown), and is not sent again by itself.
//! - **A door opens when the plan is current**: a majority has said so after the node has asked.
//! - **A seat belongs to a folder**, not to a number: a node that lost its disk, or a copy of it, does not vote in its place.
//! - Nothing is read from Raft's term but by Raft.

mod door;
pub mod error;
pub mod follower;
pub mod form;
pub mod limits;
pub mod log;
pub mod machine;
pub mod message;
mod network;
mod queue;
mod serve;
pub mod types;
mod view;
mod voter;
mod voters;

pub use door::Door;
pub use error::{NoMajority, NotCurrent, ProposeError, StartError, VotersError};
pub use follower::Follower;
pub use form::FormError;
pub use log::{Log, LogError};
pub use machine::Machine;
pub use network::Peers;
pub use types::{Answers, Group, Seat, Types};
pub use voter::{Config, Times, Voter};
