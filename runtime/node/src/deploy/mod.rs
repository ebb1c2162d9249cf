//! Another version of a component becomes the current one while its operators run.
//!
//! First everything is checked, and nothing changes. Then the version becomes current, so that whatever starts from here on gets it. Then
//! all that runs another version goes on with this one, at [one mark](crate::computations::turns) in the sources below; one that can't goes
//! on with the version that it has, and the answer says so. [`dag_plan::upgrade`] decides, [`crate::metadata::history`] remembers.

mod moving;

use std::sync::Arc;

use bytes::Bytes;
use dag_api::{DeployParameters, Deployed, Move, Replay};
use dag_expr::{Application, Stream};
use dag_model::{Digest, Frontier, Position, Timestamp};
use dag_plan::upgrade::{self, Next, Running, Way};
use dag_plan::{Course, Incarnation, InputStart, LogId};
use dag_wasm::{Component, Version};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::blocking::{Broken, blocking};
use crate::clock::now;
use crate::computations::{Computations, View};
use crate::metadata::history::How;
use crate::metadata::{MetaError, Metadata, deployment};
use crate::operators::error::{ComponentError, UnknownOperator};
use crate::operators::installed::Installed;
use crate::operators::limits;
use crate::operators::{Made, Operators};
use crate::readers::Readers;
use crate::views::operators;

/// A run of another version.
struct Outdated {
    record: Incarnation,
    application: Application,
    /// The version that it runs, or goes on with before it could go on with another.
    digest: Digest,
}

/// A move that was decided on, and the version that it leaves.
struct Planned {
    decided: upgrade::Move,
    leaves: Version,
}

/// What a version has become current with.
struct Current {
    component: Arc<Installed>,
    answer: Deployed,
    /// What moves to it.
    planned: Vec<Planned>,
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

/// The turn of whoever changes which components there are, or orders what moves to one: each is checked against all others. Nobody waits for
/// a computation who has it.
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
        let becomes = move |deployments: &Deployments, parameters: &DeployParameters| {
            deployments.operators.admit(&installed)?;
            deployments.make_current(&installed, How::Deployed, parameters, made.as_ref())
        };
        self.deploy_by(parameters, becomes).await
    }

    /// Makes the version current that was before, of the component that exports the operator of that name.
    pub async fn roll_back(
        self: &Arc<Self>,
        operator: String,
        parameters: DeployParameters,
    ) -> Result<Deployed, DeployError> {
        let becomes = move |deployments: &Deployments, parameters: &DeployParameters| {
            let catalog = deployments.operators.catalog();
            let (name, _) = catalog.exporter(&operator)?;
            let previous = catalog.history().previous(&name).and_then(|digest| catalog.component(digest));
            let component = previous.ok_or(DeployError::NoEarlier(name))?;
            catalog.names_free(&component)?;
            deployments.make_current(&component, How::RolledBack, parameters, None)
        };
        self.deploy_by(parameters, becomes).await
    }

    /// Makes a version current by `becomes` and moves what runs, also where nobody waits for that any more.
    async fn deploy_by(
        self: &Arc<Self>,
        parameters: DeployParameters,
        becomes: impl FnOnce(&Deployments, &DeployParameters) -> Result<Current, DeployError> + Send + 'static,
    ) -> Result<Deployed, DeployError> {
        let deployments = self.clone();
        let deployed = async move {
            let turn = deployments.turn.clone().lock_owned().await;
            let (made, replay, dry_run) = (deployments.clone(), parameters.replay, parameters.dry_run);
            let wait = parameters.wait.duration();
            let current = blocking(move || becomes(&made, &parameters)).await?;
            if dry_run {
                return Ok(current.answer);
            }
            let begun = deployments.begin_moves(&current.component, current.planned, replay).await;
            // What becomes current from here on is ordered behind this.
            drop(turn);
            let moves = deployments.moves(current.component, begun, replay, wait).await;
            Ok(Deployed { moves, ..current.answer })
        };
        self.tasks.spawn(dag_alarm::task("deploying", deployed)).await.map_err(Broken::from)?
    }

    /// Makes a component the current version of its name, unless the parameters only ask what that would do, and tells what is to move to
    /// it: of one that is current already, what still runs another version. The caller has the [`Turn`].
    fn make_current(
        &self,
        installed: &Arc<Installed>,
        how: How,
        parameters: &DeployParameters,
        made: Option<&Made>,
    ) -> Result<Current, DeployError> {
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
        let moves = planned.iter().map(|planned| self.announced(&next, planned)).collect();
        if !parameters.dry_run {
            if let Some(made) = made {
                self.operators.take_in(&made.built)?;
            }
            if !repeat || !limits.is_empty() || made.is_some() {
                let said = (!limits.is_empty()).then(|| next.catalog.said(digest));
                let described = made.map(Made::described);
                let version = component.version().to_string();
                let current = (!repeat).then(|| (component.name(), version, at, how));
                let proposal = deployment(&self.meta.plan(), digest, current, said.as_ref());
                self.meta.deploy(proposal, described.as_ref().map(|described| (digest, described)))?;
            }
            self.operators.replace_catalog(next.catalog.clone());
            if !repeat {
                let (component, version) = (component.name(), component.version());
                tracing::info!(component, %version, %digest, how = how.name(), "current from now on");
            }
            self.appeared.send_modify(|version| *version += 1);
        }
        let answer = Deployed {
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
        };
        Ok(Current { component: installed.clone(), answer, planned })
    }

    /// How what runs another version of this component would move to it. `next` is the view in which it is current.
    fn plan_moves(&self, component: &Component, next: &View<'_>) -> Result<Vec<Planned>, DeployError> {
        let outdated = self.outdated(component, next).into_iter();
        outdated.map(|outdated| self.plan_move(component, next, outdated)).collect()
    }

    fn plan_move(
        &self,
        component: &Component,
        next: &View<'_>,
        Outdated { record, application, digest }: Outdated,
    ) -> Result<Planned, DeployError> {
        let old = next.catalog.code(digest).map_err(DeployError::Unusable)?;
        let running = running(record, application, &old, component, next)?;
        let decided =
            upgrade::decide(&next.plan, &running, next).map_err(|refusal| incompatible(component, refusal))?;
        Ok(Planned { decided, leaves: old.version() })
    }

    /// What runs another version of this component, and does not go on with this one anyhow. A backfill keeps its version.
    fn outdated(&self, component: &Component, view: &View<'_>) -> Vec<Outdated> {
        let plan = self.meta.plan();
        let outdated = |course: &Course| {
            let (record, digest) = (&course.record, course.goes_on_with()?);
            let old = view.catalog.component(digest)?;
            let of_another = digest != component.digest() && old.name() == component.name();
            if !of_another || record.until.is_some() {
                return None;
            }
            match self.computations.meaning(&record.stream)? {
                Stream::Apply(application) => {
                    Some(Outdated { record: record.clone(), application: *application, digest })
                }
                _ => None,
            }
        };
        plan.live().filter_map(|(_, course)| outdated(course)).collect()
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
