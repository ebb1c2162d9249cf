//! What becomes of streams by the clock: publishers that are silent for too long leave, and the node speaks for `clock=node` streams that
//! nobody else speaks for.
//!
//! A stream is looked at when something is due of it, and says when to look at it again. What takes a disk is done by threads that may wait,
//! one for a stream, so that a disk that hangs delays no other stream.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dag_alarm::Alarm;
use dag_api::Clock;
use dag_log::{Due, Steady};

use crate::blocking::gate::Width;
use crate::clock::Clocks;
use crate::streams::Streams;
use crate::streams::error::StreamError;
use crate::streams::interest::{Interest, Reach};
use crate::streams::source::SourceStream;

/// How often the node speaks for a stream that somebody reads.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(1);

/// How much longer than their windows the node speaks for single streams that have fallen silent.
const GRACE: Duration = Duration::from_secs(2);
pub(super) const GRACE_NS: i64 = GRACE.as_nanos() as i64;

/// How many streams the node lets publishers leave of, or speaks for, at a time.
pub(super) const TICKING: Width = Width { what: "to be spoken for", most: 16, each: 1, waiting: usize::MAX };

impl Streams {
    /// Does what is due of streams, for as long as it is awaited.
    pub async fn keep_time(self: &Arc<Self>) {
        loop {
            for name in self.deadlines.due().await {
                self.look_at(name);
            }
        }
    }

    /// Somebody needs to hear of a stream also where it falls silent.
    pub fn interest(&self, stream: String, reach: Reach) -> Interest {
        let interest = self.interests.hold(stream.clone(), reach);
        self.deadlines.look_by(&stream, Instant::now());
        interest
    }

    /// Begins what is due of a stream, or notes when something will be.
    fn look_at(self: &Arc<Self>, name: String) {
        // Whoever is at it looks again.
        if self.ticking.lock().contains(&name) {
            return;
        }
        let Some(stream) = self.all().get(&name).cloned() else { return };
        match stream.source.due(self.clock) {
            Due::Unknown => self.deadlines.look_by(&name, Instant::now() + HEARTBEAT),
            Due::Now => self.begin_tick(name, stream, false),
            Due::At(Some(deadline)) => self.deadlines.look_by(&name, after(self.clock, deadline)),
            Due::At(None) if self.is_heard(&name, &stream) => self.begin_tick(name, stream, true),
            Due::At(None) => {}
        }
    }

    /// Whether anybody would see that the node speaks for a stream now.
    fn is_heard(&self, name: &str, stream: &SourceStream) -> bool {
        let visible = stream.source.log().visible();
        stream.settings.clock == Clock::Node
            && self.interests.of(name).is_some_and(|reach| reach.hears(visible.frontier, visible.max_time))
    }

    /// Lets silent publishers leave, or speaks for a stream, on a thread that may wait.
    fn begin_tick(self: &Arc<Self>, name: String, stream: Arc<SourceStream>, speaks: bool) {
        self.ticking.lock().insert(name.clone());
        let (streams, clock) = (self.clone(), self.clock);
        tokio::spawn(dag_alarm::task("timers", async move {
            let tick = move || {
                let _alarm = Alarm::of("timers");
                Ok::<_, StreamError>(match speaks {
                    true => stream.source.node_heartbeat(clock),
                    false => stream.source.tick(clock).map(drop),
                })
            };
            let failed = match streams.ticks.run(name.clone(), tick).await {
                Ok(ticked) => ticked.err().map(|error| error.to_string()),
                Err(error) => Some(error.to_string()),
            };
            if let Some(error) = &failed {
                tracing::warn!(stream = name, error, "cannot write that a publisher has left, or a heartbeat");
            }
            streams.ticking.lock().remove(&name);
            let patience = if speaks || failed.is_some() { HEARTBEAT } else { Duration::ZERO };
            streams.deadlines.look_by(&name, Instant::now() + patience);
        }));
    }
}

/// The moment after a deadline.
pub(super) fn after(clock: Clocks, deadline: Steady) -> Instant {
    clock.instant(deadline) + Duration::from_millis(1)
}
