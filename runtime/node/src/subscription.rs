//! A subscription: a demand, and a reader of what it leads to.

use std::sync::{Arc, OnceLock};

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{BooleanArray, RecordBatch};
use arrow_buffer::BooleanBuffer;
use arrow_select::filter::filter_record_batch;
use dag_flow::{Cursor, Input, Leg, Merge, Notify, Step};
use dag_log::{Start, Watch};
use dag_model::{Frontier, Position, Schema, Timestamp, arrow_schema, times};
use dag_plan::{Begin, DemandError, LeaseId, LogId, Want};

use crate::api::SubscribeParameters;
use crate::clock::now;
use crate::error::{Code, NodeError};
use crate::node::Node;
use crate::runs::leg_of;
use crate::source::duration;

/// How many steps a reader makes before it lets other tasks run.
const STEPS: usize = 64;

/// The most subscriptions at once.
const SUBSCRIBERS: usize = 10_000;

/// What a subscription and the node tell each other.
#[derive(Default)]
pub(crate) struct Subscriber {
    wake: tokio::sync::Notify,
    failure: OnceLock<NodeError>,
    /// The source that it reads itself.
    source: Option<String>,
}

impl Subscriber {
    /// Whether it reads that source itself.
    pub fn reads(&self, source: &str) -> bool {
        self.source.as_deref() == Some(source)
    }

    /// There may be more to read.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// What it reads cannot go on.
    pub fn fail(&self, why: NodeError) {
        // The first reason is the one that counts.
        let _ = self.failure.set(why);
        self.wake();
    }
}

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
    node: Node,
    lease: LeaseId,
    subscriber: Arc<Subscriber>,
    stream: String,
    schema: Schema,
    incarnation: Option<u64>,
    before: Option<u64>,
    reading: Reading,
    until: Option<Timestamp>,
    left: u64,
    ordered: bool,
}

enum Reading {
    /// Until the log has got to where the newest complete result is.
    Waiting { leg: Leg, reached: Frontier, _watch: Watch },
    /// In the log's order.
    Raw(Cursor),
    /// In time order.
    Ordered { cursor: Cursor, merge: Merge, run: u64, ended: bool },
}

impl Node {
    /// Registers the demand that the parameters tell, and answers a reader of it.
    pub async fn subscribe(&self, parameters: &SubscribeParameters) -> Result<Subscription, NodeError> {
        let (want, until) = (want(parameters)?, until(parameters)?);
        let lease = self.new_lease();
        let mut appeared = self.inner.appeared.subscribe();
        let mut stopping = self.inner.stopping.subscribe();
        let waiting = WaitingFor { node: self, lease };
        let stream = loop {
            match self.bind(&parameters.expr) {
                Ok(stream) => break stream,
                Err(error) if parameters.wait && matches!(error.code, Code::UnknownStream | Code::UnknownOperator) => {
                    let what = error.message.lines().next().unwrap_or_default().to_owned();
                    self.state().waiting.insert(lease, (parameters.expr.clone(), what));
                    tokio::select! {
                        _ = appeared.changed() => {}
                        _ = stopping.wait_for(|stopping| *stopping) => return Err(stopped()),
                    }
                }
                Err(error) => return Err(error),
            }
        };
        drop(waiting);
        let (node, ordered) = (self.clone(), parameters.ordered);
        let left = parameters.limit.unwrap_or(u64::MAX);
        let open = move || node.open_subscription(lease, &stream, want, until, left, ordered);
        tokio::task::spawn_blocking(open).await.map_err(|error| NodeError::new(Code::Internal, error.to_string()))?
    }

    fn open_subscription(
        &self,
        lease: LeaseId,
        stream: &dag_expr::Stream,
        want: Want,
        until: Option<Timestamp>,
        left: u64,
        ordered: bool,
    ) -> Result<Subscription, NodeError> {
        if *self.inner.stopping.borrow() {
            return Err(stopped());
        }
        let source = match stream {
            dag_expr::Stream::Source { name, .. } | dag_expr::Stream::Late { name, .. } => Some(name.clone()),
            dag_expr::Stream::Apply(_) => None,
        };
        let subscriber = Arc::new(Subscriber { source, ..Subscriber::default() });
        // Before the lock, and so dropped after it is let go: releasing takes it.
        let released = Released { node: self, lease };
        let mut state = self.state();
        if state.subscribers.len() >= SUBSCRIBERS {
            let message = format!("{SUBSCRIBERS} subscriptions are open, which is the limit");
            return Err(NodeError::new(Code::Busy, message));
        }
        state.subscribers.insert(lease, subscriber.clone());
        let (route, commands) = {
            let view = self.view();
            self.check_position(&view, stream, want)?;
            match state.plan.demand(lease, stream, want, &view) {
                Ok(demanded) => demanded,
                Err(error) => {
                    drop(view);
                    drop(state);
                    return Err(self.refused(error, stream));
                }
            }
        };
        self.execute(&mut state, commands);
        drop(state);
        let view = self.view();
        let legs = route.legs.iter().map(|leg| leg_of(&view, leg)).collect::<Result<Vec<_>, _>>()?;
        let incarnation = route.legs.iter().rev().find_map(|leg| match leg.log {
            LogId::Derived(id) => Some(id.0),
            LogId::Source(_) => None,
        });
        let before = legs[0].sequence.saturating_sub(legs[0].log.earliest().sequence);
        drop(view);
        let notify = notify(&subscriber);
        let (reading, before) = match (route.begin, legs.as_slice()) {
            (Begin::Newest(reached), [leg]) => {
                let watch = leg.log.on_visible(notify);
                (Reading::Waiting { leg: leg.clone(), reached, _watch: watch }, None)
            }
            _ => {
                let input = Input { legs, from: route.from, late: route.late, until: None };
                (reading(input, notify, stream.schema(), ordered), Some(before))
            }
        };
        std::mem::forget(released);
        let mut subscription = Subscription {
            node: self.clone(),
            lease,
            subscriber,
            stream: stream.to_string(),
            schema: stream.schema().clone(),
            incarnation,
            before,
            reading,
            until,
            left,
            ordered,
        };
        subscription.settle()?;
        Ok(subscription)
    }

    /// A position of a source is checked against its log before anything is demanded.
    fn check_position(
        &self,
        view: &crate::node::View<'_>,
        stream: &dag_expr::Stream,
        want: Want,
    ) -> Result<(), NodeError> {
        let (dag_expr::Stream::Source { name, .. } | dag_expr::Stream::Late { name, .. }, Want::Position(position)) =
            (stream, want)
        else {
            return Ok(());
        };
        let Some(source) = view.sources.get(name) else { return Ok(()) };
        let log = source.source.log();
        let end = log.visible().end;
        if position.sequence > end {
            let end = Position { run: log.visible().epoch, sequence: end };
            let message = format!("{position} is past the end of `{name}`, which is {end}");
            return Err(NodeError::new(Code::BadRequest, message));
        }
        log.check(position.run, position.sequence).map_err(|error| match error {
            dag_log::ReadError::Trimmed { earliest, .. } => {
                let earliest = Position { run: log.visible().epoch, sequence: earliest };
                NodeError::new(Code::Trimmed, format!("{position} is no longer kept: the earliest is {earliest}"))
            }
            error => NodeError::new(Code::BadRequest, format!("{position}: {error}")),
        })
    }

    fn refused(&self, error: DemandError, stream: &dag_expr::Stream) -> NodeError {
        let code = match &error {
            DemandError::NoSuchStream(_) => Code::UnknownStream,
            DemandError::Operator(_) | DemandError::NoSuchPosition { .. } => Code::BadRequest,
            DemandError::TooEarly { .. } | DemandError::Gone { .. } => Code::Trimmed,
        };
        let mut message = error.to_string();
        if let (DemandError::TooEarly { .. }, dag_expr::Stream::Source { name, .. }) = (&error, stream)
            && let Ok(source) = self.source(name)
        {
            let (epoch, earliest) = (source.source.log().visible().epoch, source.source.log().earliest().sequence);
            message += &format!(", position {}", Position { run: epoch, sequence: earliest });
        }
        NodeError::new(code, message)
    }

    fn release(&self, lease: LeaseId) {
        let state = &mut *self.state();
        state.subscribers.remove(&lease);
        let commands = state.plan.release(lease, self.inner.clock.millis());
        self.execute(state, commands);
    }
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

    /// What comes next. Nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> Result<Next, NodeError> {
        let mut stopping = self.node.inner.stopping.subscribe();
        loop {
            for _ in 0..STEPS {
                if let Some(failure) = self.subscriber.failure.get() {
                    return Err(failure.clone());
                }
                if *stopping.borrow() {
                    return Ok(Next::End(End::Stopping));
                }
                match self.step()? {
                    Stepped::Next(next) => return Ok(next),
                    Stepped::More => {}
                    Stepped::Wait => tokio::select! {
                        () = self.subscriber.wake.notified() => {}
                        _ = stopping.wait_for(|stopping| *stopping) => {}
                    },
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Begins to read if the newest complete result is there.
    fn settle(&mut self) -> Result<bool, NodeError> {
        let Reading::Waiting { leg, reached, .. } = &self.reading else { return Ok(true) };
        let visible = leg.log.visible();
        if visible.frontier < *reached && !visible.ended {
            return Ok(false);
        }
        let sequence = newest(leg).map_err(|error| unreadable(&error))?.max(leg.sequence);
        self.before = Some(sequence - leg.log.earliest().sequence);
        let legs = vec![Leg { sequence, ..leg.clone() }];
        let input = Input { legs, from: Timestamp::MIN, late: false, until: None };
        self.reading = reading(input, notify(&self.subscriber), &self.schema, self.ordered);
        Ok(true)
    }

    fn step(&mut self) -> Result<Stepped, NodeError> {
        if self.left == 0 {
            return Ok(Stepped::Next(Next::End(End::Limit)));
        }
        if !self.settle()? {
            return Ok(Stepped::Wait);
        }
        match &mut self.reading {
            Reading::Waiting { .. } => Ok(Stepped::Wait),
            Reading::Raw(cursor) => match cursor.step().map_err(|error| unreadable(&error))? {
                Step::Wait => Ok(at_until(self.until, cursor.frontier()).unwrap_or(Stepped::Wait)),
                Step::End => Ok(Stepped::Next(Next::End(End::Sealed))),
                Step::Piece(piece) => {
                    let frontier = piece.frontier;
                    if piece.count() > 0 {
                        let loaded = piece.load().map_err(|error| unreadable(&error))?;
                        let position = |row| Position { run: loaded.run, sequence: loaded.sequences.get(row) };
                        let positions = (0..loaded.batch.num_rows()).map(position).collect();
                        if let Some(next) = self.wanted(loaded.batch, positions) {
                            return Ok(Stepped::Next(next));
                        }
                    }
                    Ok(at_until(self.until, frontier).unwrap_or(Stepped::More))
                }
            },
            Reading::Ordered { cursor, merge, run, ended } => {
                if let Some(merged) = merge.next(frontier_of(cursor, *ended)).map_err(|error| failed(&error))? {
                    let numbered = merged.batches.into_iter().next().expect("a merge of one input");
                    let last = numbered.num_columns() - 1;
                    let sequences = numbered.column(last).as_primitive::<UInt64Type>().values();
                    let run = *run;
                    let positions = sequences.iter().map(|sequence| Position { run, sequence: *sequence }).collect();
                    let columns = numbered.columns()[..last].to_vec();
                    let batch = RecordBatch::try_new(arrow_schema(&self.schema), columns)
                        .expect("the merge added one column to the stream's");
                    return Ok(self.wanted(batch, positions).map_or(Stepped::More, Stepped::Next));
                }
                if *ended {
                    return Ok(Stepped::Next(Next::End(End::Sealed)));
                }
                match cursor.step().map_err(|error| unreadable(&error))? {
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
        self.node.release(self.lease);
    }
}

enum Stepped {
    Next(Next),
    More,
    Wait,
}

/// Releases a demand that comes to nothing.
struct Released<'a> {
    node: &'a Node,
    lease: LeaseId,
}

impl Drop for Released<'_> {
    fn drop(&mut self) {
        self.node.release(self.lease);
    }
}

/// Shown in the status as long as it is held.
struct WaitingFor<'a> {
    node: &'a Node,
    lease: LeaseId,
}

impl Drop for WaitingFor<'_> {
    fn drop(&mut self) {
        self.node.state().waiting.remove(&self.lease);
    }
}

fn notify(subscriber: &Arc<Subscriber>) -> Notify {
    let subscriber = subscriber.clone();
    Arc::new(move || subscriber.wake())
}

fn reading(input: Input, notify: Notify, schema: &Schema, ordered: bool) -> Reading {
    let run = input.legs.last().map_or(0, |leg| leg.run);
    let cursor = Cursor::new(input, notify);
    match ordered {
        false => Reading::Raw(cursor),
        true => Reading::Ordered { cursor, merge: Merge::numbered(&arrow_schema(schema)), run, ended: false },
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

/// The sequence of the first record of the log's greatest time; of the next one if there are none.
fn newest(leg: &Leg) -> Result<u64, dag_log::ReadError> {
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

fn want(parameters: &SubscribeParameters) -> Result<Want, NodeError> {
    let bad = |message| NodeError::new(Code::BadRequest, message);
    if let Some(age) = &parameters.since {
        if parameters.from.is_some() {
            return Err(bad("`since` and `from` exclude each other".to_owned()));
        }
        let age = i64::try_from(duration("since", age)?.as_nanos()).unwrap_or(i64::MAX);
        return Ok(Want::From(now().saturating_add(-age)));
    }
    match parameters.from.as_deref() {
        None | Some("newest") => Ok(Want::Newest),
        Some("earliest") => Ok(Want::Earliest),
        Some("latest") => Ok(Want::Next),
        Some(text) => {
            if let Ok(position) = text.parse() {
                return Ok(Want::Position(position));
            }
            let expected =
                "expected newest, earliest, latest, a time such as 2026-11-01T10:00:00Z, or a position such as 3:1201";
            dag_frame::time::parse(text)
                .map(|time| Want::From(Timestamp(time)))
                .map_err(|_| bad(format!("from: found `{text}`, {expected}")))
        }
    }
}

fn until(parameters: &SubscribeParameters) -> Result<Option<Timestamp>, NodeError> {
    let Some(text) = &parameters.until else { return Ok(None) };
    let time = dag_frame::time::parse(text).map_err(|_| {
        NodeError::new(Code::BadRequest, format!("until: found `{text}`, expected a time such as 2026-11-01T10:00:00Z"))
    })?;
    Ok(Some(Timestamp(time)))
}

fn unreadable(error: &dag_log::ReadError) -> NodeError {
    let code = if matches!(error, dag_log::ReadError::Trimmed { .. }) { Code::Trimmed } else { Code::Internal };
    NodeError::new(code, error.to_string())
}

fn failed(error: &dag_flow::ComputeError) -> NodeError {
    NodeError::new(Code::Internal, error.to_string())
}

fn stopped() -> NodeError {
    NodeError::new(Code::Busy, "the node is stopping")
}
