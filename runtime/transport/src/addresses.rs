//! Where nodes can be reached: hints, of which none is trusted.
//!
//! Names identify nodes, addresses do not: whoever answers at an address has to show the certificate of the node that was dialled. So a wrong
//! hint costs a try and nothing else. What a node says of itself comes first, then what the operator said, then what others have heard. A
//! name is resolved at each dial.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use dag_model::NodeId;
use tokio::sync::Notify;

use crate::hello::{Addresses, MAX_KNOWN};
use crate::limits::{MAX_HEARD, MAX_NODES};

/// The addresses that a text `NAME:PORT` stands for now.
pub type Resolved<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// How names become addresses.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of `NAME:PORT`.
    fn resolve<'a>(&'a self, address: &'a str) -> Resolved<'a>;
}

/// As the operating system resolves names.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, address: &'a str) -> Resolved<'a> {
        Box::pin(async move { Ok(tokio::net::lookup_host(address).await?.collect()) })
    }
}

/// What is known of where nodes are.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// Guards what is known; nothing else happens under it.
    nodes: Mutex<HashMap<NodeId, Entry>>,
    /// Told when something new is known.
    pub(crate) changed: Notify,
}

#[derive(Debug, Default)]
struct Entry {
    own: Option<Addresses>,
    hints: Vec<String>,
    heard: Vec<Addresses>,
}

impl Book {
    /// What the operator says; an older hint goes where there are many.
    pub(crate) fn hint(&self, node: NodeId, control: &str) {
        self.change(node, true, |entry| keep(&mut entry.hints, control.to_owned()));
    }

    /// What a node says of itself, and of others.
    pub(crate) fn learn(&self, node: NodeId, own: &Addresses, known: &[(NodeId, Addresses)]) {
        self.change(node, true, |entry| entry.own = Some(own.clone()));
        for (other, addresses) in known.iter().filter(|(other, _)| *other != node) {
            self.change(*other, false, |entry| {
                if entry.own.as_ref() != Some(addresses) {
                    keep(&mut entry.heard, addresses.clone());
                }
            });
        }
    }

    /// Where a node's control connections may be dialled, the likeliest first.
    pub(crate) fn control(&self, node: NodeId) -> Vec<String> {
        let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = nodes.get(&node) else { return Vec::new() };
        let mut all = Vec::new();
        let own = entry.own.iter().map(|own| &own.control);
        for address in own.chain(entry.hints.iter().rev()).chain(entry.heard.iter().rev().map(|heard| &heard.control)) {
            if !all.contains(address) {
                all.push(address.clone());
            }
        }
        all
    }

    /// Where its data connections are dialled: as it says itself.
    pub(crate) fn data(&self, node: NodeId) -> Option<String> {
        let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        Some(nodes.get(&node)?.own.as_ref()?.data.clone())
    }

    /// What others are told: what nodes have said of themselves.
    pub(crate) fn known(&self) -> Vec<(NodeId, Addresses)> {
        let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.iter().filter_map(|(node, entry)| Some((*node, entry.own.clone()?))).take(MAX_KNOWN).collect()
    }

    /// Nothing is known of a node any more.
    pub(crate) fn forget(&self, node: NodeId) {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner).remove(&node);
    }

    /// Where there are too many, those of which others have told and nobody else make room for what comes at first hand.
    fn change(&self, node: NodeId, first_hand: bool, change: impl FnOnce(&mut Entry)) {
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        if nodes.len() >= MAX_NODES && !nodes.contains_key(&node) {
            let heard = |(_, entry): &(&NodeId, &Entry)| entry.own.is_none() && entry.hints.is_empty();
            let Some(heard) = nodes.iter().find(heard).map(|(node, _)| *node).filter(|_| first_hand) else { return };
            nodes.remove(&heard);
        }
        change(nodes.entry(node).or_default());
        drop(nodes);
        self.changed.notify_waiters();
    }
}

/// Puts something last, and takes away the first where there are too many.
fn keep<T: PartialEq>(list: &mut Vec<T>, last: T) {
    list.retain(|one| *one != last);
    list.push(last);
    if list.len() > MAX_HEARD {
        list.remove(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> Addresses {
        Addresses { control: format!("a:{port}"), data: format!("a:{}", port + 1) }
    }

    #[test]
    fn what_a_node_says_of_itself_comes_first_and_what_others_say_last() {
        let book = Book::default();
        book.learn(NodeId(1), &at(10), &[(NodeId(2), at(20)), (NodeId(1), at(11))]);
        book.hint(NodeId(2), "b:1");
        book.hint(NodeId(2), "b:2");
        assert_eq!(book.control(NodeId(2)), ["b:2", "b:1", "a:20"]);
        assert_eq!(book.data(NodeId(2)), None, "it has not said it itself");
        book.learn(NodeId(2), &at(30), &[]);
        assert_eq!(book.control(NodeId(2)), ["a:30", "b:2", "b:1", "a:20"]);
        assert_eq!(book.data(NodeId(2)).as_deref(), Some("a:31"));
        assert_eq!(book.control(NodeId(1)), ["a:10"], "nobody hears of a node from itself");
        let mut known = book.known();
        known.sort();
        assert_eq!(known, [(NodeId(1), at(10)), (NodeId(2), at(30))], "only what nodes say of themselves goes on");
    }

    #[test]
    fn what_is_heard_is_bounded() {
        let book = Book::default();
        for number in 0..2 * MAX_NODES as u64 {
            book.learn(NodeId(1), &at(10), &[(NodeId(number + 2), at(20))]);
        }
        assert_eq!(book.nodes.lock().unwrap().len(), MAX_NODES);
        let last = NodeId(u64::MAX);
        book.hint(last, "b:1");
        assert_eq!(book.control(last), ["b:1"], "rumours make room");
        assert_eq!(book.control(NodeId(1)), ["a:10"]);
        for port in 0..100 {
            book.learn(NodeId(1), &at(10), &[(NodeId(2), at(port))]);
            book.hint(NodeId(2), &format!("h:{port}"));
        }
        assert_eq!(book.control(NodeId(2)).len(), 2 * MAX_HEARD);
        book.forget(NodeId(2));
        assert_eq!(book.control(NodeId(2)), [""; 0]);
    }
}
