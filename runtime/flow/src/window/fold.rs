//! The guest's half of an aggregate, as the windows see it.

use arrow_array::{Array, ArrayRef, Int64Array, TimestampNanosecondArray};
use dag_model::{Type, frame};

use crate::error::ComputeError;

/// Folds columns into numbered slots.
pub trait Fold {
    /// Folds row `i` of `columns` into slot `slots[i]`, in order.
    fn update(&mut self, slots: &[i64], times: &[i64], columns: &[ArrayRef]) -> Result<(), ComputeError>;
    /// Folds slot `from[i]` into slot `into[i]`, in order; what is in `into` comes first.
    fn combine(&mut self, into: &[i64], from: &[i64]) -> Result<(), ComputeError>;
    /// Like `update`; answers the result after each row, null where there is none.
    fn scan(&mut self, slots: &[i64], times: &[i64], columns: &[ArrayRef]) -> Result<ArrayRef, ComputeError>;
    /// The result of each slot, null where there is none.
    fn finish(&mut self, slots: &[i64]) -> Result<ArrayRef, ComputeError>;
    /// Forgets the slots.
    fn clear(&mut self, slots: &[i64]) -> Result<(), ComputeError>;
    /// What each slot holds, as a frame of the guest's own columns, one row each.
    fn state(&mut self, slots: &[i64]) -> Result<Vec<u8>, ComputeError>;
    /// Folds rows of what `state` gave into slots.
    fn merge(&mut self, slots: &[i64], states: &[ArrayRef]) -> Result<(), ComputeError>;
}

/// A fold by a component.
pub struct GuestFold {
    instance: dag_wasm::Aggregate,
    result: Type,
}

impl GuestFold {
    /// A fold by `instance`, which has been bound and answers with results of type `result`.
    pub fn new(instance: dag_wasm::Aggregate, result: Type) -> GuestFold {
        GuestFold { instance, result }
    }

    /// Where the guest's generator is.
    pub fn random_state(&self) -> u64 {
        self.instance.random_state()
    }

    fn result(&self, bytes: Vec<u8>, rows: usize) -> Result<ArrayRef, ComputeError> {
        let mut columns = frame::decode(bytes, &[self.result])?;
        let column = columns.pop().expect("decode answers as many columns as it was given types");
        if column.len() != rows {
            return Err(ComputeError::Rows { expected: rows, found: column.len() });
        }
        Ok(column)
    }
}

fn column(numbers: &[i64]) -> Int64Array {
    Int64Array::from(numbers.to_vec())
}

fn single(slots: &[i64]) -> Vec<u8> {
    frame::encode(slots.len(), [&column(slots) as &dyn Array])
}

fn pair(into: &[i64], from: &[i64]) -> Vec<u8> {
    frame::encode(into.len(), [&column(into) as &dyn Array, &column(from)])
}

fn rows_frame(slots: &[i64], times: &[i64], columns: &[ArrayRef]) -> Vec<u8> {
    let (slots, times) = (column(slots), TimestampNanosecondArray::from(times.to_vec()).with_timezone("UTC"));
    let leading: [&dyn Array; 2] = [&slots, &times];
    frame::encode(slots.len(), leading.into_iter().chain(columns.iter().map(AsRef::as_ref)))
}

impl Fold for GuestFold {
    fn update(&mut self, slots: &[i64], times: &[i64], columns: &[ArrayRef]) -> Result<(), ComputeError> {
        Ok(self.instance.update(&rows_frame(slots, times, columns))?)
    }

    fn combine(&mut self, into: &[i64], from: &[i64]) -> Result<(), ComputeError> {
        Ok(self.instance.combine(&pair(into, from))?)
    }

    fn scan(&mut self, slots: &[i64], times: &[i64], columns: &[ArrayRef]) -> Result<ArrayRef, ComputeError> {
        let bytes = self.instance.scan(&rows_frame(slots, times, columns))?;
        self.result(bytes, slots.len())
    }

    fn finish(&mut self, slots: &[i64]) -> Result<ArrayRef, ComputeError> {
        let bytes = self.instance.finish(&single(slots))?;
        self.result(bytes, slots.len())
    }

    fn clear(&mut self, slots: &[i64]) -> Result<(), ComputeError> {
        Ok(self.instance.clear(&single(slots))?)
    }

    fn state(&mut self, slots: &[i64]) -> Result<Vec<u8>, ComputeError> {
        Ok(self.instance.state(&single(slots))?)
    }

    fn merge(&mut self, slots: &[i64], states: &[ArrayRef]) -> Result<(), ComputeError> {
        let slots = column(slots);
        let leading: [&dyn Array; 1] = [&slots];
        let columns = leading.into_iter().chain(states.iter().map(AsRef::as_ref));
        Ok(self.instance.merge(&frame::encode(slots.len(), columns))?)
    }
}

/// Hands out slot numbers, the lowest that are free first.
#[derive(Default)]
pub struct Slots {
    next: i64,
    free: Vec<i64>,
}

impl Slots {
    /// A slot that nobody uses.
    pub fn take(&mut self) -> i64 {
        self.free.pop().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        })
    }

    /// Gives slots back, which must have been cleared.
    pub fn give(&mut self, slots: &[i64]) {
        self.free.extend_from_slice(slots);
    }
}
