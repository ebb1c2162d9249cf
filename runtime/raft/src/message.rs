//! What nodes ask of each other about metadata.
//!
//! ```text
//! request     byte 0: 1, the version; byte 1: kind
//!   1 append    vote; maybe the place before the entries; maybe the place up to where the cluster has agreed; u16: how many; entries
//!   2 elect     vote; maybe the last place of its log
//!   3 propose   whether it may be passed on to the leader u8; a proposal as the plan draws it
//!   4 read      whether it may be passed on to the leader u8
//!
//! answer
//!   to 1        0 done; 1 done up to maybe a place; 2 the place before is not there; 3 a greater vote was given: vote
//!   to 2        vote; whether it is given u8; maybe the last place of the log
//!   to 3        u64: the entry's index; u16: its place in the entry
//!   to 4        u64: the index behind the last entry that was agreed on when it was asked
//!
//! brings      what is uploaded: byte 0: 1; byte 1: kind
//!   1 snapshot  vote; maybe the place up to where it goes; stored members: maybe a place, members. Parts: rows as the plan draws them.
//!               The answer: vote
//!
//! wants       what is downloaded: byte 0: 1; byte 1: kind
//!   1 follow    maybe u64: the index from which changes are wanted; from none on, a snapshot comes first. Parts, without end:
//!     0         rows of a snapshot
//!     1         u64: the snapshot is whole, and what follows begins at that index
//!     2         u64: the index behind what this part has; u16: how many; each u64: its index, u64: the plan's revision after it,
//!               u32: how many bytes, and a group
//!     3         u64: the index behind the last entry; whether the cluster can agree, as far as is known here u8; u8: how many voters, and
//!               nodes u64
//! ```
//!
//! What is not said here is drawn in [`crate::form`].

use bytes::{BufMut, Bytes, BytesMut};
use dag_model::NodeId;
use dag_plan::Revision;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest, VoteResponse};

use crate::form::{self, FormError, Reader, Write};
use crate::limits::{MAX_GROUPED, MAX_PROPOSAL, MAX_SEATS};
use crate::types::{Group, LogId, StoredMembers, Types, Vote};

const VERSION: u8 = 1;

/// The most entries of a message.
pub(crate) const MAX_APPENDED: usize = 4096;

/// What is asked.
#[derive(Debug)]
pub enum Request {
    /// To append.
    Append(AppendEntriesRequest<Types>),
    /// To be given a vote.
    Elect(VoteRequest<u64>),
    /// To propose.
    Propose {
        /// Whether it may be passed on to the leader.
        onward: bool,
        /// The proposal.
        proposal: Bytes,
    },
    /// Up to where the cluster has agreed.
    Read {
        /// Whether it may be passed on to the leader.
        onward: bool,
    },
}

impl Request {
    /// As bytes.
    pub fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        bytes.put_u8(VERSION);
        match self {
            Request::Append(append) => {
                bytes.put_u8(1);
                bytes.put_vote(&append.vote);
                bytes.put_maybe(append.prev_log_id.as_ref(), BytesMut::put_place);
                bytes.put_maybe(append.leader_commit.as_ref(), BytesMut::put_place);
                bytes.put_u16_le(u16::try_from(append.entries.len()).expect("entries of a message are bounded"));
                append.entries.iter().for_each(|entry| bytes.put_entry(entry));
            }
            Request::Elect(elect) => {
                bytes.put_u8(2);
                bytes.put_vote(&elect.vote);
                bytes.put_maybe(elect.last_log_id.as_ref(), BytesMut::put_place);
            }
            Request::Propose { onward, proposal } => {
                bytes.put_u8(3);
                bytes.put_flag(*onward);
                bytes.put_slice(proposal);
            }
            Request::Read { onward } => {
                bytes.put_u8(4);
                bytes.put_flag(*onward);
            }
        }
        bytes.freeze()
    }

    /// What these bytes ask.
    ///
    /// # Errors
    /// If it is nothing that can be asked.
    pub fn decode(bytes: &[u8]) -> Result<Request, FormError> {
        form::whole(bytes, |reader| match head(reader)? {
            1 => Ok(Request::Append(append(reader)?)),
            2 => Ok(Request::Elect(VoteRequest::new(reader.vote()?, reader.maybe(Reader::place)?))),
            3 => {
                let (onward, proposal) = (reader.flag()?, reader.rest());
                if proposal.len() > MAX_PROPOSAL {
                    let (found, most) = (proposal.len(), MAX_PROPOSAL);
                    return Err(FormError::TooMany { what: "bytes of a proposal", found, most });
                }
                Ok(Request::Propose { onward, proposal: Bytes::copy_from_slice(proposal) })
            }
            4 => Ok(Request::Read { onward: reader.flag()? }),
            other => Err(FormError::Kind(other)),
        })
    }
}

fn head(reader: &mut Reader<'_>) -> Result<u8, FormError> {
    match reader.u8()? {
        VERSION => reader.u8(),
        other => Err(FormError::Kind(other)),
    }
}

fn append(reader: &mut Reader<'_>) -> Result<AppendEntriesRequest<Types>, FormError> {
    let vote = reader.vote()?;
    let (prev_log_id, leader_commit) = (reader.maybe(Reader::place)?, reader.maybe(Reader::place)?);
    let found = usize::from(reader.u16()?);
    if found > MAX_APPENDED {
        return Err(FormError::TooMany { what: "entries", found, most: MAX_APPENDED });
    }
    let mut entries = Vec::new();
    for _ in 0..found {
        entries.push(reader.entry()?);
    }
    let mut indexes = prev_log_id.iter().map(|place| place.index).chain(entries.iter().map(|entry| entry.log_id.index));
    let first = indexes.next();
    match first {
        Some(first) if indexes.zip(first..).all(|(index, before)| before.checked_add(1) == Some(index)) => {}
        None => {}
        // A log has no holes.
        _ => return Err(FormError::Kind(1)),
    }
    Ok(AppendEntriesRequest { vote, prev_log_id, entries, leader_commit })
}

/// The answer to an append.
pub(crate) fn put_appended(answer: &AppendEntriesResponse<u64>) -> Bytes {
    let mut bytes = BytesMut::new();
    match answer {
        AppendEntriesResponse::Success => bytes.put_u8(0),
        AppendEntriesResponse::PartialSuccess(place) => {
            bytes.put_u8(1);
            bytes.put_maybe(place.as_ref(), BytesMut::put_place);
        }
        AppendEntriesResponse::Conflict => bytes.put_u8(2),
        AppendEntriesResponse::HigherVote(vote) => {
            bytes.put_u8(3);
            bytes.put_vote(vote);
        }
    }
    bytes.freeze()
}

/// What these bytes answer to an append.
pub fn appended(bytes: &[u8]) -> Result<AppendEntriesResponse<u64>, FormError> {
    form::whole(bytes, |reader| match reader.u8()? {
        0 => Ok(AppendEntriesResponse::Success),
        1 => Ok(AppendEntriesResponse::PartialSuccess(reader.maybe(Reader::place)?)),
        2 => Ok(AppendEntriesResponse::Conflict),
        3 => Ok(AppendEntriesResponse::HigherVote(reader.vote()?)),
        other => Err(FormError::Kind(other)),
    })
}

/// The answer to who wants a vote.
pub(crate) fn put_elected(answer: &VoteResponse<u64>) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_vote(&answer.vote);
    bytes.put_flag(answer.vote_granted);
    bytes.put_maybe(answer.last_log_id.as_ref(), BytesMut::put_place);
    bytes.freeze()
}

/// What these bytes answer to who wants a vote.
pub fn elected(bytes: &[u8]) -> Result<VoteResponse<u64>, FormError> {
    form::whole(bytes, |reader| {
        let (vote, granted) = (reader.vote()?, reader.flag()?);
        Ok(VoteResponse::new(vote, reader.maybe(Reader::place)?, granted))
    })
}

/// Where a proposal went: the entry, and the proposal's place in it.
pub(crate) type Went = (u64, usize);

pub(crate) fn put_went((index, place): Went) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u64_le(index);
    bytes.put_u16_le(u16::try_from(place).expect("a group is bounded"));
    bytes.freeze()
}

/// Where these bytes say that a proposal went.
pub fn went(bytes: &[u8]) -> Result<Went, FormError> {
    form::whole(bytes, |reader| Ok((reader.u64()?, reader.u16()?.into())))
}

/// Up to where these bytes say that the cluster has agreed.
pub fn agreed(bytes: &[u8]) -> Result<u64, FormError> {
    form::whole(bytes, Reader::u64)
}

/// The head of a snapshot on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotHead {
    /// Whose leader sends it.
    pub vote: Vote,
    /// Up to where it goes.
    pub place: Option<LogId>,
    /// Who votes.
    pub members: StoredMembers,
}

impl SnapshotHead {
    /// As bytes.
    pub fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        bytes.put_slice(&[VERSION, 1]);
        bytes.put_vote(&self.vote);
        bytes.put_maybe(self.place.as_ref(), BytesMut::put_place);
        bytes.put_stored_members(&self.members);
        bytes.freeze()
    }

    /// Of bytes.
    ///
    /// # Errors
    /// If they are none.
    pub fn decode(bytes: &[u8]) -> Result<SnapshotHead, FormError> {
        form::whole(bytes, |reader| match head(reader)? {
            1 => {
                let (vote, place) = (reader.vote()?, reader.maybe(Reader::place)?);
                Ok(SnapshotHead { vote, place, members: reader.stored_members()? })
            }
            other => Err(FormError::Kind(other)),
        })
    }
}

pub(crate) fn put_vote(vote: &Vote) -> Bytes {
    form::bytes(|bytes| bytes.put_vote(vote)).into()
}

pub(crate) fn vote(bytes: &[u8]) -> Result<Vote, FormError> {
    form::whole(bytes, Reader::vote)
}

/// Who wants to follow, from an index on.
pub(crate) fn put_follow(from: Option<u64>) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_slice(&[VERSION, 1]);
    bytes.put_maybe(from.as_ref(), |bytes, from| bytes.put_u64_le(*from));
    bytes.freeze()
}

/// From which index on these bytes want to follow.
pub fn follow(bytes: &[u8]) -> Result<Option<u64>, FormError> {
    form::whole(bytes, |reader| match head(reader)? {
        1 => reader.maybe(Reader::u64),
        other => Err(FormError::Kind(other)),
    })
}

/// A group that was agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its entry.
    pub index: u64,
    /// The plan's revision after it.
    pub revision: Revision,
    /// What was proposed.
    pub group: Group,
}

/// A part of what comes to who follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Rows of a snapshot.
    Rows(Bytes),
    /// The snapshot is whole, and what follows begins at that index.
    Whole(u64),
    /// What was agreed on, and the index behind it.
    Changes(u64, Vec<Change>),
    /// Nothing new.
    Pulse {
        /// The index behind the last entry.
        next: u64,
        /// Whether the cluster can agree, as far as is known there.
        agrees: bool,
        /// Who votes.
        voters: Vec<NodeId>,
    },
}

impl Part {
    /// As bytes.
    pub fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        match self {
            Part::Rows(rows) => {
                bytes.put_u8(0);
                bytes.put_slice(rows);
            }
            Part::Whole(next) => {
                bytes.put_u8(1);
                bytes.put_u64_le(*next);
            }
            Part::Changes(next, changes) => {
                bytes.put_u8(2);
                bytes.put_u64_le(*next);
                bytes.put_u16_le(u16::try_from(changes.len()).expect("changes of a part are bounded"));
                for Change { index, revision, group } in changes {
                    bytes.put_u64_le(*index);
                    bytes.put_u64_le(revision.0);
                    bytes.put_u32_le(u32::try_from(group.0.len()).expect("a group is bounded"));
                    bytes.put_slice(&group.0);
                }
            }
            Part::Pulse { next, agrees, voters } => {
                bytes.put_u8(3);
                bytes.put_u64_le(*next);
                bytes.put_flag(*agrees);
                bytes.put_u8(u8::try_from(voters.len()).expect("voters are bounded"));
                voters.iter().for_each(|voter| bytes.put_u64_le(voter.0));
            }
        }
        bytes.freeze()
    }

    /// Of bytes.
    ///
    /// # Errors
    /// If they are none.
    pub fn decode(bytes: &[u8]) -> Result<Part, FormError> {
        let too_many = |what, found, most| Err(FormError::TooMany { what, found, most });
        form::whole(bytes, |reader| match reader.u8()? {
            0 => Ok(Part::Rows(Bytes::copy_from_slice(reader.rest()))),
            1 => Ok(Part::Whole(reader.u64()?)),
            2 => {
                let (next, found) = (reader.u64()?, usize::from(reader.u16()?));
                if found > MAX_GROUPED {
                    return too_many("changes", found, MAX_GROUPED);
                }
                let mut changes = Vec::new();
                for _ in 0..found {
                    let (index, revision) = (reader.u64()?, Revision(reader.u64()?));
                    let length = reader.u32()? as usize;
                    changes.push(Change { index, revision, group: Group::of_bytes(reader.bytes(length)?)? });
                }
                Ok(Part::Changes(next, changes))
            }
            3 => {
                let (next, agrees, found) = (reader.u64()?, reader.flag()?, usize::from(reader.u8()?));
                if found > MAX_SEATS {
                    return too_many("voters", found, MAX_SEATS);
                }
                let voters = (0..found).map(|_| reader.u64().map(NodeId)).collect::<Result<_, _>>()?;
                Ok(Part::Pulse { next, agrees, voters })
            }
            other => Err(FormError::Kind(other)),
        })
    }
}
