//! Applying a proposal: the only way in which a plan changes.
//!
//! Total and deterministic: the same plan and the same proposal give the same plan and the same answer, on whatever node, whenever. It
//! reads no clock, asks nobody, and refuses by its answer. A refused proposal leaves the plan as it was.

mod components;
mod cursors;
mod incarnations;
mod streams;
mod tokens;

use std::collections::BTreeSet;

use dag_model::{IncarnationId, NodeId, Position, StreamId, Timestamp};

use crate::change::{Change, Proposal};
use crate::cursor::NotRead;
use crate::entity::{Entity, Revision};
use crate::plan::{Node, Plan};
pub use components::MAX_DEPLOYMENTS;
pub use cursors::MAX_CURSORS;
pub use incarnations::{MAX_SKIPPED, MAX_TURNS};
pub use streams::{MAX_POLICIES, MAX_STREAMS};
pub use tokens::MAX_TOKENS;

/// What a proposal came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The plan's revision since then; as before where nothing has changed.
    pub revision: Revision,
    /// What each change was given, in their order.
    pub given: Vec<Given>,
    /// What has changed. What is wanted of a node is asked of these.
    pub touched: BTreeSet<Entity>,
}

/// What a change was given by the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// Nothing.
    Nothing,
    /// A stream's number.
    Stream(StreamId),
    /// A stream's epoch.
    Epoch(u64),
    /// An incarnation's number.
    Incarnation(IncarnationId),
    /// A reader's number.
    Reader(u64),
    /// The revision that a mark names.
    Mark(Revision),
}

/// Why a proposal is not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What it was decided on has changed: it is to be decided again, on a plan of this revision or a later one.
    #[error("{entity} has changed meanwhile")]
    Stale {
        /// What has changed.
        entity: Entity,
        /// The plan's revision.
        revision: Revision,
    },
    /// What it speaks of is not there.
    #[error("there is no {0}")]
    Missing(Entity),
    /// What it would make is there already.
    #[error("{0} is there already")]
    Exists(Entity),
    /// An incarnation is not live, or not in a state from which it could become so.
    #[error("incarnation {0} is not in that state any more")]
    State(IncarnationId),
    /// Something live uses what would be removed.
    #[error("{what} is used by incarnation {by}")]
    Used {
        /// What would be removed.
        what: Entity,
        /// What uses it.
        by: IncarnationId,
    },
    /// It is of a start of the node that does not count.
    #[error("node {0} has started anew")]
    Boot(NodeId),
    /// A change names another one that is not before it, or begins no incarnation.
    #[error("a change names change {0}, which begins no incarnation before it")]
    Place(u32),
    /// An incarnation would read nothing.
    #[error("an incarnation of `{0}` would read nothing")]
    Inputs(String),
    /// There are as many as there may be.
    #[error("there are {most} {what}, which is the limit")]
    Full {
        /// Of what.
        what: &'static str,
        /// The limit.
        most: usize,
    },
    /// A cursor belongs to another stream.
    #[error("cursor `{cursor}` belongs to `{stream}`")]
    Belongs {
        /// The cursor.
        cursor: String,
        /// Its stream.
        stream: String,
    },
    /// A newer reader has the cursor.
    #[error("cursor `{cursor}` was taken over by a newer reader, at {since}")]
    TakenOver {
        /// The cursor.
        cursor: String,
        /// When.
        since: Timestamp,
    },
    /// What was acknowledged cannot have been read.
    #[error("cursor `{cursor}`: {} is not a position of what it reads", position)]
    NotRead {
        /// The cursor.
        cursor: String,
        /// What was acknowledged.
        position: Position,
    },
    /// A place names no log.
    #[error("cursor `{0}` would be nowhere")]
    Nowhere(String),
}

/// Applies a proposal as a whole, or refuses it.
///
/// # Errors
/// Why it is refused; the plan is as it was.
pub fn apply(plan: &mut Plan, proposal: &Proposal) -> Result<Applied, Refusal> {
    for (entity, revision) in &proposal.on {
        if plan.revision_of(entity) != *revision {
            return Err(Refusal::Stale { entity: entity.clone(), revision: plan.revision() });
        }
    }
    let mut step = Step::on(plan);
    for change in &proposal.changes {
        let given = step.change(change)?;
        step.given.push(given);
    }
    step.let_unused_linger();
    let Step { plan: mut next, given, touched, revision, .. } = step;
    if touched.is_empty() {
        return Ok(Applied { revision: plan.revision(), given, touched });
    }
    next.counters.revision = revision;
    *plan = next;
    Ok(Applied { revision: plan.revision(), given, touched })
}

/// A proposal on its way.
struct Step {
    /// The plan as the changes so far have made it.
    plan: Plan,
    /// The revision that the plan will have.
    revision: Revision,
    given: Vec<Given>,
    touched: BTreeSet<Entity>,
    /// The incarnations that have begun or go on since.
    started: Vec<IncarnationId>,
}

impl Step {
    fn on(plan: &Plan) -> Step {
        let revision = Revision(plan.revision().0 + 1);
        Step { plan: plan.clone(), revision, given: Vec::new(), touched: BTreeSet::new(), started: Vec::new() }
    }

    fn change(&mut self, change: &Change) -> Result<Given, Refusal> {
        match change {
            Change::Up { node, boot } => self.up(*node, *boot)?,
            Change::Create { name, origin, settings } => return self.create(name, origin, settings),
            Change::Made { stream } => self.made(*stream)?,
            Change::Alter { stream, settings } => self.alter(*stream, settings)?,
            Change::BeginEpoch { stream, lost } => return self.begin_epoch(*stream, lost.as_deref()),
            Change::Remove { stream } => self.remove(*stream)?,
            Change::Deploy { digest, named, how, at } => self.deploy(*digest, named, *how, *at)?,
            Change::Name { digest, named } => self.name(*digest, named)?,
            Change::Limit { digest, settings } => self.limit(*digest, settings)?,
            Change::Undeploy { digest } => self.undeploy(*digest)?,
            Change::Begin(draft) => return self.begin(draft),
            Change::Resume(id) => self.resume(*id)?,
            Change::Hold { incarnation, node, boot, number, held } => {
                let id = self.which(*incarnation)?;
                let hold = crate::course::Hold { boot: *boot, number: *number, held: *held };
                self.hold(id, *node, hold)?;
            }
            Change::Elapsed { incarnation, idle } => self.elapsed(*incarnation, *idle)?,
            Change::End { incarnation, how } => self.end_as(*incarnation, how)?,
            Change::Switch { incarnation, mark, to } => self.switch(*incarnation, *mark, to.as_ref())?,
            Change::Skip { incarnation, record } => self.skip(*incarnation, record)?,
            Change::Forget(id) => self.forget(*id)?,
            Change::Policy { stream, skip } => self.policy(stream, *skip)?,
            Change::Read { cursor, stream, source, reader, after, place, at } => {
                let reading = cursors::Reading { stream, source: *source, reader: *reader, after: *after, place };
                return self.read(cursor, &reading, *at);
            }
            Change::Acknowledge { cursor, reader, after, at } => self.acknowledge(cursor, *reader, *after, *at)?,
            Change::Reset { cursor, place, at } => return self.reset(cursor, place, *at),
            Change::Delete { cursor } => self.delete(cursor)?,
            Change::Lose { incarnation, why } => self.lose_input(*incarnation, why)?,
            Change::Turn { to, least, moves } => return Ok(self.turn(*to, *least, moves)),
            Change::Grant { token, name, used, at, expires } => self.grant(*token, name, used, *at, *expires)?,
            Change::Revoke { token } => self.revoke(*token)?,
        }
        Ok(Given::Nothing)
    }

    /// A node has started. What only its former start has held is not computed any more, for there is nobody who reads it.
    fn up(&mut self, id: NodeId, boot: u64) -> Result<(), Refusal> {
        if self.plan.node(id).is_some_and(|node| node.boot >= boot) {
            return Err(Refusal::Boot(id));
        }
        self.plan.put_node(id, Node { boot, revision: self.revision });
        self.touched.insert(Entity::Node(id));
        self.let_go_all(id);
        Ok(())
    }
}

impl From<(&str, NotRead)> for Refusal {
    fn from((cursor, NotRead(position)): (&str, NotRead)) -> Refusal {
        Refusal::NotRead { cursor: cursor.to_owned(), position }
    }
}
