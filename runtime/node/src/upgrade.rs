//! Another version of a component becomes the current one while its operators run.
//!
//! First everything is checked, and nothing changes. Then the version becomes current, so that whatever starts from here on gets it. Then
//! each running computation moves to it, at a frontier of its own; one that can't goes on with the version that it has, and the answer
//! says so. [`dag_plan::upgrade`] decides, [`crate::history`] remembers.

use std::sync::Arc;

use dag_expr::{Application, Stream};
use dag_model::{Frontier, Position, Timestamp};
use dag_plan::upgrade::{self, Next, Running, Way};
use dag_plan::{Incarnation, InputStart, LogId};
use dag_wasm::{Component, Version};

use crate::api::{DeployParameters, Deployed, Move, Replay};
use crate::clock::now;
use crate::error::{Code, NodeError};
use crate::history::How;
use crate::limits::LimitSettings;
use crate::node::{Node, View};
use crate::versions::shown;

/// A move that was decided on, and the version that it leaves.
struct Planned {
    decided: upgrade::Move,
    leaves: Version,
}

impl Node {
    /// Makes a component the current version of its name and moves what runs, unless the parameters only ask what that would do. One
    /// that is current already gets what still runs another version. The caller holds `deploying`.
    pub(crate) fn make_current(
        &self,
        component: &Arc<Component>,
        how: How,
        parameters: &DeployParameters,
    ) -> Result<Deployed, NodeError> {
        let view = self.view();
        let (digest, limits, at) = (component.digest(), parameters.limits(), now());
        let current = view.catalog.current(component.name()).cloned();
        let repeat = current.as_ref().is_some_and(|current| current.digest() == digest);
        let mut catalog = (*view.catalog).clone();
        if !repeat {
            catalog.make_current(component.clone(), Some(at), how);
        }
        catalog.limit(digest, limits);
        let next = View { catalog: Arc::new(catalog), ..view };
        if let (How::Deployed, Some(current)) = (how, &current) {
            upgrade::succession(current.signatures(), component.signatures())
                .map_err(|refusal| incompatible(component, &refusal))?;
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
            self.keep(component)?;
            if !repeat {
                dag_fault::point("deploy");
                self.inner.meta.put_component(digest, at, how).map_err(|error| internal(&error))?;
                dag_fault::point("deploy");
            }
            if !limits.is_empty() {
                let said = next.catalog.said(digest);
                self.inner.meta.put_limits(digest, &said).map_err(|error| internal(&error))?;
            }
            self.replace_catalog(next.catalog.clone());
            if !repeat {
                let (component, version) = (component.name(), component.version());
                tracing::info!(component, %version, %digest, how = how.name(), "current from now on");
            }
            self.inner.appeared.send_modify(|version| *version += 1);
            planned.iter().map(|planned| self.carry_out(&next, planned)).collect()
        };
        Ok(Deployed {
            component: component.name().to_owned(),
            version: component.version().to_string(),
            digest: digest.to_string(),
            replaces: current.filter(|_| !repeat).map(|current| current.version().to_string()),
            repeat,
            dry_run: parameters.dry_run,
            limits: LimitSettings::of(next.catalog.limits(digest)),
            operators: component.signatures().iter().map(|signature| shown(component, signature)).collect(),
            started,
            moves,
        })
    }

    /// How what runs another version of this component would move to it. `next` is the view in which it is current.
    fn plan_moves(&self, component: &Component, next: &View<'_>) -> Result<Vec<Planned>, NodeError> {
        let live: Vec<(Incarnation, Application)> = {
            let state = self.state();
            let live = state.plan.runs().filter(|run| run.is_live());
            let applied = |run: &dag_plan::Run| match &run.stream {
                Some(Stream::Apply(application)) => Some((run.record.clone(), (**application).clone())),
                _ => None,
            };
            live.filter_map(applied).collect()
        };
        let mut planned = Vec::new();
        for (record, application) in live {
            let digest = record.ran.last().expect("a record begins with the component that it starts with").digest;
            let old = next.catalog.component(digest).filter(|old| old.name() == component.name());
            let Some(old) = old.filter(|_| digest != component.digest()) else { continue };
            let running = running(record, application, &old, component, next)?;
            let decided = upgrade::moves(std::slice::from_ref(&running), next);
            let mut decided = decided.map_err(|refusal| incompatible(component, &refusal))?;
            planned.extend(decided.pop().map(|decided| Planned { decided, leaves: old.version() }));
        }
        Ok(planned)
    }

    /// What waits for an operator or a stream and can start in this view.
    fn starts(&self, next: &View<'_>) -> Vec<String> {
        let waiting: Vec<String> = self.state().waiting.values().map(|(text, _)| text.clone()).collect();
        let bound = waiting.iter().filter_map(|text| dag_expr::bind(text, next).ok());
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
            took: None,
            error: None,
        }
    }

    fn carry_out(&self, view: &View<'_>, planned: &Planned) -> Move {
        let error = "what runs keeps the version that it began with".to_owned();
        Move { by: None, replay: Vec::new(), error: Some(error), ..self.announced(view, planned) }
    }

    /// Where a replay begins, as people see it.
    fn replays(&self, view: &View<'_>, starts: &[InputStart]) -> Vec<Replay> {
        let state = self.state();
        let legs = starts.iter().flat_map(|start| start.legs.iter().map(|leg| (start.from, leg)));
        let replay = |(from, leg): (Timestamp, &dag_plan::Leg)| {
            let (stream, run) = match &leg.log {
                LogId::Source(name) => (
                    dag_expr::syntax::name::Quoted(name).to_string(),
                    view.sources.get(name).map_or(0, |source| source.source.log().visible().epoch),
                ),
                LogId::Derived(id) => {
                    (state.plan.run(*id).map_or_else(String::new, |run| run.record.stream.clone()), id.0)
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
) -> Result<Running, NodeError> {
    let of = |component: &Component| {
        component.signatures().iter().find(|signature| signature.name == application.operator).cloned()
    };
    let signature = of(old).ok_or_else(|| internal(&format!("{} ran without its operator", record.stream)))?;
    let order = next.catalog.bind_with(old, &application).map_err(|why| internal(&why))?.facts.order;
    let reached = next.logs.get(record.id).map_or(Frontier::START, |log| log.visible().frontier);
    let next = match of(component) {
        None => Next::Dropped,
        Some(signature) => match dag_expr::bind(&record.stream, next) {
            Ok(stream) => Next::Bound { stream, signature: Box::new(signature) },
            Err(error) => Next::Refused(error.to_string()),
        },
    };
    Ok(Running { record, signature, order, application, reached, next })
}

fn incompatible(component: &Component, refusal: &upgrade::Refusal) -> NodeError {
    let message = format!("{} {} cannot become current: {refusal}", component.name(), component.version());
    NodeError::new(Code::Incompatible, message)
}

fn needs_replay(component: &Component, stream: &str) -> NodeError {
    let message = format!(
        "{} {} does not read the state of `{stream}`, which would move by replay: allow that, or deploy a version that reads it",
        component.name(),
        component.version()
    );
    NodeError::new(Code::NeedsReplay, message)
}

fn internal(error: &dyn std::fmt::Display) -> NodeError {
    NodeError::new(Code::Internal, error.to_string())
}
