//! Who publishes meanwhile: a stream whose records get their time from the node, so that none may ever be late.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use dag_tests::crew::{Crew, ScopedHand};
use dag_tests::{Http, Node};
use serde_json::json;

use crate::clock::Times;

/// The stream.
pub const STREAM: &str = "work";

/// How often a batch is published, and how many records it has.
const EVERY: Duration = Duration::from_millis(50);
const BATCH: u64 = 5;

/// What readers must know of what was published.
#[derive(Debug, Default)]
pub struct Sent {
    /// By batch: when it was acknowledged.
    acknowledged: Mutex<Vec<Instant>>,
    done: AtomicBool,
    records: AtomicU64,
}

impl Sent {
    /// When the record of that number was acknowledged, if it was.
    pub fn acknowledged(&self, record: u64) -> Option<Instant> {
        let batches = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
        batches.get(usize::try_from(record / BATCH).ok()?).copied()
    }
}

/// Somebody who publishes.
#[derive(Debug)]
pub struct Publisher<'scope> {
    sent: Arc<Sent>,
    hand: ScopedHand<'scope, Times>,
}

/// What was published.
#[derive(Debug)]
pub struct Published {
    records: u64,
    times: Times,
}

impl<'scope> Publisher<'scope> {
    /// Makes the stream, and begins.
    pub fn start(crew: &Crew<'scope, '_>, node: &Node, besieged: Arc<AtomicBool>) -> Publisher<'scope> {
        let schema = [("value", "int64"), ("host", "utf8")].map(|(name, ty)| json!({"name": name, "type": ty}));
        let settings = json!({"name": STREAM, "schema": schema, "time": null});
        let made = node.http().post("streams", &[], "application/json", settings.to_string().as_bytes());
        assert_eq!(made.status, 201, "{made:?}");
        let (sent, http) = (Arc::new(Sent::default()), node.http().clone());
        let told = sent.clone();
        let hand = crew.spawn("the publisher", move || publish(&http, &told, &besieged));
        Publisher { sent, hand }
    }

    /// What readers must know.
    pub fn sent(&self) -> Arc<Sent> {
        self.sent.clone()
    }

    /// Seals the stream.
    pub fn finish(self) -> Published {
        self.sent.done.store(true, Ordering::SeqCst);
        let times = self.hand.join();
        Published { records: self.sent.records.load(Ordering::SeqCst), times }
    }
}

impl Published {
    /// How many records were acknowledged.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// How long each batch took.
    pub fn times(&self) -> &Times {
        &self.times
    }
}

fn publish(http: &Http, sent: &Sent, besieged: &AtomicBool) -> Times {
    let mut times = Times::default();
    for batch in 0.. {
        let done = sent.done.load(Ordering::SeqCst);
        let record = |i: u64| format!("{{\"value\":{i},\"host\":\"h{}\"}}\n", i % 3);
        let body: String = (batch * BATCH..(batch + 1) * BATCH).map(record).collect();
        let number = (batch + 1).to_string();
        let parameters =
            [("publisher", "p"), ("session", "1"), ("batch", &number), ("seal", if done { "true" } else { "false" })];
        let (disturbed, asked) = (besieged.load(Ordering::SeqCst), Instant::now());
        let answer = send(http, &parameters, &body);
        times.add(disturbed, asked.elapsed());
        assert_eq!((&answer["accepted"], &answer["late"]), (&BATCH.into(), &0.into()), "{answer}");
        sent.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
        sent.records.fetch_add(BATCH, Ordering::SeqCst);
        if done {
            break;
        }
        thread::sleep(EVERY.saturating_sub(asked.elapsed()));
    }
    times
}

/// Sends a batch until it is taken: who is told to come again does.
fn send(http: &Http, parameters: &[(&str, &str)], body: &str) -> serde_json::Value {
    loop {
        let answer = http.publish(STREAM, parameters, body);
        if answer.status != 429 {
            assert_eq!(answer.status, 200, "{answer:?}");
            return answer.json();
        }
        thread::sleep(EVERY);
    }
}
