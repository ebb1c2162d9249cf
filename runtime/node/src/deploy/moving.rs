//! What runs moves to a version that has become current: orders are given, all for one mark, and waited for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dag_api::Move;
use dag_model::IncarnationId;
use dag_plan::By;
use dag_plan::upgrade::{self, Way};
use tokio::sync::mpsc;

use super::{Deployments, Planned};
use crate::blocking::{Broken, blocking};
use crate::computations::build::last_digest;
use crate::computations::marking::{Order, Outcome};
use crate::computations::switch::{SwitchError, Switched};
use crate::operators::installed::Installed;

/// A move that is under way, as it was announced.
pub(super) struct UnderWay {
    told: Move,
    decided: upgrade::Move,
    outcome: Outcome,
}

impl Deployments {
    /// Lets what was planned move, all at one mark.
    pub(super) async fn begin_moves(
        &self,
        component: &Installed,
        planned: Vec<Planned>,
        replay: bool,
    ) -> Vec<UnderWay> {
        let to = component.digest();
        let orders: Vec<Order> = planned.iter().map(|one| Order { id: one.decided.id, to, replay }).collect();
        if orders.is_empty() {
            return Vec::new();
        }
        let outcomes = self.computations.let_move(&orders).await;
        let view = self.computations.view();
        let under_way = |(planned, outcome): (Planned, Outcome)| {
            let told = self.announced(&view, &planned);
            UnderWay { told, decided: planned.decided, outcome }
        };
        planned.into_iter().zip(outcomes).map(under_way).collect()
    }

    /// Waits for so long for what moves, which it does after that, too, and for what has started with an earlier version while that was
    /// decided, and tells what came of it.
    pub(super) async fn moves(
        self: &Arc<Self>,
        component: Arc<Installed>,
        begun: Vec<UnderWay>,
        replay: bool,
        wait: Duration,
    ) -> Vec<Move> {
        let until = Instant::now() + wait;
        let asked: BTreeSet<IncarnationId> = begun.iter().map(|one| one.decided.id).collect();
        let mut moves = self.outcomes(begun, until).await;
        // They were bound before the version became current, and nothing is bound to an earlier one any more.
        let (deployments, late) = (self.clone(), component.clone());
        let late = blocking::<_, Broken>(move || Ok(deployments.plan_late(&late, &asked))).await;
        let (late, stay) = late.unwrap_or_default();
        let begun = self.begin_moves(&component, late, replay).await;
        moves.extend(self.outcomes(begun, until).await);
        moves.extend(stay);
        moves
    }

    /// What else runs another version of this component, if that is still current; and what of it cannot move.
    fn plan_late(&self, component: &Installed, asked: &BTreeSet<IncarnationId>) -> (Vec<Planned>, Vec<Move>) {
        let view = self.computations.view();
        let current = view.catalog.current(component.name()).filter(|current| current.digest() == component.digest());
        let Some(Ok(component)) = current.map(|current| current.code()) else { return Default::default() };
        let (mut late, mut stay) = (Vec::new(), Vec::new());
        for outdated in self.outdated(component, &view).into_iter().filter(|one| !asked.contains(&one.record.id)) {
            let (id, stream) = (outdated.record.id.0, outdated.record.stream.clone());
            let version = view.catalog.component(outdated.digest).map(|old| old.version().to_string());
            match self.plan_move(component, &view, outdated) {
                Ok(one) => late.push(one),
                Err(error) => stay.push(Move::stays(stream, id, version.unwrap_or_default(), error.to_string())),
            }
        }
        (late, stay)
    }

    /// What came of moves by then; nothing is told of one that has ended meanwhile.
    async fn outcomes(&self, begun: Vec<UnderWay>, until: Instant) -> Vec<Move> {
        let mut moves = Vec::with_capacity(begun.len());
        for UnderWay { told, decided, outcome } in begun {
            moves.extend(match tokio::time::timeout_at(until.into(), outcome).await {
                Ok(Ok(outcome)) => self.outcome(told, &decided, outcome),
                Ok(Err(_)) => None,
                Err(_) => {
                    let error =
                        format!("{}: it moves once it has come to its mark", self.computations.behind(decided.id));
                    Some(Move { by: None, replay: Vec::new(), error: Some(error), ..told })
                }
            });
        }
        moves
    }

    /// What came of a move.
    fn outcome(&self, told: Move, decided: &upgrade::Move, outcome: Result<Switched, SwitchError>) -> Option<Move> {
        match outcome {
            Ok(switched) => {
                let unread = switched.by == By::Replay && decided.way == Way::State;
                let error =
                    unread.then(|| "the new version did not take the state up, which it says that it reads".to_owned());
                Some(Move {
                    by: Some(name(switched.by).to_owned()),
                    at: switched.from.shown(),
                    position: Some(switched.position.to_string()),
                    took: Some(switched.took.as_secs_f64()),
                    error,
                    ..told
                })
            }
            Err(_) if !self.meta.plan().incarnation(decided.id).is_some_and(|course| course.is_live()) => None,
            Err(error) => {
                let error = format!("incarnation {} keeps its component: {error}", decided.id);
                Some(Move { by: None, replay: Vec::new(), error: Some(error), ..told })
            }
        }
    }

    /// Moves what is demanded again to the version that has become current while it was stored, for as long as the node runs.
    pub async fn keep_caught_up(self: Arc<Self>, mut resumed: mpsc::Receiver<Vec<IncarnationId>>) {
        while let Some(resumed) = resumed.recv().await {
            self.catch_up(resumed);
        }
    }

    /// Moves those of these runs that go on with a version which somebody has followed by another while they were stored.
    fn catch_up(self: &Arc<Self>, resumed: Vec<IncarnationId>) {
        let plan = self.meta.plan();
        let catalog = self.operators.catalog();
        let is_late = |id: &IncarnationId| {
            plan.incarnation(*id).is_some_and(|course| catalog.history().superseded(last_digest(&course.record)))
        };
        let late: Vec<IncarnationId> = resumed.into_iter().filter(is_late).collect();
        if late.is_empty() {
            return;
        }
        let deployments = self.clone();
        self.tasks.spawn(dag_alarm::task("catching up", async move {
            let turn = deployments.turn.clone().lock_owned().await;
            let planning = deployments.clone();
            // A panic there has been said, and the runs go on as they were.
            let orders = blocking::<_, Broken>(move || Ok(planning.plan_catching_up(&late))).await.unwrap_or_default();
            if !orders.is_empty() {
                // What comes of it is told where it happens.
                drop(deployments.computations.let_move(&orders).await);
            }
            drop(turn);
        }));
    }

    /// The orders by which these runs go on with the current version.
    fn plan_catching_up(&self, late: &[IncarnationId]) -> Vec<Order> {
        let view = self.computations.view();
        let names: BTreeSet<String> = late
            .iter()
            .filter_map(|id| view.catalog.component(last_digest(&view.plan.incarnation(*id)?.record)))
            .map(|old| old.name().to_owned())
            .collect();
        let mut orders = Vec::new();
        for name in names {
            let Some(Ok(component)) = view.catalog.current(&name).map(|current| current.code()) else { continue };
            for outdated in self.outdated(component, &view).into_iter().filter(|one| late.contains(&one.record.id)) {
                let id = outdated.record.id;
                match self.plan_move(component, &view, outdated) {
                    Ok(_) => orders.push(Order { id, to: component.digest(), replay: true }),
                    Err(why) => tracing::warn!(incarnation = %id, %why, "resumed with an earlier version"),
                }
            }
        }
        orders
    }
}

/// How a component took over, as answers tell it.
fn name(by: By) -> &'static str {
    match by {
        By::State => "state",
        By::Replay => "replay",
    }
}
