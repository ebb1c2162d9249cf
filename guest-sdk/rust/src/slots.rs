//! Slots of one fold each: the loops behind [`Fold`].

use crate::state::{check_columns, save_all};
use crate::{Accumulator, Cell, Column, ColumnRef, Element, Fold, Result, Timestamp, Values};

/// An accumulator that holds a fold per slot.
#[derive(Debug)]
pub(crate) struct Slots<F> {
    folds: Vec<F>,
}

impl<F> Default for Slots<F> {
    fn default() -> Slots<F> {
        Slots { folds: Vec::new() }
    }
}

impl<F: Fold> Slots<F> {
    /// Makes room for these slots.
    fn reach(&mut self, slots: &[u32]) {
        let needed = slots.iter().max().map_or(0, |slot| *slot as usize + 1);
        if needed > self.folds.len() {
            self.folds.resize_with(needed, F::default);
        }
    }

    /// What a slot holds, which is nothing if it was never seen.
    fn get(&self, slot: u32) -> Option<&F> {
        self.folds.get(slot as usize)
    }

    /// The column to fold. Where none is bound, only presence counts, and the times stand in: none of them is null.
    fn column<'a>(times: &'a [i64], columns: &[ColumnRef<'a>]) -> ColumnRef<'a> {
        let times = ColumnRef { len: times.len(), validity: None, values: Values::Timestamp(times) };
        columns.first().copied().unwrap_or(times)
    }
}

impl<F: Fold> Accumulator for Slots<F> {
    fn update(&mut self, slots: &[u32], times: &[i64], columns: &[ColumnRef<'_>]) -> Result {
        self.reach(slots);
        let folds = self.folds.as_mut_slice();
        let column = Self::column(times, columns);
        // One check here is one less per row.
        let (slots, times) = (&slots[..column.len], &times[..column.len]);
        F::Value::each(&column, |row, value| match value {
            Some(value) => folds[slots[row] as usize].update(value, Timestamp(times[row])),
            None => Ok(()),
        })
    }

    fn scan(&mut self, slots: &[u32], times: &[i64], columns: &[ColumnRef<'_>]) -> Result<Column> {
        self.reach(slots);
        let folds = self.folds.as_mut_slice();
        let mut results = Column::empty(F::Result::TYPE);
        F::Value::each(&Self::column(times, columns), |row, value| {
            let fold = &mut folds[slots[row] as usize];
            if let Some(value) = value {
                fold.update(value, Timestamp(times[row]))?;
            }
            results.push(fold.result().to_value());
            Ok(())
        })?;
        Ok(results)
    }

    fn combine(&mut self, into: &[u32], from: &[u32]) -> Result {
        self.reach(into);
        into.iter().zip(from).try_for_each(|(&into, &from)| match self.get(from).cloned() {
            Some(later) => self.folds[into as usize].combine(&later),
            None => Ok(()),
        })
    }

    fn state(&self, slots: &[u32]) -> Result<Vec<Column>> {
        let empty = F::default();
        Ok(save_all(slots.iter().map(|slot| self.get(*slot).unwrap_or(&empty))))
    }

    fn merge(&mut self, slots: &[u32], columns: &[ColumnRef<'_>]) -> Result {
        check_columns::<F>(columns)?;
        self.reach(slots);
        slots.iter().enumerate().try_for_each(|(row, slot)| self.folds[*slot as usize].combine(&F::load(columns, row)?))
    }

    fn finish(&self, slots: &[u32]) -> Result<Column> {
        let mut results = Column::empty(F::Result::TYPE);
        slots.iter().for_each(|slot| results.push(self.get(*slot).and_then(F::result).to_value()));
        Ok(results)
    }

    fn clear(&mut self, slots: &[u32]) {
        for slot in slots {
            if let Some(fold) = self.folds.get_mut(*slot as usize) {
                *fold = F::default();
            }
        }
    }
}
