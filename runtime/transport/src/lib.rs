//! How the nodes of a cluster talk: QUIC with mutual TLS, and control apart from bulk.
//!
//! ```text
//!   this node                                                                 another node
//!   +- Transport ----------------------------------+       +- Transport ----------------------------------+
//!   |  Peer ---> Link control --- dials ----------------------> Listener control ---> Service             |
//!   |            heartbeats: datagrams             |       |    on a thread of its own                    |
//!   |            messages: one stream, in order    |       |                                              |
//!   |            requests: a stream each           |       |                                              |
//!   |       ---> Link data ------ dials ----------------------> Listener data ------> Service             |
//!   |            messages: one stream, in order    |       |    on the runtime that started it            |
//!   |            downloads, uploads: a stream each,|       |                                              |
//!   |            with credit                       |       |                                              |
//!   |  Service <----------------------------------------------- the other node's links, likewise          |
//!   +----------------------------------------------+       +----------------------------------------------+
//! ```
//!
//! Read [`Config`] and [`Transport`], [`Peer`] (what can be said to another node), [`Service`] (what it does with it), then [`identity`] (who
//! is believed) and [`limits`]. On the wire: [`frame`], [`Hello`]. Inside: `link` keeps a connection up, `dial` makes one, `accept` takes
//! one, `serve` works on what comes over it, `bulk` is credit, `hub` what all of them share, `endpoint` how QUIC is set.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::{Duration, SystemTime};
//!
//! use bytes::Bytes;
//! use dag_model::NodeId;
//! use dag_transport::identity::{Authority, ClusterId, Credentials, FolderId, Identity, Key, NODE_VALIDITY, Trust};
//! use dag_transport::*;
//!
//! /// Answers with the question.
//! struct Echo;
//!
//! impl Service for Echo {
//!     fn heartbeat(&self, _: &Remote, _: Bytes) {}
//!     async fn message(&self, _: &Remote, _: Class, _: Bytes) {}
//!     async fn request(&self, from: &Remote, request: Bytes) -> Result<Bytes, Refusal> {
//!         if from.node == NodeId(1) { Ok(request) } else { Err(Refusal::new(1, "only node 1 is answered")) }
//!     }
//!     async fn download(&self, _: &Remote, head: Bytes, parts: &mut Sender) -> Result<(), Refusal> {
//!         for part in head.chunks(2) {
//!             parts.send(Bytes::copy_from_slice(part)).await.map_err(|error| Refusal::new(1, error.to_string()))?;
//!         }
//!         Ok(())
//!     }
//!     async fn upload(&self, _: &Remote, _: Bytes, _: &mut Receiver) -> Result<Bytes, Refusal> {
//!         Err(Refusal::new(1, "nothing is taken"))
//!     }
//!     fn event(&self, _: Event) {}
//! }
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! // Done once for a cluster; each node's key stays with it.
//! let (cluster, now) = (ClusterId::random(), SystemTime::now());
//! let authority = Authority::new(cluster, now)?;
//! let start = |node| {
//!     let key = Key::generate()?;
//!     let identity = Identity { cluster, node, folder: FolderId::random() };
//!     let certificate = authority.sign(&key.request()?, &identity, now, NODE_VALIDITY)?;
//!     let config = Config {
//!         listen: ["127.0.0.1:0".parse()?; 2],
//!         advertise: None,
//!         credentials: Credentials { certificate, key: Arc::new(key) },
//!         trust: Trust::in_authority(cluster, authority.certificate().clone()),
//!         reset_key: ResetKey([7; 32]),
//!         boot: 1,
//!         versions: 1..=1,
//!         resolver: Arc::new(SystemResolver),
//!     };
//!     Ok::<_, Box<dyn std::error::Error>>(Transport::start(config, Echo)?)
//! };
//! let [one, other] = [start(NodeId(1))?, start(NodeId(2))?];
//!
//! one.hint(NodeId(2), &other.listens_at()[0].to_string());
//! let peer = one.peer(NodeId(2));
//! assert_eq!(peer.request("hello".into(), Duration::from_secs(5)).await?, "hello");
//!
//! let mut parts = peer.download("abc".into(), 64 << 10).await?;
//! assert_eq!(parts.next().await?, Some("ab".into()));
//! assert_eq!(parts.next().await?, Some("c".into()));
//! assert_eq!(parts.next().await?, None);
//! one.stop().await;
//! other.stop().await;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # What holds
//!
//! - **Bulk never delays a heartbeat.** Control has its own sockets, thread and connections, down to the port; heartbeats are datagrams, which
//!   wait behind no stream.
//! - **Who is slow holds back only itself**: see [`limits`] for the sums. Messages of a class are in order, so the next one waits for a
//!   service that is slow to take the one before; downloads, uploads and requests wait for their own reader only.
//! - **All is bounded** in bytes and time before memory is taken; a node that does not keep to that is closed, with a reason that it is told.
//! - **A message may be lost, with its connection.** It never comes twice, or behind a later one of the same class and connection.
//!   [`Event::Up`] says that a connection is new: what was said before may not have arrived.
//! - **An end is said.** What is broken off, by whatever, is never taken for the whole.
//! - **A name, not an address, says who it is.** Addresses are hints, resolved at each dial, learnt from those who have shown who they are.
//!
//! # When a connection is closed
//!
//! | cause | by whom | what the other is told |
//! |---|---|---|
//! | the node stops, or the other is forgotten | either | [`Code::Done`] |
//! | the same node dials again, after a restart or when its former connection broke | who was dialled | [`Code::Replaced`] |
//! | its certificate expires, is revoked, its node is removed, its authority is not believed any more | either, at once, and each dial after it | [`Code::Untrusted`] |
//! | no common version | who was dialled | [`Code::Version`] |
//! | a later start of the same node was here | either | [`Code::OldBoot`] |
//! | a frame that cannot be, or that does not end | who was dialled | [`Code::Misbehaved`] |
//! | nothing has come for [`limits::IDLE`] | either | nothing: it is silent |
//! | the process was killed, and is started again with its [`ResetKey`] | who was killed | a reset, by the first packet that reaches it |
//!
//! Whoever needs to know in less than [`limits::IDLE`] that a node is gone sends heartbeats and counts those that come.
//!
//! # Two ports
//!
//! A node listens for control and for data at a port each, and tells the second with its welcome; an operator opens both, for UDP. Each dial
//! is made from a new port, which no router on the way remembers.

mod accept;
mod addresses;
mod bulk;
mod class;
mod code;
mod dial;
mod endpoint;
mod error;
pub mod frame;
mod hello;
mod hub;
pub mod identity;
pub mod limits;
mod link;
mod peer;
mod queue;
mod refusal;
mod serve;
mod service;
mod stream;
mod transport;

pub use addresses::{Resolve, Resolved, SystemResolver};
pub use bulk::{BulkError, Receiver, Sender};
pub use class::Class;
pub use code::{Closed, Code};
pub use endpoint::ResetKey;
pub use error::{DialError, OpenError, RequestError, SendError, StartError};
pub use hello::{Addresses, Hello, HelloError, NoVersion, Welcome};
pub use hub::{Event, Remote};
pub use peer::{Download, Peer, Upload};
pub use refusal::Refusal;
pub use service::Service;
pub use stream::Broken;
pub use transport::{Config, Transport};
