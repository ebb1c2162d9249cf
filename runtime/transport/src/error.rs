//! What can go wrong with another node, an enum for each thing that is asked of it.

use std::sync::Arc;
use std::time::Duration;

use dag_model::NodeId;

use crate::code::Closed;
use crate::hello::HelloError;
use crate::identity::Untrusted;
use crate::limits::{MAX_BULK, MAX_BULK_HEAD, MAX_CREDIT, MAX_HEARTBEAT, MAX_REQUEST, MAX_REQUESTS, WINDOW};
use crate::refusal::Refusal;
use crate::stream::Broken;

/// Why a node cannot be reached.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DialError {
    /// Nobody has told where it is.
    #[error("no address of node {0} is known")]
    NoAddress(NodeId),
    /// No address leads to it: each with the reason.
    #[error("node {name} is not reached: {}", .tried.join("; "))]
    NotReached {
        /// The name that was dialled.
        name: String,
        /// The addresses, and why it is not reached there.
        tried: Vec<String>,
    },
    /// It closed the connection, or the connection broke, before its welcome.
    #[error("node {name} does not welcome this node: {closed}")]
    NotWelcome {
        /// The name that was dialled.
        name: String,
        /// How the connection ended.
        closed: Closed,
    },
    /// Its certificate is not believed.
    #[error("{0}")]
    Untrusted(#[from] Untrusted),
    /// What it says is no welcome.
    #[error("{0}")]
    Welcome(#[from] HelloError),
    /// What it says is no frame.
    #[error("{0}")]
    Broken(#[from] Broken),
    /// A later start of that node was here: this is a copy of its folder, or what is left of the former process.
    #[error("node {node} answers as its start {boot}, and its start {later} was here before")]
    OldBoot {
        /// The node.
        node: NodeId,
        /// What it says.
        boot: u64,
        /// The greatest that was seen.
        later: u64,
    },
    /// There is no socket.
    #[error("no socket: {0}")]
    Socket(Arc<std::io::Error>),
    /// It was up, and is not now.
    #[error("the connection to node {0} is lost: {1}")]
    Lost(NodeId, Closed),
    /// This node has been told to forget the other, or stops.
    #[error("node {0} is not dialled any more")]
    Forgotten(NodeId),
}

/// Why a heartbeat or a message is not sent. One that is sent can still be lost.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SendError {
    /// The node is not reached.
    #[error("{0}")]
    Down(Arc<DialError>),
    /// It is not connected yet.
    #[error("there is no connection yet")]
    NotYet,
    /// Too large for its kind of connection.
    #[error("a message of {length} bytes: at most {most} are taken here")]
    TooLong {
        /// Its bytes.
        length: usize,
        /// The limit.
        most: usize,
    },
    /// Too large for a packet.
    #[error("a heartbeat of {0} bytes: at most {MAX_HEARTBEAT} are taken")]
    HeartbeatTooLong(usize),
    /// The node takes messages slower than they come.
    #[error("{waiting} bytes of messages wait for node {node}, and with this one it would be more than {most}")]
    Full {
        /// The node.
        node: NodeId,
        /// What waits.
        waiting: usize,
        /// The limit.
        most: usize,
    },
}

/// Why there is no answer to a request.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RequestError {
    /// The node is not reached.
    #[error("{0}")]
    Down(#[from] Arc<DialError>),
    /// It says why it does not answer.
    #[error("{0}")]
    Refused(Refusal),
    /// Its turn did not come in time.
    #[error(
        "{MAX_REQUESTS} requests to node {0}, or too many bytes of them, are under way, which is the limit: try again in a moment"
    )]
    Busy(NodeId),
    /// No answer came in time. It may have been done.
    #[error("no answer of node {0} within {1:?}")]
    Late(NodeId, Duration),
    /// The connection broke. It may have been done.
    #[error("{0}")]
    Broken(#[from] Broken),
    /// Too large.
    #[error("a request of {0} bytes: at most {MAX_REQUEST} are taken")]
    TooLong(usize),
}

/// Why a download or an upload does not begin.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// The node is not reached.
    #[error("{0}")]
    Down(#[from] Arc<DialError>),
    /// There are as many as there may be.
    #[error("{MAX_BULK} downloads and uploads of node {0} are under way, which is the limit")]
    TooMany(NodeId),
    /// All that may lie unread is given away.
    #[error(
        "downloads of node {node} may hold {held} bytes unread, and with {wanted} more it would be more than {MAX_CREDIT}"
    )]
    NoCredit {
        /// The node.
        node: NodeId,
        /// What is given away.
        held: usize,
        /// The window that was asked for.
        wanted: u32,
    },
    /// No window can be so small, or so large.
    #[error("a window of {0} bytes: {least} to {most} are taken", least = WINDOW.0, most = WINDOW.1)]
    Window(u32),
    /// Too large.
    #[error("{0} bytes of what is asked for: at most {MAX_BULK_HEAD} are taken")]
    TooLong(usize),
    /// The connection broke.
    #[error("{0}")]
    Broken(#[from] Broken),
}

/// Why a transport does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no socket at that address.
    #[error("cannot listen at {0}: {1}")]
    Listen(std::net::SocketAddr, std::io::Error),
    /// Threads cannot be started.
    #[error("no threads for control: {0}")]
    Threads(std::io::Error),
    /// The node's own certificate is not believed.
    #[error("this node's own certificate: {0}")]
    Own(#[from] Untrusted),
    /// No address that others could dial.
    #[error("what others are to dial: {0}")]
    Advertised(#[from] HelloError),
    /// Nothing is between the least version and the greatest.
    #[error("no version is spoken")]
    NoVersion,
}
