//! Who looks on: a subscriber that must go on, and that adds up what it is shown.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dag_tests::Node;
use dag_tests::crew::{Crew, ScopedHand};
use serde_json::Value;

use crate::clock::Times;
use crate::publisher::{Publisher, Sent};

/// What is looked at: all records; and two kinds of windows, each of which shows each record so many times.
const SHOWN: [(&str, u64); 3] =
    [("filter(work, value >= 0)", 1), ("count(work, 1s)", 1), ("count(work, 3s, every=1s, by=host)", 3)];

/// A subscriber.
#[derive(Debug)]
pub struct Dashboard<'scope> {
    /// When it was last shown anything.
    last: Arc<Mutex<Instant>>,
    hand: ScopedHand<'scope, Seen>,
}

/// What one was shown.
#[derive(Debug)]
pub struct Seen {
    expression: &'static str,
    /// How many times it shows each record.
    times_each: u64,
    /// How many records there were in all that it was shown.
    counted: u64,
    times: Times,
}

impl<'scope> Dashboard<'scope> {
    /// Opens all of them.
    pub fn start_all(
        crew: &Crew<'scope, '_>,
        node: &Node,
        publisher: &Publisher<'_>,
        besieged: Arc<AtomicBool>,
    ) -> Vec<Dashboard<'scope>> {
        let start = |(expression, times_each)| {
            let lines = node.http().lines("subscribe", &[("expr", expression), ("from", "earliest")]);
            let (last, sent, besieged) = (Arc::new(Mutex::new(Instant::now())), publisher.sent(), besieged.clone());
            let moved = last.clone();
            let hand = crew.spawn(format!("the dashboard of {expression}"), move || {
                let mut seen = Seen { expression, times_each, counted: 0, times: Times::default() };
                for line in lines {
                    let arrived = Instant::now();
                    *moved.lock().unwrap_or_else(PoisonError::into_inner) = arrived;
                    seen.take(&line, arrived, &sent, besieged.load(Ordering::SeqCst));
                }
                seen
            });
            Dashboard { last, hand }
        };
        SHOWN.into_iter().map(start).collect()
    }

    /// How long it has been shown nothing new.
    pub fn still(&self) -> Duration {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// All that it was shown, once the stream has ended.
    pub fn finish(self) -> Seen {
        self.hand.join()
    }
}

impl Seen {
    fn take(&mut self, line: &str, arrived: Instant, sent: &Sent, besieged: bool) {
        let record: Value = serde_json::from_str(line).expect("records are JSON");
        let value = record["value"].as_u64().unwrap_or_else(|| panic!("`{}` was shown {line}", self.expression));
        if self.expression.starts_with("filter") {
            assert_eq!(value, self.counted, "records come in order, each once");
            self.counted += 1;
            // One that is shown before its publisher has the answer took no time.
            let took = sent.acknowledged(value).map_or(Duration::ZERO, |at| arrived.saturating_duration_since(at));
            self.times.add(besieged, took);
        } else {
            self.counted += value;
        }
    }

    /// How long each record took from its publisher's answer on, of the dashboard that shows each.
    pub fn times(&self) -> &Times {
        &self.times
    }

    /// Checks that each record counted as often as it must.
    pub fn judge(&self, records: u64) {
        assert_eq!(self.counted, records * self.times_each, "`{}` of {records} records", self.expression);
    }
}
