//! What a node shows of itself: streams, computations, status.

use std::collections::BTreeMap;

use dag_api::limits::LimitSettings;
use dag_api::{Column, Computation, GuestThreads, Held, HeldOf, Publisher, SharedMemory, Status, Stream, Streams};
use dag_flow::Budget;
use dag_flow::budget::Usage;
use dag_log::Log;
use dag_model::{Position, Schema, Timestamp};
use dag_plan::{LogId, Run, State as RunState};

use crate::computations::runs::shown;
use crate::error::{Code, NodeError};
use crate::node::{Node, State};
use crate::operators::limits;
use crate::streams::source::SourceStream;

impl Node {
    /// All streams, sources first.
    pub fn streams(&self) -> Streams {
        let state = self.state();
        let view = self.view();
        let mut streams: Vec<Stream> = view.sources.values().map(|source| self.source_stream(&state, source)).collect();
        streams.extend(self.inner.unavailable.streams());
        let mut names: Vec<&str> = state.plan.runs().map(|run| run.record.stream.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        streams.extend(names.into_iter().filter_map(|name| self.derived_stream(&state, name)));
        Streams { streams }
    }

    /// One stream: a source by its name, a derived one by its expression.
    pub fn stream(&self, name: &str) -> Result<Stream, NodeError> {
        if let Some(stream) = self.inner.unavailable.stream(name) {
            return Ok(stream);
        }
        let unknown = match self.source(name) {
            Ok(source) => return Ok(self.source_stream(&self.state(), &source)),
            Err(unknown) => unknown,
        };
        // Binding may ask a guest, and so comes before the lock.
        let stream = self.bind(name).map_err(|_| unknown)?;
        if let dag_expr::Stream::Errors { name, .. } = &stream {
            let errors = self.source(name)?;
            return Ok(self.source_stream(&self.state(), &errors));
        }
        let found = self.derived_stream(&self.state(), &stream.to_string());
        found.ok_or_else(|| NodeError::new(Code::NotFound, format!("nothing has computed `{stream}` yet")))
    }

    fn source_stream(&self, state: &State, source: &SourceStream) -> Stream {
        let log = source.source.log();
        let (visible, stats, earliest) = (log.visible(), source.source.stats(), log.earliest().sequence);
        let earliest = Position { run: log.epoch_at(earliest), sequence: earliest };
        let name = &source.settings.name;
        let of_source = |run: &&Run| {
            let legs = run.record.inputs.iter().flat_map(|input| &input.legs);
            run.is_live() && legs.into_iter().any(|leg| leg.log == LogId::Source(name.clone()))
        };
        Stream {
            name: source.origin.canonical(name),
            kind: source.origin.kind().to_owned(),
            schema: columns(&source.schema),
            records: stats.records,
            late: stats.late,
            bytes: stats.bytes,
            frontier: shown(visible.frontier),
            last_time: last_time(visible.max_time),
            state: if visible.frontier.time().is_none() { "sealed" } else { "open" }.to_owned(),
            subscribers: state.plan.runs().filter(of_source).count() + self.raw_readers(state, name),
            earliest: Some(earliest.to_string()),
            computations: 0,
            settings: Some(source.settings.clone()),
            on_error: None,
            publishers: stats.joined.iter().map(publisher).collect(),
            note: None,
        }
    }

    /// The position of the earliest record kept of a stream, as listings show it.
    pub(crate) fn begins(&self, stream: &dag_expr::Stream) -> Option<String> {
        let listed = match stream {
            dag_expr::Stream::Source { name, .. } => self.source_stream(&self.state(), &*self.source(name).ok()?),
            stream => self.derived_stream(&self.state(), &stream.to_string())?,
        };
        listed.earliest
    }

    /// Subscriptions that read the source itself.
    fn raw_readers(&self, state: &State, name: &str) -> usize {
        state.subscribers.values().filter(|subscriber| subscriber.reads(name)).count()
    }

    fn derived_stream(&self, state: &State, name: &str) -> Option<Stream> {
        let runs: Vec<&Run> = state.plan.runs().filter(|run| run.record.stream == name).collect();
        let run = runs.iter().rev().find(|run| run.is_live()).or(runs.last())?;
        let log = self.inner.logs.get(run.record.id).ok()?;
        let visible = log.visible();
        Some(Stream {
            name: name.to_owned(),
            kind: "derived".to_owned(),
            schema: columns(log.schema()),
            records: visible.end - log.earliest().sequence,
            late: 0,
            bytes: log.bytes(),
            frontier: shown(visible.frontier),
            last_time: last_time(visible.max_time),
            state: run_state(&run.state).to_owned(),
            subscribers: run.users(),
            earliest: Some(Position { run: run.record.id.0, sequence: log.earliest().sequence }.to_string()),
            computations: runs.iter().filter(|run| run.is_live()).count(),
            on_error: Some(self.error_policy(name)),
            ..Stream::default()
        })
    }

    /// The node and what it runs.
    pub fn status(&self) -> Status {
        let cursors = self.cursors_read();
        let state = self.state();
        let shown_runs =
            |run: &&Run| run.is_live() || matches!(run.state, RunState::Failed(_) | RunState::Quarantined(_));
        let runs: Vec<&Run> = state.plan.runs().filter(shown_runs).collect();
        let stopping = |run: &&Run| state.runs.has_flow(run.record.id) && !shown_runs(run);
        // A failure is news until the stream runs again.
        let newest = |run: &&&Run| {
            run.is_live()
                || runs
                    .iter()
                    .rfind(|other| other.record.stream == run.record.stream)
                    .is_some_and(|last| last.record.id == run.record.id)
        };
        let mut computations: Vec<Computation> =
            runs.iter().filter(newest).map(|run| self.computation(&state, run)).collect();
        // Whatever runs is shown, also where nobody wants it any more.
        computations.extend(state.plan.runs().filter(stopping).map(|run| self.computation(&state, run)));
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
            memory: resident(),
            requests: SharedMemory { taken: self.inner.budget.taken(), limit: self.inner.budget.all() },
            computation_memory: SharedMemory { taken: self.inner.memory.held(), limit: self.inner.memory.limit() },
            instances,
            instances_limit,
            unavailable: self.unavailable(),
            cursors,
            computations,
        }
    }

    /// What is kept and cannot be used, and why.
    fn unavailable(&self) -> BTreeMap<String, String> {
        let sources = self.inner.unavailable.all().map(|(name, why)| (name.clone(), why.message.clone()));
        let rows = self.inner.unreadable.iter().map(|row| {
            let name = format!("{} {}", row.table, row.key);
            let why = format!("the metadata's row {name} cannot be read: {}; it is left as it is", row.why);
            (name, why)
        });
        sources.chain(self.view().catalog.unavailable()).chain(rows).collect()
    }

    fn computation(&self, state: &State, run: &Run) -> Computation {
        let (id, digest) = (run.record.id, run.record.ran.last().map(|ran| ran.digest));
        let component = digest.and_then(|digest| self.view().catalog.component(digest));
        let progress = state.runs.progress(id);
        let has_failed = matches!(run.state, RunState::Failed(_) | RunState::Quarantined(_));
        let operator = match &run.stream {
            Some(dag_expr::Stream::Apply(application)) => application.operator.clone(),
            _ => String::new(),
        };
        Computation {
            stream: run.record.stream.clone(),
            incarnation: id.0,
            state: match state.runs.failures.get(&id) {
                Some(failures) if failures.due.is_some() => "restarting".to_owned(),
                _ if state.runs.is_stopping(id) && !has_failed => "stopping".to_owned(),
                _ => run_state(&run.state).to_owned(),
            },
            operator,
            component: component
                .map_or_else(String::new, |component| format!("{} {}", component.name(), component.version())),
            digest: digest.map_or_else(String::new, |digest| digest.to_string()),
            limits: limits::settings(limits::of_record(run.record.limits)),
            users: run.users(),
            records_in: progress.map_or(0, dag_flow::Progress::records_in),
            records_out: progress.map_or(0, dag_flow::Progress::records_out),
            memory: state.runs.budget(id).map(|budget| held(budget, run.record.limits.memory)),
            frontier: self.inner.logs.get(id).ok().and_then(|log: Log| shown(log.visible().frontier)),
            error: match &run.state {
                RunState::Failed(why) | RunState::Quarantined(why) => Some(why.clone()),
                _ => state.runs.failures.get(&id).map(|failures| failures.why.clone()),
            },
            waiting: None,
        }
    }
}

/// The name of a run's state.
pub(crate) fn run_state(state: &RunState) -> &'static str {
    match state {
        RunState::Running => "running",
        RunState::Lingering(_) => "lingering",
        RunState::Finished => "finished",
        RunState::Failed(_) => "failed",
        RunState::Quarantined(_) => "quarantined",
        RunState::Stored => "stored",
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
