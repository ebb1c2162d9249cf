//! What is asked of logs, snapshots and operators while something is decided, under no lock.

use std::sync::Arc;

use dag_expr::Application;
use dag_log::{Log, Start};
use dag_model::{IncarnationId, Position, Timestamp};
use dag_plan::{Facts, LogId, OperatorFacts, Plan, SourceFacts};

use crate::computations::logs::Logs;
use crate::computations::snapshots::{Snapshots, usable};
use crate::metadata::moved::Moved;
use crate::operators::bind::Names;
use crate::operators::catalog::Catalog;
use crate::streams::source::Sources;

/// The plan, the streams and the operators as they were a moment ago, and the logs that there are: what is decided on.
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

impl View<'_> {
    /// What expressions are bound against.
    pub fn names(&self) -> Names<'_> {
        Names { sources: &self.sources, catalog: &self.catalog }
    }

    /// The log of that identity, if it is there.
    pub(crate) fn log(&self, id: &LogId) -> Option<Log> {
        match id {
            LogId::Source(id) => {
                let stream = self.plan.stream(*id)?;
                self.sources.get(&stream.name).map(|source| source.source.log().clone())
            }
            LogId::Derived(id) => self.logs.get(*id).ok(),
        }
    }

    /// The log that a position is in: of a source where there is one, else of the incarnation that the position names. None of a source
    /// that is not there.
    pub(crate) fn log_of(&self, source: Option<&str>, position: Position) -> Option<LogId> {
        match source {
            Some(source) => self.plan.stream_named(source).map(|(id, _)| LogId::Source(id)),
            None => Some(LogId::Derived(IncarnationId(position.run))),
        }
    }

    /// The stream in a log, as people read it.
    pub(crate) fn name_of(&self, log: &LogId) -> String {
        match log {
            LogId::Source(id) => {
                self.plan.stream(*id).map_or_else(|| format!("stream number {id}"), |it| it.name.clone())
            }
            LogId::Derived(id) => format!("incarnation {id}"),
        }
    }
}

impl Facts for View<'_> {
    fn source(&self, name: &str) -> Option<SourceFacts> {
        let log = self.sources.get(name)?.source.log();
        let (visible, earliest) = (log.visible(), log.earliest());
        Some(SourceFacts {
            frontier: visible.frontier,
            epoch: log.epoch_at(earliest.sequence),
            earliest: earliest.sequence,
            complete_from: earliest.complete_from,
            newest: (visible.max_time > Timestamp::MIN).then_some(visible.max_time),
        })
    }

    fn seek(&self, log: &LogId, from: Timestamp) -> u64 {
        // A log that is about to be made has nothing before any time.
        let Some(log) = self.log(log) else { return 0 };
        match from {
            Timestamp::MIN => log.earliest().sequence,
            from => log.reader(Start::Time(from)).map_or(0, |reader| reader.sequence()),
        }
    }

    fn end(&self, log: &LogId) -> u64 {
        self.log(log).map_or(0, |log| log.visible().end)
    }

    fn resumes(&self, run: IncarnationId) -> Result<Option<Vec<(usize, u64)>>, String> {
        let places = usable(run, self.snapshots.places(run))?;
        Ok(places.map(|places| places.iter().map(|place| (place.leg, place.sequence)).collect()))
    }

    fn operator(&self, application: &Application) -> Result<OperatorFacts, String> {
        self.catalog.bind(application).map(|answer| answer.facts)
    }
}
