//! Nodes to test with: [`Town`] signs their certificates, [`Inn`] is what they do for others, [`proxy`] lies between them.

pub mod child;
pub mod inn;
pub mod proxy;
pub mod raw;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dag_model::NodeId;
use dag_transport::identity::{Authority, ClusterId, Credentials, FolderId, Identity, Key, NODE_VALIDITY, Trust};
use dag_transport::{Config, ResetKey, SystemResolver, Transport};

pub use inn::{Heard, Inn};

/// Longer than anything here takes on a busy machine: what passes it stands still.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Any port of this machine.
pub const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Waits for what has to happen.
#[track_caller]
pub fn soon<T>(what: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move { tokio::time::timeout(PATIENCE, what).await.unwrap_or_else(|_| panic!("it stands still: {caller}")) }
}

/// A cluster's authority.
pub struct Town {
    pub cluster: ClusterId,
    pub authority: Authority,
}

/// A node, and what it hears.
pub struct Node {
    pub id: NodeId,
    pub transport: Transport,
    pub heard: Heard,
}

impl Town {
    pub fn new() -> Town {
        let cluster = ClusterId::random();
        Town { cluster, authority: Authority::new(cluster, SystemTime::now()).unwrap() }
    }

    pub fn trust(&self) -> Trust {
        Trust::in_authority(self.cluster, self.authority.certificate().clone())
    }

    pub fn identity(&self, node: u64) -> Identity {
        Identity { cluster: self.cluster, node: NodeId(node), folder: FolderId(u128::from(node) << 64) }
    }

    pub fn credentials(&self, node: u64) -> Credentials {
        self.credentials_for(node, SystemTime::now(), NODE_VALIDITY)
    }

    pub fn credentials_for(&self, node: u64, from: SystemTime, validity: Duration) -> Credentials {
        let key = Key::generate().unwrap();
        let request = key.request().unwrap();
        let certificate = self.authority.sign(&request, &self.identity(node), from, validity).unwrap();
        Credentials { certificate, key: Arc::new(key) }
    }

    pub fn config(&self, node: u64) -> Config {
        Config {
            listen: [LOOPBACK; 2],
            advertise: None,
            credentials: self.credentials(node),
            trust: self.trust(),
            reset_key: ResetKey([u8::try_from(node).unwrap(); 32]),
            boot: 1,
            versions: 1..=1,
            resolver: Arc::new(SystemResolver),
        }
    }

    /// Starts a node that nobody knows.
    pub fn node(&self, node: u64) -> Node {
        Node::start(self.config(node))
    }

    /// Starts nodes that know each other.
    pub fn nodes<const N: usize>(&self) -> [Node; N] {
        let nodes: [Node; N] = std::array::from_fn(|number| self.node(number as u64 + 1));
        for one in &nodes {
            for other in nodes.iter().filter(|other| other.id != one.id) {
                one.knows(other);
            }
        }
        nodes
    }
}

impl Node {
    pub fn start(config: Config) -> Node {
        let (inn, heard) = Inn::new();
        let certificate = &config.credentials.certificate;
        let id = Identity::of(certificate).unwrap().node;
        let transport = Transport::start(config, inn).unwrap();
        Node { id, transport, heard }
    }

    pub fn address(&self) -> String {
        self.transport.listens_at()[0].to_string()
    }

    pub fn knows(&self, other: &Node) {
        self.transport.hint(other.id, &other.address());
    }

    pub fn to(&self, other: &Node) -> dag_transport::Peer {
        self.transport.peer(other.id)
    }
}
