//! Time order: entries that may overlap become batches merged by (time, input, place in the input), as far as a frontier allows.
//!
//! An input may be read from several logs one after the other, each of which numbers its records from the beginning: so what counts is
//! the order of their legs and sequences, not of sequences alone.
//!
//! Pieces wait unloaded until the frontier passes them, so that waiting for order takes no memory but that of headers. What is in
//! memory is what overlaps; where that is too much, its later records are put back and loaded again when their turn comes.

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

use crate::budget::{Budget, Charge, Part, Share, memory};
use crate::cursor::Piece;
use crate::error::ComputeError;
use crate::snapshot::Place;

/// How many records a merge gathers before it answers.
const RECORDS: usize = 8_192;

/// How many pieces, and how many batches' bytes of them, a merge loads before others get their turn.
const LOADS: (usize, u64) = (4_096, 8);

/// Merges the pieces of several inputs.
pub struct Merge {
    inputs: Vec<Waiting>,
    /// Whether records are [`numbered`].
    numbered: bool,
    /// How many bytes it gathers before it answers.
    batch: u64,
    /// How much may be loaded at once, but for a single entry: of what overlaps further, the later records are put back.
    most: u64,
    /// How much is.
    bytes: u64,
    held: Charge,
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

/// What is not loaded of a piece.
struct Ahead {
    min_time: Timestamp,
    /// The piece's leg, and its first sequence there.
    first: (usize, u64),
    piece: Arc<Piece>,
    /// How many records of the piece, by time, are not meant: they have been taken, or are in memory.
    skip: usize,
    /// Whether it has been loaded before.
    again: bool,
}

/// What is loaded of a piece.
struct Open {
    first: (usize, u64),
    piece: Arc<Piece>,
    /// How many records of the piece, by time, are before the batch.
    skip: usize,
    batch: RecordBatch,
    next: usize,
    /// The memory that the batch takes.
    bytes: u64,
}

impl Merge {
    /// A merge of inputs whose batches have these schemas.
    pub fn new(schemas: Vec<SchemaRef>, budget: &Arc<Budget>) -> Merge {
        let waiting = |schema| Waiting { schema, ahead: BinaryHeap::new(), open: Vec::new(), next: (0, 0) };
        let most = Share::Order.of(budget.limit()) / 2;
        let (batch, inputs) = (budget.batch(), schemas.into_iter().map(waiting).collect());
        Merge { inputs, numbered: false, batch, most, bytes: 0, held: budget.charge(Part::Merging) }
    }

    /// A merge that says of each record where it is.
    pub fn numbered(schemas: Vec<SchemaRef>, budget: &Arc<Budget>) -> Merge {
        let schemas = schemas.iter().map(|schema| numbered::schema(schema)).collect();
        Merge { numbered: true, ..Merge::new(schemas, budget) }
    }

    /// A piece of an input has arrived.
    pub fn push(&mut self, input: usize, piece: Arc<Piece>) {
        let (min_time, first) = (piece.min_time(), (piece.leg(), piece.first()));
        let next = piece.next();
        self.inputs[input].next = (next.leg, next.sequence);
        self.inputs[input].ahead.push(Reverse(Ahead { min_time, first, piece, skip: 0, again: false }));
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

    /// Some of the records before `frontier`, the earliest ones; none when there are no more. There may be none among these, too: then
    /// others get their turn, and it is to be asked again.
    pub fn next(&mut self, frontier: Frontier) -> Result<Option<Merged>, ComputeError> {
        let mut loaded = vec![0; self.inputs.len()];
        let Some(low) = self.inputs.iter().filter_map(Waiting::low).min() else { return Ok(None) };
        if !frontier.passed(low) {
            return Ok(None);
        }
        let complete = self.load(low, frontier, &mut loaded)?;
        let unloaded = self.inputs.iter().filter_map(|input| input.ahead.peek()).map(|Reverse(ahead)| ahead.min_time);
        let cut = match complete {
            true => unloaded.map(Frontier::At).min().unwrap_or(Frontier::Empty).min(frontier),
            false => Frontier::At(low),
        };
        let batches = self.inputs.iter_mut().map(|input| input.take(cut)).collect::<Result<Vec<_>, _>>()?;
        self.bytes = self.open().map(|open| open.bytes).sum();
        self.count()?;
        let order = if batches.len() > 1 { interleaving(&batches) } else { Vec::new() };
        let (batches, spots) = if self.numbered { numbered::spots(&batches, &order)? } else { (batches, Vec::new()) };
        Ok(Some(Merged { batches, order, spots, frontier: cut, loaded }))
    }

    /// Loads everything that may be as early as `low`, which is the earliest, and more to make a fair batch. Returns whether the former
    /// is done.
    fn load(&mut self, low: Timestamp, frontier: Frontier, loaded: &mut [usize]) -> Result<bool, ComputeError> {
        let (mut records, mut bytes, mut loads) = (0, 0, 0);
        let mut fair = true;
        for (input, loaded) in loaded.iter_mut().enumerate() {
            while let Some(time) = self.inputs[input].ahead.peek().map(|Reverse(ahead)| ahead.min_time) {
                fair &= records < RECORDS && bytes < self.batch && loads < LOADS.0;
                if time > low && !(fair && frontier.passed(time)) {
                    break;
                }
                if loads >= LOADS.0 || bytes >= LOADS.1 * self.batch {
                    return Ok(false);
                }
                let (rows, memory, again) = self.inputs[input].load(self.numbered)?;
                (records, bytes, loads) = (records + rows, bytes + memory, loads + 1);
                *loaded += usize::from(!again);
                self.bytes += memory;
                while self.bytes > self.most && self.put_back(low) {
                    fair = false;
                }
                self.count()?;
            }
        }
        Ok(true)
    }

    fn open(&self) -> impl Iterator<Item = &Open> {
        self.inputs.iter().flat_map(|input| &input.open)
    }

    /// Counts what is loaded, and what is known of what is not.
    fn count(&mut self) -> Result<(), ComputeError> {
        let ahead: usize = self.inputs.iter().map(|input| input.ahead.len()).sum();
        let open: usize = self.inputs.iter().map(|input| input.open.len()).sum();
        let counted = self.held.set(self.bytes + (ahead * (size_of::<Ahead>() + size_of::<Piece>())) as u64);
        // A single entry passes, however large it is.
        if open > 1 { Ok(counted?) } else { Ok(()) }
    }

    /// Puts back the later half of what is loaded, to be loaded again when its turn comes; what is as early as `low` stays. Returns
    /// whether there was something to put back.
    fn put_back(&mut self, low: Timestamp) -> bool {
        let mut later: Vec<i64> = self.open().flat_map(Open::times).copied().filter(|time| *time > low.0).collect();
        if later.is_empty() {
            return false;
        }
        let middle = later.len() / 2;
        let (_, from, _) = later.select_nth_unstable(middle);
        let from = Timestamp(*from);
        self.inputs.iter_mut().for_each(|input| input.put_back(from));
        self.bytes = self.open().map(|open| open.bytes).sum();
        true
    }
}

impl Waiting {
    /// The earliest time that it may hold.
    fn low(&self) -> Option<Timestamp> {
        let ahead = self.ahead.peek().map(|Reverse(ahead)| ahead.min_time);
        let open = self.open.iter().map(Open::time).min();
        ahead.into_iter().chain(open).min()
    }

    /// Loads the earliest piece; returns its number of records, their memory, and whether it has been loaded before.
    fn load(&mut self, numbered: bool) -> Result<(usize, u64, bool), ComputeError> {
        let Reverse(Ahead { first, piece, skip, again, .. }) = self.ahead.pop().expect("the caller looked");
        let loaded = piece.load()?;
        let batch = if numbered { numbered::number(&loaded, first.0, &self.schema)? } else { loaded.batch };
        let mut batch = sorted(batch)?;
        if skip > 0 {
            batch = copied(&batch, skip, batch.num_rows());
        }
        let (bytes, rows) = (memory(&batch), batch.num_rows());
        if rows > 0 {
            let at = self.open.partition_point(|open| (open.first, open.skip) < (first, skip));
            self.open.insert(at, Open { first, piece, skip, batch, next: 0, bytes });
        }
        Ok((rows, bytes, again))
    }

    /// Puts back what is loaded from that time on: of each piece, all that lies behind the first such record, for it is sorted.
    fn put_back(&mut self, from: Timestamp) {
        let mut ahead = std::mem::take(&mut self.ahead).into_vec();
        let mut kept = Vec::new();
        // From behind, so that what is put back of a piece joins what had been put back of it.
        while let Some(open) = self.open.pop() {
            let end = open.next + open.times().partition_point(|time| *time < from.0);
            if open.next == 0 && end == open.batch.num_rows() {
                kept.push(open);
                continue;
            }
            let Open { first, piece, skip, batch, next, .. } = open;
            if let Some(time) = times(&batch).get(end) {
                let (min_time, piece, skip) = (Timestamp(*time), piece.clone(), skip + end);
                let back = Reverse(Ahead { min_time, first, piece, skip, again: true });
                match ahead.iter_mut().find(|Reverse(ahead)| ahead.first == first) {
                    Some(behind) => *behind = back,
                    None => ahead.push(back),
                }
            }
            if end > next {
                let batch = copied(&batch, next, end);
                let bytes = memory(&batch);
                kept.push(Open { first, piece, skip: skip + next, batch, next: 0, bytes });
            }
        }
        kept.reverse();
        (self.open, self.ahead) = (kept, BinaryHeap::from(ahead));
    }

    /// The loaded records before `cut`, by time and then as they came.
    fn take(&mut self, cut: Frontier) -> Result<RecordBatch, ComputeError> {
        let mut parts = Vec::new();
        for open in &mut self.open {
            let count = open.times().partition_point(|time| cut.passed(Timestamp(*time)));
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
    /// The times of the records that are left.
    fn times(&self) -> &[i64] {
        &times(&self.batch)[self.next..]
    }

    /// The earliest of them.
    fn time(&self) -> Timestamp {
        Timestamp(self.times()[0])
    }
}

/// Some rows of a batch, with buffers of their own: a slice would keep all of it in memory.
fn copied(batch: &RecordBatch, from: usize, to: usize) -> RecordBatch {
    let rows = UInt32Array::from_iter_values((from..to).map(|row| row as u32));
    take_record_batch(batch, &rows).expect("the rows are the batch's")
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
        order.push(u8::try_from(input).expect("binding allows fewer inputs"));
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
        (self.min_time, self.first, self.skip).cmp(&(other.min_time, other.first, other.skip))
    }
}
