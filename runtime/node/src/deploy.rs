//! Another version of a component becomes the current one while its operators run.
//!
//! First everything is checked, and nothing changes. Then the version becomes current, so that whatever starts from here on gets it. Then
//! each running computation moves to it, at a frontier of its own; one that can't goes on with the version that it has, and the answer
//! says so. [`dag_plan::upgrade`] decides, [`crate::metadata::history`] remembers.

use std::sync::Arc;

use bytes::Bytes;
use dag_api::{DeployParameters, Deployed, Move, Replay};
use dag_expr::{Application, Stream};
use dag_model::{Digest, Frontier, IncarnationId, Position, Timestamp};
use dag_plan::upgrade::{self, Next, Running, Way};
use dag_plan::{Incarnation, InputStart, LogId};
use dag_wasm::{Component, Version};
use tokio::runtime::Handle;
use tokio::sync::{OwnedMutexGuard, mpsc, watch};

use crate::blocking::{Broken, blocking};
use crate::clock::now;
use crate::computations::runs::last_digest;
use crate::computations::switch::By;
use crate::computations::{Computations, View};
use crate::metadata::history::How;
use crate::metadata::{MetaError, Metadata, deployment};
use crate::operators::error::{ComponentError, UnknownOperator};
use crate::operators::installed::Installed;
use crate::operators::limits;
use crate::operators::{Made, Operators};
use crate::readers::Readers;
use crate::views::operators;

/// A move that was decided on, and the version that it leaves.
struct Planned {
    decided: upgrade::Move,
    leaves: Version,
}

/// Why a version does not become current.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The component is not taken.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// No component has the operator that was named.
    #[error(transparent)]
    UnknownOperator(#[from] UnknownOperator),
    /// There is nothing to go back to.
    #[error("there is no version of component `{0}` before this one to go back to")]
    NoEarlier(String),
    /// It would change what expressions mean, or what runs cannot move to it.
    #[error("{component} {version} cannot become current: {refusal}")]
    Incompatible {
        /// The component.
        component: String,
        /// Its version.
        version: Version,
        /// What it would change.
        refusal: Box<upgrade::Refusal>,
    },
    /// Something could move by replay only, which was not wanted.
    #[error(
        "{component} {version} does not read the state of `{stream}`, which would move by replay: allow that, or deploy a version that \
         reads it"
    )]
    NeedsReplay {
        /// The component.
        component: String,
        /// Its version.
        version: Version,
        /// What would move by replay.
        stream: String,
    },
    /// What runs, or the component that is to run, cannot be looked at.
    #[error("{0}")]
    Unusable(String),
    /// The change cannot be kept.
    #[error(transparent)]
    Meta(#[from] MetaError),
    /// Something broke.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// The turn of whoever makes a component current, and moves what runs to it.
pub(crate) type Turn = Arc<tokio::sync::Mutex<()>>;

/// What deploys components.
pub(crate) struct Deployments {
    meta: Arc<Metadata>,
    operators: Arc<Operators>,
    computations: Computations,
    readers: Arc<Readers>,
    turn: Turn,
    /// Bumped when a stream or an operator appears.
    appeared: watch::Sender<u64>,
    /// Where tasks are started from threads of any kind.
    tasks: Handle,
}

impl Deployments {
    /// To these operators, and to what runs of them.
    pub fn new(
        meta: Arc<Metadata>,
        operators: Arc<Operators>,
        computations: Computations,
        readers: Arc<Readers>,
        turn: Turn,
        appeared: watch::Sender<u64>,
    ) -> Deployments {
        Deployments { meta, operators, computations, readers, turn, appeared, tasks: Handle::current() }
    }

    /// Makes a component's operators available, moves what runs earlier versions of them, and tells what started because of it. If nobody
    /// waits for that any more while the component is built, nothing is left of it.
    pub async fn deploy(self: &Arc<Self>, bytes: Bytes, parameters: DeployParameters) -> Result<Deployed, DeployError> {
        let (operators, sent) = (self.operators.clone(), bytes.clone());
        let known = blocking::<_, Broken>(move || Ok(operators.made_before(&sent))).await?;
        let (installed, made) = match known {
            Some(installed) => (installed, None),
            None => {
                let (installed, made) = self.operators.build(bytes, parameters.limits()).await?;
                (installed, Some(made))
            }
        };
        let (deployments, turn) = (self.clone(), self.deploying().await);
        blocking(move || {
            let _turn = turn;
            deployments.operators.admit(&installed)?;
            deployments.make_current(&installed, How::Deployed, &parameters, made.as_ref())
        })
        .await
    }

    /// Makes the version current that was before, of the component that exports the operator of that name.
    pub async fn roll_back(
        self: &Arc<Self>,
        operator: String,
        parameters: DeployParameters,
    ) -> Result<Deployed, DeployError> {
        let (deployments, turn) = (self.clone(), self.deploying().await);
        blocking(move || {
            let _turn = turn;
            let catalog = deployments.operators.catalog();
            let (name, _) = catalog.exporter(&operator)?;
            let previous = catalog.history().previous(&name).and_then(|digest| catalog.component(digest));
            let component = previous.ok_or(DeployError::NoEarlier(name))?;
            catalog.names_free(&component)?;
            deployments.make_current(&component, How::RolledBack, &parameters, None)
        })
        .await
    }

    /// Waits for a turn: components become current, and what runs moves to them, one after the other.
    async fn deploying(&self) -> OwnedMutexGuard<()> {
        self.turn.clone().lock_owned().await
    }

    /// Makes a component the current version of its name and moves what runs, unless the parameters only ask what that would do. One
    /// that is current already gets what still runs another version. The caller has the turn of [`deploying`](Deployments::deploying).
    fn make_current(
        &self,
        installed: &Arc<Installed>,
        how: How,
        parameters: &DeployParameters,
        made: Option<&Made>,
    ) -> Result<Deployed, DeployError> {
        let view = self.computations.view();
        let component = installed.code().map_err(|why| DeployError::Unusable(why.to_owned()))?;
        let (digest, limits, at) = (component.digest(), parameters.limits(), now());
        let current = view.catalog.current(component.name()).cloned();
        let repeat = current.as_ref().is_some_and(|current| current.digest() == digest);
        let mut catalog = (*view.catalog).clone();
        if repeat {
            catalog.install(installed.clone());
        } else {
            catalog.make_current(installed.clone(), Some(at), how);
        }
        if let Some(made) = made {
            catalog.was_made(made.sent, digest);
        }
        catalog.limit(digest, limits);
        let next = View { catalog: Arc::new(catalog), ..view };
        if let (How::Deployed, Some(current)) = (how, &current) {
            upgrade::succession(current.signatures(), component.signatures())
                .map_err(|refusal| incompatible(component, refusal))?;
        }
        let planned = self.plan_moves(component, &next)?;
        if !parameters.replay
            && let Some(replayed) = planned.iter().find(|planned| planned.decided.way != Way::State)
        {
            return Err(needs_replay(component, &replayed.decided.stream));
        }
        let started = self.starts(&next);
        let moves = if parameters.dry_run {
            planned.iter().map(|planned| self.announced(&next, planned)).collect()
        } else {
            if let Some(made) = made {
                self.operators.take_in(&made.built)?;
            }
            if !repeat || !limits.is_empty() || made.is_some() {
                let said = (!limits.is_empty()).then(|| next.catalog.said(digest));
                let described = made.map(Made::described);
                dag_fault::point("deploy");
                let version = component.version().to_string();
                let current = (!repeat).then(|| (component.name(), version, at, how));
                let proposal = deployment(&self.meta.plan(), digest, current, said.as_ref());
                self.meta.deploy(proposal, described.as_ref().map(|described| (digest, described)))?;
                dag_fault::point("deploy");
            }
            self.operators.replace_catalog(next.catalog.clone());
            if !repeat {
                let (component, version) = (component.name(), component.version());
                tracing::info!(component, %version, %digest, how = how.name(), "current from now on");
            }
            self.appeared.send_modify(|version| *version += 1);
            self.carry_out(component, &next, planned, parameters.replay)
        };
        Ok(Deployed {
            component: component.name().to_owned(),
            version: component.version().to_string(),
            digest: digest.to_string(),
            replaces: current.filter(|_| !repeat).map(|current| current.version().to_string()),
            repeat,
            dry_run: parameters.dry_run,
            limits: limits::settings(next.catalog.limits(digest)),
            operators: installed.signatures().iter().map(|signature| operators::shown(installed, signature)).collect(),
            imports: operators::imports(installed),
            started,
            moves,
        })
    }

    /// How what runs another version of this component would move to it. `next` is the view in which it is current.
    fn plan_moves(&self, component: &Component, next: &View<'_>) -> Result<Vec<Planned>, DeployError> {
        let outdated = self.outdated(component, next).into_iter();
        outdated.map(|(record, application)| self.plan_move(component, next, record, application)).collect()
    }

    fn plan_move(
        &self,
        component: &Component,
        next: &View<'_>,
        record: Incarnation,
        application: Application,
    ) -> Result<Planned, DeployError> {
        let old = next.catalog.code(last_digest(&record)).map_err(DeployError::Unusable)?;
        let running = running(record, application, &old, component, next)?;
        let decided =
            upgrade::decide(&next.plan, &running, next).map_err(|refusal| incompatible(component, refusal))?;
        Ok(Planned { decided, leaves: old.version() })
    }

    /// What runs another version of this component.
    fn outdated(&self, component: &Component, view: &View<'_>) -> Vec<(Incarnation, Application)> {
        let plan = self.meta.plan();
        let of_another = |record: &Incarnation| {
            let digest = last_digest(record);
            let old = view.catalog.component(digest);
            digest != component.digest() && old.is_some_and(|old| old.name() == component.name())
        };
        let applied = |record: &Incarnation| match self.computations.meaning(&record.stream) {
            Some(Stream::Apply(application)) => Some((record.clone(), *application)),
            _ => None,
        };
        let live = plan.live().map(|(_, course)| &course.record);
        live.filter(|record| of_another(record)).filter_map(applied).collect()
    }

    /// What waits for an operator or a stream and can start in this view.
    fn starts(&self, next: &View<'_>) -> Vec<String> {
        let waiting = self.readers.waiting();
        let bound = waiting.iter().filter_map(|(text, _)| dag_expr::bind(text, &next.names()).ok());
        let mut started: Vec<String> = bound.map(|stream| stream.to_string()).collect();
        started.sort();
        started.dedup();
        started
    }

    /// A move that is only told.
    fn announced(&self, view: &View<'_>, planned: &Planned) -> Move {
        let (by, replay) = match &planned.decided.way {
            Way::State => ("state", Vec::new()),
            Way::Replay(starts) => ("replay", self.replays(view, starts)),
        };
        Move {
            stream: planned.decided.stream.clone(),
            incarnation: planned.decided.id.0,
            version: planned.leaves.to_string(),
            by: Some(by.to_owned()),
            replay,
            at: None,
            position: None,
            took: None,
            error: None,
        }
    }

    /// Moves what runs, and what started with an earlier version while this was decided.
    fn carry_out(&self, component: &Component, view: &View<'_>, planned: Vec<Planned>, replay: bool) -> Vec<Move> {
        let mut moves: Vec<Move> =
            planned.iter().filter_map(|one| self.move_one(component, view, one, replay)).collect();
        let asked: Vec<IncarnationId> = planned.iter().map(|one| one.decided.id).collect();
        // They were bound before the version became current, and nothing is bound to an earlier one any more.
        for (record, application) in
            self.outdated(component, view).into_iter().filter(|(record, _)| !asked.contains(&record.id))
        {
            let (id, stream) = (record.id.0, record.stream.clone());
            let version = view.catalog.component(last_digest(&record)).map(|old| old.version().to_string());
            match self.plan_move(component, view, record, application) {
                Ok(one) => moves.extend(self.move_one(component, view, &one, replay)),
                Err(error) => moves.push(Move::stays(stream, id, version.unwrap_or_default(), error.to_string())),
            }
        }
        moves
    }

    /// Moves what is demanded again to the version that has become current while it was stored, for as long as the node runs.
    pub async fn keep_caught_up(self: Arc<Self>, mut resumed: mpsc::Receiver<Vec<IncarnationId>>) {
        while let Some(resumed) = resumed.recv().await {
            self.catch_up(resumed);
        }
    }

    /// Moves those of these runs that go on with a version which somebody has followed by another while they were stored.
    fn catch_up(self: &Arc<Self>, resumed: Vec<IncarnationId>) {
        let view = self.computations.view();
        let records = resumed.into_iter().filter_map(|id| view.plan.incarnation(id)).map(|course| &course.record);
        let late = records.filter(|record| view.catalog.history().superseded(last_digest(record)));
        let late: Vec<(IncarnationId, Digest)> = late.map(|record| (record.id, last_digest(record))).collect();
        for (id, digest) in late {
            let deployments = self.clone();
            // Whoever waits for a turn has no thread meanwhile.
            self.tasks.spawn(dag_alarm::task("catching up", async move {
                let turn = deployments.deploying().await;
                // A panic there has been said, and the run goes on as it was.
                let _ = tokio::task::spawn_blocking(move || {
                    let _turn = turn;
                    deployments.catch_up_now(id, digest);
                })
                .await;
            }));
        }
    }

    fn catch_up_now(&self, id: IncarnationId, digest: Digest) {
        let view = self.computations.view();
        let name = view.catalog.component(digest).map(|old| old.name().to_owned()).unwrap_or_default();
        let Some(Ok(component)) = view.catalog.current(&name).map(|current| current.code()) else { return };
        let outdated = self.outdated(component, &view).into_iter().find(|(record, _)| record.id == id);
        let Some((record, application)) = outdated else { return };
        let moved = match self.plan_move(component, &view, record, application) {
            Ok(planned) => self.move_one(component, &view, &planned, true).and_then(|moved| moved.error),
            Err(error) => Some(error.to_string()),
        };
        if let Some(why) = moved {
            tracing::warn!(incarnation = %id, why, "resumed with an earlier version");
        }
    }

    /// Moves one computation; nothing is told of one that has ended meanwhile.
    fn move_one(&self, component: &Component, view: &View<'_>, planned: &Planned, replay: bool) -> Option<Move> {
        let told = self.announced(view, planned);
        let id = planned.decided.id;
        match self.computations.switch(id, component.digest(), replay) {
            Ok(switched) => {
                let unread = switched.by == By::Replay && planned.decided.way == Way::State;
                let error =
                    unread.then(|| "the new version did not take the state up, which it says that it reads".to_owned());
                tracing::info!(stream = told.stream, incarnation = %id, from = %switched.from, by = ?switched.by, "moved");
                Some(Move {
                    by: Some(switched.by.name().to_owned()),
                    at: switched.from.shown(),
                    position: Some(switched.position.to_string()),
                    took: Some(switched.took.as_secs_f64()),
                    error,
                    ..told
                })
            }
            Err(error) if error.is_over() => None,
            Err(_) if !self.meta.plan().incarnation(id).is_some_and(|course| course.is_live()) => None,
            Err(error) => Some(Move { by: None, replay: Vec::new(), error: Some(error.to_string()), ..told }),
        }
    }

    /// Where a replay begins, as people see it.
    fn replays(&self, view: &View<'_>, starts: &[InputStart]) -> Vec<Replay> {
        let legs = starts.iter().flat_map(|start| start.legs.iter().map(|leg| (start.from, leg)));
        let replay = |(from, leg): (Timestamp, &dag_plan::Leg)| {
            let (stream, run) = match &leg.log {
                LogId::Source(id) => {
                    let name = view.plan.stream(*id).map_or("", |stream| &stream.name);
                    let epoch = view.sources.get(name).map(|source| source.source.log().epoch_at(leg.sequence));
                    (dag_expr::syntax::name::Quoted(name).to_string(), epoch.unwrap_or(0))
                }
                LogId::Derived(id) => {
                    let course = view.plan.incarnation(*id);
                    (course.map_or_else(String::new, |course| course.record.stream.clone()), id.0)
                }
            };
            let position = Position { run, sequence: leg.sequence }.to_string();
            Replay { stream, position, time: (from > Timestamp::MIN).then(|| from.to_string()) }
        };
        legs.map(replay).collect()
    }
}

/// What another version makes of a computation that runs `old`.
fn running(
    record: Incarnation,
    application: Application,
    old: &Component,
    component: &Component,
    next: &View<'_>,
) -> Result<Running, DeployError> {
    let of = |component: &Component| {
        component.signatures().iter().find(|signature| signature.name == application.operator).cloned()
    };
    let signature =
        of(old).ok_or_else(|| DeployError::Unusable(format!("{} ran without its operator", record.stream)))?;
    let order = next.catalog.bind_with(old, &application).map_err(DeployError::Unusable)?.facts.order;
    let reached = next.logs.get(record.id).map_or(Frontier::START, |log| log.visible().frontier);
    let next = match of(component) {
        None => Next::Dropped,
        Some(signature) => match dag_expr::bind(&record.stream, &next.names()) {
            Ok(stream) => Next::Bound { stream, signature: Box::new(signature) },
            Err(error) => Next::Refused(error.to_string()),
        },
    };
    Ok(Running { record, signature, order, application, reached, next })
}

fn incompatible(component: &Component, refusal: upgrade::Refusal) -> DeployError {
    DeployError::Incompatible {
        component: component.name().to_owned(),
        version: component.version(),
        refusal: Box::new(refusal),
    }
}

fn needs_replay(component: &Component, stream: &str) -> DeployError {
    let (component, version, stream) = (component.name().to_owned(), component.version(), stream.to_owned());
    DeployError::NeedsReplay { component, version, stream }
}
