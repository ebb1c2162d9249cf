//! Marking: runs that are to go on with another component get their turns, and then the sources below them one mark, each on a thread of its
//! own. A source that is not available counts as marked at its end, as does one that is sealed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use dag_log::{AppendError, Source};
use dag_model::{Digest, IncarnationId, StreamId};
use dag_plan::{LogId, Plan};
use tokio::sync::oneshot;

use crate::blocking::gate::{Full, Width};
use crate::blocking::{Broken, blocking};
use crate::clock::now;
use crate::computations::Computations;
use crate::computations::switch::{SwitchError, Switched};
use crate::computations::turns::{Successor, Turn};

/// How many sources are marked at a time, and wait for that: who is one too many tries again.
pub(super) const MARKING: Width = Width { what: "to be marked", most: 16, each: 1, waiting: 10_000 };

/// How long the last mark of a source is asked for: one whose disk hangs is as good as not there.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long it takes until a mark that the disk did not take is appended again.
const AGAIN: Duration = Duration::from_secs(1);

/// A run that is to go on with another component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// The run.
    pub id: IncarnationId,
    /// The component.
    pub to: Digest,
    /// Whether its state may be computed anew.
    pub replay: bool,
}

/// Told what came of an order; closed where the run has ended before.
pub(crate) type Outcome = oneshot::Receiver<Result<Switched, SwitchError>>;

/// What lies below runs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Below {
    /// The sources.
    sources: BTreeSet<StreamId>,
    /// The live runs between.
    between: BTreeSet<IncarnationId>,
}

impl Computations {
    /// Lets these live runs go on with other components, all at one mark. Returns once the mark is on its way into the sources.
    pub(crate) async fn let_move(&self, orders: &[Order]) -> Vec<Outcome> {
        let (below, plan) = {
            let plan = self.inner.meta.plan();
            (below(&plan, orders.iter().map(|order| order.id)), plan)
        };
        let sources = self.sources(&below, &plan);
        let least = self.last_mark(&sources).await.map_or(0, |last| last + 1).max(plan.revision().0);
        let (mark, outcomes) = {
            let state = &mut *self.state();
            let mark = state.runs.turns.mark(least);
            for id in below.between.iter().filter(|id| !orders.iter().any(|order| order.id == **id)) {
                state.runs.order(*id, Turn { mark, to: None });
            }
            let outcome = |Order { id, to, replay }: &Order| {
                let (told, outcome) = oneshot::channel();
                let to = Successor { digest: *to, replay: *replay, told };
                state.runs.order(*id, Turn { mark, to: Some(to) });
                outcome
            };
            (mark, orders.iter().map(outcome).collect())
        };
        // One of them may have ended since it was looked.
        self.compare(orders.iter().map(|order| order.id));
        for (name, source) in sources {
            let computations = self.clone();
            self.inner
                .tasks
                .spawn(dag_alarm::task("marking", async move { computations.mark(name, source, mark).await }));
        }
        outcomes
    }

    fn sources(&self, below: &Below, plan: &Plan) -> BTreeMap<String, Arc<Source>> {
        let all = self.inner.streams.all();
        let open = below.sources.iter().filter_map(|id| {
            let name = &plan.stream(*id)?.name;
            Some((name.clone(), all.get(name)?.source.clone()))
        });
        open.collect()
    }

    /// The greatest number that a mark of these sources has.
    async fn last_mark(&self, sources: &BTreeMap<String, Arc<Source>>) -> Option<u64> {
        let all: Vec<Arc<Source>> = sources.values().cloned().collect();
        let last = blocking::<_, Broken>(move || Ok(all.iter().filter_map(|source| source.log().mark()).max()));
        tokio::time::timeout(PATIENCE, last).await.ok()?.ok()?
    }

    /// Appends a mark, again and again where the disk does not take it.
    async fn mark(&self, name: String, source: Arc<Source>, mark: u64) {
        loop {
            let marked = source.clone();
            let append = move || Ok::<_, MarkError>(marked.mark(mark, now())?);
            let error = match self.inner.marking.run(name.clone(), append).await {
                Ok(()) => return,
                // It ends there, with a mark or without.
                Err(MarkError::Append(AppendError::Sealed)) => return,
                Err(error) => error,
            };
            tracing::warn!(stream = name, %error, "cannot mark a stream yet; what is to move goes on as it is until then");
            let mut stopping = self.inner.stopping.subscribe();
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    }
}

/// Why a stream is not marked.
#[derive(Debug, thiserror::Error)]
enum MarkError {
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Full(#[from] Full),
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// What lies below these runs. A log that another follows has no mark.
fn below(plan: &Plan, runs: impl Iterator<Item = IncarnationId>) -> Below {
    let (mut below, mut next) = (Below::default(), runs.collect::<Vec<_>>());
    let mut seen: BTreeSet<IncarnationId> = next.iter().copied().collect();
    while let Some(id) = next.pop() {
        let Some(course) = plan.incarnation(id).filter(|course| course.is_live()) else { continue };
        for log in course.record.inputs.iter().filter_map(|input| input.legs.last()).map(|leg| leg.log) {
            match log {
                LogId::Source(source) => drop(below.sources.insert(source)),
                LogId::Derived(input) => {
                    if plan.incarnation(input).is_some_and(|input| input.is_live()) {
                        below.between.insert(input);
                    }
                    if seen.insert(input) {
                        next.push(input);
                    }
                }
            }
        }
    }
    below
}
