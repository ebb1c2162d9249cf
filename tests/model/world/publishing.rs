//! Publishing: requests, and what must come of them.

use dag_tests::Http;
use dag_tests::http::Answer;
use serde_json::json;

use super::World;
use crate::expression::SOURCES;
use crate::program::{Ending, HOSTS, PUBLISHERS, Publish};
use crate::source::{Outcome, Record, Request, rfc3339};

impl World {
    pub(super) fn record(&self, source: usize) -> Record {
        Record { time: self.sources[source].latest() + 1, host: HOSTS[0], value: 1 }
    }

    pub(super) fn request(&mut self, publish: &Publish) -> Request {
        let source = &self.sources[publish.source];
        let latest = source.latest();
        let record =
            |&(after, host, value): &(i64, usize, i64)| Record { time: latest + after, host: HOSTS[host], value };
        let records: Vec<Record> = publish.records.iter().map(record).collect();
        let says_nothing = records.is_empty() && publish.ending == Ending::Nothing;
        let request = Request {
            publisher: publish.publisher.map(|publisher| source.next(PUBLISHERS[publisher])),
            records: Some(records).filter(|records| !records.is_empty()),
            heartbeat: publish.heartbeat.or(says_nothing.then_some(0)).map(|after| latest + after),
            leave: publish.ending == Ending::Leave,
            done: publish.ending == Ending::Done,
            seal: publish.ending == Ending::Seal,
        };
        if let Some(publisher) = publish.publisher.filter(|_| request.records.is_some()) {
            self.last.insert((publish.source, publisher), request.clone());
        }
        request
    }

    pub(super) fn send(&self, source: usize, request: &Request) -> Result<Answer, String> {
        send(self.node.http(), SOURCES[source], request)
    }

    /// Compares the answer to a request with the model's.
    pub(super) fn publish(&mut self, source: usize, request: &Request, answer: &Answer) -> Result<(), String> {
        let expected = self.sources[source].publish(request);
        let found = answer.json();
        let outcome = match answer.status {
            200 => Outcome::Accepted {
                on_time: found["accepted"].as_u64().unwrap_or(u64::MAX),
                late: found["late"].as_u64().unwrap_or(u64::MAX),
                repeat: found["repeat"] == true,
            },
            _ if matches!(&expected, Outcome::Refused(code) if found["error"]["code"] == *code) => expected.clone(),
            _ => return Err(format!("expected {expected:?}, found {answer:?}")),
        };
        let frontier = self.sources[source].shown_frontier();
        if outcome != expected || answer.status == 200 && found["frontier"] != frontier {
            return Err(format!("expected {expected:?} and then the frontier {frontier}, found {answer:?}"));
        }
        Ok(())
    }
}

pub(super) fn send(http: &Http, source: &str, request: &Request) -> Result<Answer, String> {
    let mut parameters = vec![("history", "true".to_owned())];
    if let Some(by) = request.publisher {
        parameters.push(("publisher", by.name.to_owned()));
        parameters.push(("session", by.session.to_string()));
        if request.records.is_some() {
            parameters.push(("batch", by.batch.to_string()));
        }
    }
    parameters.extend(request.heartbeat.map(|time| ("heartbeat", rfc3339(time))));
    for (name, said) in [("leave", request.leave), ("done", request.done), ("seal", request.seal)] {
        if said {
            parameters.push((name, "true".to_owned()));
        }
    }
    let line =
        |record: &Record| json!({"time": record.time, "host": record.host, "value": record.value}).to_string() + "\n";
    let body: String = request.records.iter().flatten().map(line).collect();
    let parameters: Vec<_> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    http.try_publish(source, &parameters, &body)
}
