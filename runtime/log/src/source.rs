//! A source: a log that publishers write. What one of them asks, and is answered, is in [`publish`].

mod publish;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dag_model::{Frontier, Schema, Timestamp};

use crate::entry::Code;
use crate::mend::mend;
use crate::payload::Part;
use crate::publishers::{Publishers, Rules, Verdict, ns};
use crate::retention;
use crate::writer::{Append, Appended};
use crate::{
    AppendError, Clock, Committer, Joined, Log, Moment, OpenError, Options, Replicas, Retention, Steady, Trimmed,
};

pub use publish::{Publish, PublishError, Receipt, TakenOver};

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
