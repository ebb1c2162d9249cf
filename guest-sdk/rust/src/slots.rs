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
        self.reach(slots);
        let load = if check_columns::<F>(columns).is_ok() { F::load } else { F::load_earlier };
        slots.iter().enumerate().try_for_each(|(row, slot)| self.folds[*slot as usize].combine(&load(columns, row)?))
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

#[cfg(test)]
mod tests {
    use super::*;

    crate::state! {
        /// Since version 2 it counts.
        struct Mean { sum: f64, count: i64 }
    }

    impl Fold for Mean {
        type Value = f64;
        type Result = f64;
        const STATE_WRITTEN: u32 = 2;
        const STATE_READ: &'static [u32] = &[1, 2];

        fn load_earlier(columns: &[ColumnRef<'_>], row: usize) -> Result<Mean> {
            let [sum] = columns else { return Err("version 1 had one column".to_owned()) };
            let sum = f64::from_value(sum.value(row)).ok_or("saved state has no sum")?;
            Ok(Mean { sum, count: 1 })
        }

        fn update(&mut self, value: &f64, _: Timestamp) -> Result {
            self.combine(&Mean { sum: *value, count: 1 })
        }

        fn combine(&mut self, later: &Mean) -> Result {
            self.sum += later.sum;
            self.count += later.count;
            Ok(())
        }

        fn result(&self) -> Option<f64> {
            (self.count > 0).then(|| self.sum / self.count as f64)
        }
    }

    #[test]
    fn a_state_is_merged_whichever_of_the_versions_wrote_it_that_are_read() {
        let mut slots = Slots::<Mean>::default();
        let (sum, count) = (Column::float64([Some(6.0)]), Column::int64([Some(2)]));
        assert_eq!(slots.merge(&[0], &[sum.view(), count.view()]), Ok(()));
        assert_eq!(slots.merge(&[1], &[sum.view()]), Ok(()));
        assert_eq!(slots.finish(&[0, 1]), Ok(Column::float64([Some(3.0), Some(6.0)])));
        assert_eq!(slots.merge(&[2], &[]), Err("version 1 had one column".to_owned()));
    }
}
