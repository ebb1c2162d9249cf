//! A source: a log that publishers write.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow_array::RecordBatch;
use dag_model::{Frontier, Schema, Timestamp, times};

use crate::ahead::{Refused, beyond};
use crate::entry::Code;
use crate::mend::mend;
use crate::payload::{self, Part};
use crate::publishers::{Publishers, Request, Rules, Verdict, ns};
use crate::retention;
use crate::stamp::stamped;
use crate::writer::{Append, Appended};
use crate::{
    AppendError, Clock, Commit, Committer, Joined, Log, Moment, OpenError, Options, PublisherId, Replicas, Retention,
    Steady, Trimmed,
};

/// How a source treats time and publishers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceOptions {
    /// How its log is kept.
    pub log: Options,
    /// How much earlier than its latest record a publisher's next record may be.
    pub out_of_order: Duration,
    /// How far past the node's clock a live record may be.
    pub max_ahead: Duration,
    /// How long a named publisher may be silent before it is taken to have left.
    pub idle: Duration,
    /// Whether the node speaks for the stream when no publisher does.
    pub clock_node: bool,
    /// Whether records have the time of their arrival: when they are given their place, by the node's clock and never before the
    /// frontier. A heartbeat then says no time but that its publisher is there.
    pub arrival: bool,
    /// How long a publisher that left is remembered, and its batches known for repeats; none for as long as there is room.
    pub remember: Option<Duration>,
}

impl Default for SourceOptions {
    fn default() -> Self {
        SourceOptions {
            log: Options::default(),
            out_of_order: Duration::ZERO,
            max_ahead: Duration::from_secs(600),
            idle: Duration::from_secs(30),
            clock_node: false,
            arrival: false,
            remember: Retention::default().age,
        }
    }
}

impl SourceOptions {
    fn rules(&self) -> Rules {
        Rules { out_of_order: self.out_of_order, max_ahead: self.max_ahead, idle: self.idle, remember: self.remember }
    }
}

/// A publisher's request.
#[derive(Clone, Debug, Default)]
pub struct Publish {
    /// Who publishes; an unnamed publisher is joined for this request only.
    pub publisher: Option<PublisherId>,
    /// Its records, in the log's columns. Of a source that stamps them their times do not count.
    pub batch: Option<RecordBatch>,
    /// Nothing earlier will follow. Applies after the batch.
    pub heartbeat: Option<Timestamp>,
    /// The publisher's history is at its end: its bound becomes its latest record's time + 1 ns, and it leaves.
    pub done: bool,
    /// The stream is at its end.
    pub seal: bool,
    /// The publisher leaves.
    pub leave: bool,
    /// Records may be later than the node's clock.
    pub history: bool,
    /// How much earlier than its latest record the publisher's next one may be, in place of the stream's allowance; it holds for its session.
    pub allowance: Option<Duration>,
    /// At most 64 bytes that a named publisher leaves with its batch, and finds again with [`Source::bookmark`].
    pub bookmark: Option<Vec<u8>>,
}

/// The session of a publisher that a greater one took the name over from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenOver {
    /// Its number.
    pub session: u64,
    /// Its last accepted batch.
    pub batch: u64,
    /// Whether it held the frontier: it may still be there.
    pub joined: bool,
    /// When it was last heard of, as far as the log knows.
    pub heard: Timestamp,
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// How many records were appended, late ones included.
    pub accepted: usize,
    /// How many of them are late.
    pub late: usize,
    /// The rows that were refused; all others were appended.
    pub refused: Vec<Refused>,
    /// Whether the batch had been accepted before: then none of its records was appended.
    pub repeat: bool,
    /// From whom its publisher took the name over with this request.
    pub took_over: Option<TakenOver>,
    /// The epoch of the records.
    pub epoch: u64,
    /// The sequence of the first record appended.
    pub first: u64,
    /// The sequence after the last.
    pub end: u64,
    /// The frontier after the request.
    pub frontier: Frontier,
    /// When the next publisher will have been silent for too long.
    pub deadline: Option<Steady>,
    /// Kept when the request, or the one that it repeats, is acknowledged by the log's durability.
    pub commit: Commit,
}

/// Why a request was refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The stream is at its end.
    #[error("the stream is sealed")]
    Sealed,
    /// Another process took over the name.
    #[error(
        "session {session} of publisher `{name}` was taken over by session {by}, which was last heard of at {heard}: another process \
         publishes under this name, which is what a restarted one should do; if it is not yours, take a name of your own, and if its \
         number is a mistake, a session greater than {by} takes the name back"
    )]
    Fenced {
        /// The publisher.
        name: String,
        /// The session that asked.
        session: u64,
        /// The session that has the name now.
        by: u64,
        /// When that was last heard of, as far as the log knows.
        heard: Timestamp,
    },
    /// A batch is missing before this one.
    #[error("batch {found} of publisher `{name}` came where batch {expected} was expected")]
    Gap {
        /// The publisher.
        name: String,
        /// The number that is accepted next.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// The heartbeat is too far past the node's clock.
    #[error("the heartbeat {heartbeat} is more than {max_ahead:?} past the node's clock, {now}")]
    HeartbeatAhead {
        /// What was said.
        heartbeat: Timestamp,
        /// What is allowed.
        max_ahead: Duration,
        /// The node's clock.
        now: Timestamp,
    },
    /// What the publisher leaves with its batch is too long.
    #[error("a bookmark has at most {limit} bytes, this one has {found}")]
    Bookmark {
        /// Its length.
        found: usize,
        /// The longest that is taken.
        limit: usize,
    },
    /// The publisher's name is empty or too long.
    #[error("a publisher's name has 1 to {limit} bytes, this one has {found}")]
    Name {
        /// Its length.
        found: usize,
        /// The longest that is taken.
        limit: usize,
    },
    /// More publishers are joined than a stream, or all streams of a node, may have.
    #[error(
        "{limit} publishers are joined, which is the limit: some have to leave, or be silent for the stream's idle time"
    )]
    TooManyPublishers {
        /// How many may be joined.
        limit: usize,
    },
    /// The log did not take it.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Why nothing, or not all that could be, was removed from the front of a source.
#[derive(Debug, thiserror::Error)]
pub enum TrimError {
    /// It cannot be said.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// It cannot be done.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How long a log that has failed is left alone before it is tried to go on.
const MEND: Duration = Duration::from_secs(1);

/// When something is due of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Now.
    Now,
    /// Then, if ever.
    At(Option<Steady>),
    /// Somebody is at the source, and may be for as long as a disk takes.
    Unknown,
}

/// What a source counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Records in its log since it was created, late ones included.
    pub records: u64,
    /// Late ones among them.
    pub late: u64,
    /// Rows refused since it was opened.
    pub refused: u64,
    /// The size of its log.
    pub bytes: u64,
    /// The frontier.
    pub frontier: Frontier,
    /// Named publishers that are joined; the one with the least bound, which holds the frontier, comes first.
    pub joined: Vec<Joined>,
}

/// A source stream: a log and its publishers.
#[derive(Debug)]
pub struct Source {
    log: Log,
    /// Held while its log is written, which may take as long as a disk does.
    state: Mutex<State>,
    /// What others are told of the state. Taken after that, by whoever changes it, and held for moments: who looks waits for no disk.
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    refused: u64,
    joined: BTreeMap<String, Joined>,
}

#[derive(Debug)]
struct State {
    options: SourceOptions,
    publishers: Publishers,
    refused: u64,
    /// When a log that has failed may be mended again.
    mend_at: Steady,
}

impl Source {
    /// Makes an empty source in `dir`, which is created where it is missing.
    pub fn create(
        dir: &Path,
        schema: &Schema,
        options: SourceOptions,
        committer: &Committer,
    ) -> Result<Source, OpenError> {
        let log = Log::create(dir, schema, options.log, committer)?;
        Ok(Source::new(log, options, Publishers::restore(options.rules(), Frontier::START, Vec::new(), Timestamp::MIN)))
    }

    /// Opens the source in `dir`. Publishers that were joined still are; their idle time starts now.
    pub fn open(
        dir: &Path,
        options: SourceOptions,
        committer: &Committer,
        clock: impl Clock,
    ) -> Result<Source, OpenError> {
        Source::open_in(dir, options, Replicas::One, committer, clock)
    }

    /// The same where there may be other replicas.
    pub fn open_in(
        dir: &Path,
        options: SourceOptions,
        replicas: Replicas,
        committer: &Committer,
        clock: impl Clock,
    ) -> Result<Source, OpenError> {
        let (log, records) = Log::open_with_publishers(dir, options.log, replicas, committer)?;
        let publishers = Publishers::restore(options.rules(), log.inner().writer().frontier, records, clock.now());
        Ok(Source::new(log, options, publishers))
    }

    fn new(log: Log, options: SourceOptions, publishers: Publishers) -> Source {
        let publishers = publishers.among(log.inner().committer.remembered());
        let state = State { options, publishers, refused: 0, mend_at: Steady::MIN };
        let source = Source { log, state: Mutex::new(state), told: Mutex::default() };
        source.tell_all(&source.state());
        source
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets others know of those publishers, and of what was refused.
    fn tell<'a>(&self, state: &State, publishers: impl Iterator<Item = &'a str>) {
        let mut told = self.told();
        told.refused = state.refused;
        if state.publishers.frontier() == Frontier::Empty {
            told.joined.clear();
            return;
        }
        for name in publishers {
            match state.publishers.joined_as(name) {
                Some(joined) => drop(told.joined.insert(name.to_owned(), joined)),
                None => drop(told.joined.remove(name)),
            }
        }
    }

    /// The same of all publishers.
    fn tell_all(&self, state: &State) {
        let joined = state.publishers.joined().into_iter().map(|joined| (joined.name.clone(), joined)).collect();
        *self.told() = Told { refused: state.refused, joined };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its log, for readers.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// How it treats time and publishers.
    pub fn options(&self) -> SourceOptions {
        self.state().options
    }

    /// Treats time and publishers in another way from now on, and keeps another part of its records. What was judged stays as it was,
    /// and so does the durability.
    pub fn alter(&self, options: SourceOptions) {
        self.log.inner().alter(options.log);
        let mut state = self.state();
        state.options = SourceOptions { log: self.log.inner().options(), ..options };
        state.publishers.alter(options.rules());
        self.tell_all(&state);
    }

    /// Takes a publisher's request.
    pub fn publish(&self, request: Publish, clock: impl Clock) -> Result<Receipt, PublishError> {
        self.mend(&mut self.state(), clock.now());
        let mut batch = request.batch;
        if let (Some(publisher), Some(_)) = (&request.publisher, &batch)
            && self.state().publishers.is_repeat(publisher)?
        {
            batch = batch.map(|batch| batch.slice(0, 0));
        }
        let options = self.options();
        let mut refused = Vec::new();
        if let Some(all) = batch.as_ref().filter(|_| !request.history && !options.arrival) {
            let limit = clock.now().wall.saturating_add(ns(options.max_ahead));
            payload::check(all, self.log.arrow_schema())?;
            let times = times(all);
            if let Some(ahead) = beyond(times, limit) {
                refused = ahead.set_indices().map(|row| Refused { row, time: Timestamp(times[row]) }).collect();
                batch = Some(payload::select(all, &!&ahead));
            }
        }
        let mut parts = match &batch {
            Some(batch) if !options.arrival => self.encode(batch)?,
            _ => Vec::new(),
        };

        let mut state = self.state();
        let now = clock.now();
        let mut heartbeat = request.heartbeat;
        if options.arrival {
            heartbeat = heartbeat.map(|_| now.wall);
            if let (Some(unstamped), Frontier::At(frontier)) = (&batch, state.publishers.frontier()) {
                payload::check(unstamped, self.log.arrow_schema())?;
                let stamped = stamped(unstamped, now.wall.max(frontier));
                // Encoding waits for the lock, too: its time is among what is encoded.
                parts = self.encode(&stamped)?;
                batch = Some(stamped);
            }
        }
        let judged = Request {
            publisher: request.publisher.as_ref(),
            times: batch.as_ref().map(times),
            heartbeat,
            done: request.done,
            seal: request.seal,
            leave: request.leave,
            history: request.history,
            allowance: request.allowance.map(|allowance| ns(allowance) as u64),
            bookmark: request.bookmark.as_deref(),
        };
        let verdict = state.publishers.judge(judged, now)?;
        let took_over = request.publisher.as_ref().and_then(|publisher| state.publishers.taken_over(publisher));
        let parts = if verdict.repeat { &[][..] } else { &parts[..] };
        let Appended { epoch, first } = self.take_over(&mut state, &verdict, parts, now.wall)?;
        if verdict.repeat {
            refused.clear();
        }
        if let Some(publisher) = &request.publisher {
            state.publishers.hear(&publisher.name, now);
        }
        state.refused += refused.len() as u64;
        self.tell(&state, request.publisher.iter().map(|publisher| &*publisher.name));
        let accepted = parts.iter().map(|part| part.batch.num_rows()).sum();
        Ok(Receipt {
            accepted,
            late: verdict.late.map_or(0, |late| late.count_set_bits()),
            refused,
            repeat: verdict.repeat,
            took_over,
            epoch,
            first,
            end: first + accepted as u64,
            frontier: verdict.frontier,
            deadline: state.publishers.next_deadline(),
            commit: self.log.inner().acknowledged(),
        })
    }

    /// Records as they are appended, for which there is room.
    fn encode(&self, batch: &RecordBatch) -> Result<Vec<Part>, AppendError> {
        let parts = payload::encode(batch, self.log.arrow_schema())?;
        if !parts.is_empty() {
            self.log.inner().admit(&parts)?;
        }
        Ok(parts)
    }

    /// Lets the log go on from what was acknowledged if it has failed, and its publishers with it: what they have sent besides, they
    /// send again.
    fn mend(&self, state: &mut State, now: Moment) {
        let log = self.log.inner();
        if log.progress().failed.is_none() || now.steady < state.mend_at {
            return;
        }
        state.mend_at = now.steady.after(ns(MEND));
        // Where that fails, requests go on being answered with what the log has failed of.
        if let Ok(Some(records)) = mend(log) {
            let (rules, frontier) = (state.options.rules(), self.log.visible().frontier);
            state.publishers = Publishers::restore(rules, frontier, records, now).among(log.committer.remembered());
            self.tell_all(state);
        }
    }

    /// Appends what a verdict changes, if anything, and takes it over. Returns where that lies; where nothing changes, what comes next.
    fn take_over(
        &self,
        state: &mut State,
        verdict: &Verdict,
        parts: &[Part],
        now: Timestamp,
    ) -> Result<Appended, AppendError> {
        let moved = verdict.frontier > state.publishers.frontier();
        if parts.is_empty() && verdict.publishers.is_empty() && verdict.forgotten.is_empty() && !moved {
            return Ok(self.log.inner().writer().next());
        }
        let code = if parts.is_empty() { Code::Frontier } else { Code::Records };
        let append = Append {
            parts,
            late: verdict.late.as_ref(),
            publishers: verdict.publishers.clone(),
            forgotten: verdict.forgotten.clone(),
            ..Append::of(code, verdict.frontier, now)
        };
        let appended = self.log.inner().append(append, || state.publishers.records())?;
        state.publishers.apply(verdict);
        Ok(appended)
    }

    /// The epoch in force: what is appended next is of it, or of a later one.
    pub fn epoch(&self) -> u64 {
        self.log.inner().writer().epoch()
    }

    /// Begins that epoch, durably, with an entry that says so. A log that [waits for an epoch](AppendError::NoEpoch) goes on.
    ///
    /// # Errors
    /// [`AppendError::StaleEpoch`] where it is not later than the one in force.
    pub fn begin_epoch(&self, epoch: u64, now: Timestamp) -> Result<(), AppendError> {
        let begun = Append::of(Code::Epoch, Frontier::START, now);
        self.say(Append { epoch: Some(epoch), ..begun })
    }

    /// Appends a mark, durably: here that revision of the plan takes effect. Marks lie in the order of their revisions; one that is there,
    /// or that a later one has passed, is not appended again.
    pub fn mark(&self, revision: u64, now: Timestamp) -> Result<(), AppendError> {
        if self.log.mark().is_some_and(|last| revision <= last) {
            return Ok(());
        }
        self.say(Append { subject: revision, ..Append::of(Code::Mark, Frontier::START, now) })
    }

    /// Says, durably, that records before that sequence are no longer kept: [`Log::trim`] removes the segments that hold nothing else.
    pub fn trim_to(&self, sequence: u64, now: Timestamp) -> Result<(), AppendError> {
        self.say(Append { subject: sequence, ..Append::of(Code::Trim, Frontier::START, now) })
    }

    /// Removes what retention no longer keeps, once an entry says so, durably. Where there is no room for that entry and no other replica
    /// that would have to know, it is done without.
    pub fn trim(&self, now: Timestamp) -> Result<Trimmed, TrimError> {
        let log = self.log.inner();
        let kept_from = retention::kept_from(log, now);
        if let Some(kept_from) = kept_from.filter(|kept| *kept > log.writer().trimmed)
            && let Err(error) = self.trim_to(kept_from, now)
            && !log.is_alone()
        {
            return Err(error.into());
        }
        Ok(retention::trim(log, now, Some(kept_from.unwrap_or(0)))?)
    }

    /// Appends what has no records and leaves the frontier as it is, durably.
    fn say(&self, append: Append<'_>) -> Result<(), AppendError> {
        let state = self.state();
        self.log.inner().append(append, || state.publishers.records())?;
        drop(state);
        Ok(self.log.sync().wait()?)
    }

    /// What a publisher left with its last batch that left something.
    pub fn bookmark(&self, name: &str) -> Option<Vec<u8>> {
        self.state().publishers.bookmark(name).map(<[u8]>::to_vec)
    }

    /// The session and the last accepted batch of a publisher, for a rerun that resumes.
    pub fn publisher(&self, name: &str) -> Option<(u64, u64)> {
        self.state().publishers.find(name)
    }

    /// Lets silent publishers leave; returns [`next_deadline`](Source::next_deadline).
    pub fn tick(&self, clock: impl Clock) -> Result<Option<Steady>, AppendError> {
        let mut state = self.state();
        let now = clock.now();
        self.mend(&mut state, now);
        if let Some(verdict) = state.publishers.tick(now) {
            self.take_over(&mut state, &verdict, &[], now.wall)?;
            self.tell(&state, verdict.publishers.iter().map(|publisher| &*publisher.name));
        }
        Ok(state.publishers.next_deadline())
    }

    /// When [`tick`](Source::tick) has something to do. Waits for nothing.
    pub fn due(&self, clock: impl Clock) -> Due {
        let Ok(state) = self.state.try_lock() else { return Due::Unknown };
        match state.publishers.next_deadline() {
            Some(deadline) if deadline <= clock.now().steady => Due::Now,
            deadline => Due::At(deadline),
        }
    }

    /// When the next publisher will have been silent for too long.
    pub fn next_deadline(&self) -> Option<Steady> {
        self.state().publishers.next_deadline()
    }

    /// The node says that nothing will follow from before its clock, less the allowance. Does nothing unless the source has `clock_node`
    /// and nobody is joined.
    pub fn node_heartbeat(&self, clock: impl Clock) -> Result<(), AppendError> {
        let mut state = self.state();
        let now = clock.now();
        self.mend(&mut state, now);
        let bound = now.wall.saturating_add(-ns(state.options.out_of_order));
        match state.publishers.node_heartbeat(bound).filter(|_| state.options.clock_node) {
            Some(verdict) => self.take_over(&mut state, &verdict, &[], now.wall).map(drop),
            None => Ok(()),
        }
    }

    /// What it counted. Waits for nobody who is at it, and for no disk.
    pub fn stats(&self) -> Stats {
        let ((visible, late), told) = (self.log.shown(), self.told());
        let mut joined: Vec<Joined> = told.joined.values().cloned().collect();
        joined.sort_by(|a, b| (a.bound, &a.name).cmp(&(b.bound, &b.name)));
        Stats {
            records: visible.end,
            late: late.min(visible.end),
            refused: told.refused,
            bytes: self.log.bytes(),
            frontier: visible.frontier,
            joined,
        }
    }
}
