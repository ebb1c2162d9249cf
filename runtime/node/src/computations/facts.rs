//! What the plan asks, answered from memory.

use dag_expr::Application;
use dag_log::{Log, Start};
use dag_model::{Digest, IncarnationId, Timestamp};
use dag_plan::{Facts, LogId, OperatorFacts, SourceFacts};

use crate::computations::snapshots::usable;
use crate::node::View;

impl View<'_> {
    /// The log of that identity, if it is there.
    pub(crate) fn log(&self, id: &LogId) -> Option<Log> {
        match id {
            LogId::Source(name) => self.sources.get(name).map(|source| source.source.log().clone()),
            LogId::Derived(id) => self.logs.get(*id).ok(),
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

    fn superseded(&self, digest: Digest) -> bool {
        self.catalog.history().superseded(digest)
    }
}
