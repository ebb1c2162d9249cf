//! A plan as rows: one for each entity that has content of its own, as tables keep them and snapshots carry them.
//!
//! A row's value is the entity's content in postcard. The index is not kept: it follows. As one run of bytes, a *snapshot*, version 2:
//!
//! ```text
//! bytes 0-3    "dagL"
//! byte 4       version (2)
//! then         rows, the first of them the counters, the others in the order of their entities; each
//!                length   u32, little-endian: the bytes of the row that follow
//!                key      in postcard: 0 for the counters, 1 and the entity for any other
//!                value    in postcard
//! ```
//!
//! So it can be written and taken in piece by piece. A row has at most [`MAX_ROW`] bytes.

use dag_model::IncarnationId;
use serde::Serialize;

use super::Plan;
use crate::entity::Entity;
use crate::incarnation::LogId;

/// The most bytes of a row: an incarnation with as many skipped records as it may have.
pub const MAX_ROW: usize = 64 << 20;

const MAGIC: &[u8; 5] = b"dagL\x02";

/// What a row is of; none for the counters.
pub type Key = Option<Entity>;

/// Why a row or a snapshot cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// It is not what a plan of this version has.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// There is no such content.
    #[error("{0} has no content of its own")]
    Virtual(Entity),
    /// It reads what is not older.
    #[error("incarnation {id} reads incarnation {input}, which is not older")]
    Circle {
        /// The incarnation.
        id: IncarnationId,
        /// Its input.
        input: IncarnationId,
    },
    /// It is no snapshot of a plan that this version reads.
    #[error("it is no snapshot of a plan that this dag reads")]
    Snapshot,
    /// A row is too large.
    #[error("a row has at most {MAX_ROW} bytes, this one has {0}")]
    Row(usize),
}

impl From<postcard::Error> for RowError {
    fn from(error: postcard::Error) -> RowError {
        RowError::Damaged(error.to_string())
    }
}

fn bytes(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("what a plan has are plain values")
}

impl Plan {
    /// An entity's row; none where it is not there or has no content of its own.
    pub fn row(&self, key: &Key) -> Option<Vec<u8>> {
        Some(match key {
            None => bytes(&self.counters),
            Some(Entity::Node(id)) => bytes(self.nodes.get(id)?),
            Some(Entity::Stream(id)) => bytes(&**self.streams.get(id)?),
            Some(Entity::Deployment(order)) => bytes(&**self.deployments.get(order)?),
            Some(Entity::Limits(digest)) => bytes(&**self.limits.get(digest)?),
            Some(Entity::Incarnation(id)) => bytes(&**self.incarnations.get(id)?),
            Some(Entity::Policy(name)) => bytes(self.policies.get(name)?),
            Some(Entity::Cursor(name)) => bytes(&**self.cursors.get(name)?),
            Some(Entity::Moved(id)) => bytes(self.moved.get(id)?),
            Some(Entity::Token(digest)) => bytes(&**self.tokens.get(digest)?),
            Some(Entity::Name(_) | Entity::Component(_) | Entity::Expression(_)) => return None,
        })
    }

    /// Takes a row in, as of a plan that is put together from its rows, whatever their order.
    ///
    /// # Errors
    /// If it is not what a plan has; it stays as it was.
    pub fn take_row(&mut self, key: Key, value: &[u8]) -> Result<(), RowError> {
        let Some(entity) = key else {
            self.counters = postcard::from_bytes(value)?;
            return Ok(());
        };
        match entity {
            Entity::Node(id) => self.put_node(id, postcard::from_bytes(value)?),
            Entity::Stream(id) => self.put_stream(id, Some(postcard::from_bytes(value)?)),
            Entity::Deployment(order) => self.put_deployment(order, Some(postcard::from_bytes(value)?)),
            Entity::Limits(digest) => self.put_limits(digest, Some(postcard::from_bytes(value)?)),
            Entity::Incarnation(id) => self.take_incarnation(id, value)?,
            Entity::Policy(name) => self.put_policy(name, postcard::from_bytes(value)?),
            Entity::Cursor(name) => {
                let cursor: crate::cursor::Cursor = postcard::from_bytes(value)?;
                if cursor.place.legs.is_empty() {
                    return Err(RowError::Damaged("it is nowhere".to_owned()));
                }
                self.put_cursor(&name, Some(cursor));
            }
            Entity::Moved(id) => self.put_moved(id, postcard::from_bytes(value)?),
            Entity::Token(digest) => self.put_token(digest, Some(postcard::from_bytes(value)?)),
            Entity::Name(_) | Entity::Component(_) | Entity::Expression(_) => return Err(RowError::Virtual(entity)),
        }
        Ok(())
    }

    fn take_incarnation(&mut self, id: IncarnationId, value: &[u8]) -> Result<(), RowError> {
        let course: crate::course::Course = postcard::from_bytes(value)?;
        let record = &course.record;
        if record.id != id || record.ran.is_empty() || record.inputs.iter().any(|input| input.legs.is_empty()) {
            return Err(RowError::Damaged(format!("it is no record of incarnation {id}")));
        }
        let circle = course.record.logs().find_map(|log| match log {
            LogId::Derived(input) if *input >= id => Some(*input),
            _ => None,
        });
        if let Some(input) = circle {
            return Err(RowError::Circle { id, input });
        }
        self.put_course(id, Some(course));
        Ok(())
    }

    /// What there are rows of, the counters first, the others in their order.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        let counters = std::iter::once(None);
        let nodes = self.nodes.keys().map(|id| Entity::Node(*id));
        let streams = self.streams.keys().map(|id| Entity::Stream(*id));
        let deployments = self.deployments.keys().map(|order| Entity::Deployment(*order));
        let limits = self.limits.keys().map(|digest| Entity::Limits(*digest));
        let incarnations = self.incarnations.keys().map(|id| Entity::Incarnation(*id));
        let policies = self.policies.keys().cloned().map(Entity::Policy);
        let cursors = self.cursors.keys().cloned().map(Entity::Cursor);
        let moved = self.moved.keys().map(|id| Entity::Moved(*id));
        let tokens = self.tokens.keys().map(|digest| Entity::Token(*digest));
        let entities = nodes.chain(streams).chain(deployments).chain(limits).chain(incarnations);
        counters.chain(entities.chain(policies).chain(cursors).chain(moved).chain(tokens).map(Some))
    }

    /// The plan as a snapshot, in pieces of one row each; the first has what it begins with, too.
    pub fn snapshot(&self) -> impl Iterator<Item = Vec<u8>> {
        let piece = |(place, key): (usize, Key)| {
            let mut row = bytes(&key);
            row.extend(self.row(&key).expect("there is a row of each key"));
            let mut piece = if place == 0 { MAGIC.to_vec() } else { Vec::new() };
            piece.extend(u32::try_from(row.len()).expect("a row is bounded").to_le_bytes());
            piece.extend(row);
            piece
        };
        self.keys().enumerate().map(piece)
    }

    /// The plan of a snapshot.
    ///
    /// # Errors
    /// If it is damaged, or of another version.
    pub fn of_snapshot(snapshot: &[u8]) -> Result<Plan, RowError> {
        let mut arriving = Arriving::default();
        arriving.take(snapshot)?;
        arriving.whole()
    }
}

/// A plan that comes as a snapshot, in pieces of whole rows.
///
/// ```
/// # use dag_plan::plan::{Plan, rows::Arriving};
/// let mut arriving = Arriving::default();
/// for piece in Plan::default().snapshot() {
///     arriving.take(&piece)?;
/// }
/// assert_eq!(arriving.whole()?.revision().0, 0);
/// # Ok::<_, dag_plan::plan::rows::RowError>(())
/// ```
#[derive(Default)]
pub struct Arriving {
    plan: Plan,
    begun: bool,
    counted: bool,
}

impl Arriving {
    /// Takes the next piece.
    ///
    /// # Errors
    /// If it is damaged, or of another version.
    pub fn take(&mut self, piece: &[u8]) -> Result<(), RowError> {
        let mut left = piece;
        if !std::mem::replace(&mut self.begun, true) {
            left = left.strip_prefix(MAGIC).ok_or(RowError::Snapshot)?;
        }
        while !left.is_empty() {
            let (length, rest) = left.split_first_chunk().ok_or(RowError::Snapshot)?;
            let length = u32::from_le_bytes(*length) as usize;
            if length > MAX_ROW {
                return Err(RowError::Row(length));
            }
            let (row, rest) = rest.split_at_checked(length).ok_or(RowError::Snapshot)?;
            let (key, value) = postcard::take_from_bytes::<Key>(row)?;
            self.counted |= key.is_none();
            self.plan.take_row(key, value)?;
            left = rest;
        }
        Ok(())
    }

    /// The plan, once all has come.
    ///
    /// # Errors
    /// If it cannot be all.
    pub fn whole(self) -> Result<Plan, RowError> {
        if self.counted { Ok(self.plan) } else { Err(RowError::Snapshot) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Counters;

    #[test]
    fn what_is_not_given_yet_is_in_the_first_row() {
        let plan = Plan { counters: Counters { stream: 7, ..Counters::default() }, ..Plan::default() };
        let bytes: Vec<u8> = plan.snapshot().flatten().collect();
        assert_eq!(bytes, [&b"dagL\x02"[..], &[5, 0, 0, 0], &[0, 0, 7, 1, 1]].concat());
        assert_eq!(Plan::of_snapshot(&bytes).map(|plan| plan.counters()), Ok(plan.counters()));
        assert_eq!(Plan::of_snapshot(b"dagL\x03").map(drop), Err(RowError::Snapshot));
    }
}
