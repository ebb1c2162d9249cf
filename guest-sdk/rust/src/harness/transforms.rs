//! Transforms in tests.

use super::chance::{Chance, restart};
use super::{Records, WAYS, owned};
use crate::component::{Emitted, Opening, TransformEntry, TransformInstance};
use crate::{AlignedBytes, Frame, Input, Order, Result, Timestamp, Transform};

/// What a transform makes of these inputs, each sealed. Inputs are called `a`, `b`, `c`, ... in expressions.
///
/// # Errors
/// What the operator refuses.
pub fn run<T: Transform>(arguments: &[(&str, &str)], inputs: &[Records]) -> Result<Records> {
    let mut run = Run::open::<T>(arguments, inputs)?;
    let merged = run.merged();
    run.process(&merged)?;
    run.advance(None)?;
    Ok(run.output)
}

/// Checks the contract on operators: other batches, additional calls of `advance`, and going on from a snapshot all give the
/// same output; and no record comes earlier than what was promised not to.
///
/// # Panics
/// If it does not hold, or the operator fails.
pub fn check_determinism<T: Transform>(arguments: &[(&str, &str)], inputs: &[Records]) {
    let expected = run::<T>(arguments, inputs).unwrap_or_else(|error| panic!("{}: {error}", T::ABOUT.name));
    for way in 0..WAYS {
        let found = one_way::<T>(arguments, inputs, Chance(way));
        let found = found.unwrap_or_else(|error| panic!("{}, way {way}: {error}", T::ABOUT.name));
        assert_eq!(found, expected, "{} in random batches, way {way}", T::ABOUT.name);
    }
}

/// One random way to cut the input, advance and restore.
fn one_way<T: Transform>(arguments: &[(&str, &str)], inputs: &[Records], mut chance: Chance) -> Result<Records> {
    let mut run = Run::open::<T>(arguments, inputs)?;
    let merged = run.merged();
    for cut in chance.cuts(merged.len()) {
        run.process(&merged[cut.clone()])?;
        if chance.once_in(2) {
            let following = merged[cut.end..].iter().map(|record| inputs[record.input].time(record.row)).min();
            let earlier = following.map(|Timestamp(time)| Timestamp(time.saturating_sub(chance.below(3) as i64)));
            // It never goes back, and `None` is for the end.
            run.advance(earlier.or(run.frontier).max(run.frontier))?;
        }
        if chance.once_in(3) {
            run.restore::<T>(arguments)?;
        }
    }
    run.advance(None)?;
    Ok(run.output)
}

/// A record of the merge.
#[derive(Clone, Copy)]
struct Record {
    input: usize,
    row: usize,
}

/// A transform at work on some inputs.
struct Run<'a> {
    inputs: &'a [Records],
    instance: TransformInstance,
    opening: Opening,
    output: Records,
    /// As `advance` takes it.
    frontier: Option<Timestamp>,
    /// Before this nothing more may be emitted, if the output is in time order.
    promised: Timestamp,
}

impl<'a> Run<'a> {
    fn open<T: Transform>(arguments: &[(&str, &str)], inputs: &'a [Records]) -> Result<Run<'a>> {
        restart();
        let (instance, opening) = open::<T>(arguments, inputs)?;
        let output = Records::of(opening.schema.clone());
        Ok(Run { inputs, instance, opening, output, frontier: Some(START), promised: START })
    }

    /// All records in the order in which the operator wants them.
    fn merged(&self) -> Vec<Record> {
        let rows = |(input, records): (usize, &Records)| (0..records.rows()).map(move |row| Record { input, row });
        let mut merged: Vec<_> = self.inputs.iter().enumerate().flat_map(rows).collect();
        if self.opening.order == Order::Time {
            merged.sort_by_key(|record| self.inputs[record.input].time(record.row));
        }
        merged
    }

    fn process(&mut self, records: &[Record]) -> Result {
        let rows = |input| records.iter().filter(move |record| record.input == input).map(|record| record.row as u32);
        let frame = |(input, records): (usize, &Records)| records.frame(&rows(input).collect::<Vec<_>>());
        let frames: Vec<_> = self.inputs.iter().enumerate().map(frame).collect();
        let order: Vec<_> = match self.inputs {
            [_] => Vec::new(),
            _ => records.iter().map(|record| record.input as u8).collect(),
        };
        let emitted = self.instance.process(&frames, &order)?;
        self.take(emitted)
    }

    fn advance(&mut self, frontier: Option<Timestamp>) -> Result {
        self.frontier = frontier;
        let emitted = self.instance.advance(frontier)?;
        self.take(emitted)
    }

    /// Goes on in a new instance from a snapshot of this one.
    fn restore<T: Transform>(&mut self, arguments: &[(&str, &str)]) -> Result {
        let chunks = self.instance.snapshot()?;
        (self.instance, _) = open::<T>(arguments, self.inputs)?;
        self.instance.restore(T::STATE_WRITTEN, &chunks)?;
        assert_eq!(self.instance.snapshot()?, chunks, "what was restored is what was saved");
        Ok(())
    }

    /// Takes output, and what there is more of it.
    fn take(&mut self, mut emitted: Emitted) -> Result {
        loop {
            let before = self.output.rows();
            let bytes = AlignedBytes::copy(&emitted.frame);
            self.output.append(&Frame::parse(&bytes).map_err(|error| error.to_string())?);
            self.check_order(before);
            if !emitted.more {
                self.check_hold(emitted.hold);
                return Ok(());
            }
            emitted = self.instance.advance(self.frontier)?;
        }
    }

    /// In time order, nothing goes back behind what was emitted or promised.
    fn check_order(&self, before: usize) {
        for row in before..self.output.rows() {
            let time = self.output.time(row);
            if self.opening.order == Order::Time {
                assert!(row == 0 || self.output.time(row - 1) <= time, "output is in time order");
                assert!(self.promised <= time, "{time:?} comes after {:?} was promised", self.promised);
            }
        }
    }

    /// What may still be emitted never goes back.
    fn check_hold(&mut self, hold: Option<Timestamp>) {
        let frontier = self.frontier.unwrap_or(Timestamp(i64::MAX));
        let promised = hold.map_or(frontier, |hold| hold.min(frontier));
        assert!(promised >= self.promised, "{promised:?} is still held though {:?} was promised", self.promised);
        self.promised = promised;
    }
}

/// The frontier that rules nothing out.
const START: Timestamp = Timestamp(i64::MIN);

fn open<T: Transform>(arguments: &[(&str, &str)], inputs: &[Records]) -> Result<(TransformInstance, Opening)> {
    let input = |(alias, records): (char, &Records)| Input { alias: alias.into(), schema: records.schema().clone() };
    let inputs: Vec<_> = ('a'..='z').zip(inputs).map(input).collect();
    TransformInstance::open(&[TransformEntry::new::<T>()], T::ABOUT.name, &owned(arguments), &inputs)
}
