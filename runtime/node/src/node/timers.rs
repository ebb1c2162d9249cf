//! What a node does by the clock: lingering ends, failed computations are tried again, what was passed over is kept, old records go.
//! Streams [keep their own time](crate::streams).
//!
//! One task sleeps until the next of these is due, so that an idle node does nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dag_alarm::Alarm;
use dag_lock::Mutex;

use crate::node::Node;

/// How often retention looks.
const TRIM: Duration = Duration::from_secs(60);

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
            if next.is_some() || name == PASSED_OVER && node.inner.streams.is_any_handed_in() {
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
            let handed_in = self.inner.streams.is_any_handed_in();
            for (duty, wanted) in [(&trim, true), (&room, true), (&errors, handed_in)] {
                due = duty.look(self, wanted).map_or(due, |at| due.min(at));
            }
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {}
                () = self.inner.timers.notified() => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    }

    /// Does what is due of computations. Returns when something will be.
    fn tick(&self) -> Instant {
        let mut due = Instant::now() + TRIM;
        let clock = &self.inner.clock;
        {
            let state = &mut *self.state();
            self.say_what_is_due(state);
            let again = state.runs.due();
            if !again.is_empty() {
                self.compare_in(state, again);
            }
            if let Some(next_try) = state.runs.next_try() {
                // One whose dataflow is not gone yet is looked at again soon.
                due = due.min(next_try.max(Instant::now() + Duration::from_millis(10)));
            }
            state.runs.stop_overdue();
            if let Some(stop) = state.runs.next_stop() {
                due = due.min(stop);
            }
            if let Some(deadline) = state.runs.lingers_until() {
                due = due.min(clock.at(deadline));
            }
        }
        due
    }
}
