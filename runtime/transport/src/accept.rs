//! Connections that others dial.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use dag_model::NodeId;
use quinn::{Connection, Endpoint};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::debug;

use crate::class::Class;
use crate::code::{Closed, Code};
use crate::frame::{Allowed, Kind};
use crate::hello::{Hello, MAX_HELLO};
use crate::hub::{Hub, Remote};
use crate::limits::{DIAL, MAX_ACCEPTED, MAX_HANDSHAKES};
use crate::serve::serve;
use crate::service::Service;
use crate::stream::{Incoming, Outgoing};

const HELLO: Allowed = &[(Kind::Hello, MAX_HELLO)];

/// What is dialled: one of each class for a node.
pub(crate) struct Listener<S> {
    pub(crate) hub: Arc<Hub>,
    pub(crate) service: Arc<S>,
    pub(crate) class: Class,
    /// The connection of each node; guards nothing else.
    pub(crate) accepted: Mutex<HashMap<NodeId, Connection>>,
}

impl<S: Service> Listener<S> {
    /// Accepts connections until the node stops.
    pub(crate) async fn listen(self: Arc<Listener<S>>, endpoint: Endpoint) {
        let mut stopping = self.hub.stopping.subscribe();
        let handshakes = Arc::new(Semaphore::new(MAX_HANDSHAKES));
        loop {
            let incoming = tokio::select! {
                incoming = endpoint.accept() => incoming,
                _ = stopping.wait_for(|stopping| *stopping) => None,
            };
            let Some(incoming) = incoming else { break };
            let Ok(handshake) = handshakes.clone().try_acquire_owned() else {
                incoming.refuse();
                continue;
            };
            let crowded = handshakes.available_permits() < MAX_HANDSHAKES * 3 / 4;
            if crowded && !incoming.remote_address_validated() {
                // It fails where it was validated, which was asked.
                let _ = incoming.retry();
                continue;
            }
            let (listener, holds_open) = (self.clone(), self.hub.stopping.subscribe());
            tokio::spawn(dag_alarm::task("connection of another node", async move {
                let welcomed = timeout(DIAL, async {
                    let connection = incoming.await.map_err(|error| Closed::of(&error))?;
                    listener.welcome(connection).await
                });
                let welcomed = welcomed.await;
                drop(handshake);
                match welcomed {
                    Ok(Ok(Some((connection, remote)))) => listener.work(connection, remote).await,
                    Ok(Ok(None)) => {}
                    Ok(Err(closed)) => debug!("a connection for {} is refused: {closed}", listener.class),
                    Err(_) => debug!("a connection for {} says no hello within {DIAL:?}", listener.class),
                }
                drop(holds_open);
            }));
        }
        endpoint.set_server_config(None);
        endpoint.wait_idle().await;
    }

    /// Judges who dials, and returns the hello. `None` where that was all.
    async fn welcome(&self, connection: Connection) -> Result<Option<(Connection, Remote)>, Closed> {
        let refuse = |code, reason: &dyn std::fmt::Display| Closed::here(&connection, code, reason);
        let identity = self.hub.judge(&connection).map_err(|untrusted| refuse(Code::Untrusted, &untrusted))?;
        let (send, receive) = connection.accept_bi().await.map_err(|error| Closed::of(&error))?;
        let frame = Incoming::new(receive, HELLO).expect().await;
        let frame = frame.map_err(|broken| refuse(Code::Misbehaved, &broken))?;
        let hello = Hello::decode(&frame.payload).map_err(|error| refuse(Code::Misbehaved, &error))?;
        let version = hello.version(&self.hub.versions).map_err(|error| refuse(Code::Version, &error))?;
        let node = identity.node;
        self.hub.see_boot(node, hello.boot).map_err(|later| {
            let reason = format!("this is start {} of node {node}, and its start {later} was here before", hello.boot);
            refuse(Code::OldBoot, &reason)
        })?;
        self.hub.book.learn(node, &hello.own, &hello.known);
        if !hello.passing {
            self.replace(node, &connection).map_err(|reason| refuse(Code::TooMany, &reason))?;
        }
        let mut out = Outgoing::new(send);
        let sent = out.send(Kind::Welcome, self.hub.welcome(version).encode()).await;
        sent.map_err(|broken| refuse(Code::Misbehaved, &broken))?;
        out.finish();
        if hello.passing {
            connection.closed().await;
            return Ok(None);
        }
        Ok(Some((connection, Remote { node, folder: identity.folder, boot: hello.boot, version })))
    }

    /// A node's new connection takes the place of the former one, which its process has given up, or left when it died.
    fn replace(&self, node: NodeId, connection: &Connection) -> Result<(), String> {
        let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        if accepted.len() >= MAX_ACCEPTED && !accepted.contains_key(&node) {
            return Err(format!("{MAX_ACCEPTED} nodes are connected, which is the limit"));
        }
        if let Some(former) = accepted.insert(node, connection.clone()) {
            Closed::here(&former, Code::Replaced, "the node has dialled again");
        }
        Ok(())
    }

    async fn work(&self, connection: Connection, remote: Remote) {
        let closed = tokio::select! {
            closed = self.hub.guard(&connection) => closed,
            closed = serve(&self.service, self.class, &connection, &remote) => closed,
        };
        debug!("the connection of node {} for {} is closed: {closed}", remote.node, self.class);
        let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        if accepted.get(&remote.node).is_some_and(|current| current.stable_id() == connection.stable_id()) {
            accepted.remove(&remote.node);
        }
    }
}
