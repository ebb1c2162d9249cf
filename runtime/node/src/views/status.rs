//! What a node shows of itself: streams, computations, status.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dag_api::limits::LimitSettings;
use dag_api::{Column, Computation, GuestThreads, Held, HeldOf, Publisher, SharedMemory, Status, Stream, Streams};
use dag_flow::Budget;
use dag_flow::budget::Usage;
use dag_model::{IncarnationId, Position, Schema, Timestamp};
use dag_plan::{Course, Life, LogId, Plan};

use crate::blocking::blocking;
use crate::blocking::gate::Width;
use crate::node::{Node, State};
use crate::operators::catalog::Catalog;
use crate::operators::limits;
use crate::streams::source::SourceStream;
use crate::views::ViewError;
use crate::views::operators::applied;

/// How many listings are made, or streams looked at, at a time.
pub(crate) const LOOKING: Width = Width { what: "to look at streams", most: 8, each: 2, waiting: 1024 };

/// How many incarnations are looked at before others get the lock.
const STEP: usize = 64;

/// How long a listing waits for logs that have not been open since the node was started.
const PATIENCE: Duration = Duration::from_secs(5);

impl Node {
    /// All streams, sources first. A derived stream that nobody has read since the node was started is looked at once, and listed without
    /// what its log has where its disk takes too long for that.
    pub async fn streams(&self) -> Result<Streams, ViewError> {
        let plan = self.inner.meta.plan();
        let shown = derived_streams(&plan).into_iter().map(|(course, _)| course.record.id);
        let unseen: Vec<IncarnationId> = shown.filter(|id| self.inner.logs.seen(*id).is_none()).collect();
        if !unseen.is_empty() {
            let logs = self.inner.logs.clone();
            let look = move || {
                unseen.into_iter().for_each(|id| logs.look(id));
                Ok::<_, ViewError>(())
            };
            // They are looked at to the end also where nobody waits any more.
            let _ = tokio::time::timeout(PATIENCE, self.inner.looking.run(String::new(), look)).await;
        }
        let node = self.clone();
        blocking(move || Ok(node.list_streams())).await
    }

    fn list_streams(&self) -> Streams {
        let view = self.view();
        let mut read = readers(&self.state(), &view.plan);
        let mut streams: Vec<Stream> = Vec::new();
        for source in view.sources.values() {
            let users = read.remove(&source.settings.name).unwrap_or(0);
            streams.push(source_stream(source, users));
        }
        streams.extend(self.inner.streams.unavailable().streams());
        for some in derived_streams(&view.plan).chunks(STEP) {
            let state = self.state();
            let shown: Vec<Shown> = some.iter().map(|found| Shown::of(&state, &view.plan, *found)).collect();
            drop(state);
            streams.extend(shown.into_iter().filter_map(|shown| self.derived_stream(shown)));
        }
        Streams { streams }
    }

    /// One stream: a source by its name, a derived one by its expression.
    pub async fn stream(&self, name: &str) -> Result<Stream, ViewError> {
        if let Some(stream) = self.inner.streams.unavailable().stream(name) {
            return Ok(stream);
        }
        let source = match self.inner.streams.get(name) {
            Ok(source) => Ok(source),
            Err(unknown) => {
                let bound = self.bound(name).await;
                let bound =
                    bound.map_err(|error| if error.is_passing() { error.into() } else { ViewError::from(unknown) })?;
                match bound {
                    dag_expr::Stream::Errors { name, .. } => Ok(self.inner.streams.get(&name)?),
                    stream => Err(stream.to_string()),
                }
            }
        };
        let node = self.clone();
        let key = source.as_ref().map_or_else(Clone::clone, |source| source.settings.name.clone());
        self.inner
            .looking
            .run(key, move || match source {
                Ok(source) => Ok(node.shown_source(&source)),
                Err(derived) => {
                    let found = node.shown_derived(&derived);
                    found.ok_or_else(|| ViewError::NotComputed(derived))
                }
            })
            .await
    }

    /// A source as listings show it.
    pub(crate) fn shown_source(&self, source: &SourceStream) -> Stream {
        let users = readers(&self.state(), &self.inner.meta.plan()).remove(&source.settings.name).unwrap_or(0);
        source_stream(source, users)
    }

    /// A source as whoever creates it is shown it.
    pub(crate) fn created_source(&self, source: &SourceStream) -> Stream {
        let arrival = "records get the time of their arrival, for the stream has no time column";
        let note = source.settings.time.is_none().then(|| arrival.to_owned());
        Stream { note, ..self.shown_source(source) }
    }

    /// A derived stream as listings show it, by its canonical name. Waits for its log to be opened.
    pub(crate) fn shown_derived(&self, name: &str) -> Option<Stream> {
        let plan = self.inner.meta.plan();
        let shown = Shown::of(&self.state(), &plan, shown_of(&plan, name)?);
        self.inner.logs.look(shown.id);
        self.derived_stream(shown)
    }

    /// The position of the earliest record kept of a stream, as listings show it.
    pub(crate) fn begins(&self, stream: &dag_expr::Stream) -> Option<String> {
        let listed = match stream {
            dag_expr::Stream::Source { name, .. } => self.shown_source(&*self.inner.streams.get(name).ok()?),
            stream => self.shown_derived(&stream.to_string())?,
        };
        listed.earliest
    }

    /// None of a stream whose log is not there.
    fn derived_stream(&self, shown: Shown) -> Option<Stream> {
        let seen = self.inner.logs.seen(shown.id)?;
        let (visible, earliest) = (seen.visible, seen.earliest.sequence);
        Some(Stream {
            on_error: Some(self.error_policy(&shown.name)),
            name: shown.name,
            kind: "derived".to_owned(),
            schema: columns(&seen.schema),
            records: visible.end - earliest,
            late: 0,
            bytes: seen.bytes,
            frontier: visible.frontier.shown(),
            last_time: last_time(visible.max_time),
            state: shown.state.to_owned(),
            subscribers: shown.users,
            earliest: Some(Position { run: shown.id.0, sequence: earliest }.to_string()),
            computations: shown.live,
            ..Stream::default()
        })
    }

    /// The node and what it runs.
    pub fn status(&self) -> Status {
        let cursors = self.cursors_read();
        let (memory, unavailable) = (resident(), self.unavailable());
        let plan = self.inner.meta.plan();
        let courses = || plan.incarnations().map(|(_, course)| &**course);
        let is_shown = |course: &&Course| course.is_live() || has_failed(&course.life);
        // A failure is news until the stream runs again.
        let is_news = |course: &&Course| {
            let others = || plan.incarnations_of(&course.record.stream).map(|(_, other)| &**other).filter(is_shown);
            course.is_live() || others().last().is_some_and(|last| last.record.id == course.record.id)
        };
        let mut shown: Vec<&Course> = courses().filter(is_shown).filter(is_news).collect();
        // Whatever runs is shown, also where nobody wants it any more.
        let running: Vec<IncarnationId> = self.state().runs.flows().collect();
        let running = running.into_iter().filter_map(|id| plan.incarnation(id)).map(|course| &**course);
        shown.extend(running.filter(|course| !is_shown(course)));
        let catalog = self.inner.operators.catalog();
        let mut computations = Vec::with_capacity(shown.len());
        for some in shown.chunks(STEP) {
            let state = self.state();
            computations.extend(some.iter().map(|course| self.computation(&state, &plan, &catalog, course)));
        }
        let state = self.state();
        computations.extend(state.waiting.values().map(|(text, what)| Computation {
            stream: text.clone(),
            incarnation: 0,
            state: "waiting".to_owned(),
            operator: String::new(),
            component: String::new(),
            digest: String::new(),
            limits: LimitSettings::default(),
            users: 1,
            records_in: 0,
            records_out: 0,
            memory: None,
            frontier: None,
            error: None,
            waiting: Some(what.clone()),
        }));
        let rush = self.inner.flow.rush();
        let (instances, instances_limit) = self.inner.operators.memories();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            listen: self.inner.address.get().map_or_else(String::new, |address| format!("http://{address}")),
            data: self.inner.config.data.display().to_string(),
            uptime: self.inner.started.elapsed().as_secs_f64(),
            workers: self.inner.flow.peers(),
            guests: GuestThreads { threads: rush.threads, limit: rush.most, waiting: rush.waiting },
            subscribers: state.subscribers.len() + state.waiting.len(),
            memory,
            requests: SharedMemory { taken: self.inner.budget.taken(), limit: self.inner.budget.all() },
            computation_memory: SharedMemory { taken: self.inner.memory.held(), limit: self.inner.memory.limit() },
            instances,
            instances_limit,
            unavailable,
            cursors,
            computations,
        }
    }

    /// What is kept and cannot be used, and why.
    fn unavailable(&self) -> BTreeMap<String, String> {
        let sources = self.inner.streams.unavailable();
        let sources = sources.all().map(|(name, why)| (name.clone(), why.to_string()));
        let rows = self.inner.unreadable.iter().map(|row| {
            let name = format!("{} {}", row.table, row.key);
            let why = format!("the metadata's row {name} cannot be read: {}; it is left as it is", row.why);
            (name, why)
        });
        sources.chain(self.view().catalog.unavailable()).chain(rows).collect()
    }

    fn computation(&self, state: &State, plan: &Plan, catalog: &Catalog, course: &Course) -> Computation {
        let (id, digest) = (course.record.id, course.record.ran.last().map(|ran| ran.digest));
        let component = digest.and_then(|digest| catalog.component(digest));
        let progress = state.runs.progress(id);
        Computation {
            stream: course.record.stream.clone(),
            incarnation: id.0,
            state: match state.runs.failures.get(&id) {
                Some(failures) if failures.due.is_some() => "restarting".to_owned(),
                _ if state.runs.is_stopping(id) && !has_failed(&course.life) => "stopping".to_owned(),
                _ => life_here(state, plan, course).to_owned(),
            },
            operator: applied(&course.record.stream).to_owned(),
            component: component
                .map_or_else(String::new, |component| format!("{} {}", component.name(), component.version())),
            digest: digest.map_or_else(String::new, |digest| digest.to_string()),
            limits: limits::settings(limits::of_record(course.record.limits)),
            users: users(state, plan, id),
            records_in: progress.map_or(0, dag_flow::Progress::records_in),
            records_out: progress.map_or(0, dag_flow::Progress::records_out),
            memory: state.runs.budget(id).map(|budget| held(budget, course.record.limits.memory)),
            frontier: self.inner.logs.visible(id).and_then(|visible| visible.frontier.shown()),
            error: match &course.life {
                Life::Failed(why) | Life::Quarantined(why) | Life::Lost(why) => Some(why.clone()),
                _ => state.runs.failures.get(&id).map(|failures| failures.why.clone()),
            },
            waiting: None,
        }
    }
}

/// How many subscriptions and computations use an incarnation.
fn users(state: &State, plan: &Plan, id: IncarnationId) -> usize {
    state.holds.users(id).count() + plan.reading(&LogId::Derived(id)).count()
}

/// What became of an incarnation, as it is shown. One that nobody here uses any more lingers, also before the plan has been told.
pub(super) fn life_here(state: &State, plan: &Plan, course: &Course) -> &'static str {
    match course.is_live() && users(state, plan, course.record.id) == 0 {
        true => "lingering",
        false => life(&course.life),
    }
}

fn has_failed(life: &Life) -> bool {
    matches!(life, Life::Failed(_) | Life::Quarantined(_) | Life::Lost(_))
}

/// What a listing shows of a derived stream besides its log.
struct Shown {
    name: String,
    id: IncarnationId,
    state: &'static str,
    users: usize,
    /// How many of its incarnations are live.
    live: usize,
}

impl Shown {
    fn of(state: &State, plan: &Plan, (course, live): (&Course, usize)) -> Shown {
        let (name, id) = (course.record.stream.clone(), course.record.id);
        Shown { name, id, state: life_here(state, plan, course), users: users(state, plan, id), live }
    }
}

/// The incarnation that is shown of a derived stream, the newest of those that are live, else the newest; and how many are live.
fn shown_of<'a>(plan: &'a Plan, name: &str) -> Option<(&'a Course, usize)> {
    let mut found: Option<(&Course, usize)> = None;
    for (_, course) in plan.incarnations_of(name) {
        let (shown, live) = found.unwrap_or((course, 0));
        let shown = if course.is_live() || !shown.is_live() { course } else { shown };
        found = Some((shown, live + usize::from(course.is_live())));
    }
    found
}

/// That of all derived streams, by name.
fn derived_streams(plan: &Plan) -> Vec<(&Course, usize)> {
    let names: BTreeSet<&str> = plan.incarnations().map(|(_, course)| &*course.record.stream).collect();
    names.into_iter().filter_map(|name| shown_of(plan, name)).collect()
}

/// How many live runs and subscriptions read each source itself.
fn readers(state: &State, plan: &Plan) -> BTreeMap<String, usize> {
    let mut readers = BTreeMap::new();
    for (id, stream) in plan.streams() {
        let live = plan.reading(&LogId::Source(id)).count();
        if live > 0 {
            readers.insert(stream.name.clone(), live);
        }
    }
    for name in state.subscribers.values().filter_map(|subscriber| subscriber.source()) {
        *readers.entry(name.to_owned()).or_default() += 1;
    }
    readers
}

fn source_stream(source: &SourceStream, subscribers: usize) -> Stream {
    let log = source.source.log();
    let (visible, stats, earliest) = (log.visible(), source.source.stats(), log.earliest().sequence);
    let earliest = Position { run: log.epoch_at(earliest), sequence: earliest };
    Stream {
        name: source.origin.canonical(&source.settings.name),
        kind: source.origin.kind().to_owned(),
        schema: columns(&source.schema),
        records: stats.records,
        late: stats.late,
        bytes: stats.bytes,
        frontier: visible.frontier.shown(),
        last_time: last_time(visible.max_time),
        state: if visible.frontier.time().is_none() { "sealed" } else { "open" }.to_owned(),
        subscribers,
        earliest: Some(earliest.to_string()),
        computations: 0,
        settings: Some(source.settings.clone()),
        on_error: None,
        publishers: stats.joined.iter().map(publisher).collect(),
        note: None,
    }
}

/// What became of an incarnation, as it is shown.
pub(crate) fn life(life: &Life) -> &'static str {
    match life {
        Life::Live { idle: None } => "running",
        Life::Live { idle: Some(_) } => "lingering",
        Life::Finished => "finished",
        Life::Failed(_) => "failed",
        Life::Quarantined(_) => "quarantined",
        Life::Lost(_) => "lost",
        Life::Stored => "stored",
    }
}

/// The greatest time of a log's records, if it has any.
pub(crate) fn last_time(time: Timestamp) -> Option<String> {
    (time > Timestamp::MIN).then(|| time.to_string())
}

fn columns(schema: &Schema) -> Vec<Column> {
    schema.fields.iter().map(|field| Column { name: field.name.clone(), ty: field.ty.name().to_owned() }).collect()
}

fn publisher(joined: &dag_log::Joined) -> Publisher {
    Publisher {
        name: joined.name.clone(),
        bound: last_time(joined.bound),
        joined: joined.since.to_string(),
        idle_at: joined.until.to_string(),
    }
}

/// This process's resident memory in bytes; 0 where the system does not tell.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// What a computation holds of its budget, and what the largest of its operator's instances has of so many bytes.
fn held(budget: &Budget, instance: u64) -> Held {
    let share = |usage: Usage| {
        let Usage { share, bytes, peak, limit } = usage;
        HeldOf { name: share.name().to_owned(), bytes, peak, limit }
    };
    let mut limits: Vec<HeldOf> = budget.usage().into_iter().map(share).collect();
    let bytes = budget.instance();
    limits.push(HeldOf { name: "an instance of its operator".to_owned(), bytes, peak: bytes, limit: instance });
    let nearest = limits.iter().max_by_key(|held| u128::from(held.bytes) * 1_000_000 / u128::from(held.limit.max(1)));
    let nearest = nearest.map_or_else(String::new, |held| held.name.clone());
    Held { bytes: budget.held(), budget: budget.limit(), nearest, limits }
}
