//! The plan: all that a node or a cluster knows and must not forget, as one value.
//!
//! A copy costs nothing: what two plans have in common, they share. It changes by [`apply`](crate::apply::apply) only.

mod index;
pub mod rows;

use std::collections::BTreeSet;
use std::sync::Arc;

use dag_model::{Digest, IncarnationId, NodeId, StreamId};
use rpds::{RedBlackTreeMapSync as Map, RedBlackTreeSetSync as Set};
use serde::{Deserialize, Serialize};

use crate::component::{Deployment, How, SaidLimits};
use crate::course::Course;
use crate::cursor::Cursor;
use crate::entity::{Entity, Revision};
use crate::incarnation::LogId;
use crate::stream::SourceStream;
use crate::token::Token;
use index::Index;

/// The numbers that are given next, none of which has ever been given. Persisted: the order of the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// How many proposals have changed something, or more where a log had a mark of a greater revision.
    pub revision: Revision,
    /// The next stream's number.
    pub stream: u64,
    /// The next incarnation's number.
    pub incarnation: u64,
    /// The next deployment's place.
    pub deployment: u64,
}

impl Default for Counters {
    fn default() -> Counters {
        Counters { revision: Revision(0), stream: 1, incarnation: 1, deployment: 1 }
    }
}

/// A node and the start of it that counts. Persisted: the order of the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The number of its start.
    pub boot: u64,
    /// When it started.
    pub revision: Revision,
}

/// What a derived stream does with a record on which its operator fails. Persisted: the order of the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Whether it skips such records; else it stops.
    pub skip: bool,
    /// When that was said.
    pub revision: Revision,
}

/// Where an incarnation went that had another number in the data that this is a copy of. Persisted: the order of the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Its number now.
    pub id: IncarnationId,
    /// How many records of it the copy held.
    pub end: u64,
}

/// All that lasts, and how to find it.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub(crate) counters: Counters,
    nodes: Map<NodeId, Node>,
    streams: Map<StreamId, Arc<SourceStream>>,
    deployments: Map<u64, Arc<Deployment>>,
    limits: Map<Digest, Arc<SaidLimits>>,
    incarnations: Map<IncarnationId, Arc<Course>>,
    policies: Map<String, Policy>,
    cursors: Map<String, Arc<Cursor>>,
    moved: Map<IncarnationId, Moved>,
    tokens: Map<Digest, Arc<Token>>,
    index: Index,
}

impl Plan {
    /// The number of the last proposal that has changed something, which rises with each.
    pub fn revision(&self) -> Revision {
        self.counters.revision
    }

    /// The numbers that are given next.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// When an entity last changed; 0 if it is not there.
    pub fn revision_of(&self, entity: &Entity) -> Revision {
        let revision = match entity {
            Entity::Node(id) => self.nodes.get(id).map(|node| node.revision),
            Entity::Stream(id) => self.streams.get(id).map(|stream| stream.revision),
            Entity::Name(name) => self.stream_named(name).map(|(_, stream)| stream.revision),
            Entity::Deployment(order) => self.deployments.get(order).map(|deployment| deployment.revision),
            Entity::Component(name) => self.deployments_of(name).map(|(_, deployment)| deployment.revision).max(),
            Entity::Limits(digest) => self.limits.get(digest).map(|limits| limits.revision),
            Entity::Incarnation(id) => self.incarnations.get(id).map(|course| course.revision),
            Entity::Expression(name) => self.incarnations_of(name).map(|(_, course)| course.revision).max(),
            Entity::Policy(name) => self.policies.get(name).map(|policy| policy.revision),
            Entity::Cursor(name) => self.cursors.get(name).map(|cursor| cursor.revision),
            Entity::Token(digest) => self.tokens.get(digest).map(|token| token.revision),
            // It is there from before the first proposal, and never changes.
            Entity::Moved(_) => None,
        };
        revision.unwrap_or_default()
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> Option<Node> {
        self.nodes.get(&id).copied()
    }

    /// All nodes, by number.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, Node)> {
        self.nodes.iter().map(|(id, node)| (*id, *node))
    }

    /// A stream.
    pub fn stream(&self, id: StreamId) -> Option<&Arc<SourceStream>> {
        self.streams.get(&id)
    }

    /// The stream of that name.
    pub fn stream_named(&self, name: &str) -> Option<(StreamId, &Arc<SourceStream>)> {
        let id = *self.index.names.get(name)?;
        self.streams.get(&id).map(|stream| (id, stream))
    }

    /// All streams, by number.
    pub fn streams(&self) -> impl Iterator<Item = (StreamId, &Arc<SourceStream>)> {
        self.streams.iter().map(|(id, stream)| (*id, stream))
    }

    /// How many streams there are.
    pub fn streams_len(&self) -> usize {
        self.streams.size()
    }

    /// All that became current, in that order, and its place in it.
    pub fn deployments(&self) -> impl Iterator<Item = (u64, &Arc<Deployment>)> {
        self.deployments.iter().map(|(order, deployment)| (*order, deployment))
    }

    /// How many there are.
    pub(crate) fn deployments_len(&self) -> usize {
        self.deployments.size()
    }

    /// What became current of a component, in that order.
    pub fn deployments_of(&self, component: &str) -> impl Iterator<Item = (u64, &Arc<Deployment>)> {
        let orders = self.index.components.get(component).into_iter().flat_map(Set::iter);
        orders.filter_map(|order| self.deployments.get(order).map(|deployment| (*order, deployment)))
    }

    /// Whether somebody has made another version current since that one was. A newer one that only came with the binary does not
    /// count: what ran before keeps its version through a restart.
    pub fn superseded(&self, digest: Digest) -> bool {
        let orders = self.index.digests.get(&digest).into_iter().flat_map(Set::iter);
        let Some((last, named)) =
            orders.last().and_then(|last| Some((*last, self.deployments.get(last)?.named.as_ref()?)))
        else {
            return false;
        };
        let later = self.deployments_of(&named.component).filter(|(order, _)| *order > last);
        later.into_iter().any(|(_, deployment)| deployment.how != How::Embedded)
    }

    /// What deployments of a component said of what its instances may use.
    pub fn limits(&self, digest: Digest) -> Option<&Arc<SaidLimits>> {
        self.limits.get(&digest)
    }

    /// That of all components, by digest.
    pub fn all_limits(&self) -> impl Iterator<Item = (Digest, &Arc<SaidLimits>)> {
        self.limits.iter().map(|(digest, limits)| (*digest, limits))
    }

    /// An incarnation.
    pub fn incarnation(&self, id: IncarnationId) -> Option<&Arc<Course>> {
        self.incarnations.get(&id)
    }

    /// All incarnations, by number.
    pub fn incarnations(&self) -> impl Iterator<Item = (IncarnationId, &Arc<Course>)> {
        self.incarnations.iter().map(|(id, course)| (*id, course))
    }

    /// The incarnations of a derived stream, by number.
    pub fn incarnations_of(&self, stream: &str) -> impl Iterator<Item = (IncarnationId, &Arc<Course>)> {
        self.found(self.index.expressions.get(stream))
    }

    /// The live incarnations, by number.
    pub fn live(&self) -> impl Iterator<Item = (IncarnationId, &Arc<Course>)> {
        self.found(Some(&self.index.live))
    }

    /// The live incarnations that nobody uses, and since when.
    pub fn idle(&self) -> impl Iterator<Item = (IncarnationId, Revision)> {
        self.index.idle.iter().map(|(id, since)| (*id, *since))
    }

    /// The live incarnations that read a log.
    pub fn reading(&self, log: &LogId) -> impl Iterator<Item = (IncarnationId, &Arc<Course>)> {
        self.found(self.index.reading.get(log))
    }

    /// All incarnations that read a log, also those that are not live.
    pub fn readers(&self, log: &LogId) -> impl Iterator<Item = (IncarnationId, &Arc<Course>)> {
        self.found(self.index.readers.get(log))
    }

    /// Whether a live incarnation reads it.
    pub fn is_read(&self, id: IncarnationId) -> bool {
        self.reading(&LogId::Derived(id)).next().is_some()
    }

    /// A live incarnation and the live ones that read it, directly or not; each after those that it reads.
    pub fn dependents(&self, id: IncarnationId) -> Vec<IncarnationId> {
        closure(id, |id| self.reading(&LogId::Derived(id)).map(|(id, _)| id).collect())
    }

    /// An incarnation and all that read it, directly or not; each after those that it reads.
    pub fn all_dependents(&self, id: IncarnationId) -> Vec<IncarnationId> {
        closure(id, |id| self.readers(&LogId::Derived(id)).map(|(id, _)| id).collect())
    }

    /// The incarnations that a node holds.
    pub fn held(&self, node: NodeId) -> impl Iterator<Item = (IncarnationId, &Arc<Course>)> {
        self.found(self.index.held.get(&node))
    }

    /// What a derived stream does with a record on which its operator fails; none where nobody has said.
    pub fn policy(&self, stream: &str) -> Option<Policy> {
        self.policies.get(stream).copied()
    }

    /// How many derived streams have a policy.
    pub fn policies_len(&self) -> usize {
        self.policies.size()
    }

    /// A cursor.
    pub fn cursor(&self, name: &str) -> Option<&Arc<Cursor>> {
        self.cursors.get(name)
    }

    /// All cursors, by name.
    pub fn cursors(&self) -> impl Iterator<Item = (&str, &Arc<Cursor>)> {
        self.cursors.iter().map(|(name, cursor)| (name.as_str(), cursor))
    }

    /// How many cursors there are.
    pub fn cursors_len(&self) -> usize {
        self.cursors.size()
    }

    /// The cursors that are in a source's log.
    pub fn cursors_in(&self, stream: StreamId) -> impl Iterator<Item = &str> {
        self.index.cursors.get(&stream).into_iter().flat_map(Set::iter).map(String::as_str)
    }

    /// Where the incarnation went that had this number in the data that this is a copy of.
    pub fn moved(&self, id: IncarnationId) -> Option<Moved> {
        self.moved.get(&id).copied()
    }

    /// Where all went that had other numbers.
    pub fn all_moved(&self) -> impl Iterator<Item = (IncarnationId, Moved)> {
        self.moved.iter().map(|(id, moved)| (*id, *moved))
    }

    /// The token whose secret has that digest.
    pub fn token(&self, digest: Digest) -> Option<&Arc<Token>> {
        self.tokens.get(&digest)
    }

    /// All tokens, by digest.
    pub fn tokens(&self) -> impl Iterator<Item = (Digest, &Arc<Token>)> {
        self.tokens.iter().map(|(digest, token)| (*digest, token))
    }

    /// How many tokens there are.
    pub fn tokens_len(&self) -> usize {
        self.tokens.size()
    }

    fn found(&self, ids: Option<&Set<IncarnationId>>) -> impl Iterator<Item = (IncarnationId, &Arc<Course>)> {
        let ids = ids.into_iter().flat_map(Set::iter);
        ids.filter_map(|id| self.incarnations.get(id).map(|course| (*id, course)))
    }

    pub(crate) fn put_node(&mut self, id: NodeId, node: Node) {
        self.nodes.insert_mut(id, node);
    }

    pub(crate) fn put_stream(&mut self, id: StreamId, stream: Option<SourceStream>) {
        if let Some(before) = self.streams.get(&id) {
            self.index.names.remove_mut(&before.name);
        }
        match stream {
            Some(stream) => {
                self.index.names.insert_mut(stream.name.clone(), id);
                self.streams.insert_mut(id, Arc::new(stream));
            }
            None => drop(self.streams.remove_mut(&id)),
        }
    }

    pub(crate) fn put_deployment(&mut self, order: u64, deployment: Option<Deployment>) {
        if let Some(before) = self.deployments.get(&order) {
            index::remove(&mut self.index.digests, &before.digest, &order);
            if let Some(named) = &before.named {
                index::remove(&mut self.index.components, &named.component, &order);
            }
        }
        match deployment {
            Some(deployment) => {
                index::add(&mut self.index.digests, deployment.digest, order);
                if let Some(named) = &deployment.named {
                    index::add(&mut self.index.components, named.component.clone(), order);
                }
                self.deployments.insert_mut(order, Arc::new(deployment));
            }
            None => drop(self.deployments.remove_mut(&order)),
        }
    }

    pub(crate) fn deployments_with(&self, digest: Digest) -> Vec<(u64, Arc<Deployment>)> {
        let orders = self.index.digests.get(&digest).into_iter().flat_map(Set::iter);
        orders.filter_map(|order| self.deployments.get(order).map(|found| (*order, found.clone()))).collect()
    }

    pub(crate) fn put_limits(&mut self, digest: Digest, limits: Option<SaidLimits>) {
        match limits {
            Some(limits) => self.limits.insert_mut(digest, Arc::new(limits)),
            None => drop(self.limits.remove_mut(&digest)),
        }
    }

    pub(crate) fn put_course(&mut self, id: IncarnationId, course: Option<Course>) {
        if let Some(before) = self.incarnations.get(&id) {
            self.index.forget(id, before);
        }
        match course {
            Some(course) => {
                self.index.learn(id, &course);
                self.incarnations.insert_mut(id, Arc::new(course));
            }
            None => drop(self.incarnations.remove_mut(&id)),
        }
    }

    pub(crate) fn put_policy(&mut self, stream: String, policy: Policy) {
        self.policies.insert_mut(stream, policy);
    }

    pub(crate) fn put_cursor(&mut self, name: &str, cursor: Option<Cursor>) {
        if let Some(source) = self.cursors.get(name).and_then(|before| before.source) {
            index::remove(&mut self.index.cursors, &source, &name.to_owned());
        }
        match cursor {
            Some(cursor) => {
                if let Some(source) = cursor.source {
                    index::add(&mut self.index.cursors, source, name.to_owned());
                }
                self.cursors.insert_mut(name.to_owned(), Arc::new(cursor));
            }
            None => drop(self.cursors.remove_mut(name)),
        }
    }

    pub(crate) fn put_moved(&mut self, id: IncarnationId, moved: Moved) {
        self.moved.insert_mut(id, moved);
    }

    pub(crate) fn put_token(&mut self, digest: Digest, token: Option<Token>) {
        match token {
            Some(token) => self.tokens.insert_mut(digest, Arc::new(token)),
            None => drop(self.tokens.remove_mut(&digest)),
        }
    }
}

fn closure(id: IncarnationId, readers: impl Fn(IncarnationId) -> Vec<IncarnationId>) -> Vec<IncarnationId> {
    let (mut found, mut next) = (BTreeSet::new(), vec![id]);
    while let Some(id) = next.pop() {
        if found.insert(id) {
            next.extend(readers(id));
        }
    }
    // What reads another one is younger.
    found.into_iter().collect()
}
