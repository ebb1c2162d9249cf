//! A transform's guest, and what it has promised.

use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use dag_model::{Frontier, Timestamp, arrow_schema, frame, times};
use dag_wasm::Output;

use crate::computation::{Computation, Operator};
use crate::error::ComputeError;
use crate::snapshot::{Part, Transformed};

/// How many times in a row a guest may say that there is more: beyond, it will never stop.
const MORE: usize = 10_000;

/// How many of these times it may have returned nothing. All together, they may take as long as a single call.
const EMPTY: usize = 1_000;

/// A guest and what it has promised.
pub(crate) struct Guest {
    instance: dag_wasm::Transform,
    schema: SchemaRef,
    /// No output before this.
    promise: Frontier,
    /// Whether output must come in time order.
    ordered: bool,
    /// The greatest time that was emitted.
    last: Timestamp,
    /// The frontier that it knows.
    told: Frontier,
    more: More,
    /// How long a call may take.
    limit: Duration,
}

/// The calls in a row after which a guest said that there is more.
#[derive(Default)]
struct More {
    calls: usize,
    /// How many there were since it returned a record.
    empty: usize,
    /// How long these took.
    idle: Duration,
}

impl Guest {
    /// An instance that is opened, and goes on from the snapshot if there is one.
    pub fn new(computation: &Computation, aliases: &[String], ordered: bool) -> Result<Guest, ComputeError> {
        let Operator { component, name, arguments, options, .. } = &computation.operator;
        let snapshot = computation.resume.snapshot.as_deref();
        let saved = snapshot.and_then(|snapshot| snapshot.parts.iter().find_map(Part::transformed));
        let mut instance = component.transform(options.clone())?;
        let arguments: Vec<(&str, &str)> =
            arguments.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let inputs: Vec<_> = aliases.iter().map(String::as_str).zip(&computation.schemas).collect();
        instance.open(name, &arguments, &inputs)?;
        if let (Some(saved), Some(snapshot)) = (saved, snapshot) {
            instance.restore(snapshot.state, &saved.chunks).map_err(|error| ComputeError::in_restore(error.into()))?;
            instance.go_on_from(saved.random);
        }
        Ok(Guest {
            instance,
            schema: arrow_schema(&computation.schema),
            promise: saved.map_or(Frontier::START, |saved| saved.promise),
            ordered,
            last: saved.map_or(Timestamp::MIN, |saved| saved.last),
            told: saved.and(snapshot).map_or(Frontier::START, |snapshot| snapshot.frontier),
            more: More::default(),
            limit: options.limits.call,
        })
    }

    /// No output before this will follow.
    pub fn promise(&self) -> Frontier {
        self.promise
    }

    /// Whether it has said that there is more.
    pub fn has_more(&self) -> bool {
        self.more.calls > 0
    }

    /// Gives it records; returns what it emits.
    pub fn process(&mut self, batches: &[RecordBatch], order: &[u8]) -> Result<RecordBatch, ComputeError> {
        let frames: Vec<Vec<u8>> = batches.iter().map(frame::encode_batch).collect();
        let begun = Instant::now();
        let output = self.instance.process(&frames, order)?;
        self.take(output, None, begun.elapsed())
    }

    /// Asks for more under the frontier that it knows; returns what it emits.
    pub fn rest(&mut self) -> Result<RecordBatch, ComputeError> {
        self.advance(self.told)
    }

    /// Tells it the frontier; returns what it emits.
    pub fn advance(&mut self, frontier: Frontier) -> Result<RecordBatch, ComputeError> {
        self.told = frontier;
        let begun = Instant::now();
        let output = self.instance.advance(frontier)?;
        self.take(output, Some(frontier), begun.elapsed())
    }

    /// The bytes of memory that it has.
    pub fn memory(&self) -> u64 {
        self.instance.memory()
    }

    /// What it remembers.
    pub fn save(&mut self) -> Result<Transformed, ComputeError> {
        let chunks = self.instance.snapshot()?;
        Ok(Transformed { random: self.instance.random_state(), chunks, promise: self.promise, last: self.last })
    }

    /// Checks what the guest answers against what it has promised. Its promise moves when it was told a frontier.
    fn take(&mut self, output: Output, told: Option<Frontier>, took: Duration) -> Result<RecordBatch, ComputeError> {
        let batch = frame::decode_batch(output.frame, &self.schema)?;
        for time in times(&batch).iter().copied().map(Timestamp) {
            if self.promise.passed(time) {
                return Err(ComputeError::Order { time, frontier: self.promise });
            }
            if self.ordered && time < self.last {
                return Err(ComputeError::Order { time, frontier: Frontier::At(self.last) });
            }
            self.last = self.last.max(time);
        }
        match output.more {
            true => self.more.count(batch.num_rows(), took, self.limit)?,
            false => self.more = More::default(),
        }
        if let Some(frontier) = told
            && !output.more
        {
            if let Some(hold) = output.hold.filter(|hold| self.promise.passed(*hold)) {
                return Err(ComputeError::Hold { hold, promise: self.promise });
            }
            let hold = output.hold.map_or(frontier, |hold| frontier.min(Frontier::At(hold)));
            self.promise = self.promise.max(hold);
        }
        Ok(batch)
    }
}

impl More {
    /// One more call, which returned so many records and took so long.
    fn count(&mut self, records: usize, took: Duration, limit: Duration) -> Result<(), ComputeError> {
        self.calls += 1;
        (self.empty, self.idle) = if records == 0 { (self.empty + 1, self.idle + took) } else { (0, Duration::ZERO) };
        if self.empty > EMPTY || self.idle > limit {
            return Err(ComputeError::Idle { calls: self.empty });
        }
        if self.calls > MORE {
            return Err(ComputeError::More { calls: self.calls });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    /// How many such calls in a row it takes until that is an error.
    fn calls(records: usize, took: Duration) -> usize {
        let mut more = More::default();
        (1..).find(|_| more.count(records, took, LIMIT).is_err()).expect("all things end")
    }

    #[test]
    fn who_says_that_there_is_more_and_returns_nothing_is_ended_sooner_than_who_returns_records() {
        assert_eq!(calls(1, LIMIT), MORE + 1);
        assert_eq!(calls(0, Duration::ZERO), EMPTY + 1);
        assert_eq!(calls(0, LIMIT / 4), 5);
    }
}
