//! A publisher that sends each batch until it is acknowledged.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use super::shared::Shared;
use crate::http::Http;

/// A named publisher of a part of the values: of every `of` batches in turn, the one with its own number.
pub(super) struct Publisher<'a> {
    pub http: Http,
    pub shared: &'a Shared,
    /// Its number, from 0.
    pub number: u64,
    /// How many there are.
    pub of: u64,
}

/// How many publishers share the values.
pub(super) const PUBLISHERS: u64 = 2;

/// Records in a batch.
pub(super) const BATCH: u64 = 100;

/// The name of the stream of values.
pub(super) const VALUES: &str = "x";

impl Publisher<'_> {
    /// Publishes value i at i milliseconds, for all i below `records` that are this publisher's. The last one to be done seals the
    /// stream.
    pub fn publish(self, records: u64) {
        let mut batch = 0;
        for first in (self.number * BATCH..records).step_by((self.of * BATCH) as usize) {
            batch += 1;
            let body = (first..first + BATCH).fold(String::new(), |mut body, i| {
                writeln!(body, "{{\"time\":{i},\"value\":{i}}}").expect("writing to text does not fail");
                body
            });
            self.shared.wait_for_turn(first);
            self.send(batch, &body);
        }
        if self.shared.is_last_publisher() {
            self.shared.until_answered(|| self.http.try_post(&path(VALUES), &[("seal", "true")], JSON, b""));
        }
    }

    fn send(&self, batch: u64, body: &str) {
        let (name, batch) = (self.name(), batch.to_string());
        let parameters = [("publisher", &*name), ("session", "1"), ("batch", &*batch)];
        let mut sent_before = false;
        loop {
            let life = self.shared.life.load(Ordering::SeqCst);
            match self.http.try_post(&path(VALUES), &parameters, JSON, body.as_bytes()) {
                Ok(answer) if answer.status == 429 => {}
                Ok(answer) => {
                    assert_eq!(answer.status, 200, "batch {batch} of {name}: {}", answer.body);
                    self.shared.acknowledged(life);
                    let answer = answer.json();
                    assert!(
                        sent_before || answer["repeat"] == false,
                        "batch {batch} of {name} was sent once: {answer}"
                    );
                    return;
                }
                Err(ureq::Error::ConnectionFailed) => {}
                Err(ureq::Error::Io(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
                Err(_) => {
                    sent_before = true;
                    self.shared.broken_off(life);
                }
            }
            self.shared.pause();
        }
    }

    fn name(&self) -> String {
        name(self.number)
    }
}

/// Lets a publisher join, which holds the frontier from then on.
pub(super) fn join(http: &Http, number: u64) {
    let says = [("publisher", &*name(number)), ("session", "1"), ("heartbeat", "1970-01-01T00:00:00Z")];
    let answer = http.post(&path(VALUES), &says, JSON, b"");
    assert_eq!(answer.status, 200, "{}", answer.body);
}

fn name(number: u64) -> String {
    format!("publisher-{number}")
}

pub(super) const JSON: &str = "application/x-ndjson";

pub(super) fn path(stream: &str) -> String {
    format!("streams/{stream}/records")
}
