//! What a node shows, changing nothing: [`status`] (streams, computations, the node itself), [`explain`] (why a stream has no output) and
//! [`operators`] (what they take, and which versions of them there are). [`Views`] has what they look at.

pub(crate) mod explain;
pub(crate) mod operators;
pub(crate) mod status;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use dag_wasm::Memory;

use crate::blocking::Broken;
use crate::blocking::gate::{Full, Gate};
use crate::budget::Budget;
use crate::computations::Computations;
use crate::metadata::{Metadata, Unreadable};
use crate::operators::Operators;
use crate::operators::error::BindError;
use crate::readers::Readers;
use crate::streams::Streams;
use crate::streams::error::StreamError;

/// What a node shows is seen through this.
pub(crate) struct Views {
    about: About,
    /// Where it listens, once it does.
    address: OnceLock<SocketAddr>,
    meta: Arc<Metadata>,
    streams: Arc<Streams>,
    operators: Arc<Operators>,
    computations: Computations,
    readers: Arc<Readers>,
    /// Looking at logs goes through this.
    looking: Arc<Gate<String>>,
}

/// What is shown of the node itself.
pub(crate) struct About {
    /// Where the data lies.
    pub data: PathBuf,
    /// When the node was started.
    pub started: Instant,
    /// What the metadata tells that cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// Memory for requests.
    pub budget: Budget,
    /// Of all computations.
    pub memory: Memory,
}

impl Views {
    /// Those of a node with these owners, which does not listen yet.
    pub fn new(
        about: About,
        meta: Arc<Metadata>,
        streams: Arc<Streams>,
        operators: Arc<Operators>,
        computations: Computations,
        readers: Arc<Readers>,
        looking: Arc<Gate<String>>,
    ) -> Views {
        Views { about, address: OnceLock::new(), meta, streams, operators, computations, readers, looking }
    }

    /// The node listens there.
    pub fn listens_on(&self, address: SocketAddr) {
        let _ = self.address.set(address);
    }
}

/// Why something is not shown.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// There is no such stream, or it cannot be opened.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The expression makes no sense.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Nobody has demanded the stream so far.
    #[error("nothing has computed `{0}` yet")]
    NotComputed(String),
    /// Too many look at logs.
    #[error(transparent)]
    Full(#[from] Full),
    /// Something broke.
    #[error(transparent)]
    Broken(#[from] Broken),
}
