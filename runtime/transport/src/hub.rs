//! What all connections of a node share.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use dag_model::NodeId;
use quinn::Connection;
use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::addresses::{Book, Resolve};
use crate::class::Class;
use crate::code::{Closed, Code};
use crate::hello::{Addresses, Hello, Welcome};
use crate::identity::{Credentials, FolderId, Identity, Trust, Untrusted};

/// How often the certificate of an open connection is judged again: it may have expired, and the clock may be set. It takes a tenth of a
/// millisecond.
const LOOK: Duration = Duration::from_secs(5);

/// The node at the other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its number.
    pub node: NodeId,
    /// Its folder of data.
    pub folder: FolderId,
    /// Which start of its process it is.
    pub boot: u64,
    /// The version in which both speak.
    pub version: u16,
}

/// What becomes of the connections that this node dials.
#[derive(Clone, Debug)]
pub enum Event {
    /// There is a new one: what was sent before it may be lost.
    Up(Remote, Class),
    /// It is gone.
    Down(NodeId, Class, Closed),
}

/// What a node shows and believes.
#[derive(Clone)]
pub(crate) struct Belief {
    pub(crate) trust: Trust,
    pub(crate) own: Credentials,
}

/// What all connections share.
pub(crate) struct Hub {
    pub(crate) node: NodeId,
    pub(crate) boot: u64,
    pub(crate) versions: RangeInclusive<u16>,
    pub(crate) advertised: Addresses,
    pub(crate) belief: watch::Sender<Arc<Belief>>,
    pub(crate) book: Book,
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) events: Box<dyn Fn(Event) + Send + Sync>,
    /// Whether the node stops; each task that goes on by itself holds a receiver.
    pub(crate) stopping: watch::Sender<bool>,
    /// The greatest boot that was seen of each node.
    pub(crate) boots: Mutex<HashMap<NodeId, u64>>,
}

impl Hub {
    /// What this node says when it dials.
    pub(crate) fn hello(&self, passing: bool) -> Hello {
        Hello {
            versions: (*self.versions.start(), *self.versions.end()),
            boot: self.boot,
            own: self.advertised.clone(),
            known: self.book.known(),
            passing,
        }
    }

    /// What it says when it is dialled.
    pub(crate) fn welcome(&self, version: u16) -> Welcome {
        Welcome { version, boot: self.boot, own: self.advertised.clone(), known: self.book.known() }
    }

    /// Takes note of a node's boot; the later one, where there is one.
    pub(crate) fn see_boot(&self, node: NodeId, boot: u64) -> Result<(), u64> {
        let mut boots = self.boots.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = boots.entry(node).or_insert(boot);
        *seen = boot.max(*seen);
        if *seen == boot { Ok(()) } else { Err(*seen) }
    }

    /// Who is at the other end of a connection, if its certificate is believed now.
    pub(crate) fn judge(&self, connection: &Connection) -> Result<Identity, Untrusted> {
        judge(&self.belief.borrow().clone().trust, connection)
    }

    /// Stays until the connection is closed, and closes it when its certificate is not believed any more, or the node stops.
    pub(crate) async fn guard(&self, connection: &Connection) -> Closed {
        let (mut belief, mut stopping) = (self.belief.subscribe(), self.stopping.subscribe());
        loop {
            let trust = belief.borrow_and_update().clone();
            if let Err(untrusted) = judge(&trust.trust, connection) {
                return Closed::here(connection, Code::Untrusted, untrusted);
            }
            tokio::select! {
                error = connection.closed() => return Closed::of(&error),
                // Both senders are here.
                _ = belief.changed() => {}
                _ = stopping.wait_for(|stopping| *stopping) => {
                    return Closed::here(connection, Code::Done, "the node stops");
                }
                () = sleep(LOOK) => {}
            }
        }
    }
}

fn judge(trust: &Trust, connection: &Connection) -> Result<Identity, Untrusted> {
    let shown = connection.peer_identity().ok_or(Untrusted::None)?;
    let chain = shown.downcast::<Vec<CertificateDer<'static>>>().map_err(|_| Untrusted::None)?;
    trust.judge(&chain, SystemTime::now())
}
