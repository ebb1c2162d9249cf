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
use dag_model::{Frontier, Timestamp, arrow_schema, times};
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;

use crate::computation::{Computation, Event, Shared, frontier_of};
use crate::error::ComputeError;
use crate::local::{Credit, Local, Parcel};

/// The order of a computation's output.
#[derive(Clone, Debug)]
pub(crate) enum OutputOrder {
    /// As it comes.
    Emission,
    /// By time and then these key columns of the batch, as far as the frontier.
    TimeAndKey(Vec<usize>),
}

/// Writes parcels to the log on the home worker.
pub(crate) fn sink<'scope>(
    parcels: StreamVec<'scope, i64, Local<Parcel>>,
    computation: Arc<Computation>,
    order: OutputOrder,
    bounded: bool,
    shared: Arc<Shared>,
) {
    let scope = parcels.scope();
    let mut builder = OperatorBuilder::new("sink".to_owned(), scope);
    let info = builder.operator_info();
    let mut input = builder.new_input(parcels, Exchange::new(|Local(parcel): &Local<Parcel>| parcel.worker as u64));
    builder.build(move |_| {
        let here = scope.index() == computation.home;
        shared.enlist(scope.worker().sync_activator_for(info.address.to_vec()));
        let mut writer = here.then(|| Writer::new(computation, order, bounded));
        move |frontiers| {
            let mut parcels = Vec::new();
            input.for_each(|_, data| parcels.append(data));
            if shared.is_stopped() {
                writer = None;
            }
            let Some(writing) = &mut writer else { return };
            let frontier = frontier_of(&frontiers[0]);
            match writing.write(parcels, frontier, &shared) {
                Ok(false) => {}
                Ok(true) => {
                    writer = None;
                    shared.end(Event::Finished);
                }
                Err(error) => {
                    writer = None;
                    shared.end(Event::Failed(error));
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
    /// Not written yet, because the frontier has not passed all of it.
    waiting: Vec<RecordBatch>,
    credits: Vec<Arc<Credit>>,
    /// Results that the log holds from before: they come again and are passed over.
    skip: u64,
    written: Frontier,
}

impl Writer {
    fn new(computation: Arc<Computation>, order: OutputOrder, bounded: bool) -> Writer {
        let visible = computation.output.visible();
        Writer {
            schema: arrow_schema(&computation.schema),
            computation,
            order,
            bounded,
            waiting: Vec::new(),
            credits: Vec::new(),
            skip: visible.end,
            written: visible.frontier,
        }
    }

    /// Writes what can be written; answers whether that was all.
    fn write(&mut self, parcels: Vec<Local<Parcel>>, reached: Frontier, shared: &Shared) -> Result<bool, ComputeError> {
        for Local(parcel) in parcels {
            self.waiting.push(parcel.batch);
            self.credits.extend(parcel.credit);
        }
        let until = self.computation.until.map_or(Frontier::Empty, Frontier::At);
        let frontier = reached.min(until);
        let now = now();
        let log = self.computation.output.clone();
        let batch = self.ready(reached)?;
        let batch = self.shown(batch)?;
        let rows = batch.num_rows() as u64;
        let known = rows.min(self.skip);
        self.skip -= known;
        // A log that is being continued may be ahead of what is computed again.
        let advanced = self.written.max(frontier);
        if rows > known {
            let fresh = batch.slice(known as usize, (rows - known) as usize);
            shared.progress.count_out(fresh.num_rows());
            log.append(&fresh, advanced.min(Frontier::At(Timestamp::MAX)), now)?;
        } else if advanced > self.written && advanced != Frontier::Empty {
            log.advance(advanced, now)?;
        }
        self.written = advanced.min(Frontier::At(Timestamp::MAX));
        self.credits.clear();
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
