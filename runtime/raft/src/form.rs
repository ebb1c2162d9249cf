//! What lies in the log and goes from node to node, as bytes. All numbers have the lowest byte first.
//!
//! ```text
//! place     term u64, node u64, index u64
//! maybe     0, or 1 and what may be there
//! vote      term u64, node u64, whether a quorum has given it u8 (0 or 1)
//! seats     u8: how many; each a node u64 and its folder u128
//! members   u8: 1 set, or 2 while it changes from the first to the second; each u8: how many, and nodes u64; seats
//! entry     place; kind u8:
//!   0         nothing: a leader's first
//!   1         u32: how many bytes; a group
//!   2         members
//! ```
//!
//! Whatever says how many follow is refused beyond its limit before anything is taken for it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{BufMut, BytesMut};
use openraft::{CommittedLeaderId, EntryPayload, LeaderId};

use crate::limits::MAX_SEATS;
use crate::types::{Entry, Group, LogId, Members, Seat, StoredMembers, Vote};

/// The greatest index: there is always one behind it.
const MAX_INDEX: u64 = 1 << 62;

/// Why bytes are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// They end too early.
    #[error("it ends too early")]
    Short,
    /// Something follows.
    #[error("{0} bytes follow it")]
    Follows(usize),
    /// There is no such kind.
    #[error("it is of kind {0}, which this dag does not know")]
    Kind(u8),
    /// No log has so many entries.
    #[error("an entry {0}: no log has so many")]
    Index(u64),
    /// It is not said with which folder a node votes.
    #[error("voter {0} has no seat")]
    NoSeat(u64),
    /// Nobody would vote.
    #[error("a set of voters in which nobody is")]
    Nobody,
    /// There are too many.
    #[error("{found} {what}: at most {most} are taken")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        found: usize,
        /// The limit.
        most: usize,
    },
}

/// Reads from the front.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], FormError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(FormError::Short)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub fn u8(&mut self) -> Result<u8, FormError> {
        self.take().map(u8::from_le_bytes)
    }

    pub fn u16(&mut self) -> Result<u16, FormError> {
        self.take().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, FormError> {
        self.take().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, FormError> {
        self.take().map(u64::from_le_bytes)
    }

    fn u128(&mut self) -> Result<u128, FormError> {
        self.take().map(u128::from_le_bytes)
    }

    pub fn flag(&mut self) -> Result<bool, FormError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(FormError::Kind(other)),
        }
    }

    /// So many bytes.
    pub fn bytes(&mut self, length: usize) -> Result<&'a [u8], FormError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(FormError::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// Nothing may follow.
    pub fn end(&self) -> Result<(), FormError> {
        if self.0.is_empty() { Ok(()) } else { Err(FormError::Follows(self.0.len())) }
    }

    pub fn maybe<T>(&mut self, take: impl FnOnce(&mut Self) -> Result<T, FormError>) -> Result<Option<T>, FormError> {
        self.flag()?.then(|| take(self)).transpose()
    }

    pub fn place(&mut self) -> Result<LogId, FormError> {
        let (term, node, index) = (self.u64()?, self.u64()?, self.u64()?);
        if index > MAX_INDEX {
            return Err(FormError::Index(index));
        }
        Ok(LogId::new(CommittedLeaderId::new(term, node), index))
    }

    pub fn vote(&mut self) -> Result<Vote, FormError> {
        let leader_id = LeaderId::new(self.u64()?, self.u64()?);
        Ok(Vote { leader_id, committed: self.flag()? })
    }

    fn count(&mut self, what: &'static str, most: usize) -> Result<usize, FormError> {
        let found = usize::from(self.u8()?);
        if found > most { Err(FormError::TooMany { what, found, most }) } else { Ok(found) }
    }

    pub fn members(&mut self) -> Result<Members, FormError> {
        let mut sets = Vec::new();
        for _ in 0..self.count("sets of voters", 2)? {
            let count = self.count("voters", MAX_SEATS)?;
            sets.push((0..count).map(|_| self.u64()).collect::<Result<BTreeSet<_>, _>>()?);
        }
        let mut seats = BTreeMap::new();
        for _ in 0..self.count("seats", MAX_SEATS)? {
            seats.insert(self.u64()?, Seat { folder: self.u128()? });
        }
        match sets.iter().flatten().find(|voter| !seats.contains_key(*voter)) {
            Some(voter) => Err(FormError::NoSeat(*voter)),
            None => Ok(Members::new(sets, seats)),
        }
    }

    pub fn stored_members(&mut self) -> Result<StoredMembers, FormError> {
        let place = self.maybe(Reader::place)?;
        Ok(StoredMembers::new(place, self.members()?))
    }

    pub fn entry(&mut self) -> Result<Entry, FormError> {
        let log_id = self.place()?;
        let payload = match self.u8()? {
            0 => EntryPayload::Blank,
            1 => {
                let length = self.u32()? as usize;
                EntryPayload::Normal(Group::of_bytes(self.bytes(length)?)?)
            }
            2 => {
                let members = self.members()?;
                let sets = members.get_joint_config();
                if sets.is_empty() || sets.iter().any(|set| set.is_empty()) {
                    return Err(FormError::Nobody);
                }
                EntryPayload::Membership(members)
            }
            other => return Err(FormError::Kind(other)),
        };
        Ok(Entry { log_id, payload })
    }
}

/// Writes to the end.
pub(crate) trait Write: BufMut + Sized {
    fn put_flag(&mut self, flag: bool) {
        self.put_u8(u8::from(flag));
    }

    fn put_maybe<T>(&mut self, value: Option<&T>, put: impl FnOnce(&mut Self, &T)) {
        self.put_flag(value.is_some());
        if let Some(value) = value {
            put(self, value);
        }
    }

    fn put_place(&mut self, place: &LogId) {
        self.put_u64_le(place.leader_id.term);
        self.put_u64_le(place.leader_id.node_id);
        self.put_u64_le(place.index);
    }

    fn put_vote(&mut self, vote: &Vote) {
        self.put_u64_le(vote.leader_id.term);
        self.put_u64_le(vote.leader_id.node_id);
        self.put_flag(vote.committed);
    }

    fn put_count(&mut self, count: usize) {
        self.put_u8(u8::try_from(count).expect("seats are bounded"));
    }

    fn put_members(&mut self, members: &Members) {
        let sets = members.get_joint_config();
        self.put_count(sets.len());
        for set in sets {
            self.put_count(set.len());
            set.iter().for_each(|node| self.put_u64_le(*node));
        }
        self.put_count(members.nodes().count());
        for (node, seat) in members.nodes() {
            self.put_u64_le(*node);
            self.put_u128_le(seat.folder);
        }
    }

    fn put_stored_members(&mut self, members: &StoredMembers) {
        self.put_maybe(members.log_id().as_ref(), Self::put_place);
        self.put_members(members.membership());
    }

    fn put_entry(&mut self, entry: &Entry) {
        self.put_place(&entry.log_id);
        match &entry.payload {
            EntryPayload::Blank => self.put_u8(0),
            EntryPayload::Normal(group) => {
                self.put_u8(1);
                self.put_u32_le(u32::try_from(group.0.len()).expect("a group is bounded"));
                self.put_slice(&group.0);
            }
            EntryPayload::Membership(members) => {
                self.put_u8(2);
                self.put_members(members);
            }
        }
    }
}

impl Write for BytesMut {}
impl Write for Vec<u8> {}

/// Of one thing its bytes.
pub(crate) fn bytes(put: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes);
    bytes
}

/// All of some bytes as one thing.
pub(crate) fn whole<'a, T>(
    bytes: &'a [u8],
    take: impl FnOnce(&mut Reader<'a>) -> Result<T, FormError>,
) -> Result<T, FormError> {
    let mut reader = Reader::new(bytes);
    let taken = take(&mut reader)?;
    reader.end()?;
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_lies_as_it_is_drawn() {
        let place = LogId::new(CommittedLeaderId::new(3, 7), 0x0102);
        let members = Members::new(vec![[7].into()], BTreeMap::from([(7, Seat { folder: 9 })]));
        let entry = Entry { log_id: place, payload: EntryPayload::Membership(members) };
        let drawn = [
            &[3, 0, 0, 0, 0, 0, 0, 0][..], // term
            &[7, 0, 0, 0, 0, 0, 0, 0],     // node
            &[2, 1, 0, 0, 0, 0, 0, 0],     // index
            &[2],                          // members
            &[1, 1],                       // one set of one
            &[7, 0, 0, 0, 0, 0, 0, 0],
            &[1], // one seat
            &[7, 0, 0, 0, 0, 0, 0, 0],
            &[9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ]
        .concat();
        assert_eq!(bytes(|bytes| bytes.put_entry(&entry)), drawn);
        assert_eq!(whole(&drawn, Reader::entry), Ok(entry));
        assert_eq!(whole(&drawn[..drawn.len() - 1], Reader::entry), Err(FormError::Short));
    }

    #[test]
    fn a_group_lies_as_it_is_drawn() {
        let group = Group::of(&["ab".into(), "c".into()]);
        assert_eq!(&*group.0, b"\x02\0\x02\0\0\0ab\x01\0\0\0c");
        assert_eq!(Group::of_bytes(&group.0), Ok(group));
        assert_eq!(Group::of_bytes(b"\x01\0\x02\0\0\0a"), Err(FormError::Short));
        assert_eq!(Group::of_bytes(b"\x01\0\x01\0\0\0abc"), Err(FormError::Follows(2)));
        assert!(matches!(Group::of_bytes(b"\xff\xff"), Err(FormError::TooMany { .. })));
        assert!(matches!(Group::of_bytes(b"\x01\0\xff\xff\xff\xff"), Err(FormError::TooMany { .. })));
    }
}
