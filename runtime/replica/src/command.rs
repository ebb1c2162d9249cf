//! What a replica wants done: writes, messages, proposals to metadata, and what it tells those who asked.

use dag_model::NodeId;

use crate::append::{Body, Kind};
use crate::disk::Write;
use crate::landing::Contradiction;
use crate::message::Message;
use crate::point::{Epoch, Index, Point};
use crate::prefix::{Publisher, Refusal};

/// Names a request or a question of whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What is to be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What it is. Only kinds that publishers and the stream's own rules make; the leader makes the others itself.
    pub kind: Kind,
    /// What the stream keeps.
    pub body: Body,
}

/// What somebody wants to know of the stream's present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// The last committed append.
    End,
    /// What is remembered of a publisher.
    Publisher(String),
}

/// What came of a request or a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is committed, there.
    Committed(Point),
    /// It was there before and is committed.
    Repeat,
    /// Batches came after the one that it named as the last: nothing was done.
    Void,
    /// It is refused by what the log says.
    Refused(Refusal),
    /// The last committed append.
    End(Point),
    /// What is remembered of the publisher.
    Publisher(Option<Publisher>),
    /// Another leads: ask there. Nothing was done.
    NotLeader,
    /// The leader lost its office before it knew. It may yet be committed: ask again with the same number.
    Unknown,
    /// It is larger than an append, a name or a list of names may be. Nothing was done.
    TooLarge,
    /// Not enough replicas have made their logs. Nothing was done.
    NotMade,
    /// Too much waits. Nothing was done.
    Full,
}

/// What a replica wants of metadata. Said again until the plan has moved on; refused where epoch or revision have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// This replica made its log.
    Made,
    /// The candidate does not get its promises: another has to stand, in a new epoch.
    Unpromised(Epoch),
    /// A write of the leader failed: it needs a new epoch, and another should lead.
    Resign(Epoch),
    /// Those who join have caught up: the set may become a joint one.
    Joint {
        /// The leader's epoch.
        epoch: Epoch,
        /// The revision that it was decided on.
        revision: u64,
    },
    /// An append of after the change became joint is committed in both sets: the next set, in a new epoch, may be the only one.
    Final {
        /// The leader's epoch.
        epoch: Epoch,
        /// The revision that it was decided on.
        revision: u64,
    },
}

/// Why appends are read from disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// For a follower that is behind.
    Feed,
    /// For a candidate that fetches.
    Give,
}

/// Appends that are to be read from disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// For whom.
    pub to: NodeId,
    /// For what.
    pub purpose: Purpose,
    /// In which epoch it was wanted.
    pub epoch: Epoch,
    /// The append before the first.
    pub prev: Point,
    /// The last that is wanted.
    pub last: Index,
    /// The most appends.
    pub appends: usize,
    /// The most bytes, if it is more than one.
    pub bytes: usize,
}

/// What a replica wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A write, to be made durable in the order of the numbers.
    Write {
        /// Its number.
        number: u64,
        /// What.
        write: Write,
    },
    /// A message.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        message: Message,
    },
    /// Appends are read, and handed back with the same words. Reads see all writes that were given before.
    Read(Read),
    /// What is committed: all up to there may be shown.
    Commit(Point),
    /// Somebody's answer.
    Answer {
        /// Whose.
        id: RequestId,
        /// What.
        answer: Answer,
    },
    /// A proposal to metadata.
    Propose(Proposal),
    /// A write failed: the log is to be opened again, from disk.
    Reopen,
    /// The replica stands still: what is committed here is not what a leader has, so one of them forgot what it had promised.
    Contradiction(Contradiction),
}
