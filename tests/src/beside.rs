//! A well-behaved computation beside what a test does: how long its results take.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::crew::{self, Hand};
use crate::http::Http;
use crate::node::Node;
use crate::wait::while_it_moves;

/// How often a record is published.
const EVERY: Duration = Duration::from_millis(20);

/// A stream `beside` that gets a record every 20 ms, and a subscriber to a computation over it.
#[derive(Debug)]
pub struct Beside {
    stop: Arc<AtomicBool>,
    published: Arc<AtomicUsize>,
    publisher: Hand<Vec<Instant>>,
    subscriber: Hand<Vec<Instant>>,
}

/// For each record, in order, the time from the answer to its publisher to its arrival at the subscriber.
#[derive(Clone, Debug)]
pub struct Latencies(Vec<Duration>);

impl Beside {
    /// Starts both.
    ///
    /// # Panics
    /// If the node has such a stream.
    #[track_caller]
    pub fn start(node: &Node) -> Beside {
        node.create("beside", "value int64", &[]);
        let lines = node.http().lines("subscribe", &[("expr", "filter(beside, value >= 0)"), ("from", "earliest")]);
        let (stop, published) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (told, count, http) = (stop.clone(), published.clone(), node.http().clone());
        let publisher = crew::spawn("the publisher beside it", move || publish(&http, &told, &count));
        let subscriber = crew::spawn("the subscriber beside it", move || {
            let arrive = |(index, line): (usize, String)| {
                let record: Value = serde_json::from_str(&line).expect("records are JSON");
                assert_eq!(record["value"], index, "records come in order, each once");
                Instant::now()
            };
            lines.enumerate().map(arrive).collect()
        });
        Beside { stop, published, publisher, subscriber }
    }

    /// How many records have been published.
    pub fn published(&self) -> usize {
        self.published.load(Ordering::Relaxed)
    }

    /// Waits until so many more have been.
    ///
    /// # Panics
    /// If they stop coming.
    #[track_caller]
    pub fn until_more(&self, records: usize) {
        let there = self.published() + records;
        while_it_moves("more is published", || match self.published() {
            published if published >= there => Ok(()),
            published => Err(published),
        });
    }

    /// Ends the stream, and tells what was measured.
    ///
    /// # Panics
    /// If a record is missing, came twice or in another order.
    #[track_caller]
    pub fn finish(self) -> Latencies {
        self.stop.store(true, Ordering::Relaxed);
        let answered = self.publisher.join();
        let arrived = self.subscriber.join();
        assert_eq!(arrived.len(), answered.len(), "records published and received");
        let latencies =
            arrived.iter().zip(&answered).map(|(arrived, answered)| arrived.saturating_duration_since(*answered));
        Latencies(latencies.collect())
    }
}

fn publish(http: &Http, stop: &AtomicBool, published: &AtomicUsize) -> Vec<Instant> {
    let (start, mut answered) = (Instant::now(), Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let index = answered.len();
        let answer = http.publish("beside", &[], &format!("{{\"time\":{index},\"value\":{index}}}\n"));
        answered.push(Instant::now());
        assert_eq!(answer.status, 200, "{answer:?}");
        published.store(answered.len(), Ordering::Relaxed);
        // At a steady pace, whatever an answer takes.
        let next = start + EVERY * u32::try_from(answered.len()).expect("a test publishes for minutes at most");
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let sealed = http.publish("beside", &[("seal", "true")], "");
    assert_eq!(sealed.status, 200, "{sealed:?}");
    answered
}

impl Latencies {
    /// The latency that such a share of the records from `from` up to `to` do not exceed: half of them for 0.5.
    ///
    /// # Panics
    /// If there are none.
    pub fn share(&self, share: f64, from: usize, to: usize) -> Duration {
        let mut some = self.0[from..to.min(self.0.len())].to_vec();
        some.sort_unstable();
        some[(some.len() as f64 * share).ceil() as usize - 1]
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}
