//! What a node shows of itself: streams, computations, status.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use dag_api::limits::LimitSettings;
use dag_api::{
    Column, Computation, GuestThreads, Held, HeldOf, Publisher, SharedMemory, Status, StatusParameters, Stream, Streams,
};
use dag_flow::Budget;
use dag_flow::budget::Usage;
use dag_model::{IncarnationId, Position, Schema, Timestamp};
use dag_plan::{Course, Life, LogId, Plan};

use crate::blocking::blocking;
use crate::blocking::gate::Width;
use crate::computations::{Look, has_failed, shown_of};
use crate::operators::catalog::Catalog;
use crate::operators::limits;
use crate::streams::source::SourceStream;
use crate::views::operators::applied;
use crate::views::{ViewError, Views};

/// How many listings are made, or streams looked at, at a time.
pub(crate) const LOOKING: Width = Width { what: "to look at streams", most: 8, each: 2, waiting: 1024 };

/// How many incarnations are looked at before others get the lock.
const STEP: usize = 64;

/// How long a listing waits for logs that have not been open since the node was started.
const PATIENCE: Duration = Duration::from_secs(5);

impl Views {
    /// All streams, sources first. A derived stream that nobody has read since the node was started is looked at once, and listed without
    /// what its log has where its disk takes too long for that.
    pub async fn streams(self: &Arc<Self>) -> Result<Streams, ViewError> {
        let plan = self.meta.plan();
        let shown = derived_streams(&plan).into_iter().map(|(course, _)| course.record.id);
        let unseen: Vec<IncarnationId> = shown.filter(|id| self.computations.logs().seen(*id).is_none()).collect();
        if !unseen.is_empty() {
            let logs = self.computations.logs().clone();
            let look = move || {
                unseen.into_iter().for_each(|id| logs.look(id));
                Ok::<_, ViewError>(())
            };
            // They are looked at to the end also where nobody waits any more.
            let _ = tokio::time::timeout(PATIENCE, self.looking.run(String::new(), look)).await;
        }
        let views = self.clone();
        blocking(move || Ok(views.list_streams())).await
    }

    fn list_streams(&self) -> Streams {
        let plan = self.meta.plan();
        let mut read = self.read_sources(&plan);
        let mut streams: Vec<Stream> = Vec::new();
        for source in self.streams.all().values() {
            let users = read.remove(&source.settings.name).unwrap_or(0);
            streams.push(source_stream(source, users));
        }
        streams.extend(self.streams.unavailable().streams());
        for some in derived_streams(&plan).chunks(STEP) {
            let looks = self.computations.look(some.iter().map(|(course, _)| course.record.id));
            let shown = some.iter().zip(looks).map(|(found, look)| Shown::of(&look, &plan, *found));
            streams.extend(shown.filter_map(|shown| self.derived_stream(shown)));
        }
        Streams { streams }
    }

    /// One stream: a source by its name, a derived one by its expression.
    pub async fn stream(self: &Arc<Self>, name: &str) -> Result<Stream, ViewError> {
        if let Some(stream) = self.streams.unavailable().stream(name) {
            return Ok(stream);
        }
        let source = match self.streams.get(name) {
            Ok(source) => Ok(source),
            Err(unknown) => {
                let bound = self.operators.bound(name).await;
                let bound =
                    bound.map_err(|error| if error.is_passing() { error.into() } else { ViewError::from(unknown) })?;
                match bound {
                    dag_expr::Stream::Errors { name, .. } => Ok(self.streams.get(&name)?),
                    stream => Err(stream.to_string()),
                }
            }
        };
        let views = self.clone();
        let key = source.as_ref().map_or_else(Clone::clone, |source| source.settings.name.clone());
        self.looking
            .run(key, move || match source {
                Ok(source) => Ok(views.shown_source(&source)),
                Err(derived) => {
                    let found = views.shown_derived(&derived);
                    found.ok_or_else(|| ViewError::NotComputed(derived))
                }
            })
            .await
    }

    /// A source as listings show it.
    pub(crate) fn shown_source(&self, source: &SourceStream) -> Stream {
        let users = self.read_sources(&self.meta.plan()).remove(&source.settings.name).unwrap_or(0);
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
        let plan = self.meta.plan();
        let found = shown_of(&plan, name)?;
        let shown = Shown::of(&self.computations.look_at(found.0.record.id), &plan, found);
        self.computations.logs().look(shown.id);
        self.derived_stream(shown)
    }

    /// None of a stream whose log is not there.
    fn derived_stream(&self, shown: Shown) -> Option<Stream> {
        let seen = self.computations.logs().seen(shown.id)?;
        let (visible, earliest) = (seen.visible, seen.earliest.sequence);
        Some(Stream {
            on_error: Some(self.computations.error_policy(&shown.name)),
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
    pub fn status(&self, parameters: StatusParameters) -> Status {
        let cursors = self.readers.cursors_read();
        let (memory, unavailable) = (resident(), self.unavailable());
        let (computations, computations_total) = self.computations_of_status(parameters.computations);
        let subscribers = self.readers.len() + self.readers.waiting().len();
        let rush = self.computations.flow().rush();
        let (instances, instances_limit) = self.operators.memories();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            listen: self.address.get().map_or_else(String::new, |address| format!("http://{address}")),
            data: self.about.data.display().to_string(),
            uptime: self.about.started.elapsed().as_secs_f64(),
            workers: self.computations.flow().peers(),
            guests: GuestThreads { threads: rush.threads, limit: rush.most, waiting: rush.waiting },
            subscribers,
            memory,
            requests: SharedMemory { taken: self.about.budget.taken(), limit: self.about.budget.all() },
            computation_memory: SharedMemory { taken: self.about.memory.held(), limit: self.about.memory.limit() },
            instances,
            instances_limit,
            unavailable,
            cursors,
            computations,
            computations_total,
        }
    }

    /// What runs, has failed, or is waited for: as many as `most`, those that have failed and those that are waited for among them, and how
    /// many there are.
    fn computations_of_status(&self, most: usize) -> (Vec<Computation>, usize) {
        let plan = self.meta.plan();
        let courses = || plan.incarnations().map(|(_, course)| &**course);
        let is_shown = |course: &&Course| course.is_live() || has_failed(&course.life);
        // A failure is news until the stream runs again.
        let is_news = |course: &&Course| {
            let others = || plan.incarnations_of(&course.record.stream).map(|(_, other)| &**other).filter(is_shown);
            course.is_live() || others().last().is_some_and(|last| last.record.id == course.record.id)
        };
        let mut shown: Vec<&Course> = courses().filter(is_shown).filter(is_news).collect();
        // Whatever runs is shown, also where nobody wants it any more.
        let running =
            self.computations.flows().into_iter().filter_map(|id| plan.incarnation(id)).map(|course| &**course);
        shown.extend(running.filter(|course| !is_shown(course)));
        let mut waiting = self.readers.waiting();
        let total = shown.len() + waiting.len();
        if total > most {
            waiting.truncate(most);
            shown.sort_by_key(|course| !has_failed(&course.life));
            shown.truncate(most - waiting.len());
        }
        let catalog = self.operators.catalog();
        let mut computations = Vec::with_capacity(shown.len());
        for some in shown.chunks(STEP) {
            let looks = self.computations.look(some.iter().map(|course| course.record.id));
            let shown = some.iter().zip(looks);
            computations.extend(shown.map(|(course, look)| self.computation(&look, &plan, &catalog, course)));
        }
        computations.extend(waiting.into_iter().map(|(stream, what)| Computation {
            stream,
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
            waiting: Some(what),
        }));
        (computations, total)
    }

    /// How many live incarnations and subscriptions read each source itself.
    fn read_sources(&self, plan: &Plan) -> BTreeMap<String, usize> {
        let mut readers = self.readers.of_sources();
        for (id, stream) in plan.streams() {
            let live = plan.reading(&LogId::Source(id)).count();
            if live > 0 {
                *readers.entry(stream.name.clone()).or_default() += live;
            }
        }
        readers
    }

    /// What is kept and cannot be used, and why.
    fn unavailable(&self) -> BTreeMap<String, String> {
        let sources = self.streams.unavailable();
        let sources = sources.all().map(|(name, why)| (name.clone(), why.to_string()));
        let rows = self.about.unreadable.iter().map(|row| {
            let name = format!("{} {}", row.table, row.key);
            let why = format!("the metadata's row {name} cannot be read: {}; it is left as it is", row.why);
            (name, why)
        });
        sources.chain(self.operators.catalog().unavailable()).chain(rows).collect()
    }

    fn computation(&self, look: &Look, plan: &Plan, catalog: &Catalog, course: &Course) -> Computation {
        let (id, digest) = (course.record.id, course.record.ran.last().map(|ran| ran.digest));
        let component = digest.and_then(|digest| catalog.component(digest));
        let progress = look.running.as_ref().map(|running| running.progress());
        Computation {
            stream: course.record.stream.clone(),
            incarnation: id.0,
            state: match &look.failure {
                Some(failure) if failure.is_due => "restarting".to_owned(),
                _ if look.is_stopping && !has_failed(&course.life) => "stopping".to_owned(),
                _ => look.life(plan, course).to_owned(),
            },
            operator: applied(&course.record.stream).to_owned(),
            component: component
                .map_or_else(String::new, |component| format!("{} {}", component.name(), component.version())),
            digest: digest.map_or_else(String::new, |digest| digest.to_string()),
            limits: limits::settings(limits::of_record(course.record.limits)),
            users: look.users(plan, id),
            records_in: progress.map_or(0, dag_flow::Progress::records_in),
            records_out: progress.map_or(0, dag_flow::Progress::records_out),
            memory: look.running.as_ref().map(|running| held(running.budget(), course.record.limits.memory)),
            frontier: self.computations.logs().visible(id).and_then(|visible| visible.frontier.shown()),
            error: match &course.life {
                Life::Failed(why) | Life::Quarantined(why) | Life::Lost(why) => Some(why.clone()),
                _ => look.failure.as_ref().map(|failure| failure.why.clone()),
            },
            waiting: None,
        }
    }
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
    fn of(look: &Look, plan: &Plan, (course, live): (&Course, usize)) -> Shown {
        let (name, id) = (course.record.stream.clone(), course.record.id);
        Shown { name, id, state: look.life(plan, course), users: look.users(plan, id), live }
    }
}

/// The incarnation that is shown of each derived stream, by name, and how many of the stream are live.
fn derived_streams(plan: &Plan) -> Vec<(&Course, usize)> {
    let names: BTreeSet<&str> = plan.incarnations().map(|(_, course)| &*course.record.stream).collect();
    names.into_iter().filter_map(|name| shown_of(plan, name)).collect()
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
