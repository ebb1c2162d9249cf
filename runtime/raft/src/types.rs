//! What Raft is told of: who votes, what is agreed on, what comes of it.

use bytes::{BufMut, Bytes, BytesMut};
use dag_plan::{Applied, Plan, Proposal, ProposalError, Refusal};

use crate::form::{FormError, Reader};
use crate::limits::{MAX_GROUP, MAX_GROUPED, MAX_PROPOSAL};

openraft::declare_raft_types!(
    /// Raft over plans.
    pub Types:
        D = Group,
        R = Answers,
        NodeId = u64,
        Node = Seat,
        Entry = openraft::Entry<Types>,
        SnapshotData = Plan,
        AsyncRuntime = openraft::TokioRuntime
);

/// A place in the log.
pub type LogId = openraft::LogId<u64>;
/// A promise.
pub type Vote = openraft::Vote<u64>;
/// An entry of the log.
pub type Entry = openraft::Entry<Types>;
/// Who votes, and who learns so as to vote.
pub type Members = openraft::Membership<u64, Seat>;
/// The same with the place where it was agreed on.
pub type StoredMembers = openraft::StoredMembership<u64, Seat>;
/// What cannot be written or read any more.
pub type StorageError = openraft::StorageError<u64>;

/// To whom a vote belongs: a node with that folder of data, and with no other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seat {
    /// The number of the folder.
    pub folder: u128,
}

/// Proposals that share an entry; each is applied or refused by itself. As bytes:
///
/// ```text
/// u16   how many
/// then  of each its length, u32, and the proposal as the plan draws it
/// ```
///
/// All numbers have the lowest byte first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group(pub(crate) Bytes);

/// What became of the proposals of a group, in their order; of what is no group there is nothing to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers(pub(crate) Vec<Result<Applied, Refusal>>);

impl Answers {
    /// What became of each.
    pub fn each(&self) -> impl Iterator<Item = &Result<Applied, Refusal>> {
        self.0.iter()
    }
}

impl Group {
    /// A group of these.
    ///
    /// # Errors
    /// If one of them is too large.
    ///
    /// # Panics
    /// If they are more than a group takes.
    pub fn encode<'a>(proposals: impl IntoIterator<Item = &'a Proposal>) -> Result<Group, ProposalError> {
        let proposals = proposals.into_iter().map(|proposal| proposal.encode().map(Bytes::from));
        Ok(Group::of(&proposals.collect::<Result<Vec<_>, _>>()?))
    }

    /// A group of what was encoded.
    ///
    /// # Panics
    /// If it is more than a group takes.
    pub(crate) fn of(proposals: &[Bytes]) -> Group {
        let length = proposals.iter().map(|proposal| 4 + proposal.len()).sum::<usize>();
        let mut bytes = BytesMut::with_capacity(2 + length);
        bytes.put_u16_le(u16::try_from(proposals.len()).expect("a group is bounded"));
        for proposal in proposals {
            bytes.put_u32_le(u32::try_from(proposal.len()).expect("proposals are bounded"));
            bytes.put_slice(proposal);
        }
        assert!(proposals.len() <= MAX_GROUPED && bytes.len() <= MAX_GROUP, "a group is bounded");
        Group(bytes.freeze())
    }

    /// A group of bytes that came from elsewhere. Its proposals are looked at when they are applied.
    ///
    /// # Errors
    /// If they are none.
    pub fn of_bytes(bytes: &[u8]) -> Result<Group, FormError> {
        if bytes.len() > MAX_GROUP {
            return Err(FormError::TooMany { what: "bytes of a group", found: bytes.len(), most: MAX_GROUP });
        }
        let group = Group(Bytes::copy_from_slice(bytes));
        group.each().try_for_each(|proposal| proposal.map(drop))?;
        Ok(group)
    }

    /// The proposals, each as bytes.
    fn each(&self) -> impl Iterator<Item = Result<&[u8], FormError>> {
        let mut reader = Reader::new(&self.0);
        let count = reader.u16().map(usize::from).and_then(|count| match count {
            count if count > MAX_GROUPED => {
                Err(FormError::TooMany { what: "proposals of a group", found: count, most: MAX_GROUPED })
            }
            count => Ok(count),
        });
        let (count, error) = count.map_or_else(|error| (0, Some(error)), |count| (count, None));
        let mut left = count + 1;
        let each = std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            if left == 0 {
                return reader.end().err().map(Err);
            }
            Some(reader.u32().and_then(|length| match length as usize {
                length if length > MAX_PROPOSAL => {
                    Err(FormError::TooMany { what: "bytes of a proposal", found: length, most: MAX_PROPOSAL })
                }
                length => reader.bytes(length),
            }))
        });
        error.map(Err).into_iter().chain(each)
    }

    /// The proposals.
    ///
    /// # Errors
    /// If one is damaged, or of a version that this node does not read.
    pub(crate) fn proposals(&self) -> impl Iterator<Item = Result<Proposal, String>> {
        self.each().map(|bytes| {
            let bytes = bytes.map_err(|error| error.to_string())?;
            Proposal::decode(bytes).map_err(|error| error.to_string())
        })
    }
}
