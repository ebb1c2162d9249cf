//! Running windows: a result after every record, over all records of its key so far.

use arrow_array::RecordBatch;
use dag_model::Frontier;

use super::fold::{Fold, Slots};
use super::keys::Keys;
use super::{Open, Results, Rows, Step, Windows};
use crate::error::ComputeError;
use crate::output::Shape;

/// The state of running windows: a slot for every key, for ever.
pub struct Running {
    /// By key.
    slots: Vec<Option<i64>>,
    numbers: Slots,
    shape: Shape,
}

impl Running {
    /// No records yet.
    pub fn new(shape: Shape) -> Running {
        Running { slots: Vec::new(), numbers: Slots::default(), shape }
    }
}

impl Windows for Running {
    fn insert(
        &mut self,
        rows: Rows<'_>,
        keys: &mut Keys,
        fold: &mut dyn Fold,
    ) -> Result<Option<RecordBatch>, ComputeError> {
        if rows.times.is_empty() {
            return Ok(None);
        }
        self.slots.resize(keys.bound().max(self.slots.len()), None);
        let slot_of = |key: &u32| {
            *self.slots[*key as usize].get_or_insert_with(|| {
                keys.retain(*key);
                self.numbers.take()
            })
        };
        let slots: Vec<i64> = rows.keys.iter().map(slot_of).collect();
        let values = fold.scan(&slots, rows.times, rows.columns)?;
        let results = Results { times: rows.times.to_vec(), keys: rows.keys.to_vec(), bounds: None };
        let columns = keys.columns(rows.keys)?;
        Ok(Some(self.shape.batch(results, columns, values)?))
    }

    fn close(&mut self, _: Frontier, _: &mut Keys, _: &mut dyn Fold) -> Result<Step, ComputeError> {
        Ok(Step { results: None, more: false })
    }

    fn open(&self) -> Vec<Open> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(key, slot)| Some(Open { key: key as u32, start: 0, last: 0, slot: (*slot)? })).collect()
    }

    fn reopen(&mut self, open: &[(u32, i64, i64)], _: Frontier, keys: &mut Keys) -> Vec<i64> {
        self.slots.resize(keys.bound().max(self.slots.len()), None);
        let reopened = open.iter().map(|(key, ..)| {
            keys.retain(*key);
            *self.slots[*key as usize].insert(self.numbers.take())
        });
        reopened.collect()
    }

    fn hold(&self, frontier: Frontier) -> Frontier {
        frontier
    }

    fn bytes(&self) -> usize {
        self.slots.len() * size_of::<Option<i64>>()
    }
}
