//! The sink: results into the computation's log, in the order that the incarnation promises.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow_array::{BooleanArray, RecordBatch, UInt32Array};
use arrow_buffer::BooleanBuffer;
use arrow_row::{RowConverter, SortField};
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use arrow_select::take::take_record_batch;
use dag_log::RunningHash;
use dag_model::{Frontier, Timestamp, arrow_schema, frame, times};
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use crate::budget::{Charge, Over, Part as Held, memory};
use crate::computation::Computation;
use crate::error::{ComputeError, Failure};
use crate::local::{Credit, Local, Message};
use crate::operators::frontier_of;
use crate::shared::{Event, Shared};
use crate::snapshot::{Barrier, Part, Snapshot};

/// The order of a computation's output.
#[derive(Clone, Debug)]
pub(crate) enum OutputOrder {
    /// As it comes.
    Emission,
    /// By time and then these key columns of the batch, as far as the frontier.
    TimeAndKey(Vec<usize>),
}

/// Writes records to the log on the home worker, and gathers the snapshot when a barrier has come from all `stateful` workers.
pub(crate) fn sink<'scope>(
    messages: StreamVec<'scope, i64, Local<Message>>,
    computation: Arc<Computation>,
    saved: Option<Arc<Snapshot>>,
    order: OutputOrder,
    bounded: bool,
    stateful: usize,
    shared: Arc<Shared>,
) {
    let scope = messages.scope();
    let mut builder = OperatorBuilder::new("sink".to_owned(), scope);
    let info = builder.operator_info();
    let to = Exchange::new(|Local(message): &Local<Message>| message.worker() as u64);
    let mut input = builder.new_input(messages, to);
    builder.build(move |_| {
        let here = scope.index() == computation.home;
        shared.enlist(scope.worker().sync_activator_for(info.address.to_vec()));
        let mut writer = None;
        let mut begin = here.then_some((computation, saved, order));
        move |frontiers| {
            let mut messages = Vec::new();
            input.for_each(|_, data| messages.extend(data.drain(..).map(|Local(message)| message)));
            let frontier = frontier_of(&frontiers[0]);
            if shared.is_stopped() {
                (writer, begin) = (None, None);
            }
            let advance = || -> Result<bool, ComputeError> {
                if let Some((computation, saved, order)) = begin.take() {
                    writer = Some(Writer::new(computation, saved.as_deref(), order, bounded, stateful)?);
                }
                let Some(writing) = &mut writer else { return Ok(false) };
                for message in messages {
                    if writing.take(message, &shared)? {
                        return Ok(true);
                    }
                }
                writing.write(frontier, &shared)
            };
            let advanced = advance();
            if let Some(writing) = &writer {
                shared.write_up_to(if writing.gathering.is_some() { Frontier::START } else { frontier });
            }
            match advanced {
                Ok(false) => {}
                Ok(true) => {
                    writer = None;
                    shared.end(Event::Finished);
                }
                Err(error) => {
                    writer = None;
                    shared.end(Event::Failed(Failure { error, at: None, frontier }));
                }
            }
        }
    });
}

struct Writer {
    computation: Arc<Computation>,
    schema: SchemaRef,
    order: OutputOrder,
    /// Whether the inputs end before their streams do.
    bounded: bool,
    /// From how many workers a barrier comes.
    stateful: usize,
    /// Not written yet, because the frontier has not passed all of it.
    waiting: Vec<RecordBatch>,
    credits: Vec<Arc<Credit>>,
    /// The memory of what has come since it was last written.
    come: Vec<Arc<Charge>>,
    /// The memory of what waits besides.
    left: Charge,
    /// The barrier that has come from some of the workers.
    gathering: Option<Gathering>,
    /// Where the results that the log held from before end: up to there they come again, and are compared.
    known: u64,
    /// Of the results so far, those known from before included.
    hash: RunningHash,
    written: Frontier,
    /// The output's frontier by what has been computed; the log may be ahead of that.
    reached: Frontier,
}

/// A barrier that has come from some of the workers.
struct Gathering {
    /// The workers that it has come from, and what they hold.
    parts: Vec<(usize, Option<Box<Part>>)>,
    /// Their joint promise.
    promise: Frontier,
    /// What came from these workers after it.
    held: Vec<Message>,
}

impl Default for Gathering {
    fn default() -> Gathering {
        Gathering { parts: Vec::new(), promise: Frontier::Empty, held: Vec::new() }
    }
}

impl Writer {
    fn new(
        computation: Arc<Computation>,
        saved: Option<&Snapshot>,
        order: OutputOrder,
        bounded: bool,
        stateful: usize,
    ) -> Result<Writer, ComputeError> {
        let visible = computation.output.visible();
        let schema = arrow_schema(&computation.schema);
        let resume = &computation.resume;
        let waiting = saved.iter().flat_map(|snapshot| &snapshot.waiting);
        let waiting = waiting.map(|bytes| Ok(frame::decode_batch(bytes.clone(), &schema)?));
        Ok(Writer {
            waiting: waiting.collect::<Result<_, ComputeError>>()?,
            hash: resume.output.clone(),
            schema,
            order,
            bounded,
            stateful,
            credits: Vec::new(),
            come: Vec::new(),
            left: computation.budget.charge(Held::Results),
            gathering: None,
            known: visible.end,
            written: visible.frontier,
            reached: resume.snapshot.as_ref().map_or(Frontier::START, |snapshot| snapshot.written),
            computation,
        })
    }

    /// Takes in what has come; returns whether that was all.
    fn take(&mut self, message: Message, shared: &Shared) -> Result<bool, ComputeError> {
        let from = message.from().expect("operators say where their results come from");
        if let Some(gathering) = &mut self.gathering
            && gathering.parts.iter().any(|(worker, _)| *worker == from)
        {
            gathering.held.push(message);
            return Ok(false);
        }
        match message {
            Message::Records(parcel) => {
                self.waiting.push(parcel.batch);
                self.credits.extend(parcel.credit);
                self.come.extend(parcel.held);
                Ok(false)
            }
            Message::Part { barrier, promise, part, .. } => {
                let gathering = self.gathering.get_or_insert_default();
                gathering.parts.push((from, part));
                gathering.promise = gathering.promise.min(promise);
                if gathering.parts.len() < self.stateful {
                    return Ok(false);
                }
                let Gathering { parts, promise, held } = self.gathering.take().expect("set above");
                let parts = parts.into_iter().filter_map(|(_, part)| part.map(|part| *part)).collect();
                // What lies before the promise is complete, and nothing that comes later belongs there.
                if self.write(promise, shared)? {
                    return Ok(true);
                }
                if let Some(mark) = barrier.mark {
                    self.hand_on(mark.revision, shared)?;
                    shared.marked(mark);
                }
                if barrier.saves() {
                    shared.snapshot(self.snapshot(&barrier, parts), barrier.last);
                }
                for message in held {
                    if self.take(message, shared)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Message::Barrier { .. } => unreachable!("barriers become parts on their way"),
        }
    }

    fn snapshot(&self, barrier: &Barrier, parts: Vec<Part>) -> Snapshot {
        let operator = &self.computation.operator;
        let mut snapshot = Snapshot {
            digest: operator.component.digest(),
            state: operator.state_written(),
            places: barrier.places.clone(),
            frontier: barrier.frontier,
            output: self.hash.clone(),
            written: self.reached,
            waiting: self.waiting.iter().map(frame::encode_batch).collect(),
            parts,
            mark: barrier.mark.map_or(self.computation.resume.mark, |mark| mark.revision),
            held: Default::default(),
        };
        snapshot.weigh(self.computation.budget.holder());
        snapshot
    }

    /// Writes what can be written; returns whether that was all.
    fn write(&mut self, reached: Frontier, shared: &Shared) -> Result<bool, ComputeError> {
        if self.gathering.is_some() || shared.is_stopped() {
            return Ok(false);
        }
        let until = self.computation.until.map_or(Frontier::Empty, Frontier::At);
        let frontier = reached.min(until);
        let now = now();
        let log = self.computation.output.clone();
        let batch = self.ready(reached)?;
        let batch = self.shown(batch)?;
        let rows = batch.num_rows() as u64;
        let known = rows.min(self.known.saturating_sub(self.hash.sequence));
        if known > 0 {
            self.compare(&batch.slice(0, known as usize))?;
        }
        // A log that is being continued may be ahead of what is computed again.
        let advanced = self.written.max(frontier);
        if rows > known {
            let fresh = batch.slice(known as usize, (rows - known) as usize);
            shared.progress.count_out(fresh.num_rows());
            log.append(&fresh, advanced.min(Frontier::At(Timestamp::MAX)), now)?;
            self.hash = log.hash();
        } else if advanced > self.written && advanced != Frontier::Empty {
            log.advance(advanced, now)?;
        }
        self.written = advanced.min(Frontier::At(Timestamp::MAX));
        self.reached = self.reached.max(frontier).min(Frontier::At(Timestamp::MAX));
        self.credits.clear();
        self.count()?;
        if reached < until {
            return Ok(false);
        }
        let end = match (self.computation.until, self.bounded) {
            (Some(time), _) => Frontier::At(time),
            (None, true) => self.written,
            (None, false) => Frontier::Empty,
        };
        log.end(end, now)?;
        Ok(true)
    }

    /// Hands a mark on to those who read the output, unless they have it from before.
    fn hand_on(&self, revision: u64, shared: &Shared) -> Result<(), ComputeError> {
        let log = &self.computation.output;
        if !shared.is_stopped() && log.mark().is_none_or(|last| last < revision) {
            log.append_mark(revision, now())?;
        }
        Ok(())
    }

    /// Counts what waits. Each worker may have begun something while there was room.
    fn count(&mut self) -> Result<(), ComputeError> {
        self.come.clear();
        let begun = self.stateful as u64 * self.computation.budget.batch();
        match self.left.set(self.waiting.iter().map(memory).sum()) {
            Err(Over::Budget(over)) if over.found > over.limit + begun => Err(Over::from(over).into()),
            Err(short @ Over::Memory(_)) if self.left.bytes() > begun => Err(short.into()),
            _ => Ok(()),
        }
    }

    /// Compares results with those that the log holds from before.
    fn compare(&mut self, batch: &RecordBatch) -> Result<(), ComputeError> {
        self.hash.update(batch, None);
        let sequence = self.hash.sequence;
        match self.computation.output.hash_at(sequence)? == self.hash {
            true => Ok(()),
            false => Err(ComputeError::Diverged { sequence }),
        }
    }

    /// What may be written now, in order.
    fn ready(&mut self, frontier: Frontier) -> Result<RecordBatch, ComputeError> {
        let OutputOrder::TimeAndKey(keys) = &self.order else {
            let batches = std::mem::take(&mut self.waiting);
            return Ok(match batches.len() {
                1 => batches.into_iter().next().expect("counted"),
                _ => concat_batches(&self.schema, &batches)?,
            });
        };
        let passed = |batch: &RecordBatch| times(batch).iter().any(|time| frontier.passed(Timestamp(*time)));
        if !self.waiting.iter().any(passed) {
            return Ok(RecordBatch::new_empty(self.schema.clone()));
        }
        let all = concat_batches(&self.schema, &std::mem::take(&mut self.waiting))?;
        let all = by_time_and_key(&all, keys)?;
        let count = times(&all).partition_point(|time| frontier.passed(Timestamp(*time)));
        if count < all.num_rows() {
            self.waiting.push(all.slice(count, all.num_rows() - count));
        }
        Ok(all.slice(0, count))
    }

    /// The records that lie between the computation's bounds.
    fn shown(&self, batch: RecordBatch) -> Result<RecordBatch, ComputeError> {
        let (from, until) = (self.computation.from.0, self.computation.until.map_or(i64::MAX, |until| until.0));
        let all = times(&batch);
        let inside = |time: i64| time >= from && (time < until || self.computation.until.is_none());
        if all.iter().all(|time| inside(*time)) {
            return Ok(batch);
        }
        let mask = BooleanBuffer::collect_bool(all.len(), |row| inside(all[row]));
        Ok(filter_record_batch(&batch, &BooleanArray::new(mask, None))?)
    }
}

/// The batch by time, then key columns in byte order; equals keep their order.
fn by_time_and_key(batch: &RecordBatch, keys: &[usize]) -> Result<RecordBatch, ComputeError> {
    let columns: Vec<_> = std::iter::once(0).chain(keys.iter().copied()).map(|at| batch.column(at).clone()).collect();
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let rows = RowConverter::new(fields)?.convert_columns(&columns)?;
    let mut order: Vec<u32> = (0..batch.num_rows() as u32).collect();
    order.sort_by(|a, b| rows.row(*a as usize).cmp(&rows.row(*b as usize)));
    Ok(take_record_batch(batch, &UInt32Array::from(order))?)
}

/// The time that entries are stamped with; nothing that is computed depends on it.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
