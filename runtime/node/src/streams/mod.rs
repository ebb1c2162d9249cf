//! Source streams: what is published to, and what derived streams have skipped.
//!
//! [`Streams`] owns them. Read [`source`] (a stream), [`settings`] (what of it can be said), [`kept`] (those that there are when a node
//! starts) and [`unavailable`] (those of them that cannot be opened), [`create`], [`alter`], [`remove`] and [`publish`]; [`heartbeat`] and [`interest`]
//! (what becomes of them by the clock), [`trim`] (retention), [`room`] (what is told where the disk is full) and [`skipped`] (`errors(X)`, to
//! which the node itself publishes).

pub(crate) mod alter;
pub(crate) mod create;
pub(crate) mod error;
mod heartbeat;
pub(crate) mod interest;
mod kept;
pub(crate) mod publish;
mod remove;
pub(crate) mod room;
pub(crate) mod settings;
pub(crate) mod skipped;
pub(crate) mod source;
mod trim;
pub(crate) mod unavailable;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use dag_lock::{Mutex, RwLock};
use dag_log::Committer;
use dag_model::text::{MAX_NAME, shortened};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::blocking::gate::Gate;
use crate::clock::Clocks;
use crate::deadlines::Deadlines;
use crate::layout::Layout;
use crate::metadata::{Metadata, Unreadable};
use create::{CREATING, Making};
use error::StreamError;
use heartbeat::TICKING;
use interest::Interests;
pub(crate) use kept::KeptError;
use publish::PUBLISHING;
use room::{Refused, Room};
use skipped::Waiting;
use source::{SourceStream, Sources};
use trim::TRIMMING;
use unavailable::Unavailable;

/// The owner of source streams.
pub(crate) struct Streams {
    layout: Layout,
    meta: Arc<Metadata>,
    committer: Committer,
    clock: Clocks,
    /// Those that are open, by name. Replaced as a whole, so that nobody who looks at them is waited for. Nothing else is locked under it.
    open: RwLock<Arc<Sources>>,
    /// Those that are known but not among these. Replaced as a whole, like those.
    unavailable: RwLock<Arc<Unavailable>>,
    /// Whose turn it is to make or alter a stream.
    making: Making,
    /// What makes and alters streams goes through this.
    creating: Arc<Gate<String>>,
    /// A place for each request that is being published.
    publishing: Semaphore,
    /// When something is due of which stream.
    deadlines: Arc<Deadlines<String>>,
    /// What is due goes through this.
    ticks: Arc<Gate<String>>,
    /// The streams of which it is being done. Nothing else is locked under it.
    ticking: Mutex<BTreeSet<String>>,
    interests: Arc<Interests>,
    /// Retention goes through this.
    trims: Arc<Gate<String>>,
    /// The streams that are being trimmed, or wait for it. Nothing else is locked under it.
    trimming: Mutex<BTreeSet<String>>,
    /// What is to be in streams of skipped records.
    skipped: Waiting,
    room: Room,
    /// Bumped when a stream appears.
    appeared: watch::Sender<u64>,
}

impl Streams {
    /// Opens the streams that metadata tells of, as far as that can be done. What the second value receives waits for room on the disk.
    pub fn open(
        layout: Layout,
        meta: Arc<Metadata>,
        committer: Committer,
        clock: Clocks,
        appeared: watch::Sender<u64>,
        unreadable: &mut Vec<Unreadable>,
    ) -> Result<(Streams, mpsc::Receiver<Refused>), KeptError> {
        let deadlines = Arc::new(Deadlines::default());
        let known = kept::kept(&meta, &layout, unreadable)?;
        kept::remove_forgotten(&meta, &layout, unreadable);
        let (open, unavailable) = kept::open(&layout, known, &committer, clock, &deadlines)?;
        open.keys().for_each(|name| deadlines.look_by(name, Instant::now()));
        let (room, refused) = Room::new();
        let streams = Streams {
            layout,
            meta,
            committer,
            clock,
            open: RwLock::new("sources", Arc::new(open)),
            unavailable: RwLock::new("unavailable", Arc::new(unavailable)),
            making: Making::default(),
            creating: Gate::new(CREATING),
            publishing: Semaphore::new(PUBLISHING),
            deadlines,
            ticks: Gate::new(TICKING),
            ticking: Mutex::new("ticking", BTreeSet::new()),
            interests: Arc::default(),
            trims: Gate::new(TRIMMING),
            trimming: Mutex::new("trimming", BTreeSet::new()),
            skipped: Waiting::default(),
            room,
            appeared,
        };
        Ok((streams, refused))
    }

    /// Those that are open, as they are at this moment.
    pub fn all(&self) -> Arc<Sources> {
        self.open.read().clone()
    }

    /// Those that cannot be opened.
    pub fn unavailable(&self) -> Arc<Unavailable> {
        self.unavailable.read().clone()
    }

    /// The stream of that name.
    pub fn get(&self, name: &str) -> Result<Arc<SourceStream>, StreamError> {
        let open = self.all();
        open.get(name).cloned().ok_or_else(|| match self.unavailable().why(name) {
            Some(why) => why.clone().into(),
            None => self.unknown(name),
        })
    }

    /// Whether a stream is among those that are open, altered or not.
    fn is_there(&self, stream: &SourceStream) -> bool {
        let open = self.all();
        open.get(&stream.settings.name).is_some_and(|there| Arc::ptr_eq(&there.source, &stream.source))
    }

    /// There is no stream of that name.
    fn unknown(&self, name: &str) -> StreamError {
        let near = dag_expr::syntax::name::near_help(name, self.all().keys().map(String::as_str));
        let name = shortened(name, MAX_NAME).into_owned();
        let hint = near.unwrap_or_else(|| format!("create it with `dag create {name} --schema ...`"));
        StreamError::Unknown { name, hint }
    }

    /// Puts a stream among those that there are, in place of what has its name.
    fn put(&self, source: Arc<SourceStream>) {
        let name = source.settings.name.clone();
        let mut open = self.open.write();
        let replaced = Arc::make_mut(&mut open).insert(name.clone(), source);
        drop(open);
        // Its settings may be all that goes, but that is not for this lock to know.
        drop(replaced);
        // Somebody may be silent for too long already, or the node have to speak.
        self.deadlines.look_by(&name, Instant::now());
    }
}
