//! A subscription: a demand, and a reader of what it leads to.

use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_buffer::BooleanBuffer;
use arrow_select::filter::filter_record_batch;
use dag_flow::{Budget, Cursor, Input, Leg, Merge, Notify, Step};
use dag_log::{Start, Watch};
use dag_model::{Frontier, Position, Schema, Timestamp, arrow_schema, times};
use dag_plan::LeaseId;
use tokio::task::JoinHandle;

use crate::blocking::gate::Width;
use crate::computations::news::{Listener, Notices};
use crate::readers::Readers;
use crate::readers::cursors::{Place, Reader};
use crate::readers::error::ReaderError;
use crate::readers::subscriber::Subscriber;

/// How many steps a reader makes before it lets other tasks run.
const STEPS: usize = 64;

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// Records, and the position of each.
    Records {
        /// At least one.
        batch: RecordBatch,
        /// One for each.
        positions: Vec<Position>,
    },
    /// Nothing will follow.
    End(End),
}

/// Why a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The stream has no more records.
    Sealed,
    /// No record before the given time can follow.
    Until,
    /// As many records as were wanted.
    Limit,
    /// The node stops.
    Stopping,
}

/// A demand, and a reader of what it leads to. Dropping it releases the demand.
pub struct Subscription {
    pub(crate) readers: Arc<Readers>,
    pub(crate) lease: LeaseId,
    pub(crate) subscriber: Arc<Subscriber>,
    pub(crate) stream: String,
    pub(crate) schema: Schema,
    pub(crate) incarnation: Option<u64>,
    pub(crate) before: Option<u64>,
    /// Where it begins.
    pub(crate) place: Place,
    /// Its hold on the cursor that it reads with.
    pub(crate) cursor: Option<Reader>,
    pub(crate) course: At,
}

/// Where what is read is.
pub(crate) enum At {
    Here(Box<Course>),
    /// With a thread that may wait for a disk, which brings it back with what it has found.
    Away(JoinHandle<(Box<Course>, Result<Stepped, ReaderError>)>),
    /// That thread has ended in a panic.
    Lost,
}

/// What a subscription reads, and how far it has.
pub(crate) struct Course {
    pub readers: Arc<Readers>,
    pub subscriber: Arc<Subscriber>,
    pub schema: Schema,
    pub reading: Reading,
    pub until: Option<Timestamp>,
    pub left: u64,
    pub ordered: bool,
}

/// How many threads read for subscriptions, or look at logs for cursors, at a time, and how many of them one stream: as many as may wait
/// for its disk.
pub(crate) const READING: Width = Width { what: "to read", most: 64, each: 8, waiting: 20_000 };

/// How a subscription reads.
pub(crate) enum Reading {
    /// Until the log has got to where the newest complete result is.
    Waiting { leg: Leg, reached: Frontier, _watch: Watch },
    /// In the log's order.
    Raw(Cursor),
    /// In time order.
    Ordered { cursor: Cursor, merge: Merge, ended: bool },
}

impl Subscription {
    /// The canonical expression.
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// The columns besides the time.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The run that it reads, of a derived stream.
    pub fn incarnation(&self) -> Option<u64> {
        self.incarnation
    }

    /// How many records lie before the first one wanted; not known while that is still being computed.
    pub fn before(&self) -> Option<u64> {
        self.before
    }

    /// The number that it acknowledges with, if it reads with a cursor.
    pub fn reader(&self) -> Option<u64> {
        self.cursor.as_ref().map(Reader::number)
    }

    /// Under which its notices are found; nobody else can know it.
    pub fn id(&self) -> String {
        self.subscriber.id(self.lease)
    }

    /// What is said of what it reads besides records, from what nobody has asked for yet.
    pub fn notices(&self) -> Notices {
        self.subscriber.listener.notices()
    }

    /// What comes next. Nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> Result<Next, ReaderError> {
        let mut stopping = self.readers.stopping.subscribe();
        loop {
            for _ in 0..STEPS {
                if let Some(failure) = self.subscriber.failure() {
                    return Err(failure);
                }
                if *stopping.borrow() {
                    return Ok(Next::End(End::Stopping));
                }
                let stepped = tokio::select! {
                    biased;
                    stepped = self.step() => stepped.map_err(|error| self.explained(error))?,
                    // A disk that hangs is not waited for.
                    _ = stopping.wait_for(|stopping| *stopping) => continue,
                };
                match stepped {
                    Stepped::Next(next) => return Ok(next),
                    Stepped::More => {}
                    Stepped::Wait => tokio::select! {
                        () = self.subscriber.listener.woken() => {}
                        _ = stopping.wait_for(|stopping| *stopping) => {}
                    },
                }
            }
            tokio::task::yield_now().await;
        }
    }

    fn explained(&self, error: ReaderError) -> ReaderError {
        match &self.cursor {
            Some(cursor) => cursor.explain(error),
            None => error,
        }
    }

    /// Goes on reading: here what is at hand, and the rest on a thread that may wait.
    async fn step(&mut self) -> Result<Stepped, ReaderError> {
        if let At::Here(course) = &mut self.course {
            if course.is_at_hand() {
                return course.step();
            }
            let pass = self.readers.reads.pass(self.stream.clone()).await?;
            let At::Here(mut course) = std::mem::replace(&mut self.course, At::Lost) else {
                unreachable!("it is here")
            };
            self.course = At::Away(tokio::task::spawn_blocking(move || {
                let stepped = course.steps();
                drop(pass);
                (course, stepped)
            }));
        }
        let At::Away(away) = &mut self.course else { return Err(ReaderError::Lost) };
        let back = away.await;
        self.course = At::Lost;
        let (course, stepped) = back.map_err(|_| ReaderError::Lost)?;
        self.course = At::Here(course);
        stepped
    }
}

impl Course {
    /// Begins to read if the newest complete result is there; says where that is, once.
    pub(crate) fn settle(&mut self) -> Result<Settled, ReaderError> {
        let Reading::Waiting { leg, reached, .. } = &self.reading else { return Ok(Settled::Before) };
        if !is_reached(leg, *reached) {
            return Ok(Settled::Not);
        }
        let sequence = newest(leg, *reached)?.max(leg.sequence);
        let leg = Leg { sequence, ..leg.clone() };
        let (begins, before) = (leg.position(), sequence - leg.log.earliest().sequence);
        let legs = vec![leg];
        let input = Input { legs, from: Timestamp::MIN, late: false, until: None, skipped: Vec::new() };
        self.reading = self.readers.reading(input, notify(&self.subscriber.listener), &self.schema, self.ordered);
        Ok(Settled::At { begins, before })
    }

    /// Whether the next step takes no file, nor the processor for long.
    fn is_at_hand(&self) -> bool {
        match &self.reading {
            _ if self.left == 0 => true,
            Reading::Waiting { leg, reached, .. } => !is_reached(leg, *reached),
            Reading::Raw(cursor) => cursor.is_at_hand(),
            Reading::Ordered { .. } => false,
        }
    }

    /// Steps until there is something to tell, or for some time.
    fn steps(&mut self) -> Result<Stepped, ReaderError> {
        for _ in 0..STEPS {
            match self.step()? {
                Stepped::More => {}
                stepped => return Ok(stepped),
            }
        }
        Ok(Stepped::More)
    }

    fn step(&mut self) -> Result<Stepped, ReaderError> {
        if self.left == 0 {
            return Ok(Stepped::Next(Next::End(End::Limit)));
        }
        if self.settle()? == Settled::Not {
            return Ok(Stepped::Wait);
        }
        match &mut self.reading {
            Reading::Waiting { .. } => Ok(Stepped::Wait),
            Reading::Raw(cursor) => match cursor.step()? {
                Step::Wait => Ok(at_until(self.until, cursor.frontier()).unwrap_or(Stepped::Wait)),
                Step::End => Ok(Stepped::Next(Next::End(End::Sealed))),
                Step::Piece(piece) => {
                    let frontier = piece.frontier;
                    if piece.count() > 0 {
                        let loaded = piece.load()?;
                        let position = |row| Position { run: loaded.run, sequence: loaded.sequences.get(row) };
                        let positions = (0..loaded.batch.num_rows()).map(position).collect();
                        if let Some(next) = self.wanted(loaded.batch, positions) {
                            return Ok(Stepped::Next(next));
                        }
                    }
                    Ok(at_until(self.until, frontier).unwrap_or(Stepped::More))
                }
            },
            Reading::Ordered { cursor, merge, ended } => {
                if let Some(merged) = merge.next(frontier_of(cursor, *ended))? {
                    let batch = merged.batches.into_iter().next().expect("a merge of one input");
                    let positions = merged.spots.iter().map(|spot| spot.position).collect();
                    return Ok(self.wanted(batch, positions).map_or(Stepped::More, Stepped::Next));
                }
                if *ended {
                    return Ok(Stepped::Next(Next::End(End::Sealed)));
                }
                let before = cursor.frontier();
                match cursor.step()? {
                    // What was merged so far may be before where the log has got to.
                    Step::Wait if cursor.frontier() > before => Ok(Stepped::More),
                    Step::Wait => Ok(at_until(self.until, cursor.frontier()).unwrap_or(Stepped::Wait)),
                    Step::End => {
                        *ended = true;
                        Ok(Stepped::More)
                    }
                    Step::Piece(piece) => {
                        if piece.count() > 0 {
                            merge.push(0, Arc::new(piece));
                        }
                        Ok(Stepped::More)
                    }
                }
            }
        }
    }

    /// The records before `until`, as many as are left to be shown.
    fn wanted(&mut self, batch: RecordBatch, positions: Vec<Position>) -> Option<Next> {
        let (batch, mut positions) = match self.until {
            Some(until) if times(&batch).iter().any(|time| *time >= until.0) => {
                let all = times(&batch);
                let mask = BooleanBuffer::collect_bool(all.len(), |row| all[row] < until.0);
                let positions = mask.set_indices().map(|row| positions[row]).collect();
                let batch = filter_record_batch(&batch, &BooleanArray::new(mask, None));
                (batch.expect("a mask as long as its batch filters it"), positions)
            }
            _ => (batch, positions),
        };
        let rows = usize::try_from(self.left).unwrap_or(usize::MAX).min(batch.num_rows());
        if rows == 0 {
            return None;
        }
        self.left -= rows as u64;
        positions.truncate(rows);
        Some(Next::Records { batch: batch.slice(0, rows), positions })
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.readers.release(self.lease);
    }
}

/// Whether the newest complete result is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    Not,
    /// It was found now: it begins with that record, before which there are so many.
    At {
        begins: Position,
        before: u64,
    },
    /// It was not waited for, or found before.
    Before,
}

/// Whether a log has got that far, or will get no further.
fn is_reached(leg: &Leg, reached: Frontier) -> bool {
    let visible = leg.log.visible();
    visible.frontier >= reached || visible.ended
}

/// What a step has found.
pub(crate) enum Stepped {
    Next(Next),
    More,
    Wait,
}

/// What wakes the subscription.
pub(crate) fn notify(listener: &Arc<Listener>) -> Notify {
    let listener = listener.clone();
    Arc::new(move || listener.wake())
}

impl Readers {
    /// A reader from the beginning of `input`. To put it in order takes memory as a computation does.
    pub(crate) fn reading(&self, input: Input, notify: Notify, schema: &Schema, ordered: bool) -> Reading {
        let cursor = Cursor::new(input, notify);
        match ordered {
            false => Reading::Raw(cursor.fetching()),
            true => {
                let budget = Budget::within(self.memory.0, &self.memory.1);
                let merge = Merge::numbered(vec![arrow_schema(schema)], &budget);
                Reading::Ordered { cursor, merge, ended: false }
            }
        }
    }
}

fn frontier_of(cursor: &Cursor, ended: bool) -> Frontier {
    if ended { Frontier::Empty } else { cursor.frontier() }
}

/// The end, if no record before `until` can follow.
fn at_until(until: Option<Timestamp>, frontier: Frontier) -> Option<Stepped> {
    let until = until?;
    (frontier >= Frontier::At(until)).then_some(Stepped::Next(Next::End(End::Until)))
}

/// The sequence of the first record of the greatest time before `reached`, which is the same whenever it is looked for; where nothing
/// has been reached for, of the log's greatest time. Of the next one if there are none.
fn newest(leg: &Leg, reached: Frontier) -> Result<u64, dag_log::ReadError> {
    if reached != Frontier::START {
        return newest_before(leg, reached);
    }
    let visible = leg.log.visible();
    if visible.max_time == Timestamp::MIN {
        return Ok(visible.end);
    }
    let mut reader = leg.log.reader(Start::Time(visible.max_time))?;
    while let Some(entry) = reader.next()? {
        if entry.count > 0 {
            let loaded = leg.log.load(&entry)?;
            let at = times(&loaded.batch).iter().position(|time| *time >= visible.max_time.0);
            return Ok(entry.first + at.unwrap_or(0) as u64);
        }
    }
    Ok(visible.end)
}

/// The sequence of the first record of the greatest time before `reached` from the leg's beginning on; of its beginning if there
/// are none. The log's frontier has got there.
fn newest_before(leg: &Leg, reached: Frontier) -> Result<u64, dag_log::ReadError> {
    let mut found = (Timestamp::MIN, leg.sequence);
    let mut reader = leg.log.reader(Start::Sequence(leg.sequence))?;
    while let Some(entry) = reader.next()? {
        if entry.count > 0 && reached.passed(entry.min_time) && entry.max_time > found.0 {
            let loaded = leg.log.load(&entry)?;
            for (time, sequence) in times(&loaded.batch).iter().zip(entry.first..) {
                if sequence >= leg.sequence && reached.passed(Timestamp(*time)) && *time > found.0.0 {
                    found = (Timestamp(*time), sequence);
                }
            }
        }
        if entry.frontier >= reached {
            break;
        }
    }
    Ok(found.1)
}
