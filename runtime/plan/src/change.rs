//! Changes: all that can alter a plan, with the facts that they were decided on, as values and as bytes.
//!
//! A *proposal* is what is decided at once: it applies as a whole or not at all. As bytes, version 2:
//!
//! ```text
//! byte 0     version (2)
//! then       the proposal in postcard:
//!              on        list of (entity, revision): what it was decided on, which is as it was then, or the proposal is stale
//!              changes   list of changes, each the number of its variant and its fields in their order
//! ```
//!
//! postcard writes numbers as varints (signed ones in zigzag), texts and lists with their length before them, options as 0 or 1. New
//! variants come last; a field is never added to one that is there. (Version 1, which nobody kept, had no turns.) A proposal has at most [`MAX_BYTES`], [`MAX_CHANGES`] changes and
//! [`MAX_CONDITIONS`] entities that it was decided on.

use dag_model::{Digest, IncarnationId, NodeId, Position, StreamId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::component::{How, Named};
use crate::cursor::Place;
use crate::entity::{Entity, Revision};
use crate::incarnation::{Began, By, InputStart, Limits, LogId, Ran, Skipped, Until};
use crate::stream::Origin;
use crate::token::Use;

/// The most bytes of a proposal: a stream's settings with as many columns as it may have, and some.
pub const MAX_BYTES: usize = 1 << 20;

/// The most changes of a proposal.
pub const MAX_CHANGES: usize = 1024;

/// The most entities that a proposal is decided on.
pub const MAX_CONDITIONS: usize = 4096;

/// The version of the bytes.
const VERSION: u8 = 2;

/// What is decided at once, and applies as a whole or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// What it was decided on.
    pub on: Vec<(Entity, Revision)>,
    /// What is to change, in this order.
    pub changes: Vec<Change>,
}

/// An incarnation as a proposal names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Which {
    /// One that is there.
    There(IncarnationId),
    /// The one that an earlier change of the same proposal begins: its place among them.
    New(u32),
}

/// A log as a proposal names it.
pub type DraftLog = LogId<StreamId, Which>;

/// An incarnation that is to begin: its record, but for its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The canonical expression.
    pub stream: String,
    /// The component that it starts with.
    pub digest: Digest,
    /// Where it starts in each input.
    pub inputs: Vec<InputStart<DraftLog>>,
    /// Which of its results are complete, and so shown.
    pub began: Began,
    /// Where it ends by itself: set for a backfill.
    pub until: Option<Until>,
    /// The number of key ranges that a transform runs as.
    pub shards: u32,
    /// The number of the version of the host's windowing.
    pub windowing: u32,
    /// What each instance of its operator may use.
    pub limits: Limits,
}

/// How an incarnation comes to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// Its log has everything, durably.
    Finished,
    /// It cannot go on, and why; neither can those that read it.
    Failed(String),
    /// It does not repeat itself, and what was found; those that read it fail.
    Quarantined(String),
    /// What it was to start from is gone, and it has no record: it is as if it had not begun, and so are those that read it.
    NeverBegun,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A node has started: what its former start held is let go.
    Up {
        /// The node.
        node: NodeId,
        /// The number of the start, greater than that of any before.
        boot: u64,
    },
    /// A stream is created, whose log is made once its number is known, which is given.
    Create {
        /// Its name.
        name: String,
        /// Who writes it.
        origin: Origin,
        /// Its settings as JSON.
        settings: String,
    },
    /// A stream's log has been made, durably: it can be read from now on.
    Made {
        /// The stream.
        stream: StreamId,
    },
    /// A stream's settings are others.
    Alter {
        /// The stream.
        stream: StreamId,
        /// Its settings as JSON.
        settings: String,
    },
    /// A stream gets its next epoch, whose number is given.
    BeginEpoch {
        /// The stream.
        stream: StreamId,
        /// What was lost of what may have been shown, as people read it: all incarnations that read the stream end.
        lost: Option<String>,
    },
    /// A stream is removed, with its cursors and all incarnations that have read it, none of which may be live.
    Remove {
        /// The stream.
        stream: StreamId,
    },
    /// A version becomes the current one of its component.
    Deploy {
        /// The SHA-256 of its bytes.
        digest: Digest,
        /// What it is called.
        named: Named,
        /// How it became current.
        how: How,
        /// When.
        at: Timestamp,
    },
    /// It has been told what a component is called that was deployed before names were kept.
    Name {
        /// The component.
        digest: Digest,
        /// What it is called.
        named: Named,
    },
    /// Instances of a component may use other things.
    Limit {
        /// The component.
        digest: Digest,
        /// As JSON.
        settings: String,
    },
    /// A version of a component is removed, on which nothing live may run.
    Undeploy {
        /// The version.
        digest: Digest,
    },
    /// An incarnation begins. Its number is given.
    Begin(Draft),
    /// An incarnation that is stored or failed goes on.
    Resume(IncarnationId),
    /// A node has subscribers that read an incarnation, or has none any more.
    Hold {
        /// The incarnation.
        incarnation: Which,
        /// The node.
        node: NodeId,
        /// Its start.
        boot: u64,
        /// The number of the word.
        number: u64,
        /// Whether it has.
        held: bool,
    },
    /// An incarnation has lingered long enough and is stored.
    Elapsed {
        /// The incarnation.
        incarnation: IncarnationId,
        /// Since when it has lingered.
        idle: Revision,
    },
    /// An incarnation comes to its end.
    End {
        /// The incarnation.
        incarnation: IncarnationId,
        /// How.
        how: Ending,
    },
    /// The next turn of an incarnation is over.
    Switch {
        /// The incarnation.
        incarnation: IncarnationId,
        /// The turn's mark.
        mark: Revision,
        /// The version, and where and how it takes over; none where the incarnation keeps the one that it has.
        to: Option<Ran>,
    },
    /// An incarnation skips a record from now on.
    Skip {
        /// The incarnation.
        incarnation: IncarnationId,
        /// The record.
        record: Skipped,
    },
    /// An incarnation that is not live, and that nothing live reads, is forgotten; its number is not used again.
    Forget(IncarnationId),
    /// What a derived stream does with a record on which its operator fails.
    Policy {
        /// Its canonical name.
        stream: String,
        /// Whether such records are skipped.
        skip: bool,
    },
    /// Somebody begins to read with a cursor, which is made where it is missing. The reader's number is given.
    Read {
        /// The cursor.
        cursor: String,
        /// The canonical expression that is read.
        stream: String,
        /// The source whose log is read, unless the stream is derived.
        source: Option<StreamId>,
        /// It goes on as that reader instead of taking over.
        reader: Option<u64>,
        /// The last record that it has read.
        after: Option<Position>,
        /// Where it begins.
        place: Place,
        /// When.
        at: Timestamp,
    },
    /// A reader has read everything up to a record.
    Acknowledge {
        /// The cursor.
        cursor: String,
        /// The reader.
        reader: u64,
        /// The record.
        after: Position,
        /// When.
        at: Timestamp,
    },
    /// A cursor is moved, and nobody reads with it any more.
    Reset {
        /// The cursor.
        cursor: String,
        /// Where to.
        place: Place,
        /// When.
        at: Timestamp,
    },
    /// A cursor is removed.
    Delete {
        /// The cursor.
        cursor: String,
    },
    /// An incarnation has read records that are lost: it is never computed again, nor is any that reads it.
    Lose {
        /// The incarnation.
        incarnation: IncarnationId,
        /// What was lost, as people read it.
        why: String,
    },
    /// A version is to take over incarnations, all at one mark, whose number is given: the plan's revision since then, and at least `least`.
    /// Those that are not live are passed by, as are those with as many turns ahead as there may be.
    Turn {
        /// The version.
        to: Digest,
        /// More than any log has a mark of.
        least: Revision,
        /// The incarnations, and whether the state of each may be computed anew.
        moves: Vec<(IncarnationId, bool)>,
    },
    /// A token is made.
    Grant {
        /// The digest of its secret.
        token: Digest,
        /// What it is called.
        name: String,
        /// What it is for.
        used: Use,
        /// When.
        at: Timestamp,
        /// Until when it is accepted.
        expires: Option<Timestamp>,
    },
    /// A token is not accepted any more.
    Revoke {
        /// The token.
        token: Digest,
    },
}

impl Change {
    /// Whether the next start of the node undoes it anyway, so that it need not be durable: who holds what, what lingers or is stored for
    /// that, what goes on or is given up until somebody tries it again. Or whether it comes to the same again: that a version has taken the
    /// state over at a mark.
    pub fn is_passing(&self) -> bool {
        let of_failure = |how: &Ending| matches!(how, Ending::Failed(_));
        match self {
            Change::Hold { .. } | Change::Elapsed { .. } | Change::Resume(_) => true,
            Change::End { how, .. } => of_failure(how),
            Change::Switch { to: Some(Ran { mark: Some(_), by: By::State, .. }), .. } => true,
            _ => false,
        }
    }
}

/// Why bytes are no proposal, or a proposal is too large.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposalError {
    /// It has too many bytes.
    #[error("a proposal has at most {MAX_BYTES} bytes, this one has {0}")]
    Bytes(usize),
    /// It has too many changes.
    #[error("a proposal has at most {MAX_CHANGES} changes, this one has {0}")]
    Changes(usize),
    /// It is decided on too much.
    #[error("a proposal is decided on at most {MAX_CONDITIONS} entities, this one on {0}")]
    Conditions(usize),
    /// It is of another version.
    #[error("a proposal is of version {VERSION}, this one of version {0}")]
    Version(u8),
    /// It is damaged.
    #[error("a proposal is damaged: {0}")]
    Damaged(String),
}

impl Proposal {
    /// These changes, whatever else has changed.
    pub fn of(changes: impl IntoIterator<Item = Change>) -> Proposal {
        Proposal { on: Vec::new(), changes: changes.into_iter().collect() }
    }

    /// The same if that is as it was.
    pub fn on(mut self, entity: Entity, revision: Revision) -> Proposal {
        self.on.push((entity, revision));
        self
    }

    /// The proposal as bytes.
    ///
    /// # Errors
    /// If it is too large.
    pub fn encode(&self) -> Result<Vec<u8>, ProposalError> {
        self.check()?;
        let bytes = postcard::to_extend(self, vec![VERSION]).expect("proposals are plain values");
        if bytes.len() > MAX_BYTES { Err(ProposalError::Bytes(bytes.len())) } else { Ok(bytes) }
    }

    /// The proposal that these bytes are.
    ///
    /// # Errors
    /// If they are none, or a larger one than is taken.
    pub fn decode(bytes: &[u8]) -> Result<Proposal, ProposalError> {
        if bytes.len() > MAX_BYTES {
            return Err(ProposalError::Bytes(bytes.len()));
        }
        let damaged = |why: &str| ProposalError::Damaged(why.to_owned());
        let (version, rest) = bytes.split_first().ok_or_else(|| damaged("it is empty"))?;
        if *version != VERSION {
            return Err(ProposalError::Version(*version));
        }
        let (proposal, left) = postcard::take_from_bytes::<Proposal>(rest).map_err(|why| damaged(&why.to_string()))?;
        if !left.is_empty() {
            return Err(damaged(&format!("{} bytes follow it", left.len())));
        }
        proposal.check()?;
        Ok(proposal)
    }

    fn check(&self) -> Result<(), ProposalError> {
        match (self.changes.len(), self.on.len()) {
            (changes, _) if changes > MAX_CHANGES => Err(ProposalError::Changes(changes)),
            (_, conditions) if conditions > MAX_CONDITIONS => Err(ProposalError::Conditions(conditions)),
            _ => Ok(()),
        }
    }
}
