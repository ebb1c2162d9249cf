//! Time order: entries that may overlap become batches merged by (time, input, place in the input), as far as a frontier allows.
//!
//! An input may be read from several logs one after the other, each of which numbers its records from the beginning: so what counts is
//! the order of their legs and sequences, not of sequences alone.
//!
//! Pieces wait unloaded until the frontier passes them, so that waiting for order takes no memory but that of headers. What is in
//! memory is what overlaps.

mod merged;
mod numbered;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use arrow_array::{RecordBatch, UInt32Array};
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;
use dag_model::{Frontier, Timestamp, times};

pub use merged::Merged;
pub(crate) use merged::Stretch;

use crate::cursor::Piece;
use crate::error::ComputeError;
use crate::snapshot::Place;

/// How many records a merge gathers before it answers.
const RECORDS: usize = 8_192;

/// Merges the pieces of several inputs.
pub struct Merge {
    inputs: Vec<Waiting>,
    /// Whether records are [`numbered`].
    numbered: bool,
}

/// The pieces of one input.
struct Waiting {
    schema: SchemaRef,
    /// Not loaded, by the least time that they may hold.
    ahead: BinaryHeap<Reverse<Ahead>>,
    /// Loaded, each sorted by time, in the order of their legs and sequences.
    open: Vec<Open>,
    /// After the last piece that has arrived.
    next: (usize, u64),
}

struct Ahead {
    min_time: Timestamp,
    /// The piece's leg, and its first sequence there.
    first: (usize, u64),
    piece: Arc<Piece>,
}

struct Open {
    first: (usize, u64),
    batch: RecordBatch,
    next: usize,
}

impl Merge {
    /// A merge of inputs whose batches have these schemas.
    pub fn new(schemas: Vec<SchemaRef>) -> Merge {
        let waiting = |schema| Waiting { schema, ahead: BinaryHeap::new(), open: Vec::new(), next: (0, 0) };
        Merge { inputs: schemas.into_iter().map(waiting).collect(), numbered: false }
    }

    /// A merge that says of each record where it is.
    pub fn numbered(schemas: Vec<SchemaRef>) -> Merge {
        Merge { numbered: true, ..Merge::new(schemas.iter().map(|schema| numbered::schema(schema)).collect()) }
    }

    /// A piece of an input has arrived.
    pub fn push(&mut self, input: usize, piece: Arc<Piece>) {
        let (min_time, first) = (piece.min_time(), (piece.leg(), piece.first()));
        let next = piece.next();
        self.inputs[input].next = (next.leg, next.sequence);
        self.inputs[input].ahead.push(Reverse(Ahead { min_time, first, piece }));
    }

    /// The inputs are read from these places on.
    pub fn begin(&mut self, places: &[Place]) {
        for (input, place) in self.inputs.iter_mut().zip(places) {
            input.next = (place.leg, place.sequence);
        }
    }

    /// The places from which on to read each input, by somebody who has all records before `cut` and none from it on.
    pub fn places(&self, cut: Frontier) -> Vec<Place> {
        let from = cut.time().unwrap_or(Timestamp::MAX);
        let place = |input: &Waiting| {
            let ahead = input.ahead.iter().map(|Reverse(ahead)| ahead.first);
            let (leg, sequence) = ahead.chain(input.open.iter().map(|open| open.first)).fold(input.next, Ord::min);
            Place { leg, sequence, from }
        };
        self.inputs.iter().map(place).collect()
    }

    /// Some of the records before `frontier`, the earliest ones; none when there are no more.
    pub fn next(&mut self, frontier: Frontier) -> Result<Option<Merged>, ComputeError> {
        let mut loaded = vec![0; self.inputs.len()];
        let Some(low) = self.inputs.iter().filter_map(Waiting::low).min() else { return Ok(None) };
        if !frontier.passed(low) {
            return Ok(None);
        }
        // Everything that may be as early as the earliest must be loaded; more is loaded to make a fair batch.
        let mut records = 0;
        for (input, loaded) in self.inputs.iter_mut().zip(&mut loaded) {
            while let Some(time) = input.ahead.peek().map(|Reverse(ahead)| ahead.min_time) {
                if time > low && (records >= RECORDS || !frontier.passed(time)) {
                    break;
                }
                records += input.load(self.numbered)?;
                *loaded += 1;
            }
        }
        let unloaded = self.inputs.iter().filter_map(|input| input.ahead.peek()).map(|Reverse(ahead)| ahead.min_time);
        let cut = unloaded.map(Frontier::At).min().unwrap_or(Frontier::Empty).min(frontier);
        let batches = self.inputs.iter_mut().map(|input| input.take(cut)).collect::<Result<Vec<_>, _>>()?;
        let order = if batches.len() > 1 { interleaving(&batches) } else { Vec::new() };
        let (batches, spots) = if self.numbered { numbered::spots(&batches, &order)? } else { (batches, Vec::new()) };
        Ok(Some(Merged { batches, order, spots, frontier: cut, loaded }))
    }
}

impl Waiting {
    /// The earliest time that it may hold.
    fn low(&self) -> Option<Timestamp> {
        let ahead = self.ahead.peek().map(|Reverse(ahead)| ahead.min_time);
        let open = self.open.iter().map(Open::time).min();
        ahead.into_iter().chain(open).min()
    }

    /// Loads the earliest piece; answers its number of records.
    fn load(&mut self, numbered: bool) -> Result<usize, ComputeError> {
        let Reverse(ahead) = self.ahead.pop().expect("the caller looked");
        let loaded = ahead.piece.load()?;
        let batch = if numbered { numbered::number(&loaded, ahead.first.0, &self.schema)? } else { loaded.batch };
        let batch = sorted(batch)?;
        let rows = batch.num_rows();
        if rows > 0 {
            let at = self.open.partition_point(|open| open.first < ahead.first);
            self.open.insert(at, Open { first: ahead.first, batch, next: 0 });
        }
        Ok(rows)
    }

    /// The loaded records before `cut`, by time and then as they came.
    fn take(&mut self, cut: Frontier) -> Result<RecordBatch, ComputeError> {
        let mut parts = Vec::new();
        for open in &mut self.open {
            let rest = &times(&open.batch)[open.next..];
            let count = rest.partition_point(|time| cut.passed(Timestamp(*time)));
            if count > 0 {
                parts.push(open.batch.slice(open.next, count));
                open.next += count;
            }
        }
        self.open.retain(|open| open.next < open.batch.num_rows());
        match parts.len() {
            1 => Ok(parts.remove(0)),
            _ => sorted(concat_batches(&self.schema, &parts)?),
        }
    }
}

impl Open {
    fn time(&self) -> Timestamp {
        Timestamp(times(&self.batch)[self.next])
    }
}

/// The batch by time; records of one time keep their order.
fn sorted(batch: RecordBatch) -> Result<RecordBatch, ComputeError> {
    let event_times = times(&batch);
    if event_times.is_sorted() {
        return Ok(batch);
    }
    let mut rows: Vec<u32> = (0..event_times.len() as u32).collect();
    rows.sort_by_key(|row| event_times[*row as usize]);
    Ok(take_record_batch(&batch, &UInt32Array::from(rows))?)
}

/// From which batch each next record of the merge comes: by time, then by number.
fn interleaving(batches: &[RecordBatch]) -> Vec<u8> {
    let columns: Vec<&[i64]> = batches.iter().map(times).collect();
    let mut next = vec![0; columns.len()];
    let total = columns.iter().map(|times| times.len()).sum();
    let mut order = Vec::with_capacity(total);
    while order.len() < total {
        let heads = columns.iter().zip(&next).enumerate();
        let earliest = heads.filter_map(|(input, (times, next))| Some((times.get(*next)?, input))).min();
        let (_, input) = earliest.expect("fewer than all have been taken");
        next[input] += 1;
        order.push(input as u8);
    }
    order
}

impl PartialEq for Ahead {
    fn eq(&self, other: &Ahead) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ahead {}

impl PartialOrd for Ahead {
    fn partial_cmp(&self, other: &Ahead) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ahead {
    fn cmp(&self, other: &Ahead) -> std::cmp::Ordering {
        (self.min_time, self.first).cmp(&(other.min_time, other.first))
    }
}
