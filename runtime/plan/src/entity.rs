//! Entities: what of a plan can be looked at and changed by itself, and the revisions that say whether it has.

use std::fmt;

use dag_model::{Digest, IncarnationId, NodeId, StreamId};
use serde::{Deserialize, Serialize};

/// How many proposals a plan had taken in, counting those that changed something; 0 for what is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What of a plan can be looked at and changed by itself. Persisted in proposals and snapshots: the order of the variants.
///
/// A name, an expression and a component are there as long as something has them, and are as old as the newest of that: who decides on
/// their absence decides on revision 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Entity {
    /// A node, and which of its starts counts.
    Node(NodeId),
    /// A stream that is published to or holds what others have skipped.
    Stream(StreamId),
    /// Its name.
    Name(String),
    /// That a component became current; by its place among all that ever did.
    Deployment(u64),
    /// All versions of the component of that name.
    Component(String),
    /// What deployments said of what a component may use.
    Limits(Digest),
    /// One run of a computation.
    Incarnation(IncarnationId),
    /// All incarnations of the derived stream of that canonical name.
    Expression(String),
    /// What the derived stream of that canonical name does with a record on which its operator fails.
    Policy(String),
    /// The cursor of that name.
    Cursor(String),
    /// Where the incarnation went that had this number in the data that this is a copy of.
    Moved(IncarnationId),
    /// The token whose secret has that digest.
    Token(Digest),
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entity::Node(id) => write!(f, "node {id}"),
            Entity::Stream(id) => write!(f, "stream number {id}"),
            Entity::Name(name) => write!(f, "stream `{name}`"),
            Entity::Deployment(order) => write!(f, "deployment {order}"),
            Entity::Component(name) => write!(f, "component `{name}`"),
            Entity::Limits(digest) => write!(f, "the limits of component {digest:#}"),
            Entity::Incarnation(id) => write!(f, "incarnation {id}"),
            Entity::Expression(name) => write!(f, "`{name}`"),
            Entity::Policy(name) => write!(f, "the policy of `{name}`"),
            Entity::Cursor(name) => write!(f, "cursor `{name}`"),
            Entity::Moved(id) => write!(f, "the former incarnation {id}"),
            Entity::Token(digest) => write!(f, "token {digest:#}"),
        }
    }
}
