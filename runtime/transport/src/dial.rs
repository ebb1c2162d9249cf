//! From a node's number to a connection: addresses, names, handshakes, the hello.

use std::net::SocketAddr;

use dag_model::NodeId;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use quinn::{ClientConfig, Connection, Endpoint};
use tokio::time::timeout;

use crate::class::Class;
use crate::code::{Closed, Code};
use crate::endpoint;
use crate::error::DialError;
use crate::frame::{Allowed, Kind};
use crate::hello::{MAX_HELLO, Welcome};
use crate::hub::{Hub, Remote};
use crate::identity::{self, ClusterId};
use crate::limits::DIAL;
use crate::stream::{Broken, Incoming, Outgoing};

/// The most addresses that are tried at once.
const MAX_TRIED: usize = 8;

const WELCOME: Allowed = &[(Kind::Welcome, MAX_HELLO)];

/// Who is dialled.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whom {
    /// This node and no other.
    Node(NodeId),
    /// Whoever is there, in passing.
    Anyone,
}

impl Whom {
    fn name(self, cluster: ClusterId) -> String {
        match self {
            Whom::Node(node) => cluster.node(node),
            Whom::Anyone => cluster.any_node(),
        }
    }
}

/// A connection that was dialled and welcomed.
pub(crate) struct Dialled {
    pub(crate) connection: Connection,
    pub(crate) endpoint: Endpoint,
    pub(crate) remote: Remote,
}

/// Dials all these addresses at once; the first that answers as who it should be is taken.
pub(crate) async fn dial(hub: &Hub, class: Class, whom: Whom, addresses: &[String]) -> Result<Dialled, DialError> {
    let belief = hub.belief.borrow().clone();
    let name = whom.name(belief.trust.cluster);
    let mut config = ClientConfig::new(identity::client(&belief.trust, &belief.own, class.protocol())?);
    config.transport_config(endpoint::transport(class, true));
    let tries: FuturesUnordered<_> =
        addresses.iter().take(MAX_TRIED).map(|address| reach(hub, class, &config, &name, address)).collect();
    let (endpoint, connection) =
        first(tries).await.map_err(|tried| DialError::NotReached { name: name.clone(), tried })?;
    let welcomed = timeout(DIAL, hello(hub, whom, &connection)).await;
    match welcomed.unwrap_or(Err(Broken::Paused(DIAL).into())) {
        Ok(remote) => Ok(Dialled { connection, endpoint, remote }),
        Err(DialError::Broken(broken)) => Err(match connection.close_reason() {
            Some(error) => DialError::NotWelcome { name, closed: Closed::of(&error) },
            None => refuse(&connection, broken.into()),
        }),
        Err(error) => Err(refuse(&connection, error)),
    }
}

fn refuse(connection: &Connection, error: DialError) -> DialError {
    let code = match &error {
        DialError::Untrusted(_) => Code::Untrusted,
        DialError::OldBoot { .. } => Code::OldBoot,
        _ => Code::Misbehaved,
    };
    Closed::here(connection, code, &error);
    error
}

/// The first that succeeds, or why none does.
async fn first<T>(mut tries: FuturesUnordered<impl Future<Output = Result<T, Vec<String>>>>) -> Result<T, Vec<String>> {
    let mut failed = Vec::new();
    while let Some(outcome) = tries.next().await {
        match outcome {
            Ok(found) => return Ok(found),
            Err(why) => failed.extend(why),
        }
    }
    Err(failed)
}

/// Resolves an address, and connects to all that it stands for.
async fn reach(
    hub: &Hub,
    class: Class,
    config: &ClientConfig,
    name: &str,
    address: &str,
) -> Result<(Endpoint, Connection), Vec<String>> {
    let found = match timeout(DIAL, hub.resolver.resolve(address)).await {
        Ok(Ok(found)) if !found.is_empty() => found,
        Ok(Ok(_)) => return Err(vec![format!("{address} has no address")]),
        Ok(Err(error)) => return Err(vec![format!("{address} is not resolved: {error}")]),
        Err(_) => return Err(vec![format!("{address} is not resolved within {DIAL:?}")]),
    };
    let tries: FuturesUnordered<_> =
        found.into_iter().take(MAX_TRIED).map(|to| connect(class, config.clone(), name, address, to)).collect();
    first(tries).await
}

async fn connect(
    class: Class,
    config: ClientConfig,
    name: &str,
    address: &str,
    to: SocketAddr,
) -> Result<(Endpoint, Connection), Vec<String>> {
    let at = if address == to.to_string() { address.to_owned() } else { format!("{address} ({to})") };
    let silent = || format!("UDP to {at} gets no answer within {DIAL:?}");
    let endpoint = endpoint::dialling(to, class).map_err(|error| vec![format!("no socket for {at}: {error}")])?;
    let connecting = endpoint.connect_with(config, to, name).map_err(|error| vec![format!("{at}: {error}")])?;
    match timeout(DIAL, connecting).await {
        Ok(Ok(connection)) => Ok((endpoint, connection)),
        Err(_) | Ok(Err(quinn::ConnectionError::TimedOut)) => Err(vec![silent()]),
        Ok(Err(error)) => Err(vec![format!("{at}: {}", Closed::of(&error))]),
    }
}

/// Says who this node is, and hears who the other is.
async fn hello(hub: &Hub, whom: Whom, connection: &Connection) -> Result<Remote, DialError> {
    let identity = hub.judge(connection)?;
    let (send, receive) = connection.open_bi().await.map_err(|error| Broken::Lost(Closed::of(&error).reason))?;
    let mut out = Outgoing::new(send);
    let passing = matches!(whom, Whom::Anyone);
    out.send(Kind::Hello, hub.hello(passing).encode()).await?;
    out.finish();
    let frame = Incoming::new(receive, WELCOME).expect().await?;
    let welcome = Welcome::decode(&frame.payload)?;
    if !hub.versions.contains(&welcome.version) {
        return Err(DialError::Welcome(crate::hello::HelloError::Versions(welcome.version, welcome.version)));
    }
    let node = identity.node;
    hub.see_boot(node, welcome.boot).map_err(|later| DialError::OldBoot { node, boot: welcome.boot, later })?;
    hub.book.learn(node, &welcome.own, &welcome.known);
    Ok(Remote { node, folder: identity.folder, boot: welcome.boot, version: welcome.version })
}
