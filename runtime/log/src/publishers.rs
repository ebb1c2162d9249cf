//! The publishers of a source, and the frontier that follows from them. Pure: requests and `now` go in, verdicts come out.
//!
//! A verdict is made first ([`Publishers::judge`]), then appended to the log, and only then taken over
//! ([`Publishers::apply`]); what it changes is in the log entry, so that replaying the log gives the same state.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow_buffer::BooleanBuffer;
use dag_model::{Frontier, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Moment, PublishError, Steady, TakenOver};

/// The most publishers that are remembered; the longest unheard of is forgotten first.
const MAX_REMEMBERED: usize = 10_000;
/// The most publishers that are joined at once.
const MAX_JOINED: usize = 1_000;
/// The most publishers that all sources of a node remember together, which takes some 50 MB where their names are long.
const MAX_ALL: usize = 100_000;
/// The most publishers that one entry forgets.
const MAX_FORGOTTEN: usize = 1_000;
/// The most bytes of a bookmark.
pub(crate) const MAX_BOOKMARK: usize = 64;
/// The most bytes of a publisher's name.
const MAX_NAME: usize = 256;

/// Who publishes, and which of its batches this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublisherId {
    /// Its name.
    pub name: String,
    /// Which run of it. A greater session takes the name over from a lower one.
    pub session: u64,
    /// The number of the request's batch: 1 for the first of a session. Ignored without a batch.
    pub batch: u64,
}

/// A publisher that is joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Its name.
    pub name: String,
    /// Nothing earlier is expected of it: it holds the frontier here.
    pub bound: Timestamp,
    /// When it joined.
    pub since: Timestamp,
    /// When it will be taken to have left if it stays silent, by the wall clock as that was when it was last heard of.
    pub until: Timestamp,
}

/// What the log remembers of a publisher. The order of the fields is persisted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PublisherRecord {
    pub(crate) name: String,
    pub(crate) session: u64,
    /// The number of its last accepted batch; 0 before the first.
    pub(crate) last_batch: u64,
    /// When it was last heard of, as far as the log knows.
    pub(crate) heard: Timestamp,
    /// The greatest time of its records in this session: where its history ends if it says so, be it after it left.
    pub(crate) latest: Option<Timestamp>,
    pub(crate) joined: Option<Attendance>,
    /// How many nanoseconds earlier than its latest record its next one may be, where that is not the stream's allowance.
    pub(crate) allowance: Option<u64>,
    /// What it left with its last batch that left something.
    pub(crate) bookmark: Vec<u8>,
}

/// A publisher's part in the frontier while it is joined. The order of the fields is persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attendance {
    pub(crate) since: Timestamp,
    /// Nothing earlier is expected of it. Never goes back.
    pub(crate) bound: Timestamp,
}

/// What the state machine has to know of its stream's options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) out_of_order: Duration,
    pub(crate) max_ahead: Duration,
    pub(crate) idle: Duration,
    /// How long a publisher that left is remembered.
    pub(crate) remember: Option<Duration>,
}

/// A request as far as publishers and the frontier are concerned.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Request<'a> {
    pub(crate) publisher: Option<&'a PublisherId>,
    /// The times of the batch's records, refused ones left out; none without a batch.
    pub(crate) times: Option<&'a [i64]>,
    pub(crate) heartbeat: Option<Timestamp>,
    pub(crate) done: bool,
    pub(crate) seal: bool,
    pub(crate) leave: bool,
    pub(crate) history: bool,
    /// An allowance of its own, in nanoseconds.
    pub(crate) allowance: Option<u64>,
    /// What it leaves with its batch.
    pub(crate) bookmark: Option<&'a [u8]>,
}

/// What follows from a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The batch was accepted before: its records must not be appended.
    pub(crate) repeat: bool,
    /// Which records are late; none when none is.
    pub(crate) late: Option<BooleanBuffer>,
    /// The frontier after it.
    pub(crate) frontier: Frontier,
    /// What changes of publishers.
    pub(crate) publishers: Vec<PublisherRecord>,
    /// Who is remembered no longer.
    pub(crate) forgotten: Vec<String>,
}

/// How many publishers all sources of a node remember.
#[derive(Debug, Default)]
pub(crate) struct Remembered(AtomicUsize);

/// The publishers of a source.
#[derive(Debug)]
pub(crate) struct Publishers {
    rules: Rules,
    frontier: Frontier,
    known: HashMap<String, Known>,
    /// Those of all sources, and how many of these are counted there.
    all: Arc<Remembered>,
    counted: usize,
}

impl Verdict {
    /// That the frontier is this one, and nothing else changes.
    fn of(frontier: Frontier) -> Verdict {
        Verdict { repeat: false, late: None, frontier, publishers: Vec::new(), forgotten: Vec::new() }
    }
}

impl Drop for Publishers {
    fn drop(&mut self) {
        self.all.0.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

/// A publisher that is remembered.
#[derive(Clone, Debug)]
struct Known {
    record: PublisherRecord,
    /// When it was last heard of, which the log need not know: by the clock that silence is measured by, and by the other.
    heard: Steady,
    seen: Timestamp,
}

impl Publishers {
    /// As a log remembers them; the idle time of those who are joined starts at `now`.
    pub(crate) fn restore(
        rules: Rules,
        frontier: Frontier,
        records: Vec<PublisherRecord>,
        now: impl Into<Moment>,
    ) -> Publishers {
        let now = now.into();
        let mut publishers = Publishers { rules, frontier, known: HashMap::new(), all: Arc::default(), counted: 0 };
        for record in records {
            let seen = if record.joined.is_some() { record.heard.max(now.wall) } else { record.heard };
            publishers.known.insert(record.name.clone(), Known { record, heard: now.steady, seen });
        }
        publishers
    }

    /// These among those of other sources.
    pub(crate) fn among(mut self, all: Arc<Remembered>) -> Publishers {
        self.all = all;
        self.counted = 0;
        self.count();
        self
    }

    fn count(&mut self) {
        let (before, now) = (self.counted, self.known.len());
        self.all.0.fetch_add(now.saturating_sub(before), Ordering::Relaxed);
        self.all.0.fetch_sub(before.saturating_sub(now), Ordering::Relaxed);
        self.counted = now;
    }

    /// Whether these would be too many if there were `more` of them.
    fn are_too_many(&self, more: usize) -> bool {
        let others = self.all.0.load(Ordering::Relaxed).saturating_sub(self.counted);
        let own = self.known.len() + more;
        own > MAX_REMEMBERED || others + own > MAX_ALL
    }

    pub(crate) fn frontier(&self) -> Frontier {
        self.frontier
    }

    /// Judges by other rules from now on.
    pub(crate) fn alter(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// The session and the last accepted batch of a publisher.
    pub(crate) fn find(&self, name: &str) -> Option<(u64, u64)> {
        self.known.get(name).map(|known| (known.record.session, known.record.last_batch))
    }

    /// What a publisher left with its last batch that left something.
    pub(crate) fn bookmark(&self, name: &str) -> Option<&[u8]> {
        let record = &self.known.get(name)?.record;
        Some(&*record.bookmark).filter(|bookmark| !bookmark.is_empty())
    }

    /// Everything that is remembered, for the header of a segment.
    pub(crate) fn records(&self) -> Vec<PublisherRecord> {
        let mut records: Vec<_> = self.known.values().map(|known| known.record.clone()).collect();
        records.sort_by(|a, b| a.name.cmp(&b.name));
        records
    }

    /// Those who are joined, the least bound first.
    pub(crate) fn joined(&self) -> Vec<Joined> {
        let mut joined: Vec<Joined> = self.known.values().filter_map(|known| self.attendance(known)).collect();
        joined.sort_by(|a, b| (a.bound, &a.name).cmp(&(b.bound, &b.name)));
        joined
    }

    /// The publisher of that name, if it is joined.
    pub(crate) fn joined_as(&self, name: &str) -> Option<Joined> {
        self.attendance(self.known.get(name)?)
    }

    fn attendance(&self, Known { record, seen, .. }: &Known) -> Option<Joined> {
        let attendance = record.joined.as_ref()?;
        Some(Joined {
            name: record.name.clone(),
            bound: attendance.bound,
            since: attendance.since,
            until: seen.saturating_add(ns(self.rules.idle)),
        })
    }

    /// Whether nobody speaks for the stream.
    pub(crate) fn nobody_joined(&self) -> bool {
        self.attending().next().is_none()
    }

    /// The lower session that a request takes its publisher's name over from.
    pub(crate) fn taken_over(&self, by: &PublisherId) -> Option<TakenOver> {
        let Known { record, seen, .. } = self.known.get(&by.name)?;
        let PublisherRecord { session, last_batch: batch, joined, .. } = record;
        (*session < by.session).then(|| TakenOver {
            session: *session,
            batch: *batch,
            joined: joined.is_some(),
            heard: *seen,
        })
    }

    /// Whether the batch of a request was accepted before.
    pub(crate) fn is_repeat(&self, publisher: &PublisherId) -> Result<bool, PublishError> {
        let last = match self.known.get(&publisher.name).map(|known| (&known.record, known.seen)) {
            Some((record, heard)) if record.session > publisher.session => {
                let PublisherId { name, session, .. } = publisher.clone();
                return Err(PublishError::Fenced { name, session, by: record.session, heard });
            }
            Some((record, _)) if record.session == publisher.session => record.last_batch,
            _ => 0,
        };
        if publisher.batch > last + 1 {
            let name = publisher.name.clone();
            return Err(PublishError::Gap { name, expected: last + 1, found: publisher.batch });
        }
        Ok(publisher.batch <= last)
    }

    /// What a request means.
    pub(crate) fn judge(&self, request: Request<'_>, now: impl Into<Moment>) -> Result<Verdict, PublishError> {
        let now = now.into().wall;
        let repeat = match (request.publisher, request.times) {
            (Some(publisher), Some(_)) => self.is_repeat(publisher)?,
            (Some(publisher), None) => {
                self.is_repeat(&PublisherId { batch: 0, ..publisher.clone() })?;
                false
            }
            (None, _) => false,
        };
        if self.frontier == Frontier::Empty {
            let nothing_new = request.times.is_none() && request.heartbeat.is_none();
            let verdict = Verdict { repeat, ..Verdict::of(self.frontier) };
            return if repeat || nothing_new { Ok(verdict) } else { Err(PublishError::Sealed) };
        }
        self.check_heartbeat(&request, now)?;
        if let Some(found) = request.bookmark.map(<[u8]>::len).filter(|found| *found > MAX_BOOKMARK) {
            return Err(PublishError::Bookmark { found, limit: MAX_BOOKMARK });
        }
        let request = Request { times: request.times.filter(|_| !repeat), ..request };

        let before = self.record_of(request.publisher, now)?;
        let after = self.after(&before, &request, now);
        let stays = request.publisher.is_some() && !(request.done || request.leave || request.seal);
        let frontier = if request.seal { Frontier::Empty } else { self.frontier_with(&after, stays) };
        let after = PublisherRecord { joined: after.joined.filter(|_| stays), ..after };
        let changed = request.publisher.is_some() && after != PublisherRecord { heard: now, ..before };
        Ok(Verdict {
            repeat,
            late: request.times.and_then(|times| self.late(times)),
            frontier,
            forgotten: if changed { self.surplus(&after.name) } else { Vec::new() },
            publishers: if changed { vec![after] } else { Vec::new() },
        })
    }

    /// Who is forgotten so that there is room for one of that name: who left and was, by the log, not heard of for longest.
    fn surplus(&self, name: &str) -> Vec<String> {
        let more = usize::from(!self.known.contains_key(name));
        if !self.are_too_many(more) {
            return Vec::new();
        }
        let gone = self.known.values().map(|known| &known.record);
        let gone = gone.filter(|record| record.joined.is_none() && record.name != name);
        let mut gone: Vec<&PublisherRecord> = gone.collect();
        gone.sort_by(|a, b| (a.heard, &a.name).cmp(&(b.heard, &b.name)));
        let others = self.all.0.load(Ordering::Relaxed).saturating_sub(self.counted);
        let room = MAX_REMEMBERED.min(MAX_ALL.saturating_sub(others));
        let excess = (self.known.len() + more).saturating_sub(room).min(MAX_FORGOTTEN);
        gone.into_iter().take(excess).map(|record| record.name.clone()).collect()
    }

    /// Takes over a verdict once it is in the log.
    pub(crate) fn apply(&mut self, verdict: &Verdict) {
        self.frontier = verdict.frontier;
        for record in &verdict.publishers {
            let (heard, seen) =
                self.known.get(&record.name).map_or((Steady::MIN, Timestamp::MIN), |known| (known.heard, known.seen));
            let known = Known { record: record.clone(), heard, seen: seen.max(record.heard) };
            self.known.insert(record.name.clone(), known);
        }
        for name in &verdict.forgotten {
            self.known.remove(name);
        }
        if self.frontier == Frontier::Empty {
            self.known.values_mut().for_each(|known| known.record.joined = None);
        }
        self.count();
    }

    /// Notes that a named publisher is alive, which needs no place in the log.
    pub(crate) fn hear(&mut self, name: &str, now: impl Into<Moment>) {
        if let Some(known) = self.known.get_mut(name) {
            let now = now.into();
            known.seen = known.seen.max(now.wall);
            known.heard = known.heard.max(now.steady);
        }
    }

    /// A verdict if somebody has been silent for too long, or is remembered no longer: that is judged by what the log says, so that
    /// replaying it forgets the same.
    pub(crate) fn tick(&self, now: impl Into<Moment>) -> Option<Verdict> {
        let now = now.into();
        let is_old = |record: &PublisherRecord| {
            let until = self.rules.remember.map(|remember| record.heard.saturating_add(ns(remember)));
            record.joined.is_none() && until.is_some_and(|until| until < now.wall)
        };
        let forgotten = self.known.values().map(|known| &known.record).filter(|record| is_old(record));
        let mut forgotten: Vec<String> = forgotten.take(MAX_FORGOTTEN).map(|record| record.name.clone()).collect();
        forgotten.sort();
        let silent = |known: &Known| self.deadline(known) <= now.steady;
        let left: Vec<PublisherRecord> = self
            .attending()
            .filter(|(known, _)| silent(known))
            .map(|(known, _)| PublisherRecord { joined: None, heard: known.seen, ..known.record.clone() })
            .collect();
        if left.is_empty() {
            return (!forgotten.is_empty()).then(|| Verdict { forgotten, ..Verdict::of(self.frontier) });
        }
        let rest = self.attending().filter(|(known, _)| !silent(known));
        let frontier = rest.map(|(_, attendance)| Frontier::At(attendance.bound)).min();
        let frontier = frontier.map_or(self.frontier, |rest| rest.max(self.frontier));
        Some(Verdict { publishers: left, forgotten, ..Verdict::of(frontier) })
    }

    /// When the next publisher will have been silent for too long.
    pub(crate) fn next_deadline(&self) -> Option<Steady> {
        self.attending().map(|(known, _)| self.deadline(known)).min()
    }

    /// The verdict on the node's own heartbeat, if it moves anything.
    pub(crate) fn node_heartbeat(&self, time: Timestamp) -> Option<Verdict> {
        let frontier = Frontier::At(time);
        let moves = self.nobody_joined() && frontier > self.frontier;
        moves.then(|| Verdict::of(frontier))
    }

    fn attending(&self) -> impl Iterator<Item = (&Known, &Attendance)> {
        self.known.values().filter_map(|known| Some((known, known.record.joined.as_ref()?)))
    }

    fn deadline(&self, known: &Known) -> Steady {
        known.heard.after(ns(self.rules.idle))
    }

    fn check_heartbeat(&self, request: &Request<'_>, now: Timestamp) -> Result<(), PublishError> {
        let limit = now.saturating_add(ns(self.rules.max_ahead));
        match request.heartbeat.filter(|heartbeat| *heartbeat > limit && !request.history) {
            Some(heartbeat) => Err(PublishError::HeartbeatAhead { heartbeat, max_ahead: self.rules.max_ahead, now }),
            None => Ok(()),
        }
    }

    /// The publisher of a request as it is before it: one that is not known, or known under an older session, is new.
    fn record_of(&self, publisher: Option<&PublisherId>, now: Timestamp) -> Result<PublisherRecord, PublishError> {
        let (name, session) = match publisher {
            Some(publisher) => (publisher.name.as_str(), publisher.session),
            None => ("", 0),
        };
        if publisher.is_some() && !(1..=MAX_NAME).contains(&name.len()) {
            return Err(PublishError::Name { found: name.len(), limit: MAX_NAME });
        }
        let is_new = publisher.is_some() && !self.known.contains_key(name);
        if is_new && self.are_too_many(1) && self.known.values().all(|known| known.record.joined.is_some()) {
            return Err(PublishError::TooManyPublishers { limit: MAX_ALL });
        }
        let known = self.known.get(name).map(|known| &known.record);
        let known = known.filter(|record| publisher.is_some() && record.session == session);
        if known.is_none_or(|record| record.joined.is_none()) && self.attending().count() >= MAX_JOINED {
            return Err(PublishError::TooManyPublishers { limit: MAX_JOINED });
        }
        let new = || PublisherRecord {
            name: name.to_owned(),
            session,
            last_batch: 0,
            heard: now,
            latest: None,
            joined: None,
            allowance: None,
            bookmark: Vec::new(),
        };
        Ok(known.cloned().unwrap_or_else(new))
    }

    /// The publisher after the request, still joined.
    fn after(&self, before: &PublisherRecord, request: &Request<'_>, now: Timestamp) -> PublisherRecord {
        let joins = || Attendance { since: now, bound: self.frontier.time().unwrap_or(Timestamp::MAX) };
        let mut attendance = before.joined.unwrap_or_else(joins);
        let latest = request.times.and_then(|times| times.iter().max()).map(|time| Timestamp(*time));
        let allowance = request.allowance.or(before.allowance);
        if let Some(latest) = latest {
            let own = allowance.map(|own| i64::try_from(own).unwrap_or(i64::MAX));
            let allowed = own.unwrap_or_else(|| ns(self.rules.out_of_order));
            attendance.bound = attendance.bound.max(latest.saturating_add(-allowed));
        }
        let latest = before.latest.max(latest);
        attendance.bound = attendance.bound.max(request.heartbeat.unwrap_or(Timestamp::MIN));
        if request.done {
            let end = latest.map_or(Timestamp::MIN, |latest| latest.saturating_add(1));
            attendance.bound = attendance.bound.max(end);
        }
        let last_batch = match (request.publisher, request.times) {
            (Some(publisher), Some(_)) => publisher.batch,
            _ => before.last_batch,
        };
        let left = request.bookmark.filter(|_| request.times.is_some());
        let bookmark = left.map_or_else(|| before.bookmark.clone(), <[u8]>::to_vec);
        let name = before.name.clone();
        let joined = Some(attendance);
        PublisherRecord { name, session: before.session, last_batch, heard: now, latest, joined, allowance, bookmark }
    }

    /// The frontier with one publisher's new bound; if it does not stay, then also with the bounds of the others alone.
    fn frontier_with(&self, publisher: &PublisherRecord, stays: bool) -> Frontier {
        let others = self.attending().filter(|(known, _)| known.record.name != publisher.name);
        let others = others.map(|(_, attendance)| attendance.bound).min();
        let own = publisher.joined.map(|attendance| attendance.bound);
        let joint = own.into_iter().chain(others).min();
        let left = if stays { None } else { others };
        joint.max(left).map_or(self.frontier, |bound| self.frontier.max(Frontier::At(bound)))
    }

    fn late(&self, times: &[i64]) -> Option<BooleanBuffer> {
        let frontier = self.frontier.time()?.0;
        let least = times.iter().copied().fold(i64::MAX, i64::min);
        (least < frontier).then(|| BooleanBuffer::collect_bool(times.len(), |row| times[row] < frontier))
    }
}

/// A duration in nanoseconds, as far as they can be told.
pub(crate) fn ns(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
