//! What a publisher asks of a source, and what it is answered.

use std::time::Duration;

use arrow_array::RecordBatch;
use dag_model::{Frontier, Timestamp, times};

use super::{Source, SourceOptions, State};
use crate::ahead::{Refused, beyond};
use crate::payload::{self, Part};
use crate::publishers::{Request, ns};
use crate::stamp::stamped;
use crate::writer::Appended;
use crate::{AppendError, Clock, Commit, PublisherId, Steady};

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

/// A request's records, as far as they are ready without the source's lock.
struct Prepared {
    batch: Option<RecordBatch>,
    refused: Vec<Refused>,
    /// As they are appended; empty as long as they have no time.
    parts: Vec<Part>,
}

impl Source {
    /// Takes a publisher's request.
    pub fn publish(&self, request: Publish, clock: impl Clock) -> Result<Receipt, PublishError> {
        self.mend(&mut self.state(), clock.now());
        let options = self.options();
        let mut prepared = self.prepare(&request, &options, clock.now().wall)?;
        let mut state = self.state();
        let now = clock.now();
        let mut heartbeat = request.heartbeat;
        if options.arrival {
            heartbeat = heartbeat.map(|_| now.wall);
            self.stamp(&mut prepared, &state, now.wall)?;
        }
        let Prepared { batch, mut refused, parts } = prepared;
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

    /// Leaves out what is too far past the clock, and encodes the rest, unless that needs a time first. Of a repeat nothing is left.
    fn prepare(&self, request: &Publish, options: &SourceOptions, now: Timestamp) -> Result<Prepared, PublishError> {
        let mut prepared = Prepared { batch: request.batch.clone(), refused: Vec::new(), parts: Vec::new() };
        let Some(batch) = &mut prepared.batch else { return Ok(prepared) };
        if let Some(publisher) = &request.publisher
            && self.state().publishers.is_repeat(publisher)?
        {
            *batch = batch.slice(0, 0);
        }
        if options.arrival {
            return Ok(prepared);
        }
        if !request.history {
            payload::check(batch, self.log.arrow_schema())?;
            let times = times(batch);
            if let Some(ahead) = beyond(times, now.saturating_add(ns(options.max_ahead))) {
                let refused = |row| Refused { row, time: Timestamp(times[row]) };
                prepared.refused = ahead.set_indices().map(refused).collect();
                *batch = payload::select(batch, &!&ahead);
            }
        }
        prepared.parts = self.encode(batch)?;
        Ok(prepared)
    }

    /// Gives records the time of their arrival and encodes them, which waits for the lock, too: their time is among what is encoded.
    fn stamp(&self, prepared: &mut Prepared, state: &State, now: Timestamp) -> Result<(), PublishError> {
        if let (Some(batch), Frontier::At(frontier)) = (&mut prepared.batch, state.publishers.frontier()) {
            payload::check(batch, self.log.arrow_schema())?;
            *batch = stamped(batch, now.max(frontier));
            prepared.parts = self.encode(batch)?;
        }
        Ok(())
    }

    /// Records as they are appended, for which there is room.
    fn encode(&self, batch: &RecordBatch) -> Result<Vec<Part>, AppendError> {
        let parts = payload::encode(batch, self.log.arrow_schema())?;
        if !parts.is_empty() {
            self.log.inner().admit(&parts)?;
        }
        Ok(parts)
    }
}
