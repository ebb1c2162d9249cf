//! What a node does by the clock: lingering ends, failed computations are tried again, what was skipped is kept, old records go.
//! Streams [keep their own time](crate::streams).
//!
//! One task sleeps until the next of these is due, so that an idle node does nothing. [`room`] says what is given up where the disk is full.

mod room;

use std::sync::Arc;
use std::time::{Duration, Instant};

use dag_alarm::Alarm;
use dag_lock::Mutex;
use dag_log::Committer;
use tokio::sync::{Notify, watch};

use crate::computations::Computations;
use crate::layout::Layout;
use crate::readers::Readers;
use crate::streams::Streams;

/// How often retention looks.
const TRIM: Duration = Duration::from_secs(60);

/// The duty of keeping what was skipped.
const SKIPPED: &str = "skipped";

/// Keeps time for what others own.
pub(crate) struct Upkeep {
    layout: Layout,
    committer: Committer,
    streams: Arc<Streams>,
    computations: Computations,
    readers: Arc<Readers>,
    /// When the node was started.
    started: Instant,
    /// Wakes who keeps time, because something became due earlier than it knows.
    timers: Arc<Notify>,
    /// True once the node is stopping.
    stopping: watch::Sender<bool>,
    /// The turn of whoever looks for room on a full disk, and when that was done last.
    made_room: tokio::sync::Mutex<Option<Instant>>,
}

/// What is done by the clock and takes a disk, each in a thread of its own while it is due, so that none waits for another.
#[derive(Debug)]
struct Duty {
    name: &'static str,
    work: fn(&Upkeep) -> Option<Instant>,
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
    fn new(name: &'static str, turn: Turn, work: fn(&Upkeep) -> Option<Instant>) -> Duty {
        Duty { name, work, turn: Arc::new(Mutex::new("duties", turn)) }
    }

    /// Begins it if it is due; says when it is, if that is known. `wanted` says whether what is due when the timers are woken is.
    fn look(&self, upkeep: &Arc<Upkeep>, wanted: bool) -> Option<Instant> {
        let mut turn = self.turn.lock();
        match *turn {
            Turn::At(at) if at > Instant::now() => return Some(at),
            Turn::UnderWay => return None,
            Turn::Woken if !wanted => return None,
            Turn::At(_) | Turn::Woken => *turn = Turn::UnderWay,
        }
        drop(turn);
        let (upkeep, turn, name, work) = (upkeep.clone(), self.turn.clone(), self.name, self.work);
        tokio::task::spawn_blocking(move || {
            let _alarm = Alarm::of(name);
            let next = work(&upkeep);
            *turn.lock() = next.map_or(Turn::Woken, Turn::At);
            if next.is_some() || name == SKIPPED && upkeep.streams.is_any_handed_in() {
                upkeep.timers.notify_one();
            }
        });
        None
    }
}

impl Upkeep {
    /// Of the data in that folder, and of these owners.
    pub fn new(
        layout: Layout,
        committer: Committer,
        streams: Arc<Streams>,
        computations: Computations,
        readers: Arc<Readers>,
        timers: Arc<Notify>,
        stopping: watch::Sender<bool>,
    ) -> Upkeep {
        let (started, made_room) = (Instant::now(), tokio::sync::Mutex::default());
        Upkeep { layout, committer, streams, computations, readers, started, timers, stopping, made_room }
    }

    /// Runs until the node stops.
    pub async fn keep_time(self: &Arc<Self>) {
        let mut stopping = self.stopping.subscribe();
        // A node that has not run for a while begins with what has become old meanwhile.
        let trim = Duty::new("retention", Turn::At(Instant::now()), |upkeep| {
            upkeep.trim();
            Some(Instant::now() + TRIM)
        });
        let room = Duty::new("room", Turn::Woken, Upkeep::look_for_room);
        let skipped = Duty::new(SKIPPED, Turn::Woken, |upkeep| upkeep.computations.write_errors());
        loop {
            let mut due = Instant::now() + TRIM;
            due = self.computations.tick().map_or(due, |at| due.min(at));
            let handed_in = self.streams.is_any_handed_in();
            for (duty, wanted) in [(&trim, true), (&room, true), (&skipped, handed_in)] {
                due = duty.look(self, wanted).map_or(due, |at| due.min(at));
            }
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {}
                () = self.timers.notified() => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    }
}
