//! What runs: read [`reconcile`] (what is to be done about an incarnation, by value), [`compare`] (what the plan wants of this node, compared
//! with what runs), [`demand`] (how what somebody wants to read comes to be wanted), [`holds`] (what this node's
//! subscriptions keep wanted), [`runs`] (what there is of dataflows), [`reports`] (what workers say of them), [`start`] (how one is started), [`build`] and
//! [`resume`] (what runs then, and where it goes on), [`end`] (how what became of one
//! comes into the plan), [`turns`] (at which mark another version of an operator takes over, by value), [`marking`] (how the mark gets into the
//! sources), [`switch`] (how the version takes over), [`retry`] (what follows from a failure, by value),
//! [`failed`] (how that is carried out), [`news`] (what who reads is told of it), [`logs`] and [`snapshots`] (what is on disk of a derived stream),
//! [`retention`] (which of those that nobody uses are kept), [`forget`] (how the others go), [`lost`] (which end because a crash took what they
//! may have read), [`interest`] (what one needs to hear of sources that fall silent), [`skipped`] (what was skipped, and how it comes into
//! `errors(X)`), [`due`] (what is done by the clock), [`facts`] (what is asked while something is decided) and [`look`] (what is shown).
//!
//! [`Computations`] owns them.

pub(crate) mod build;
mod compare;
mod demand;
mod due;
pub(crate) mod end;
pub(crate) mod error;
pub(crate) mod facts;
mod failed;
mod forget;
mod holds;
mod interest;
pub(crate) mod logs;
mod look;
mod lost;
pub(crate) mod marking;
pub(crate) mod news;
mod reconcile;
pub(crate) mod reports;
mod resume;
mod retention;
mod retry;
mod runs;
mod skipped;
pub(crate) mod snapshots;
mod start;
pub(crate) mod switch;
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use dag_expr::Stream;
use dag_flow::Flow;
use dag_lock::{Guard, Mutex};
use dag_log::Committer;
use dag_model::IncarnationId;
use dag_plan::LeaseId;
use dag_wasm::Memory;
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, watch};

use crate::blocking::gate::Gate;
use crate::clock::Clocks;
use crate::config::Config;
use crate::layout::Layout;
use crate::metadata::moved::Moved;
use crate::metadata::{MetaError, Metadata, Unreadable};
use crate::operators::Operators;
use crate::streams::Streams;
pub(crate) use demand::Undecided;
pub(crate) use facts::View;
use holds::Holds;
use logs::Logs;
pub(crate) use look::{Look, has_failed, life, shown_of};
use marking::MARKING;
use news::Listener;
use reports::Reports;
pub(crate) use retention::GRACE;
use runs::Runs;
use snapshots::Snapshots;
use start::STARTS;

/// How many demands that have resumed something wait to be looked at.
const RESUMED: usize = 1_024;

/// The owner of what runs. Clones are handles of one owner.
#[derive(Clone)]
pub(crate) struct Computations {
    inner: Arc<Inner>,
}

/// What the handles share.
struct Inner {
    config: Config,
    meta: Arc<Metadata>,
    /// The number of this start of the node.
    boot: u64,
    operators: Arc<Operators>,
    flow: Flow,
    clock: Clocks,
    streams: Arc<Streams>,
    logs: Arc<Logs>,
    /// The newest run that was there when the node was started.
    last_before: IncarnationId,
    /// Runs that had other numbers before this data was a copy.
    moved: Moved,
    snapshots: Snapshots,
    state: Mutex<State>,
    /// What it takes to start one goes through this.
    starts: Arc<Gate<IncarnationId>>,
    /// Marks get into sources through this.
    marking: Arc<Gate<String>>,
    /// Where tasks are started from threads of any kind.
    tasks: Handle,
    /// True once the node is stopping.
    stopping: watch::Sender<bool>,
    /// Wakes who keeps time, because something became due earlier than it knows.
    timers: Arc<Notify>,
    /// Of all computations.
    memory: Memory,
    /// Where workers say what becomes of them.
    reports: Reports,
    /// Changes whenever a log may not be open any more that a computation had open, or that was about to be forgotten.
    freed: watch::Sender<()>,
    /// Where it is told which are demanded again that were stored.
    resumed: mpsc::Sender<Vec<IncarnationId>>,
    /// Held as long as something may still write.
    _lock: Arc<File>,
}

/// What changes under one lock: what runs, and who reads it. Every demand takes it, so it is held for moments: whoever has it reads and writes
/// memory, and has asked files and operators before, or orders to ask them after. The locks of owners below may be taken under it.
struct State {
    runs: Runs,
    /// What subscriptions read.
    holds: Holds,
    /// Incarnations that are about to be forgotten: nobody begins to read them.
    forgetting: BTreeSet<IncarnationId>,
    /// What the canonical names mean of what is computed.
    bound: BTreeMap<String, Stream>,
    /// Where those who read are told what becomes of it.
    listeners: BTreeMap<LeaseId, Arc<Listener>>,
}

/// What computations tell, which somebody has to attend to.
pub(crate) struct Told {
    /// By workers.
    pub reports: Reports,
    /// These were stored and are demanded again: their operator may have another version since.
    pub resumed: mpsc::Receiver<Vec<IncarnationId>>,
}

/// Why there can be no computations.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The metadata does not take what became of some.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// There are no threads.
    #[error("{0}")]
    Threads(String),
}

/// What the computations of a node are made of, besides those that the metadata tells of.
pub(crate) struct Parts {
    /// How the node is run.
    pub config: Config,
    /// What lasts.
    pub meta: Arc<Metadata>,
    /// Writes logs and snapshots.
    pub committer: Committer,
    /// What is published to.
    pub streams: Arc<Streams>,
    /// What is applied.
    pub operators: Arc<Operators>,
    /// What runs them.
    pub flow: Flow,
    /// The memory of all.
    pub memory: Memory,
    /// The node's clocks.
    pub clock: Clocks,
    /// True once the node is stopping.
    pub stopping: watch::Sender<bool>,
    /// Wakes who keeps time.
    pub timers: Arc<Notify>,
    /// Keeps other nodes out of the data folder.
    pub lock: Arc<File>,
}

impl Computations {
    /// Takes up those that the metadata tells of. `unreadable` is what it has and cannot be read, `before` what [`lost::boot`] was when the
    /// data was open last.
    ///
    /// # Errors
    /// If metadata can't be written, or there are no threads.
    pub fn open(
        parts: Parts,
        unreadable: &[Unreadable],
        before: Option<u64>,
        is_copy: bool,
    ) -> Result<(Computations, Told), OpenError> {
        let Parts { config, meta, committer, streams, operators, flow, memory, clock, stopping, timers, lock } = parts;
        let layout = Layout::new(&config.data);
        let plan = meta.plan();
        let reports = Reports::default();
        let (resumed, caught) = mpsc::channel(RESUMED);
        let mut runs = Runs::new();
        let mut known: BTreeSet<IncarnationId> = BTreeSet::new();
        for (id, course) in plan.incarnations() {
            known.insert(id);
            runs.idle.insert(id, Instant::now());
            streams.hand_in(&course.record);
        }
        // The logs of those stay, too, of which the metadata cannot be read.
        let rows = unreadable.iter().filter(|row| row.table == "incarnations");
        known.extend(rows.filter_map(|row| Some(IncarnationId(row.key.parse().ok()?))));
        let logs = Arc::new(Logs::new(layout.clone(), committer.clone()));
        logs.remove_unknown(&known);
        let snapshots = Snapshots::new(layout, committer, meta.clone(), logs.clone());
        let snapshots = snapshots.map_err(|error| OpenError::Threads(error.to_string()))?;
        lost::end(&streams.all(), &snapshots, &meta, before, is_copy)?;
        let state = State {
            runs,
            holds: Holds::default(),
            forgetting: BTreeSet::new(),
            bound: BTreeMap::new(),
            listeners: BTreeMap::new(),
        };
        let inner = Inner {
            boot: meta.boot(),
            last_before: IncarnationId(plan.counters().incarnation - 1),
            moved: Moved::of(&plan),
            state: Mutex::new("computations", state),
            starts: Gate::new(STARTS),
            marking: Gate::new(MARKING),
            tasks: Handle::current(),
            config,
            meta,
            operators,
            flow,
            clock,
            streams,
            logs,
            snapshots,
            stopping,
            timers,
            memory,
            reports: reports.clone(),
            freed: watch::Sender::new(()),
            resumed,
            _lock: lock,
        };
        Ok((Computations { inner: Arc::new(inner) }, Told { reports, resumed: caught }))
    }

    fn state(&self) -> Guard<'_, State> {
        self.inner.state.lock()
    }

    /// The plan, the streams and the operators as they are at this moment, with the logs that there are.
    pub fn view(&self) -> View<'_> {
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

    /// The logs of derived streams.
    pub fn logs(&self) -> &Arc<Logs> {
        &self.inner.logs
    }

    /// Incarnations that had other numbers before this data was a copy.
    pub fn moved(&self) -> &Moved {
        &self.inner.moved
    }

    /// What runs them.
    pub fn flow(&self) -> &Flow {
        &self.inner.flow
    }
}
