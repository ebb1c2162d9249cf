//! Nodes, and between each two of them ways of their own that can be cut.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use dag_metadata::Store;
use dag_model::NodeId;
use dag_raft::{Config, Door, Follower, Log, Machine, Peers, Seat, Times, Voter};
use dag_transport::identity::{Authority, ClusterId, Credentials, FolderId, Identity, Key, NODE_VALIDITY, Trust};
use dag_transport::{
    Addresses, Class, Event, Receiver, Refusal, Remote, ResetKey, Resolve, Resolved, Sender, Service, Transport,
};
use redb::Database;
use tempfile::TempDir;

use super::proxy::{Proxy, Way};
use super::{LOOPBACK, PATIENCE};

/// From whom, to whom, of which class.
type Between = (u64, u64, usize);

/// A cluster of nodes that may be there or not.
pub struct Town {
    cluster: ClusterId,
    authority: Authority,
    proxies: HashMap<Between, Proxy>,
    credentials: BTreeMap<u64, Credentials>,
    folder: TempDir,
    boot: u64,
}

/// What a node does with what others ask.
struct Desk(Arc<RwLock<Option<Arc<Voter>>>>);

impl Desk {
    fn voter(&self) -> Result<Arc<Voter>, Refusal> {
        let voter = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        voter.ok_or_else(|| Refusal::new(3, "it does not vote, or not yet"))
    }
}

impl Service for Desk {
    fn heartbeat(&self, _: &Remote, _: Bytes) {}
    async fn message(&self, _: &Remote, _: Class, _: Bytes) {}
    async fn request(&self, from: &Remote, request: Bytes) -> Result<Bytes, Refusal> {
        self.voter()?.request(from, &request).await
    }
    async fn download(&self, _: &Remote, head: Bytes, parts: &mut Sender) -> Result<(), Refusal> {
        self.voter()?.download(&head, parts).await
    }
    async fn upload(&self, from: &Remote, head: Bytes, parts: &mut Receiver) -> Result<Bytes, Refusal> {
        self.voter()?.upload(from, &head, parts).await
    }
    fn event(&self, _: Event) {}
}

/// A node that runs.
pub struct Node {
    pub id: NodeId,
    pub transport: Arc<Transport>,
    desk: Arc<RwLock<Option<Arc<Voter>>>>,
    pub voter: Option<Arc<Voter>>,
}

/// Names as one node resolves them: to its own ways.
struct Ways {
    from: u64,
    to: HashMap<Between, SocketAddr>,
}

impl Resolve for Ways {
    fn resolve<'a>(&'a self, address: &'a str) -> Resolved<'a> {
        Box::pin(async move {
            let (to, class) = address.strip_prefix('n').and_then(|rest| rest.split_once(':')).expect("a name");
            let class: usize = class.parse().expect("a class");
            let to = self.to.get(&(self.from, to.parse().expect("a node"), class - 1));
            to.map(|to| vec![*to]).ok_or(io::ErrorKind::NotFound.into())
        })
    }
}

fn name(node: u64) -> String {
    format!("n{node}:1")
}

impl Town {
    /// Of so many nodes, none of which runs.
    pub async fn of(nodes: u64) -> Town {
        let cluster = ClusterId::random();
        let authority = Authority::new(cluster, SystemTime::now()).unwrap();
        let (mut proxies, mut credentials) = (HashMap::new(), BTreeMap::new());
        for to in 1..=nodes {
            let key = Key::generate().unwrap();
            let identity = Identity { cluster, node: NodeId(to), folder: folder(to) };
            let certificate =
                authority.sign(&key.request().unwrap(), &identity, SystemTime::now(), NODE_VALIDITY).unwrap();
            credentials.insert(to, Credentials { certificate, key: Arc::new(key) });
            for from in (1..=nodes).filter(|from| *from != to) {
                for class in 0..2 {
                    proxies.insert((from, to, class), Proxy::new().await);
                }
            }
        }
        let folder = tempfile::tempdir().unwrap();
        Town { cluster, authority, proxies, credentials, folder, boot: 0 }
    }

    /// Where a node keeps its metadata.
    pub fn file(&self, node: u64) -> PathBuf {
        self.folder.path().join(format!("{node}.redb"))
    }

    /// Starts a node that knows where these are, but not what it is to do.
    pub fn node(&mut self, id: u64, hints: &[u64]) -> Node {
        self.boot += 1;
        let to = self.proxies.iter().map(|(between, proxy)| (*between, proxy.address)).collect();
        let config = dag_transport::Config {
            listen: [LOOPBACK; 2],
            advertise: Some(Addresses { control: name(id), data: format!("n{id}:2") }),
            credentials: self.credentials[&id].clone(),
            trust: Trust::in_authority(self.cluster, self.authority.certificate().clone()),
            reset_key: ResetKey([u8::try_from(id).unwrap(); 32]),
            boot: self.boot,
            versions: 1..=1,
            resolver: Arc::new(Ways { from: id, to }),
        };
        let desk = Arc::<RwLock<Option<Arc<Voter>>>>::default();
        let transport = Arc::new(Transport::start(config, Desk(desk.clone())).unwrap());
        for (class, address) in transport.listens_at().into_iter().enumerate() {
            let here = self.proxies.iter().filter(|((_, to, of), _)| (*to, *of) == (id, class));
            here.for_each(|(_, proxy)| proxy.lead_to(address));
        }
        let node = Node { id: NodeId(id), transport, desk, voter: None };
        node.knows(hints);
        node
    }

    /// Starts a node that votes, or is to.
    pub async fn voter(&mut self, id: u64, hints: &[u64]) -> Node {
        let mut node = self.node(id, hints);
        let log = opened(&self.folder.path().join(format!("{id}.log.redb"))).await;
        let machine = machine(&self.file(id)).await;
        node.vote(log, machine, folder(id)).await;
        node
    }

    /// Three nodes that vote, and began as one.
    pub async fn three_voters(&mut self) -> [Node; 3] {
        let nodes = [self.voter(1, &[2, 3]).await, self.voter(2, &[1, 3]).await, self.voter(3, &[1, 2]).await];
        nodes[0].voter().begin().await.unwrap();
        nodes[0].voter().set_voters(&seats(&[1, 2, 3])).await.unwrap();
        nodes
    }

    /// The ways from and to a node, in both directions.
    fn ways(&self, node: u64) -> impl Iterator<Item = &Way> {
        let of = self.proxies.iter().filter(move |((from, to, _), _)| *from == node || *to == node);
        of.flat_map(|(_, proxy)| [&*proxy.there, &*proxy.back])
    }

    /// Nothing goes to a node or comes from it.
    pub fn cut(&self, node: u64) {
        self.ways(node).for_each(|way| way.lost.store(1000, Relaxed));
    }

    pub fn heal(&self, node: u64) {
        self.ways(node).for_each(|way| way.lost.store(0, Relaxed));
    }

    /// Some is lost, all is late, and overtakes.
    pub fn disturb(&self, lost: u32, delay: u32) {
        for way in self.proxies.values().flat_map(|proxy| [&*proxy.there, &*proxy.back]) {
            way.lost.store(lost, Relaxed);
            way.delay.store(delay, Relaxed);
        }
    }

    /// A node is gone, without a word.
    pub async fn kill(&self, node: Node) {
        let id = node.id.0;
        self.cut(id);
        node.stop().await;
        self.heal(id);
    }
}

impl Node {
    /// Votes, or is to.
    pub async fn vote(&mut self, log: Log, machine: Machine, folder: FolderId) {
        let (node, peers) = (self.id, self.peers());
        let voter = Voter::start(Config { node, folder, peers, times: Times::default(), log, machine });
        let voter = Arc::new(voter.await.unwrap());
        *self.desk.write().unwrap() = Some(voter.clone());
        self.voter = Some(voter);
    }

    /// Is told where these are.
    pub fn knows(&self, others: &[u64]) {
        others.iter().for_each(|other| self.transport.hint(NodeId(*other), &name(*other)));
    }

    pub fn peers(&self) -> Peers {
        let transport = self.transport.clone();
        Arc::new(move |node| transport.peer(node))
    }

    pub fn voter(&self) -> &Arc<Voter> {
        self.voter.as_ref().expect("it votes")
    }

    pub async fn door(&self) -> Door {
        self.voter().door(PATIENCE).await.unwrap()
    }

    /// Follows without a vote.
    pub fn follow(&self, voters: &[u64]) -> Follower {
        Follower::start(self.peers(), voters.iter().copied().map(NodeId).collect())
    }

    pub async fn stop(self) {
        self.desk.write().unwrap().take();
        if let Some(voter) = &self.voter {
            voter.stop().await;
        }
    }
}

/// The folder of a node.
pub fn folder(node: u64) -> FolderId {
    FolderId(u128::from(node) << 64)
}

pub fn seats(nodes: &[u64]) -> BTreeMap<NodeId, Seat> {
    nodes.iter().map(|node| (NodeId(*node), Seat { folder: folder(*node).0 })).collect()
}

/// Once whoever had it is gone.
async fn opened(file: &Path) -> Log {
    again(|| Log::open(file)).await
}

async fn machine(file: &Path) -> Machine {
    again(|| {
        let file = file.to_owned();
        Machine::open(Store::new(move || Database::create(&file)))
    })
    .await
}

async fn again<T, E: std::fmt::Display>(open: impl Fn() -> Result<T, E>) -> T {
    let begun = std::time::Instant::now();
    loop {
        match open() {
            Ok(opened) => return opened,
            Err(error) if begun.elapsed() > PATIENCE => panic!("{error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}
