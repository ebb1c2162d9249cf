//! What a node does by the clock: lingering ends, silent publishers leave, clock=node streams move on, what was passed over is kept,
//! old records go.
//!
//! One task sleeps until the next of these is due, so that an idle node does nothing.

use std::time::{Duration, Instant};

use dag_alarm::Alarm;
use dag_expr::{Application, Stream, Window};
use dag_model::{Frontier, IncarnationId, Lookback, Timestamp};
use dag_plan::{Command, LogId};

use crate::node::{Node, State, View};

/// How often the node speaks for a clock=node stream that somebody reads.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How often retention looks.
const TRIM: Duration = Duration::from_secs(60);

/// How much longer than their windows the node speaks for single streams that have fallen silent.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

const GRACE_NS: i64 = GRACE.as_nanos() as i64;

impl Node {
    /// Runs until the node stops.
    pub(crate) async fn keep_time(&self) {
        let mut stopping = self.inner.stopping.subscribe();
        // A node that has not run for a while begins with what has become old meanwhile.
        let mut trim_due = Instant::now();
        loop {
            let node = self.clone();
            let due = tokio::task::spawn_blocking(move || {
                let _alarm = Alarm::of("timers");
                if trim_due <= Instant::now() {
                    node.trim();
                    trim_due = Instant::now() + TRIM;
                }
                let due = node.tick().min(trim_due);
                let again = [node.look_for_room(), node.write_errors()];
                (again.into_iter().flatten().fold(due, Instant::min), trim_due)
            });
            // An error means that the runtime ends: a panic ends the process.
            let Ok((due, next_trim)) = due.await else { return };
            trim_due = next_trim;
            self.inner.timers.sleeps_until(due);
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {}
                () = self.inner.timers.notified() => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    }

    /// Does what is due; answers when something will be.
    fn tick(&self) -> Instant {
        let mut due = Instant::now() + TRIM;
        let clock = &self.inner.clock;
        let state = &mut *self.state();
        let commands = state.plan.tick(clock.millis());
        if !commands.is_empty() {
            self.execute(state, commands);
        }
        let again: Vec<Command> = state.runs.due().into_iter().map(Command::Start).collect();
        if !again.is_empty() {
            self.execute(state, again);
        }
        if let Some(next_try) = state.runs.next_try() {
            // One whose dataflow is not gone yet is looked at again soon.
            due = due.min(next_try.max(Instant::now() + Duration::from_millis(10)));
        }
        state.runs.stop_overdue();
        if let Some(stop) = state.runs.next_stop() {
            due = due.min(stop);
        }
        if let Some(deadline) = state.plan.deadline() {
            due = due.min(clock.at(deadline));
        }
        let view = self.view();
        for (name, stream) in view.sources.iter() {
            match stream.source.tick(clock) {
                Ok(Some(deadline)) => {
                    due = due.min(clock.instant(deadline) + Duration::from_millis(1));
                }
                Ok(None) if stream.source.options().clock_node => {
                    let visible = stream.source.log().visible();
                    let speaks = visible.frontier != Frontier::Empty
                        && wants_heartbeats(state, &view, name, visible.frontier, visible.max_time);
                    if speaks {
                        if let Err(error) = stream.source.node_heartbeat(clock) {
                            tracing::warn!(stream = name, %error, "cannot write a heartbeat");
                        }
                        due = due.min(Instant::now() + HEARTBEAT);
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(stream = name, %error, "cannot let a silent publisher leave");
                    due = due.min(Instant::now() + HEARTBEAT);
                }
            }
        }
        due
    }
}

/// Whether anybody would see a heartbeat of this source: a computation whose windows may still be open, or that waits for
/// this source to keep step with another.
fn wants_heartbeats(state: &State, view: &View<'_>, name: &str, frontier: Frontier, newest: Timestamp) -> bool {
    let reads = |run: &&dag_plan::Run| {
        let legs = run.record.inputs.iter().flat_map(|input| &input.legs);
        run.is_live() && legs.into_iter().any(|leg| leg.log == LogId::Source(name.to_owned()))
    };
    state.plan.runs().filter(reads).filter_map(|run| run.stream.as_ref().map(|stream| (run, stream))).any(
        |(run, stream)| match stream {
            Stream::Apply(application) if application.inputs.len() == 1 => {
                let reach = reach(state, view, run.record.id, application);
                reach
                    .is_none_or(|reach| frontier <= Frontier::At(newest.saturating_add(reach).saturating_add(GRACE_NS)))
            }
            _ => true,
        },
    )
}

/// How long after a record results may still come of it, downstream included; none if nobody knows.
fn reach(state: &State, view: &View<'_>, id: IncarnationId, application: &Application) -> Option<i64> {
    let own = match application.window {
        Some(Window::Hopping { size, .. }) => size,
        Some(Window::Session { gap }) => gap,
        Some(Window::Running) => 0,
        None => match view.catalog.bind(application).ok()?.facts.lookback {
            Lookback::Duration(reach) => reach,
            Lookback::None | Lookback::Unbounded => 0,
        },
    };
    let below = state.plan.runs().filter(|run| {
        let legs = run.record.inputs.iter().flat_map(|input| &input.legs);
        run.is_live() && legs.into_iter().any(|leg| leg.log == LogId::Derived(id))
    });
    let mut most = 0;
    for run in below {
        let Some(Stream::Apply(application)) = &run.stream else { return None };
        if application.inputs.len() > 1 {
            return None;
        }
        most = most.max(reach(state, view, run.record.id, application)?);
    }
    Some(own.saturating_add(most))
}
