//! The node: sources, catalog, plan and flow, put together; and [`bind`], by which expressions meet them.

pub(crate) mod alter;
mod bind;
pub(crate) mod delete;
mod room;
mod timers;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use dag_expr::Stream;
use dag_flow::Flow;
use dag_lock::{Guard, Mutex};
use dag_log::{Committer, Storage};
use dag_model::IncarnationId;
use dag_plan::{LeaseId, Plan};
use dag_wasm::limits::most_memories;
use dag_wasm::{Memory, Runtime, RuntimeOptions};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, watch};

use crate::backup::CopyError;
use crate::blocking::gate::Gate;
use crate::budget::Budget;
use crate::clock::Clocks;
use crate::computations::holds::Holds;
use crate::computations::logs::Logs;
use crate::computations::runs::{Report, Reports, Runs};
use crate::computations::snapshots::Snapshots;
use crate::computations::start::STARTS;
use crate::config::Config;
use crate::formats::FormatError;
use crate::layout::{DataError, Layout};
use crate::metadata::moved::Moved;
use crate::metadata::{Kept, MetaError, Metadata, Unreadable};
use crate::operators::Operators;
use crate::operators::catalog::Catalog;
use crate::operators::error::ComponentError;
use crate::private;
use crate::readers::cursors::Cursors;
use crate::readers::open::OPENING;
use crate::readers::subscription::{READING, Subscriber};
use crate::streams::room::Refused;
use crate::streams::source::Sources;
use crate::streams::{KeptError, Streams};
use crate::views::status::LOOKING;
use bind::BINDING;

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
    /// The streams can't be told, or one of them is of a newer dag.
    #[error(transparent)]
    Streams(#[from] KeptError),
}

/// A node. Clones are handles of one node.
#[derive(Clone)]
pub struct Node {
    pub(crate) inner: Arc<Inner>,
}

/// What the handles share.
pub(crate) struct Inner {
    pub config: Config,
    pub layout: Layout,
    pub meta: Arc<Metadata>,
    /// The number of this start of the node.
    pub boot: u64,
    pub committer: Committer,
    pub operators: Arc<Operators>,
    pub flow: Flow,
    pub clock: Clocks,
    pub started: Instant,
    pub address: OnceLock<SocketAddr>,
    pub streams: Arc<Streams>,
    /// What the metadata tells that cannot be read.
    pub unreadable: Vec<Unreadable>,
    pub logs: Arc<Logs>,
    /// The newest run that was there when the node was started.
    pub last_before: IncarnationId,
    /// Runs that had other numbers before this data was a copy.
    pub moved: Moved,
    pub cursors: Cursors,
    /// The turn of whoever makes a component current, and moves what runs to it.
    pub deploying: Arc<tokio::sync::Mutex<()>>,
    pub snapshots: Snapshots,
    state: Mutex<State>,
    /// What may wait for a disk or an operator goes through these.
    pub binding: Arc<Gate<()>>,
    pub opening: Arc<Gate<String>>,
    pub starts: Arc<Gate<IncarnationId>>,
    pub looking: Arc<Gate<String>>,
    pub reads: Arc<Gate<String>>,
    /// Where tasks are started from threads of any kind.
    pub tasks: Handle,
    /// Bumped when a stream or an operator appears.
    pub appeared: watch::Sender<u64>,
    /// True once the node is stopping.
    pub stopping: watch::Sender<bool>,
    /// Wakes the timers, because something became due earlier than they know.
    pub timers: Notify,
    /// The turn of whoever looks for room on a full disk, and when that was done last.
    pub made_room: tokio::sync::Mutex<Option<Instant>>,
    /// Memory for requests.
    pub budget: Budget,
    /// Of all computations.
    pub memory: Memory,
    next_lease: AtomicU64,
    /// Held as long as the node lives.
    _lock: File,
}

/// What changes under one lock: subscriptions, what they read, and what runs for that. Every request takes it, so it is held for moments: whoever has it reads
/// and writes memory, and has asked files and operators before, or orders to ask them after. Other locks may be taken under it.
pub(crate) struct State {
    pub runs: Runs,
    /// What subscriptions read.
    pub holds: Holds,
    /// Incarnations that are about to be forgotten: nobody begins to read them.
    pub forgetting: BTreeSet<IncarnationId>,
    /// What the canonical names mean of what is computed.
    pub bound: BTreeMap<String, Stream>,
    pub subscribers: BTreeMap<LeaseId, Arc<Subscriber>>,
    /// Expressions that wait for a stream or an operator to appear, and what for.
    pub waiting: BTreeMap<LeaseId, (String, String)>,
}

/// What others tell a node, which somebody has to attend to.
pub(crate) struct Told {
    /// By workers, of computations.
    pub reports: mpsc::UnboundedReceiver<Report>,
    /// By streams: a publish was refused for want of room.
    pub refused: mpsc::Receiver<Refused>,
}

impl Node {
    /// Opens the data folder and starts the workers. What is told goes to [`serve`](crate::serve).
    pub(crate) fn open(config: Config) -> Result<(Node, Told), ServeError> {
        Node::open_over(config, crate::storage::storage())
    }

    /// The same with its logs and snapshots in that storage.
    pub(crate) fn open_over(config: Config, storage: Arc<dyn Storage>) -> Result<(Node, Told), ServeError> {
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
        let meta = Arc::new(meta);
        meta.up()?;
        let runtime = Runtime::new(RuntimeOptions {
            cache: Some(layout.compiled()),
            threads: true,
            memories: config.instances.map_or_else(most_memories, NonZeroUsize::get),
        })
        .map_err(|error| ServeError::Start(error.to_string()))?;
        let flow = Flow::start(config.workers).map_err(ServeError::Start)?;
        let Kept { described, boot, mut unreadable } = kept;
        let last_before = IncarnationId(meta.plan().counters().incarnation - 1);
        let moved = Moved::of(&meta.plan());
        let (clock, appeared) = (Clocks::start(), watch::Sender::new(0));
        let (streams, refused) =
            Streams::open(layout.clone(), meta.clone(), committer.clone(), clock, appeared.clone(), &mut unreadable)?;
        let (reports, received) = mpsc::unbounded_channel();
        let mut runs = Runs::new(Reports(reports));
        let mut known: BTreeSet<IncarnationId> = BTreeSet::new();
        for (id, course) in meta.plan().incarnations() {
            known.insert(id);
            runs.idle.insert(id, Instant::now());
            streams.hand_in(&course.record);
        }
        // The logs of those stay, too, of which the metadata cannot be read.
        let rows = unreadable.iter().filter(|row| row.table == "incarnations");
        known.extend(rows.filter_map(|row| Some(IncarnationId(row.key.parse().ok()?))));
        let logs = Arc::new(Logs::new(layout.clone(), committer.clone()));
        logs.remove_unknown(&known);
        let snapshots = Snapshots::new(layout.clone(), committer.clone(), logs.clone());
        let snapshots = snapshots.map_err(|error| ServeError::Start(error.to_string()))?;
        crate::computations::lost::end(&streams.all(), &snapshots, &meta, boot, is_copy)
            .map_err(|error| ServeError::Start(error.to_string()))?;
        let state = State {
            runs,
            holds: Holds::default(),
            forgetting: BTreeSet::new(),
            bound: BTreeMap::new(),
            subscribers: BTreeMap::new(),
            waiting: BTreeMap::new(),
        };
        let broken_cursors = unreadable.iter().filter(|row| row.table == "cursors");
        let broken_cursors = broken_cursors.map(|row| (row.key.clone(), row.why.clone())).collect();
        let stopping = watch::Sender::new(false);
        let operators = Operators::new(&config, meta.clone(), committer.clone(), runtime, stopping.clone());
        operators.restore(&described).map_err(|error| match error {
            ComponentError::Embedded { .. } => ServeError::Start(error.to_string()),
            error => ServeError::Component(error),
        })?;
        let budget = Budget::new(config.requests.memory.bytes());
        let memory = Memory::new(config.memory.bytes());
        let inner = Inner {
            config,
            layout,
            meta: meta.clone(),
            boot: meta.boot(),
            committer,
            operators: Arc::new(operators),
            flow,
            clock,
            started: Instant::now(),
            address: OnceLock::new(),
            streams: Arc::new(streams),
            unreadable,
            logs,
            last_before,
            moved,
            cursors: Cursors::new(meta.clone(), broken_cursors),
            deploying: Arc::default(),
            snapshots,
            state: Mutex::new("state", state),
            binding: Gate::new(BINDING),
            opening: Gate::new(OPENING),
            starts: Gate::new(STARTS),
            looking: Gate::new(LOOKING),
            reads: Gate::new(READING),
            tasks: Handle::current(),
            appeared,
            stopping,
            timers: Notify::new(),
            made_room: tokio::sync::Mutex::default(),
            budget,
            memory,
            next_lease: AtomicU64::new(1),
            _lock: lock,
        };
        let node = Node { inner: Arc::new(inner) };
        if is_copy {
            node.take_over()?;
        }
        Ok((node, Told { reports: received, refused }))
    }

    pub(crate) fn state(&self) -> Guard<'_, State> {
        self.inner.state.lock()
    }

    pub(crate) fn view(&self) -> View<'_> {
        View {
            plan: self.inner.meta.plan(),
            sources: self.inner.streams.all(),
            catalog: self.inner.operators.catalog(),
            logs: &self.inner.logs,
            snapshots: &self.inner.snapshots,
            moved: &self.inner.moved,
            last_before: self.inner.last_before,
        }
    }

    pub(crate) fn new_lease(&self) -> LeaseId {
        LeaseId(self.inner.next_lease.fetch_add(1, Ordering::Relaxed))
    }

    /// Ends all subscriptions and computations. The node answers nothing useful afterwards.
    pub(crate) fn stop(&self) {
        self.inner.stopping.send_replace(true);
        let mut state = self.state();
        for subscriber in state.subscribers.values() {
            subscriber.wake();
        }
        state.runs.finish_all();
    }
}

/// The plan, the sources and the operators as they were a moment ago: what expressions are bound against, and what is decided on.
pub(crate) struct View<'a> {
    pub plan: Arc<Plan>,
    pub sources: Arc<Sources>,
    pub catalog: Arc<Catalog>,
    pub logs: &'a Logs,
    pub snapshots: &'a Snapshots,
    pub moved: &'a Moved,
    /// The newest run that was there when the node was started.
    pub last_before: IncarnationId,
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
