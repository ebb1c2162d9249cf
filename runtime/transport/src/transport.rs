//! A node's transport: what listens, what dials, and the threads of control.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use dag_model::NodeId;
use quinn::Endpoint;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::accept::Listener;
use crate::addresses::{Book, Resolve};
use crate::class::Class;
use crate::code::{Closed, Code};
use crate::dial::{Dialled, Whom, dial};
use crate::endpoint::{self, ResetKey};
use crate::error::{DialError, StartError};
use crate::hello::Addresses;
use crate::hub::{Belief, Hub, Remote};
use crate::identity::{self, Credentials, Trust, Untrusted};
use crate::limits::IDLE;
use crate::link::Link;
use crate::peer::Peer;
use crate::service::Service;

/// How a node's transport is set.
pub struct Config {
    /// Where control listens, and where data does.
    pub listen: [SocketAddr; 2],
    /// What others are told to dial, names rather than addresses where these change; `None` for what is listened at.
    pub advertise: Option<Addresses>,
    /// What this node shows.
    pub credentials: Credentials,
    /// What it believes.
    pub trust: Trust,
    /// Kept in the folder of data.
    pub reset_key: ResetKey,
    /// Which start of the process this is.
    pub boot: u64,
    /// The versions of the caller's messages that it speaks.
    pub versions: RangeInclusive<u16>,
    /// How names become addresses.
    pub resolver: Arc<dyn Resolve>,
}

/// A node's transport. Data is worked on by the runtime in which it was started, control by a thread of its own.
pub struct Transport {
    hub: Arc<Hub>,
    bound: [SocketAddr; 2],
    endpoints: [Endpoint; 2],
    /// The nodes that are dialled; guards nothing else.
    peers: Mutex<HashMap<NodeId, Peer>>,
    control: Option<Runtime>,
    data: Handle,
}

impl Transport {
    /// Listens. To be called within the runtime that is to work on data.
    pub fn start<S: Service>(config: Config, service: S) -> Result<Transport, StartError> {
        let own = config.trust.judge(std::slice::from_ref(&config.credentials.certificate), SystemTime::now())?;
        if config.versions.is_empty() {
            return Err(StartError::NoVersion);
        }
        let control = Builder::new_multi_thread().worker_threads(1).thread_name("control").enable_all().build();
        let (control, data) = (control.map_err(StartError::Threads)?, Handle::current());
        let listen = |class: Class, runtime: &Handle| {
            let at = config.listen[class as usize];
            let _entered = runtime.enter();
            let server = server(class, &config.trust, &config.credentials)?;
            let endpoint = endpoint::listening(at, class, &config.reset_key, server);
            let endpoint = endpoint.map_err(|error| StartError::Listen(at, error))?;
            let bound = endpoint.local_addr().map_err(|error| StartError::Listen(at, error))?;
            Ok::<_, StartError>((endpoint, bound))
        };
        let (control_endpoint, control_bound) = listen(Class::Control, control.handle())?;
        let (data_endpoint, data_bound) = listen(Class::Data, &data)?;
        let bound = [control_bound, data_bound];
        let advertised =
            config.advertise.unwrap_or_else(|| Addresses { control: bound[0].to_string(), data: bound[1].to_string() });
        advertised.check()?;
        let service = Arc::new(service);
        let told = service.clone();
        let hub = Arc::new(Hub {
            node: own.node,
            boot: config.boot,
            versions: config.versions,
            advertised,
            belief: watch::Sender::new(Arc::new(Belief { trust: config.trust, own: config.credentials })),
            book: Book::default(),
            resolver: config.resolver,
            events: Box::new(move |event| told.event(event)),
            stopping: watch::Sender::new(false),
            boots: Mutex::default(),
        });
        let endpoints = [control_endpoint, data_endpoint];
        for (class, runtime) in [(Class::Control, control.handle()), (Class::Data, &data)] {
            let listener = Listener { hub: hub.clone(), service: service.clone(), class, accepted: Mutex::default() };
            let endpoint = endpoints[class as usize].clone();
            runtime.spawn(dag_alarm::task("connections of nodes", Arc::new(listener).listen(endpoint)));
        }
        Ok(Transport { hub, bound, endpoints, peers: Mutex::default(), control: Some(control), data })
    }

    /// Where control listens, and where data does.
    pub fn listens_at(&self) -> [SocketAddr; 2] {
        self.bound
    }

    /// What is known of where nodes are, as they say themselves: worth keeping, as hints for the next start.
    pub fn known(&self) -> Vec<(NodeId, Addresses)> {
        self.hub.book.known()
    }

    /// Says where a node's control may be: `NAME:PORT`.
    pub fn hint(&self, node: NodeId, address: &str) {
        self.hub.book.hint(node, address);
    }

    /// Another node, which is dialled from now on, and again whenever its connections are lost, until it is forgotten.
    pub fn peer(&self, node: NodeId) -> Peer {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.entry(node).or_insert_with(|| self.dialled(node)).clone()
    }

    fn dialled(&self, node: NodeId) -> Peer {
        let runtime = self.control_handle();
        let link = |class, guide, runtime: &Handle| {
            let link = Arc::new(Link::new(node, class, guide));
            runtime.spawn(dag_alarm::task("link to another node", link.clone().keep(self.hub.clone())));
            link
        };
        let control = link(Class::Control, None, &runtime);
        let data = link(Class::Data, Some(control.clone()), &self.data);
        Peer { control, data, runtime }
    }

    /// Closes the connections to a node that is not part of the cluster any more, and knows nothing of it.
    pub fn forget(&self, node: NodeId) {
        if let Some(peer) = self.peers.lock().unwrap_or_else(PoisonError::into_inner).remove(&node) {
            peer.control.forget();
            peer.data.forget();
        }
        self.hub.book.forget(node);
    }

    /// Asks who is at an address, and learns where it and others are.
    pub async fn meet(&self, address: &str) -> Result<Remote, DialError> {
        let (hub, address) = (self.hub.clone(), address.to_owned());
        let met = self.control_handle().spawn(dag_alarm::task("dial by address", async move {
            let met = dial(&hub, Class::Control, Whom::Anyone, &[address]).await?;
            let Dialled { connection, endpoint, remote, .. } = met;
            Closed::here(&connection, Code::Done, "in passing");
            let _ = timeout(IDLE, endpoint.wait_idle()).await;
            Ok(remote)
        }));
        met.await.unwrap_or(Err(DialError::Forgotten(self.hub.node)))
    }

    /// Believes something else from now on, and closes what is open and not believed any more.
    pub fn trust(&self, trust: Trust) -> Result<(), Untrusted> {
        let own = self.hub.belief.borrow().own.clone();
        self.believe(Belief { trust, own })
    }

    /// Shows another certificate from now on. What is open stays open until the former one expires.
    pub fn renew(&self, own: Credentials) -> Result<(), Untrusted> {
        let trust = self.hub.belief.borrow().trust.clone();
        self.believe(Belief { trust, own })
    }

    fn believe(&self, belief: Belief) -> Result<(), Untrusted> {
        for class in [Class::Control, Class::Data] {
            let server = server(class, &belief.trust, &belief.own)?;
            self.endpoints[class as usize].set_server_config(Some(server));
        }
        self.hub.belief.send_replace(Arc::new(belief));
        Ok(())
    }

    fn control_handle(&self) -> Handle {
        self.control.as_ref().expect("it is there until this is dropped").handle().clone()
    }

    /// Closes all connections, and waits until the other ends are told.
    pub async fn stop(self) {
        self.hub.stopping.send_replace(true);
        // Those that do not answer are waited for no longer than their connections live.
        let _ = timeout(IDLE + Duration::from_secs(1), self.hub.stopping.closed()).await;
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        self.hub.stopping.send_replace(true);
        if let Some(control) = self.control.take() {
            control.shutdown_background();
        }
    }
}

/// How whoever dials is answered.
fn server(class: Class, trust: &Trust, own: &Credentials) -> Result<quinn::ServerConfig, Untrusted> {
    let mut server = quinn::ServerConfig::with_crypto(identity::server(trust, own, class.protocol())?);
    server.transport_config(endpoint::transport(class, false));
    // A node that has another address is dialled again.
    server.migration(false);
    server.max_incoming(4 * crate::limits::MAX_HANDSHAKES);
    Ok(server)
}
