//! This node's connection of one class to another node: dialled, kept up, and dialled again.
//!
//! Each node dials those that it has something to say to, and what it is asked it answers on the connections that others have dialled. So a
//! connection has one owner, two nodes that dial each other at the same time have nothing to agree on, and a way that leads in one direction
//! only is seen by the one that it fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dag_model::NodeId;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::class::Class;
use crate::code::{Closed, Code};
use crate::dial::{Dialled, Whom, dial};
use crate::error::DialError;
use crate::frame::Kind;
use crate::hub::{Event, Hub, Remote};
use crate::limits::{IDLE, MAX_BULK, MAX_CREDIT, MAX_REQUEST_BYTES, MAX_REQUESTS, REDIAL};
use crate::queue::Queue;
use crate::stream::{Broken, Outgoing};

/// A connection that is up.
pub(crate) struct Up {
    pub(crate) connection: quinn::Connection,
    pub(crate) remote: Remote,
    /// What downloads may still hold unread.
    pub(crate) credit: Arc<Semaphore>,
    /// The downloads and uploads that may still begin.
    pub(crate) bulk: Arc<Semaphore>,
}

/// How it stands with a link.
#[derive(Clone)]
pub(crate) enum State {
    /// Nobody knows yet.
    Dialling,
    Up(Arc<Up>),
    Down(Arc<DialError>),
}

/// A link.
pub(crate) struct Link {
    pub(crate) node: NodeId,
    pub(crate) class: Class,
    /// The link that says where this one can be dialled: data's is control's.
    guide: Option<Arc<Link>>,
    state: watch::Sender<State>,
    forgotten: watch::Sender<bool>,
    pub(crate) queue: Queue,
    /// The requests that may still begin, and their bytes.
    pub(crate) requests: Arc<Semaphore>,
    pub(crate) request_bytes: Arc<Semaphore>,
}

impl Link {
    /// A link that nobody keeps up yet.
    pub(crate) fn new(node: NodeId, class: Class, guide: Option<Arc<Link>>) -> Link {
        Link {
            node,
            class,
            guide,
            state: watch::Sender::new(State::Dialling),
            forgotten: watch::Sender::new(false),
            queue: Queue::new(class.most_queued()),
            requests: Arc::new(Semaphore::new(MAX_REQUESTS)),
            request_bytes: Arc::new(Semaphore::new(MAX_REQUEST_BYTES)),
        }
    }

    /// How it stands.
    pub(crate) fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// The connection, once it is known whether there is one.
    pub(crate) async fn up(&self) -> Result<Arc<Up>, Arc<DialError>> {
        let mut states = self.state.subscribe();
        loop {
            match &*states.borrow_and_update() {
                State::Up(up) => return Ok(up.clone()),
                State::Down(why) => return Err(why.clone()),
                State::Dialling => {}
            }
            // The sender is here.
            let _ = states.changed().await;
        }
    }

    /// It is not kept up any more.
    pub(crate) fn forget(&self) {
        self.forgotten.send_replace(true);
    }

    /// Keeps it up until it is forgotten or the node stops.
    pub(crate) async fn keep(self: Arc<Link>, hub: Arc<Hub>) {
        let mut stop = Stop { stopping: hub.stopping.subscribe(), forgotten: self.forgotten.subscribe() };
        let mut pause = REDIAL.0;
        while !stop.is_told() {
            // Before the addresses are looked at, so that none that comes meanwhile is missed.
            let changed = hub.book.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let dialled = tokio::select! {
                dialled = self.dial(&hub) => dialled,
                () = stop.told() => break,
            };
            // What is learnt of addresses, by another link or from an operator, ends a pause.
            let mut wait = pause;
            match dialled {
                Ok(dialled) => {
                    let began = Instant::now();
                    self.serve(&hub, dialled, &mut stop).await;
                    if began.elapsed() >= REDIAL.1 {
                        pause = REDIAL.0;
                    }
                }
                Err(error) => {
                    if matches!(error, DialError::NoAddress(_)) {
                        wait = Duration::MAX;
                    }
                    self.fall(error);
                }
            }
            tokio::select! {
                _ = timeout(wait, changed) => {}
                () = stop.told() => {}
            }
            pause = (pause * 2).min(REDIAL.1);
        }
        self.fall(DialError::Forgotten(self.node));
    }

    async fn dial(&self, hub: &Hub) -> Result<Dialled, DialError> {
        let addresses = match &self.guide {
            None => hub.book.control(self.node),
            Some(control) => {
                control.up().await.map_err(|why| DialError::clone(&why))?;
                hub.book.data(self.node).into_iter().collect()
            }
        };
        if addresses.is_empty() {
            return Err(DialError::NoAddress(self.node));
        }
        dial(hub, self.class, Whom::Node(self.node), &addresses).await
    }

    /// Works on a connection until it is closed.
    async fn serve(&self, hub: &Hub, dialled: Dialled, stop: &mut Stop) {
        let Dialled { connection, endpoint, remote, .. } = dialled;
        let up = Up {
            connection: connection.clone(),
            remote: remote.clone(),
            credit: Arc::new(Semaphore::new(MAX_CREDIT)),
            bulk: Arc::new(Semaphore::new(MAX_BULK)),
        };
        self.state.send_replace(State::Up(Arc::new(up)));
        // Whoever hears of it can send at once.
        (hub.events)(Event::Up(remote, self.class));
        let closed = tokio::select! {
            closed = hub.guard(&connection) => closed,
            () = stop.told() => Closed::here(&connection, Code::Done, "this node is not dialled any more"),
            broken = self.pump(&connection) => match connection.close_reason() {
                Some(error) => Closed::of(&error),
                None => Closed::here(&connection, Code::Misbehaved, broken),
            },
        };
        self.fall(DialError::Lost(self.node, closed.clone()));
        (hub.events)(Event::Down(self.node, self.class, closed));
        // Its last packet says why it is closed.
        let _ = timeout(IDLE, endpoint.wait_idle()).await;
    }

    /// Sends the messages that wait, in their order, before whatever else goes over the connection.
    async fn pump(&self, connection: &quinn::Connection) -> Broken {
        let stream = match connection.open_uni().await {
            Ok(stream) => stream,
            Err(error) => return Broken::Lost(Closed::of(&error).reason),
        };
        let mut out = Outgoing::new(stream);
        out.set_priority(1);
        loop {
            let message = self.queue.next().await;
            let length = message.len();
            if let Err(broken) = out.send(Kind::Message, message).await {
                return broken;
            }
            self.queue.sent(length);
        }
    }

    fn fall(&self, why: DialError) {
        self.state.send_replace(State::Down(Arc::new(why)));
        self.queue.clear();
    }
}

/// What ends a link.
struct Stop {
    stopping: watch::Receiver<bool>,
    forgotten: watch::Receiver<bool>,
}

impl Stop {
    fn is_told(&self) -> bool {
        *self.stopping.borrow() || *self.forgotten.borrow()
    }

    async fn told(&mut self) {
        tokio::select! {
            _ = self.stopping.wait_for(|stopping| *stopping) => {}
            _ = self.forgotten.wait_for(|forgotten| *forgotten) => {}
        }
    }
}
