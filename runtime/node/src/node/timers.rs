//! What a node does by the clock: lingering ends, silent publishers leave, clock=node streams move on, what was passed over is kept,
//! old records go.
//!
//! One task sleeps until the next of these is due, so that an idle node does nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dag_alarm::Alarm;
use dag_api::Clock;
use dag_expr::{Application, Stream, Window};
use dag_lock::Mutex;
use dag_log::Due;
use dag_model::{Frontier, IncarnationId, Lookback, Timestamp};
use dag_plan::{Command, LogId};

use crate::node::{Node, State, View};
use crate::streams::error::StreamError;
use crate::streams::source::SourceStream;
use crate::wake::GRACE;

/// How often the node speaks for a clock=node stream that somebody reads.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How often retention looks.
const TRIM: Duration = Duration::from_secs(60);

const GRACE_NS: i64 = GRACE.as_nanos() as i64;

/// The duty of keeping what was passed over.
const PASSED_OVER: &str = "passed over";

/// What is done by the clock and takes a disk, each in a thread of its own while it is due, so that none waits for another.
#[derive(Debug)]
struct Duty {
    name: &'static str,
    work: fn(&Node) -> Option<Instant>,
    turn: Arc<Mutex<Turn>>,
}

/// When a duty is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    At(Instant),
    /// When the timers are woken.
    Woken,
    /// It is being done.
    UnderWay,
}

impl Duty {
    fn new(name: &'static str, turn: Turn, work: fn(&Node) -> Option<Instant>) -> Duty {
        Duty { name, work, turn: Arc::new(Mutex::new("duties", turn)) }
    }

    /// Begins it if it is due; says when it is, if that is known. `wanted` says whether what is due when the timers are woken is.
    fn look(&self, node: &Node, wanted: bool) -> Option<Instant> {
        let mut turn = self.turn.lock();
        match *turn {
            Turn::At(at) if at > Instant::now() => return Some(at),
            Turn::UnderWay => return None,
            Turn::Woken if !wanted => return None,
            Turn::At(_) | Turn::Woken => *turn = Turn::UnderWay,
        }
        drop(turn);
        let (node, turn, name, work) = (node.clone(), self.turn.clone(), self.name, self.work);
        tokio::task::spawn_blocking(move || {
            let _alarm = Alarm::of(name);
            let next = work(&node);
            *turn.lock() = next.map_or(Turn::Woken, Turn::At);
            if next.is_some() || name == PASSED_OVER && !node.inner.errors.is_empty() {
                node.inner.timers.notify_one();
            }
        });
        None
    }
}

impl Node {
    /// Runs until the node stops.
    pub(crate) async fn keep_time(&self) {
        let mut stopping = self.inner.stopping.subscribe();
        // A node that has not run for a while begins with what has become old meanwhile.
        let trim = Duty::new("retention", Turn::At(Instant::now()), |node| {
            node.trim();
            Some(Instant::now() + TRIM)
        });
        let room = Duty::new("room", Turn::Woken, Node::look_for_room);
        let errors = Duty::new(PASSED_OVER, Turn::Woken, Node::write_errors);
        loop {
            let mut due = self.tick();
            for (duty, wanted) in [(&trim, true), (&room, true), (&errors, !self.inner.errors.is_empty())] {
                due = duty.look(self, wanted).map_or(due, |at| due.min(at));
            }
            self.inner.timers.sleeps_until(due);
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {}
                () = self.inner.timers.notified() => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    }

    /// Does what is due of computations, and begins what is due of streams; answers when something will be.
    fn tick(&self) -> Instant {
        let mut due = Instant::now() + TRIM;
        let clock = &self.inner.clock;
        {
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
        }
        for (name, stream) in self.view().sources.iter() {
            due = due.min(self.tick_source(name, stream).unwrap_or(due));
        }
        due
    }

    /// Begins what is due of a stream; answers when something will be. Whoever is at it, and the disk that it waits for, is not waited for.
    fn tick_source(&self, name: &str, stream: &Arc<SourceStream>) -> Option<Instant> {
        let soon = Instant::now() + HEARTBEAT;
        if self.inner.ticking.lock().contains(name) {
            return Some(soon);
        }
        let speaks = match stream.source.due(self.inner.clock) {
            Due::Unknown => return Some(soon),
            Due::Now => false,
            Due::At(Some(deadline)) => return Some(self.inner.clock.instant(deadline) + Duration::from_millis(1)),
            Due::At(None) if stream.settings.clock == Clock::Node && self.is_heard(name, stream) => true,
            Due::At(None) => return None,
        };
        self.begin_tick(name.to_owned(), stream.clone(), speaks);
        Some(soon)
    }

    /// Lets silent publishers leave, or speaks for a stream, on a thread that may wait.
    fn begin_tick(&self, name: String, stream: Arc<SourceStream>, speaks: bool) {
        self.inner.ticking.lock().insert(name.clone());
        let node = self.clone();
        tokio::spawn(dag_alarm::task("timers", async move {
            let clock = node.inner.clock;
            let tick = move || {
                let _alarm = Alarm::of("timers");
                Ok::<_, StreamError>(if speaks {
                    stream.source.node_heartbeat(clock)
                } else {
                    stream.source.tick(clock).map(drop)
                })
            };
            if let Ok(Err(error)) = node.inner.ticks.run(name.clone(), tick).await {
                tracing::warn!(stream = name, %error, "cannot write that a publisher has left, or a heartbeat");
                tokio::time::sleep(HEARTBEAT).await;
            }
            node.inner.ticking.lock().remove(&name);
            if !speaks {
                node.inner.timers.notify_one();
            }
        }));
    }

    /// Whether anybody would see that the node speaks for a stream now.
    fn is_heard(&self, name: &str, stream: &SourceStream) -> bool {
        let visible = stream.source.log().visible();
        let view = self.view();
        visible.frontier != Frontier::Empty
            && wants_heartbeats(&self.state(), &view, name, visible.frontier, visible.max_time)
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
        // What is not remembered any more counts as not known: under the lock nobody is asked.
        None => match view.catalog.known(application).ok()?.facts.lookback {
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
