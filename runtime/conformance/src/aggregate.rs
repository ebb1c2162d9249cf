//! Runs an aggregate on a case: each key is a slot.

use std::slice;

use dag_frame::{Column, Type, encode};
use dag_wasm::{Aggregate, Component};

use crate::case::{Case, Emitted, Outcome, SLOTS, batches, columns_of, lines, shown};
use crate::subject::Subject;

/// What an aggregate makes of each key's records: its result, what combining two parts of them gives, and what is left after clearing.
///
/// In one piece a slot is folded by `update`. In pieces some batches are folded by `scan`, and states are saved and merged into a new instance: all of that
/// has to give the same bits. What combining gives depends on the place where it was cut, as doubles do; so that is the same in both, behind the first half of the records.
pub fn run(component: &Component, subject: &Subject, case: &Case) -> Result<Emitted, Outcome> {
    let order: Vec<_> = (0..case.records.len()).collect();
    let shards: Vec<Vec<usize>> = match case.split {
        false => vec![order],
        true => (0..2)
            .map(|shard| order.iter().copied().filter(|index| case.records[*index].key % 2 == shard).collect())
            .collect(),
    };
    let mut results = vec![String::new(); 2 * SLOTS as usize];
    for (shard, order) in (0..).zip(&shards) {
        let slots = Run::new(component, subject, case)?.shard(order)?;
        for slot in 0..results.len() {
            if shards.len() == 1 || slot as u64 % SLOTS % 2 == shard {
                results[slot] = slots[slot].clone();
            }
        }
    }
    Ok(Emitted(results))
}

/// An aggregate at work.
struct Run<'a> {
    component: &'a Component,
    subject: &'a Subject,
    case: &'a Case,
    instance: Aggregate,
    beside: Option<Aggregate>,
    result: Type,
    columns: &'a [usize],
}

impl<'a> Run<'a> {
    fn new(component: &'a Component, subject: &'a Subject, case: &'a Case) -> Result<Run<'a>, Outcome> {
        let (result, columns) = subject.binding.as_ref().expect("it was bound");
        let instance = bind(component, subject)?;
        let beside = case.beside.then(|| bind(component, subject)).transpose()?;
        Ok(Run { component, subject, case, instance, beside, result: *result, columns })
    }

    /// The results of all slots, then those of the slots into which halves were combined.
    fn shard(mut self, order: &[usize]) -> Result<Vec<String>, Outcome> {
        for (number, (batch, behind)) in batches(self.case, order).into_iter().enumerate() {
            let frame = self.frame(&batch, 0);
            // Every other batch is a running window's.
            if behind.is_some() && number % 2 == 1 {
                self.scan(&batch, &frame)?;
            } else {
                self.instance.update(&frame)?;
            }
            if let Some(beside) = &mut self.beside {
                beside.update(&frame)?;
            }
            if behind.is_some_and(|index| self.case.records[index].restores) {
                self.restore()?;
            }
        }
        let mut results = self.finish(0..SLOTS)?;
        let half = self.case.records.len() / 2;
        let half = order.partition_point(|index| *index < half);
        self.instance.update(&self.frame(&order[..half], SLOTS))?;
        self.instance.update(&self.frame(&order[half..], 2 * SLOTS))?;
        let untouched = self.finish(2 * SLOTS..3 * SLOTS)?;
        self.instance.combine(&slots_frame(&[SLOTS..2 * SLOTS, 2 * SLOTS..3 * SLOTS]))?;
        if self.finish(2 * SLOTS..3 * SLOTS)? != untouched {
            return Err(Outcome::Broken("combining changes the slot that is combined from".to_owned()));
        }
        results.extend(self.finish(SLOTS..2 * SLOTS)?);
        self.instance.clear(&slots_frame(slice::from_ref(&(0..SLOTS))))?;
        if self.finish(0..SLOTS)? != self.finish(9 * SLOTS..10 * SLOTS)? {
            return Err(Outcome::Broken("a slot that was cleared has another result than an empty one".to_owned()));
        }
        Ok(results)
    }

    /// Folds a batch as a running window does: the last result of a slot is what its window would have.
    fn scan(&mut self, batch: &[usize], frame: &[u8]) -> Result<(), Outcome> {
        let columns = columns_of(&self.instance.scan(frame)?)?;
        let [results] = self.checked(columns, batch.len())?;
        let finished = self.finish(0..SLOTS)?;
        for slot in 0..SLOTS {
            let last = batch.iter().rposition(|index| self.case.records[*index].key == slot);
            let Some(last) = last.map(|row| shown(&results.view().value(row))) else { continue };
            let window = finished[slot as usize].clone();
            if last != window {
                return Err(Outcome::Broken(format!(
                    "as a running window it gives {last} at last, in one window {window}"
                )));
            }
        }
        Ok(())
    }

    /// Goes on in a new instance from the states of this one.
    fn restore(&mut self) -> Result<(), Outcome> {
        let slots = slots_frame(slice::from_ref(&(0..SLOTS)));
        let states = columns_of(&self.instance.state(&slots)?)?;
        if states.iter().any(|column| column.len != SLOTS as usize) {
            return Err(Outcome::Broken("it saves another number of states than it was asked for".to_owned()));
        }
        let random = self.instance.random_state();
        self.instance = bind(self.component, self.subject)?;
        let slot = Column::int64((0..SLOTS).map(|slot| Some(slot as i64)));
        let columns: Vec<_> = std::iter::once(&slot).chain(&states).map(Column::view).collect();
        self.instance.merge(&encode(SLOTS as usize, &columns))?;
        self.instance.go_on_from(random);
        Ok(())
    }

    fn finish(&mut self, slots: std::ops::Range<u64>) -> Result<Vec<String>, Outcome> {
        let count = (slots.end - slots.start) as usize;
        let columns = columns_of(&self.instance.finish(&slots_frame(&[slots]))?)?;
        Ok(lines(&self.checked(columns, count)?).collect())
    }

    /// One column of results.
    fn checked(&self, columns: Vec<Column>, rows: usize) -> Result<[Column; 1], Outcome> {
        match <[Column; 1]>::try_from(columns) {
            Ok(results) if results[0].ty() == self.result && results[0].len == rows => Ok(results),
            _ => {
                Err(Outcome::Broken(format!("its results are not one column of {rows} values of type {}", self.result)))
            }
        }
    }

    /// Slots, times and the columns that were bound.
    fn frame(&self, batch: &[usize], first: u64) -> Vec<u8> {
        let records = || batch.iter().map(|index| &self.case.records[*index]);
        let slots = Column::int64(records().map(|record| Some((first + record.key) as i64)));
        let times = Column::timestamp(records().map(|record| Some(record.time)));
        let bound = self.columns.iter().map(|column| {
            let values: Vec<_> = records().map(|record| self.subject.value(record, *column)).collect();
            let ty = self.subject.inputs[0].fields[*column].ty;
            Column::concat(ty, &values.iter().map(Column::view).collect::<Vec<_>>())
        });
        let columns: Vec<_> = [slots, times].into_iter().chain(bound).collect();
        encode(batch.len(), &columns.iter().map(Column::view).collect::<Vec<_>>())
    }
}

/// A frame of columns of slots.
fn slots_frame(columns: &[std::ops::Range<u64>]) -> Vec<u8> {
    let rows = (columns[0].end - columns[0].start) as usize;
    let columns: Vec<_> =
        columns.iter().map(|slots| Column::int64(slots.clone().map(|slot| Some(slot as i64)))).collect();
    encode(rows, &columns.iter().map(Column::view).collect::<Vec<_>>())
}

fn bind(component: &Component, subject: &Subject) -> Result<Aggregate, Outcome> {
    let mut instance = component.aggregate(subject.options())?;
    instance.bind(&subject.operator, &subject.arguments(), &subject.inputs[0])?;
    Ok(instance)
}
