//! Marking: runs that are to go on with another component get their turns in the plan, and then the sources below them one mark, each on a
//! thread of its own. Where a crash comes between, a run that is started with a turn ahead asks for the mark again. A source that is not
//! available counts as marked at its end, as does one that is sealed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dag_expr::syntax::name::Quoted;
use dag_flow::Mark;
use dag_log::{AppendError, Source};
use dag_model::{Digest, Frontier, IncarnationId, StreamId};
use dag_plan::apply::MAX_TURNS;
use dag_plan::{Change, Given, LogId, Plan, Proposal, Revision};
use tokio::sync::oneshot;

use crate::blocking::gate::{Full, Width};
use crate::blocking::{Broken, blocking};
use crate::clock::now;
use crate::computations::switch::{SwitchError, Switched};
use crate::computations::{Computations, State};
use crate::metadata::MetaError;

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

/// Where a run is that has not come to its mark yet.
pub(crate) struct Behind {
    output: Option<Frontier>,
    input: Option<Input>,
}

/// A source that it waits for.
struct Input {
    name: String,
    frontier: Frontier,
    is_marked: bool,
}

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is behind")?;
        if let Some(output) = self.output {
            write!(f, ", its output is at {output}")?;
        }
        let Some(Input { name, frontier, is_marked }) = &self.input else { return Ok(()) };
        write!(f, ", its input `{}` at {frontier}", Quoted(name))?;
        if !is_marked {
            f.write_str(", which has not taken the mark yet")?;
        }
        Ok(())
    }
}

/// What lies below runs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Below {
    /// The sources.
    sources: BTreeSet<StreamId>,
    /// The live runs between.
    between: BTreeSet<IncarnationId>,
}

/// A source and its name.
type Named = (String, Arc<Source>);

impl Computations {
    /// Lets these live runs go on with other components, all at one mark: the plan gets their turns, and then the sources below them the mark.
    /// Returns once it is on its way there.
    pub(crate) async fn let_move(&self, orders: &[Order]) -> Vec<Outcome> {
        let plan = self.inner.meta.plan();
        let below = below(&plan, orders.iter().map(|order| order.id));
        let sources = self.sources(&below, &plan);
        let least = Revision(self.last_mark(&sources).await.map_or(0, |last| last + 1));
        let given = self.inner.meta.send(turns(orders, least)).await.unwrap_or(Err(MetaError::Stopping));
        let mark = match given.map(|applied| applied.given.first().copied()) {
            Ok(Some(Given::Mark(mark))) => mark,
            Ok(_) => return Vec::new(),
            Err(error) => return orders.iter().map(|_| told(Err(SwitchError::Meta(error.clone())))).collect(),
        };
        let mut state = self.state();
        let plan = self.inner.meta.plan();
        let moves = |id: &IncarnationId| orders.iter().any(|order| order.id == *id);
        for id in below.between.iter().filter(|id| !moves(id)) {
            state.runs.await_mark(*id, Mark { revision: mark.0, stops: false });
        }
        let outcomes = orders.iter().map(|order| await_turn(&mut state, &plan, order, mark)).collect();
        // One of them may have ended since it was looked.
        self.compare_in(&mut state, orders.iter().map(|order| order.id));
        self.ask_for_mark(&mut state, sources, mark);
        outcomes
    }

    /// What a run that has not come to its mark waits for: where it is, and the source below it that is least far.
    pub(crate) fn behind(&self, id: IncarnationId) -> Behind {
        let plan = self.inner.meta.plan();
        let sources = self.sources(&below(&plan, [id].into_iter()), &plan);
        let mark = plan.incarnation(id).and_then(|course| course.turns.last()).map_or(Revision(0), |turn| turn.mark);
        let state = self.state();
        let input = sources.iter().map(|(source, (name, log))| Input {
            name: name.clone(),
            frontier: log.log().visible().frontier,
            is_marked: state.runs.turns.has(*source, mark),
        });
        let output = self.inner.logs.if_open(id).map(|log| log.visible().frontier);
        Behind { output, input: input.min_by_key(|input| (input.is_marked, input.frontier)) }
    }

    /// Asks the sources below a run for the marks of its turns, which a crash may have kept from them.
    pub(super) fn ask_for_marks(&self, state: &mut State, id: IncarnationId) {
        let plan = self.inner.meta.plan();
        let Some(course) = plan.incarnation(id).filter(|course| !course.turns.is_empty()) else { return };
        let sources = self.sources(&below(&plan, [id].into_iter()), &plan);
        for turn in &course.turns {
            self.ask_for_mark(state, sources.clone(), turn.mark);
        }
    }

    /// Asks sources for a mark, those that have not been asked for it or a later one.
    fn ask_for_mark(&self, state: &mut State, mut sources: BTreeMap<StreamId, Named>, mark: Revision) {
        sources.retain(|source, _| state.runs.turns.ask(*source, mark));
        for (id, (name, source)) in sources {
            let computations = self.clone();
            let marking = async move {
                if computations.mark(name, source, mark.0).await {
                    computations.state().runs.turns.is_there(id, mark);
                }
            };
            self.inner.tasks.spawn(dag_alarm::task("marking", marking));
        }
    }

    fn sources(&self, below: &Below, plan: &Plan) -> BTreeMap<StreamId, Named> {
        let all = self.inner.streams.all();
        let open = below.sources.iter().filter_map(|id| {
            let name = &plan.stream(*id)?.name;
            Some((*id, (name.clone(), all.get(name)?.source.clone())))
        });
        open.collect()
    }

    /// The greatest number that a mark of these sources has.
    async fn last_mark(&self, sources: &BTreeMap<StreamId, Named>) -> Option<u64> {
        let all: Vec<Arc<Source>> = sources.values().map(|(_, source)| source.clone()).collect();
        let last = blocking::<_, Broken>(move || Ok(all.iter().filter_map(|source| source.log().mark()).max()));
        tokio::time::timeout(PATIENCE, last).await.ok()?.ok()?
    }

    /// Appends a mark, again and again where the disk does not take it; returns whether it, or the end, is there.
    async fn mark(&self, name: String, source: Arc<Source>, mark: u64) -> bool {
        loop {
            let marked = source.clone();
            let append = move || Ok::<_, MarkError>(marked.mark(mark, now())?);
            let error = match self.inner.marking.run(name.clone(), append).await {
                Ok(()) => return true,
                // It ends there, with a mark or without.
                Err(MarkError::Append(AppendError::Sealed)) => return true,
                Err(error) => error,
            };
            tracing::warn!(stream = name, %error, "cannot mark a stream yet; what is to move goes on as it is until then");
            let mut stopping = self.inner.stopping.subscribe();
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                _ = stopping.wait_for(|stopping| *stopping) => return false,
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

/// That these runs have their turns: one change for each component that takes over.
fn turns(orders: &[Order], least: Revision) -> Proposal {
    let mut moves: BTreeMap<Digest, Vec<(IncarnationId, bool)>> = BTreeMap::new();
    for Order { id, to, replay } in orders {
        moves.entry(*to).or_default().push((*id, *replay));
    }
    Proposal::of(moves.into_iter().map(|(to, moves)| Change::Turn { to, least, moves }))
}

/// Waits for what comes of a turn that the plan has been told to give.
fn await_turn(state: &mut State, plan: &Plan, order: &Order, mark: Revision) -> Outcome {
    let Some(course) = plan.incarnation(order.id).filter(|course| course.is_live()) else {
        return oneshot::channel().1;
    };
    if course.turns.iter().any(|turn| turn.mark == mark) {
        let (told, outcome) = oneshot::channel();
        state.runs.turns.wait(order.id, mark, told);
        state.runs.await_mark(order.id, Mark { revision: mark.0, stops: true });
        return outcome;
    }
    let last = course.record.ran.last().filter(|ran| ran.digest == order.to);
    told(match last {
        // It had failed, and has been taken over where it was.
        Some(ran) => Ok(Switched::of(order.id, ran, Duration::ZERO)),
        None if course.turns.len() >= MAX_TURNS => Err(SwitchError::Ahead),
        None => Err(SwitchError::Refused),
    })
}

/// An outcome that is there already.
fn told(outcome: Result<Switched, SwitchError>) -> Outcome {
    let (told, waits) = oneshot::channel();
    // An error would mean that the other end is gone, which is returned.
    let _ = told.send(outcome);
    waits
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
