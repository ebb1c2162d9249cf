//! What replicas say to one another, as values and as bytes.
//!
//! A frame is all that one node has to say to another at a moment, of however many streams. As bytes, version 1:
//!
//! ```text
//! byte 0     version (1)
//! then       a list of (stream u64, message) in postcard: a message is the number of its variant and its fields in their order
//! ```
//!
//! postcard writes numbers as varints, texts, bytes and lists with their length before them, options as 0 or 1. New variants come last; a
//! field is never added to one that is there. A frame has at most [`MAX_FRAME`] bytes, of at most [`MAX_STREAMS`] messages, and a message
//! at most [`MAX_APPENDS`] appends; a length inside is never trusted beyond the bytes that there are.
//!
//! The sender is whom the connection's certificate names, and is in no message.
//!
//! ```text
//!  candidate                         replica                leader                            follower
//!      | ---- Ask -------------------> |                       | ---- Append -------------------> |  writes, syncs
//!      | <--- Promise (its end) ------ |  durable              | <--- Ack (durable, verified) --- |
//!      | ---- Fetch -----------------> |                       |                                  |
//!      | <--- Tail / Apart / Base ---- |  until its end        | <--- Apart (where it may fit) -- |  does not fit
//!                                                              | ---- Base ---------------------> |  ends before the leader's log begins
//!  whoever has promised more answers Refused                   | ---- Lost ---------------------> |  has less than it acknowledged
//! ```

use dag_model::StreamId;
use serde::{Deserialize, Serialize};

use crate::append::Append;
use crate::disk::Base;
use crate::point::{Epoch, Index, Life, Point};

/// The most bytes of a frame.
pub const MAX_FRAME: usize = 80 << 20;

/// The most messages of a frame.
pub const MAX_STREAMS: usize = 16_384;

/// The most appends of a message.
pub const MAX_APPENDS: usize = 4096;

/// The version of the bytes.
const VERSION: u8 = 1;

/// What one replica of a stream says to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// A candidate asks for a promise of its epoch.
    Ask {
        /// The epoch that the plan gave it.
        epoch: Epoch,
    },
    /// Nothing of an earlier epoch is taken any more: durable, as is the end.
    Promise {
        /// The epoch that is promised.
        epoch: Epoch,
        /// The last append.
        end: Point,
        /// What it knows to be committed.
        committed: Index,
    },
    /// A candidate wants what follows `from` of whoever promised it and has more.
    Fetch {
        /// The candidate's epoch.
        epoch: Epoch,
        /// The last append that both may have.
        from: Point,
    },
    /// What was fetched.
    Tail {
        /// The candidate's epoch.
        epoch: Epoch,
        /// The append before these.
        prev: Point,
        /// What follows it.
        appends: Vec<Append>,
    },
    /// A leader's appends, and what it knows.
    Append {
        /// The leader's epoch.
        epoch: Epoch,
        /// Which of the leader's messages to this replica it answers is told by the greatest round that it has seen.
        round: u64,
        /// The append before these: only who has it takes them.
        prev: Point,
        /// What follows it; may be empty.
        appends: Vec<Append>,
        /// What is committed.
        committed: Index,
        /// For a replica that is not whole, in this life of it: where it is whole again.
        target: Option<(Life, Index)>,
    },
    /// A follower has what the leader has, durably.
    Ack {
        /// The leader's epoch, in which the logs were compared.
        epoch: Epoch,
        /// The follower's life.
        life: Life,
        /// The greatest round that it has seen in the epoch.
        round: u64,
        /// Up to here its log is the leader's, and durable.
        durable: Index,
        /// What it knows to be committed.
        committed: Index,
        /// Whether it counts.
        whole: bool,
    },
    /// The append before is not there: to a leader's append, or to a candidate's fetch.
    Apart {
        /// The epoch of whom it answers.
        epoch: Epoch,
        /// The answering replica's life.
        life: Life,
        /// The round that it answers; 0 to a fetch.
        round: u64,
        /// The last append, of the epochs up to that of the one before, that both can have.
        hint: Point,
        /// Whether it counts.
        whole: bool,
    },
    /// The log begins behind this: who ends before it begins anew there.
    Base {
        /// The epoch of the leader or candidate.
        epoch: Epoch,
        /// As of an append; 0 to a candidate.
        round: u64,
        /// Where.
        base: Base,
    },
    /// The replica says that it counts, and has less than it once acknowledged: it is not whole, and begins another life.
    Lost {
        /// The leader's epoch.
        epoch: Epoch,
        /// The life that has less.
        life: Life,
    },
    /// The epoch is over.
    Refused {
        /// What was promised since.
        promised: Epoch,
    },
}

/// Why bytes are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Too many bytes.
    #[error("a frame of {0} bytes: at most {MAX_FRAME} are taken")]
    TooLong(usize),
    /// Another version.
    #[error("a frame of version {0}: this program speaks version {VERSION}")]
    Version(u8),
    /// Too many messages.
    #[error("a frame of {0} messages: at most {MAX_STREAMS} are taken")]
    Messages(usize),
    /// Too many appends in a message.
    #[error("a message of {0} appends: at most {MAX_APPENDS} are taken")]
    Appends(usize),
    /// Not what the version says.
    #[error("a frame that cannot be read")]
    Malformed,
}

/// All that one node has to say to another at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame(pub Vec<(StreamId, Message)>);

impl Message {
    /// Its appends.
    pub fn appends(&self) -> &[Append] {
        match self {
            Message::Append { appends, .. } | Message::Tail { appends, .. } => appends,
            _ => &[],
        }
    }

    /// The bytes that it counts for where bytes are limited: about its size.
    pub fn size(&self) -> usize {
        let base = match self {
            Message::Base { base, .. } => base.checkpoint.publishers.keys().map(|name| name.len() + 40).sum(),
            _ => 0,
        };
        128 + base + self.appends().iter().map(Append::size).sum::<usize>()
    }
}

impl Frame {
    /// As bytes.
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        self.check()?;
        let bytes = postcard::to_extend(self, vec![VERSION]).map_err(|_| FrameError::Malformed)?;
        if bytes.len() > MAX_FRAME { Err(FrameError::TooLong(bytes.len())) } else { Ok(bytes) }
    }

    /// Of bytes.
    pub fn decode(bytes: &[u8]) -> Result<Frame, FrameError> {
        if bytes.len() > MAX_FRAME {
            return Err(FrameError::TooLong(bytes.len()));
        }
        let (version, content) = bytes.split_first().ok_or(FrameError::Malformed)?;
        if *version != VERSION {
            return Err(FrameError::Version(*version));
        }
        let (frame, rest) = postcard::take_from_bytes::<Frame>(content).map_err(|_| FrameError::Malformed)?;
        frame.check()?;
        if rest.is_empty() { Ok(frame) } else { Err(FrameError::Malformed) }
    }

    fn check(&self) -> Result<(), FrameError> {
        if self.0.len() > MAX_STREAMS {
            return Err(FrameError::Messages(self.0.len()));
        }
        let most = self.0.iter().map(|(_, message)| message.appends().len()).max().unwrap_or(0);
        if most > MAX_APPENDS { Err(FrameError::Appends(most)) } else { Ok(()) }
    }
}
