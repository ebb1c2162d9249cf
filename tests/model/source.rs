//! What a source holds, by the rules of `docs/time.md`: which records were taken, which of them are late, how far the frontier is.

use std::collections::BTreeMap;

use serde_json::Value;

/// Nanoseconds in a second. Records have whole seconds; frontiers may lie a nanosecond past one.
pub const SECOND: i64 = 1_000_000_000;

/// The frontier of a stream that nobody has spoken for.
pub const START: i64 = i64::MIN;

/// The frontier of a stream after which nothing follows.
pub const SEALED: i64 = i64::MAX;

/// A record as it is published.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// In seconds.
    pub time: i64,
    pub host: &'static str,
    pub value: i64,
}

/// A batch's place in what a named publisher sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Numbered {
    pub name: &'static str,
    pub session: u64,
    pub batch: u64,
}

/// A request to publish.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// None for an unnamed publisher, who is joined for this request only.
    pub publisher: Option<Numbered>,
    pub records: Option<Vec<Record>>,
    /// In seconds.
    pub heartbeat: Option<i64>,
    pub leave: bool,
    pub done: bool,
    pub seal: bool,
}

/// What a node must answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Accepted {
        on_time: u64,
        late: u64,
        repeat: bool,
    },
    /// With this code.
    Refused(&'static str),
}

/// A source.
#[derive(Clone, Debug)]
pub struct Source {
    /// In nanoseconds.
    pub allowance: i64,
    /// In the order of its log, each with whether it is late.
    pub records: Vec<(Record, bool)>,
    /// In nanoseconds, or [`START`] or [`SEALED`].
    pub frontier: i64,
    publishers: BTreeMap<&'static str, Publisher>,
}

/// A named publisher in its latest session.
#[derive(Clone, Debug)]
struct Publisher {
    session: u64,
    last: u64,
    /// The greatest time of its records.
    latest: Option<i64>,
    /// What it has promised, while it is joined.
    bound: Option<i64>,
}

impl Source {
    /// An empty source with an allowance of so many seconds.
    pub fn new(allowance: i64) -> Source {
        let allowance = allowance * SECOND;
        Source { allowance, records: Vec::new(), frontier: START, publishers: BTreeMap::new() }
    }

    pub fn is_sealed(&self) -> bool {
        self.frontier == SEALED
    }

    /// The greatest time of a record, in seconds.
    pub fn latest(&self) -> i64 {
        self.records.iter().map(|(record, _)| record.time).max().unwrap_or(100)
    }

    /// The batch that a publisher has to send next, and its session.
    pub fn next(&self, name: &'static str) -> Numbered {
        let (session, last) = self.publishers.get(name).map_or((1, 0), |known| (known.session, known.last));
        Numbered { name, session, batch: last + 1 }
    }

    /// The frontier as a node shows it.
    pub fn shown_frontier(&self) -> Value {
        match self.frontier {
            START => Value::Null,
            SEALED => "sealed".into(),
            at if at % SECOND == 0 => rfc3339(at / SECOND).into(),
            at => rfc3339(at / SECOND).replace('Z', &format!(".{:09}Z", at % SECOND)).into(),
        }
    }

    /// Takes a request.
    pub fn publish(&mut self, request: &Request) -> Outcome {
        let known = request.publisher.and_then(|by| self.publishers.get(by.name).cloned());
        if let (Some(by), Some(known)) = (request.publisher, &known)
            && known.session > by.session
        {
            return Outcome::Refused("fenced");
        }
        let known = known.filter(|known| request.publisher.is_some_and(|by| by.session == known.session));
        let last = known.as_ref().map_or(0, |known| known.last);
        let batch = request.publisher.filter(|_| request.records.is_some()).map(|by| by.batch);
        if batch.is_some_and(|batch| batch > last + 1) {
            return Outcome::Refused("out-of-sequence");
        }
        let repeat = batch.is_some_and(|batch| batch <= last);
        let nothing = Outcome::Accepted { on_time: 0, late: 0, repeat };
        if self.is_sealed() {
            let new = request.records.is_some() || request.heartbeat.is_some();
            return if new && !repeat { Outcome::Refused("sealed") } else { nothing };
        }

        let before = self.frontier;
        let records = request.records.as_deref().filter(|_| !repeat).unwrap_or_default();
        let fresh =
            Publisher { session: request.publisher.map_or(0, |by| by.session), last: 0, latest: None, bound: None };
        let mut publisher = known.unwrap_or(fresh);
        let mut bound = publisher.bound.unwrap_or(before);
        if let Some(latest) = records.iter().map(|record| record.time * SECOND).max() {
            bound = bound.max(latest - self.allowance);
            publisher.latest = publisher.latest.max(Some(latest));
        }
        bound = request.heartbeat.map_or(bound, |heartbeat| bound.max(heartbeat * SECOND));
        if request.done {
            bound = publisher.latest.map_or(bound, |latest| bound.max(latest + 1));
        }
        if let Some(batch) = batch.filter(|_| !repeat) {
            publisher.last = batch;
        }

        let others = |(name, other): (&&str, &Publisher)| {
            other.bound.filter(|_| request.publisher.is_none_or(|by| by.name != *name))
        };
        let others = self.publishers.iter().filter_map(others).min();
        // With its own word counted in, and, where it goes, by the word of those who stay.
        self.frontier = self.frontier.max(others.map_or(bound, |others| others.min(bound)));
        let stays = request.publisher.is_some() && !(request.leave || request.done || request.seal);
        if !stays {
            self.frontier = others.map_or(self.frontier, |others| self.frontier.max(others));
        }
        publisher.bound = stays.then_some(bound);
        if let Some(by) = request.publisher {
            self.publishers.insert(by.name, publisher);
        }
        if request.seal {
            self.frontier = SEALED;
            self.publishers.values_mut().for_each(|publisher| publisher.bound = None);
        }
        let mut late = 0;
        for record in records {
            let is_late = record.time * SECOND < before;
            late += u64::from(is_late);
            self.records.push((record.clone(), is_late));
        }
        if repeat { nothing } else { Outcome::Accepted { on_time: records.len() as u64 - late, late, repeat } }
    }
}

/// A time of the first day, in seconds, as text.
pub fn rfc3339(time: i64) -> String {
    format!("1970-01-01T{:02}:{:02}:{:02}Z", time / 3_600, time / 60 % 60, time % 60)
}
