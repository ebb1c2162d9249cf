//! The guest's half of an aggregate, as the windows see it.
//!
//! What one call is given or asked for is bounded in bytes, whatever the columns hold.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Int64Array, TimestampNanosecondArray};
use arrow_schema::DataType;
use dag_model::{Type, frame};

use crate::error::ComputeError;

/// Folds columns into numbered slots.
pub trait Fold {
    /// Folds row `i` of `columns` into slot `slots[i]`, in order.
    fn update(&mut self, slots: &[i64], times: &[i64], columns: &[ArrayRef]) -> Result<(), ComputeError>;
    /// Folds slot `from[i]` into slot `into[i]`, in order; what is in `into` comes first.
    fn combine(&mut self, into: &[i64], from: &[i64]) -> Result<(), ComputeError>;
    /// Like `update`; returns the result after each row, null where there is none.
    fn scan(&mut self, slots: &[i64], times: &[i64], columns: &[ArrayRef]) -> Result<ArrayRef, ComputeError>;
    /// The result of each slot, null where there is none.
    fn finish(&mut self, slots: &[i64]) -> Result<ArrayRef, ComputeError>;
    /// Forgets the slots.
    fn clear(&mut self, slots: &[i64]) -> Result<(), ComputeError>;
    /// What each slot holds, as a frame of the guest's own columns, one row each.
    fn state(&mut self, slots: &[i64]) -> Result<Vec<u8>, ComputeError>;
    /// Folds rows of what `state` gave into slots.
    fn merge(&mut self, slots: &[i64], states: &[ArrayRef]) -> Result<(), ComputeError>;
    /// How many results or states one call may be asked for.
    fn most(&self) -> usize;
}

/// The most results or states that one call is asked for.
const MOST: usize = 8_192;

/// The most that the first call is asked for: how large a result is shows only then.
const FIRST: usize = 256;

/// Slots to be combined, one pair after the other.
#[derive(Debug, Default)]
pub struct Pairs {
    into: Vec<i64>,
    from: Vec<i64>,
}

impl Pairs {
    /// The most that one call is given, but for what the last window takes.
    pub const MOST: usize = 32_768;

    /// `from` goes into `into`, after what is there.
    pub fn push(&mut self, into: i64, from: i64) {
        self.into.push(into);
        self.from.push(from);
    }

    /// Whether they are to be combined before there are more.
    pub fn is_full(&self) -> bool {
        self.into.len() >= Pairs::MOST
    }

    /// For how many more there is room.
    pub fn room(&self) -> usize {
        Pairs::MOST.saturating_sub(self.into.len())
    }

    /// All of them, and none are left.
    pub fn take(&mut self) -> (Vec<i64>, Vec<i64>) {
        (std::mem::take(&mut self.into), std::mem::take(&mut self.from))
    }
}

/// A fold by a component.
pub struct GuestFold {
    instance: dag_wasm::Aggregate,
    result: Type,
    /// How many bytes one call is given or expected to answer with, where that is more than one row.
    bytes: usize,
    /// Bytes of the widest row that the guest has been given, or of the average one that it has answered with: results and states
    /// are expected to be no wider.
    widest: usize,
    /// How many results or states it may be asked for; grows as long as the answers are small.
    most: usize,
}

impl GuestFold {
    /// A fold by `instance`, which has been bound, answers with results of type `result`, and is given or asked for so many bytes at
    /// once, where that is more than one row.
    pub fn new(instance: dag_wasm::Aggregate, result: Type, bytes: usize) -> GuestFold {
        GuestFold { instance, result, bytes, widest: 0, most: FIRST }
    }

    /// The bytes of memory that the guest has.
    pub fn memory(&self) -> u64 {
        self.instance.memory()
    }

    /// Where the guest's generator is.
    pub fn random_state(&self) -> u64 {
        self.instance.random_state()
    }

    /// Has it go on from there.
    pub fn go_on_from(&mut self, random_state: u64) {
        self.instance.go_on_from(random_state);
    }

    /// Remembers that `rows` rows took so many bytes.
    fn observe(&mut self, bytes: usize, rows: usize) {
        self.widest = self.widest.max(bytes / rows.max(1));
        self.most = (2 * self.most).min(MOST);
    }

    fn result(&mut self, bytes: Vec<u8>, rows: usize) -> Result<ArrayRef, ComputeError> {
        self.observe(bytes.len(), rows);
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
        let (rows, bytes) = (slots.len(), columns.iter().map(size).sum::<usize>());
        if rows > 1 && bytes > self.bytes {
            let half = |from: usize, rows: usize| -> Vec<ArrayRef> {
                columns.iter().map(|column| column.slice(from, rows)).collect()
            };
            let middle = rows / 2;
            self.update(&slots[..middle], &times[..middle], &half(0, middle))?;
            return self.update(&slots[middle..], &times[middle..], &half(middle, rows - middle));
        }
        self.widest = self.widest.max(columns.iter().map(widest).sum());
        Ok(self.instance.update(&rows_frame(slots, times, columns))?)
    }

    fn combine(&mut self, into: &[i64], from: &[i64]) -> Result<(), ComputeError> {
        Ok(self.instance.combine(&pair(into, from))?)
    }

    fn scan(&mut self, slots: &[i64], times: &[i64], columns: &[ArrayRef]) -> Result<ArrayRef, ComputeError> {
        self.widest = self.widest.max(columns.iter().map(widest).sum());
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
        let bytes = self.instance.state(&single(slots))?;
        self.observe(bytes.len(), slots.len());
        Ok(bytes)
    }

    fn merge(&mut self, slots: &[i64], states: &[ArrayRef]) -> Result<(), ComputeError> {
        self.widest = self.widest.max(states.iter().map(widest).sum());
        let slots: &dyn Array = &column(slots);
        let columns = std::iter::once(slots).chain(states.iter().map(AsRef::as_ref));
        Ok(self.instance.merge(&frame::encode(slots.len(), columns))?)
    }

    fn most(&self) -> usize {
        (self.bytes / (self.widest + 16)).clamp(1, self.most)
    }
}

/// About how many bytes a column takes in a frame.
fn size(column: &ArrayRef) -> usize {
    let values = match column.data_type() {
        DataType::Utf8 => text(column.as_string::<i32>().value_offsets()),
        DataType::Binary => text(column.as_binary::<i32>().value_offsets()),
        _ => 0,
    };
    values + 8 * column.len()
}

/// The bytes of the values between the first and the last of these offsets.
fn text(offsets: &[i32]) -> usize {
    (offsets[offsets.len() - 1] - offsets[0]) as usize
}

/// The bytes of a column's widest value.
fn widest(column: &ArrayRef) -> usize {
    let offsets = match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value_offsets(),
        DataType::Binary => column.as_binary::<i32>().value_offsets(),
        _ => return 8,
    };
    8 + offsets.windows(2).map(|pair| (pair[1] - pair[0]) as usize).max().unwrap_or(0)
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
