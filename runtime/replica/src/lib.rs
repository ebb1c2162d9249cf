//! The replication protocol of a source log: how a stream's appends come to lie on a majority of its replicas, who may append, and what
//! may be shown. Pure: messages, completions and `now` go in, writes, messages and answers come out as [`Command`]s. It does no I/O,
//! reads no clock and starts no thread, and nothing in it names a file.
//!
//! ```text
//!   metadata (the plan)                    other replicas                       publishers, readers
//!     | Assignment: epoch, leader,           ^ Message                            | Request, Question   ^ Answer
//!     v replicas, joining, next              v                                    v                     |
//!   +------------------------------------ Replica ---------------------------------------------------------+
//!   |  Follower: takes what the leader sends        Candidate: promises, the tail       Leader: Progress   |
//!   |  and says what is durable and verified   -->  of whoever has most             --> of each, Questions |
//!   |                                                                                                      |
//!   |  History: what is written, durable, committed; Epochs: epoch -> first index; Prefix: what follows     |
//!   +------------------------------------------------------------------------------------------------------+
//!     | Proposal: made, unpromised,          | Write (numbered, in order)         | Commit: may be shown
//!     v resign, joint, final                 v Read             ^ done, failed    v
//! ```
//!
//! Read [`Point`] (what an append is called), [`Append`], [`Epochs`] and [`Prefix`] (what follows from appends), [`Assignment`] (who
//! replicates), [`Write`] and [`Opened`] (the disk), [`Message`], [`Command`], then [`Replica`]; [`Replicas`] is all of a node. Inside:
//! `history` is the log as a replica knows it, `landing` takes another's appends, `follower`, `candidate` and `leader` are the roles, `voter`
//! what a replica does for a candidate,
//! `progress` is a follower as its leader sees it, `questions` is what needs a confirmed leader.
//!
//! A stream with one replica, which has nobody to ask:
//!
//! ```
//! use dag_model::NodeId;
//! use dag_replica::{Answer, Assignment, Body, Command, Epoch, Kind, Limits, Moment, Opened, Point, Replica, Request, RequestId};
//!
//! let (node, now) = (NodeId(1), Moment(0));
//! let mut replica = Replica::open(node, 7, Limits::default(), Opened::Absent);
//! replica.assign(now, Assignment {
//!     epoch: Epoch(3), revision: 1, leader: node, boot: 7, replicas: vec![node], joining: vec![], next: None, made: vec![node], mark: 0,
//! });
//! let request = Request { kind: Kind::Records(None), body: Body::from(&b"a row"[..]) };
//! let mut request = Some(request);
//! let mut answers = Vec::new();
//! loop {
//!     let commands = replica.commands();
//!     if commands.is_empty() {
//!         match request.take() {
//!             Some(request) => replica.request(now, RequestId(1), request),
//!             None => break,
//!         }
//!     }
//!     for command in commands {
//!         match command {
//!             // Here a disk would write and sync.
//!             Command::Write { number, .. } => replica.done(now, number),
//!             Command::Answer { id, answer } => answers.push((id, answer)),
//!             _ => {}
//!         }
//!     }
//! }
//! // The leader's first append of the epoch is index 1.
//! assert_eq!(answers, [(RequestId(1), Answer::Committed(Point::new(3, 2)))]);
//! ```
//!
//! # The rules
//!
//! | rule (design §11.5) | where |
//! |---|---|
//! | 1. each append takes the next index and is the unit (C1, C2) | [`Append`], [`Point`] |
//! | 2. epochs from metadata; promises of a majority, durable before they are given, with the durable end; only whole replicas; the tail from the greatest, under the same promise | `candidate`, [`Replica::receive`] |
//! | 3. an epoch entry at once; the table of epochs; a cut to the greatest common point, fenced | `leader`, [`Epochs`], `landing` |
//! | 4. acknowledgements with epoch and durable index; commit through an entry of the own epoch; a follower's mark | `follower`, `leader` |
//! | 5. a place is never written twice: a failed write ends the office; what is lost or cut below the mark is not whole (C8) | [`Replica::failed`], `history` |
//! | 6. a repeat waits for the commit; publishers are a fold over the prefix (H10) | `leader`, [`Prefix`] |
//! | 7. ends and numbers after an own commit and a confirming round, one for all who ask (H1); a reader's epoch (H2) | `questions`, [`Epochs::held`] |
//! | 8. joint majorities, the final set after a joint commit (C4); a fixed target of catching up | [`Assignment`], `leader`, `progress` |
//! | 9. settled streams write their epoch entry late (M17); `leave`, `done`, `seal` name a batch (M18); trims and the table (M10, M11); the slow are served from disk, and begin anew below the trim | `candidate`, [`Prefix`], `history`, `progress` |
//! | 10. two nodes: the second joins and never counts | [`Assignment::joining`] |
//!
//! Clocks are not here: arrival and append times, lateness and silence are judged by whoever gives the leader its requests.
//!
//! A replica that is not whole becomes so when it has, durably, all that its leader had when it first heard of this life of it. To be past
//! the leader's epoch entry would not do: in the same epoch it may have acknowledged more than that.
//!
//! # What whoever drives it has to keep
//!
//! - Writes of a stream reach the disk in the order of their numbers: after a crash there is a prefix of them, each append as a whole or
//!   not at all. After [`Replica::failed`] the log is read again, and nothing of before is completed any more.
//! - A log is listed in the node's store only once it is there ([`Write::Make`] before [`Write::Row`]).
//! - Messages may be lost, doubled, late and in any order; [`Replica::connected`] is called for each new connection.
//! - Each start of a process has a greater boot number, and metadata ends what the former one led.
//! - A start acts on a plan that is current (H13), and an assignment is given with each change of its row.
//!
//! # The simulation
//!
//! `make simulate` runs clusters of one stream under schedules drawn from seeds, with crashes, forgotten and failing writes, lost logs,
//! partitions, pauses, changes of the set, publishers that begin anew and a seal (`tests/simulation`). Each invariant is a file of its own in `tests/simulation/invariants`;
//! each bug of `tests/simulation/planted.rs` is found by them. `tests/simulation/schedules` has the schedules that once broke a careless
//! design, written out, by number; `tests/cost.rs` counts messages and syncs.

mod append;
mod candidate;
mod command;
mod disk;
mod epochs;
mod follower;
mod history;
mod landing;
mod leader;
mod limits;
mod local;
mod message;
mod point;
mod prefix;
mod progress;
mod questions;
mod replica;
mod replicas;
mod set;
mod voter;

pub use append::{Append, Batch, Body, Header, Kind};
pub use command::{Answer, Command, Proposal, Purpose, Question, Read, Request, RequestId};
pub use disk::{Base, Checkpoint, Found, Opened, Row, Write};
pub use epochs::{Epochs, Held};
pub use landing::Contradiction;
pub use limits::Limits;
pub use message::{Frame, FrameError, MAX_APPENDS, MAX_FRAME, MAX_STREAMS, Message};
pub use point::{Epoch, Index, Life, Moment, Point};
pub use prefix::{Prefix, Publisher, Refusal, Verdict};
pub use replica::{Follows, Replica, Standing};
pub use replicas::{Action, Replicas};
pub use set::Assignment;
