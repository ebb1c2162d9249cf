//! The node: its owners, put together. What each of them does is theirs; here it is said who is given whom, how all begin and how they end.

use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use dag_flow::Flow;
use dag_log::{Committer, Storage};
use dag_wasm::limits::most_memories;
use dag_wasm::{Memory, Runtime, RuntimeOptions};
use tokio::sync::{Notify, mpsc, watch};

use crate::alter::Alterations;
use crate::backup::{Backups, CopyError, take_over_sources};
use crate::blocking::gate::Gate;
use crate::budget::Budget;
use crate::clock::Clocks;
use crate::computations::{self, Computations};
use crate::config::Config;
use crate::delete::Deletions;
use crate::deploy::{Deployments, Turn};
use crate::formats::FormatError;
use crate::layout::{DataError, Layout};
use crate::metadata::{Kept, MetaError, Metadata};
use crate::operators::Operators;
use crate::operators::error::ComponentError;
use crate::origin::Origin;
use crate::private;
use crate::readers::{self, Readers};
use crate::requests::Requests;
use crate::streams::room::Refused;
use crate::streams::{KeptError, Streams};
use crate::tls::Tls;
use crate::tokens::{TokenError, Tokens};
use crate::undeploy::Undeployments;
use crate::upkeep::Upkeep;
use crate::views::status::LOOKING;
use crate::views::{About, Views};

/// Why a node does not start, or ends other than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another node has the data folder.
    #[error("another node uses {}: stop it, or give this one a folder of its own with --data", .0.display())]
    Locked(PathBuf),
    /// The data folder can't be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The data is of a newer dag.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The data is a copy, and cannot become data of its own.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The metadata can't be used.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// The address can't be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// There are no threads or no memory to run operators with.
    #[error("cannot start: {0}")]
    Start(String),
    /// A component that is kept, or that this dag brings, can't be made current.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// No token can be made for whoever runs the node.
    #[error("cannot make a token for whoever runs the node: {0}")]
    Token(#[from] TokenError),
    /// The streams can't be told, or one of them is of a newer dag.
    #[error(transparent)]
    Streams(#[from] KeptError),
}

/// A node. Clones are handles of one node.
#[derive(Clone)]
pub(crate) struct Node {
    /// What is published to.
    pub streams: Arc<Streams>,
    /// What is applied.
    pub operators: Arc<Operators>,
    /// What runs.
    pub computations: Computations,
    /// Who reads.
    pub readers: Arc<Readers>,
    /// What is shown.
    pub views: Arc<Views>,
    /// What alters streams.
    pub alterations: Arc<Alterations>,
    /// What deletes them.
    pub deletions: Arc<Deletions>,
    /// What deploys components.
    pub deployments: Arc<Deployments>,
    /// What removes them.
    pub undeployments: Arc<Undeployments>,
    /// What makes backups.
    pub backups: Arc<Backups>,
    /// Who may ask for what.
    pub tokens: Arc<Tokens>,
    /// What is done by the clock.
    pub upkeep: Arc<Upkeep>,
    /// What requests may take.
    pub requests: Requests,
    /// Where clients were told that it listens.
    pub listen: SocketAddr,
    /// What clients are shown; none where HTTP is spoken without TLS.
    pub tls: Option<Tls>,
    /// Whose pages may ask besides the node's own.
    pub origins: Arc<[Origin]>,
    /// Memory for them.
    pub budget: Budget,
    /// True once the node is stopping.
    pub stopping: watch::Sender<bool>,
    /// The node's clocks.
    #[cfg(test)]
    pub clock: Clocks,
}

/// What others tell a node, which somebody has to attend to.
pub(crate) struct Told {
    /// By computations.
    pub computations: computations::Told,
    /// By streams: a publish was refused for want of room.
    pub refused: mpsc::Receiver<Refused>,
}

impl Node {
    /// Opens the data folder and starts the workers. What is told goes to [`serve`](crate::serve()).
    pub fn open(config: Config) -> Result<(Node, Told), ServeError> {
        Node::open_over(config, crate::storage::storage())
    }

    /// The same with its logs and snapshots in that storage.
    pub fn open_over(config: Config, storage: Arc<dyn Storage>) -> Result<(Node, Told), ServeError> {
        let mut data = Data::open(&config, storage)?;
        let (clock, signals) = (Clocks::start(), Signals::default());
        let (streams, refused) = Streams::open(
            data.layout.clone(),
            data.meta.clone(),
            data.committer.clone(),
            clock,
            signals.appeared.clone(),
            &mut data.kept.unreadable,
        )?;
        let streams = Arc::new(streams);
        let operators = operators(&config, &data, &streams, &signals)?;
        let memory = Memory::new(config.memory.bytes());
        let parts = computations::Parts {
            config: config.clone(),
            meta: data.meta.clone(),
            committer: data.committer.clone(),
            streams: streams.clone(),
            operators: operators.clone(),
            flow: Flow::start(config.workers).map_err(ServeError::Start)?,
            memory: memory.clone(),
            clock,
            stopping: signals.stopping.clone(),
            timers: signals.timers.clone(),
            lock: data.lock.clone(),
        };
        let (computations, told) = Computations::open(parts, &data.kept.unreadable, data.kept.boot, data.is_copy)
            .map_err(|error| ServeError::Start(error.to_string()))?;
        operators.restore(&data.kept.described).map_err(|error| match error {
            ComponentError::Embedded { .. } => ServeError::Start(error.to_string()),
            error => ServeError::Component(error),
        })?;
        if data.is_copy {
            take_over_sources(&**data.committer.storage(), &data.layout, &streams)?;
        }
        let tokens = Arc::new(Tokens::new(data.meta.clone()));
        let first = data.layout.admin_token();
        if config.tls.is_some() && tokens.make_first(&first)? {
            tracing::info!(file = %first.display(), "made a token for everything, which is in this file only");
        }
        let below = Below {
            config,
            data,
            signals,
            tokens,
            streams,
            operators,
            computations,
            memory,
            #[cfg(test)]
            clock,
        };
        Ok((below.node(), Told { computations: told, refused }))
    }

    /// Ends all subscriptions and computations. The node answers nothing useful afterwards.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
        self.readers.wake();
        self.computations.stop();
    }
}

/// What the parts of a node tell each other by.
struct Signals {
    /// Counts what has appeared that somebody may wait for.
    appeared: watch::Sender<u64>,
    /// True once the node is stopping.
    stopping: watch::Sender<bool>,
    /// Wakes who keeps time.
    timers: Arc<Notify>,
}

impl Default for Signals {
    fn default() -> Signals {
        let (appeared, stopping) = (watch::Sender::new(0), watch::Sender::new(false));
        Signals { appeared, stopping, timers: Arc::new(Notify::new()) }
    }
}

fn operators(
    config: &Config,
    data: &Data,
    streams: &Arc<Streams>,
    signals: &Signals,
) -> Result<Arc<Operators>, ServeError> {
    let runtime = Runtime::new(RuntimeOptions {
        cache: Some(data.layout.compiled()),
        storage: data.committer.storage().clone(),
        threads: true,
        memories: config.instances.map_or_else(most_memories, NonZeroUsize::get),
    });
    let runtime = runtime.map_err(|error| ServeError::Start(error.to_string()))?;
    let (meta, committer) = (data.meta.clone(), data.committer.clone());
    Ok(Arc::new(Operators::new(config, meta, committer, streams.clone(), runtime, signals.stopping.clone())))
}

/// The owners below those that act on several of them.
struct Below {
    config: Config,
    data: Data,
    signals: Signals,
    tokens: Arc<Tokens>,
    streams: Arc<Streams>,
    operators: Arc<Operators>,
    computations: Computations,
    memory: Memory,
    #[cfg(test)]
    clock: Clocks,
}

impl Below {
    fn readers(&self, looking: &Arc<Gate<String>>) -> Arc<Readers> {
        let broken = self.data.kept.unreadable.iter().filter(|row| row.table == "cursors");
        let broken = broken.map(|row| (row.key.clone(), row.why.clone())).collect();
        let parts = readers::Parts {
            meta: self.data.meta.clone(),
            streams: self.streams.clone(),
            operators: self.operators.clone(),
            computations: self.computations.clone(),
            looking: looking.clone(),
            appeared: self.signals.appeared.clone(),
            stopping: self.signals.stopping.clone(),
            memory: (self.config.computation_memory.bytes(), self.memory.clone()),
        };
        Arc::new(Readers::new(parts, broken))
    }

    /// The node, with those that are above.
    fn node(self) -> Node {
        let looking = Gate::new(LOOKING);
        let readers = self.readers(&looking);
        let Below {
            config,
            data,
            signals,
            tokens,
            streams,
            operators,
            computations,
            memory,
            #[cfg(test)]
            clock,
        } = self;
        let Data { layout, committer, meta, kept, .. } = data;
        let (budget, turn) = (Budget::new(config.requests.memory.bytes()), Turn::default());
        let about = About {
            data: config.data.clone(),
            started: Instant::now(),
            unreadable: kept.unreadable,
            budget: budget.clone(),
            memory,
        };
        let (m, s, o, c, r) = (&meta, &streams, &operators, &computations, &readers);
        let views = Views::new(about, m.clone(), s.clone(), o.clone(), c.clone(), r.clone(), looking);
        let views = Arc::new(views);
        let alterations = Alterations::new(m.clone(), s.clone(), o.clone(), views.clone());
        let deletions = Deletions::new(m.clone(), s.clone(), o.clone(), c.clone(), r.clone());
        let deployments = Deployments::new(m.clone(), o.clone(), c.clone(), r.clone(), turn.clone(), signals.appeared);
        let undeployments = Undeployments::new(m.clone(), o.clone(), c.clone(), r.clone(), turn);
        let logs = c.logs().clone();
        let backups = Backups::new(layout.clone(), config.backup_dirs, m.clone(), committer.clone(), s.clone(), logs);
        let stopping = signals.stopping.clone();
        let upkeep = Upkeep::new(layout, committer, s.clone(), c.clone(), r.clone(), signals.timers, stopping);
        Node {
            alterations: Arc::new(alterations),
            deletions: Arc::new(deletions),
            deployments: Arc::new(deployments),
            undeployments: Arc::new(undeployments),
            backups: Arc::new(backups),
            upkeep: Arc::new(upkeep),
            streams,
            operators,
            computations,
            readers,
            views,
            tokens,
            requests: config.requests,
            listen: config.listen,
            tls: config.tls,
            origins: config.origins.into(),
            budget,
            stopping: signals.stopping,
            #[cfg(test)]
            clock,
        }
    }
}

/// A data folder that is this process's.
struct Data {
    layout: Layout,
    committer: Committer,
    meta: Arc<Metadata>,
    kept: Kept,
    is_copy: bool,
    lock: Arc<File>,
}

impl Data {
    fn open(config: &Config, storage: Arc<dyn Storage>) -> Result<Data, ServeError> {
        let layout = Layout::new(&config.data);
        let is_copy = crate::backup::is_copy(&layout)?;
        let committer = Committer::over(storage).keep_free(config.disk_reserve);
        crate::formats::check(&layout, &committer)?;
        let lock = lock(&layout)?;
        let metadata = layout.metadata();
        if is_copy {
            crate::backup::take_over_runs(&layout, &committer)?;
        }
        let (meta, kept) = Metadata::open(&metadata)?;
        private::own_file(&metadata).map_err(DataError::of(&metadata))?;
        meta.up()?;
        Ok(Data { layout, committer, meta: Arc::new(meta), kept, is_copy, lock: Arc::new(lock) })
    }
}

/// A data folder that no node uses as long as this is kept.
pub struct Held {
    _lock: File,
}

/// Keeps nodes out of a data folder, which is made where it is missing.
///
/// # Errors
/// If a node runs on it, or it can't be used.
pub fn hold(data: &Path) -> Result<Held, ServeError> {
    Ok(Held { _lock: lock(&Layout::new(data))? })
}

/// Where in a data folder lies who its node is in its cluster.
pub fn cluster_in(data: &Path) -> PathBuf {
    Layout::new(data).cluster()
}

/// Makes the folder where it is missing, and keeps other nodes out of it.
fn lock(layout: &Layout) -> Result<File, ServeError> {
    private::make_folder(layout.root()).map_err(DataError::of(layout.root()))?;
    for folder in [layout.sources(), layout.derived(), layout.components(), layout.compiled()] {
        private::own_folder(&folder).map_err(DataError::of(&folder))?;
    }
    let path = layout.lock();
    let file = private::lock_file(&path).map_err(DataError::of(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ServeError::Locked(layout.root().to_owned())),
        Err(TryLockError::Error(error)) => Err(DataError::of(&path)(error).into()),
    }
}
