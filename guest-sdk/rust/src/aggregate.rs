//! The `aggregate` world: anything that folds.
//!
//! The host owns keys, windows, panes and lateness; an operator folds columns into numbered slots. Most operators are a
//! [`Fold`]: what one slot holds and how it takes one value. [`Aggregate`] is for those that choose by the column's type,
//! and [`Accumulator`] for those that work on whole columns.

use crate::slots::Slots;
use crate::state::check_columns;
use crate::{Arguments, Cell, Column, ColumnRef, Element, Lookback, Of, Operator, Present, Result, Schema, State};
use crate::{Timestamp, Type, find_column};

/// An aggregate: chooses, by its arguments and the input's columns, what folds.
pub trait Aggregate: Operator {
    /// What it takes besides its input; the window's parameters belong to the host.
    type Arguments: Arguments;
    /// The version of the state that it writes.
    const STATE_WRITTEN: u32 = 1;
    /// The versions of the state that it reads.
    const STATE_READ: &'static [u32] = &[1];

    /// Chooses.
    ///
    /// # Errors
    /// If the input has not the columns that the arguments ask for, or not of a type that it folds.
    fn bind(arguments: Self::Arguments, input: &Schema) -> Result<Bound>;
}

/// What one slot holds, and how it takes one value after another. Nulls do not get here.
///
/// With [`Operator`] it is an [`Aggregate`] that takes `of=`.
///
/// Whoever changes the state's columns says so by its version, so that a computation that runs the operator's earlier version keeps what it
/// remembers when it moves to this one. Without [`load_earlier`](Fold::load_earlier) the earlier version is left out of
/// `STATE_READ`, and such a computation computes its state again, from input that is still kept:
///
/// ```
/// use dag_guest::{Cell, ColumnRef, Fold, Result, Timestamp};
///
/// dag_guest::state! {
///     /// The sum, and since version 2 the number of values.
///     struct Mean { sum: f64, count: i64 }
/// }
///
/// impl Fold for Mean {
///     type Value = f64;
///     type Result = f64;
///     const STATE_WRITTEN: u32 = 2;
///     const STATE_READ: &'static [u32] = &[1, 2];
///
///     fn load_earlier(columns: &[ColumnRef<'_>], row: usize) -> Result<Mean> {
///         let sum = columns.first().and_then(|sum| f64::from_value(sum.value(row)));
///         Ok(Mean { sum: sum.ok_or("saved state has no sum")?, count: 1 })
///     }
/// #   fn update(&mut self, _: &f64, _: Timestamp) -> Result { Ok(()) }
/// #   fn combine(&mut self, _: &Mean) -> Result { Ok(()) }
/// #   fn result(&self) -> Option<f64> { Some(self.sum / self.count as f64) }
///     // update, combine and result
/// }
/// ```
pub trait Fold: State {
    /// What it takes: `f64` (any number), `i64`, `bool`, [`Timestamp`], `str`, `[u8]`, or [`Present`].
    type Value: Element + ?Sized;
    /// The result's type.
    type Result: Cell;
    /// The version of the state that it writes.
    const STATE_WRITTEN: u32 = 1;
    /// The versions of the state that it reads.
    const STATE_READ: &'static [u32] = &[1];

    /// Reads a row of a state whose columns are not [`State::columns`], for an earlier version wrote them.
    ///
    /// # Errors
    /// If no version in `STATE_READ` wrote such columns.
    fn load_earlier(columns: &[ColumnRef<'_>], row: usize) -> Result<Self> {
        check_columns::<Self>(columns)?;
        Self::load(columns, row)
    }

    /// Takes the next value, of a record with the event time `at`.
    ///
    /// # Errors
    /// Stop the computation: only for what the user must know, such as an overflow.
    fn update(&mut self, value: &Self::Value, at: Timestamp) -> Result;

    /// Takes what a slot holds whose values come after this one's.
    ///
    /// # Errors
    /// As [`update`](Fold::update).
    fn combine(&mut self, later: &Self) -> Result;

    /// The result so far; none where there is none.
    fn result(&self) -> Option<Self::Result>;
}

impl<F: Fold + Operator> Aggregate for F {
    type Arguments = Of;
    const STATE_WRITTEN: u32 = <F as Fold>::STATE_WRITTEN;
    const STATE_READ: &'static [u32] = <F as Fold>::STATE_READ;

    fn bind(Of { of }: Of, input: &Schema) -> Result<Bound> {
        Bound::fold::<F>(input, &of.0)
    }
}

/// A bound aggregate.
pub struct Bound {
    /// The type of the result.
    pub result: Type,
    /// The input's columns that the accumulator wants, by index in its schema.
    pub columns: Vec<usize>,
    /// Besides the window, which the host adds.
    pub lookback: Lookback,
    /// What folds.
    pub accumulator: Box<dyn Accumulator>,
}

impl Bound {
    /// Folds the column of that name.
    ///
    /// # Errors
    /// If there is no such column, or `F` does not take its type.
    pub fn fold<F: Fold>(input: &Schema, column: &str) -> Result<Bound> {
        let index = find_column(input, column)
            .map_err(|error| format!("{error}; name the column to fold with of=, such as of={}", example(input)))?;
        let ty = input.fields[index].ty;
        if !F::Value::accepts(ty) {
            return Err(format!("column `{column}` is {ty}, expected {}", F::Value::NAME));
        }
        Ok(Bound { columns: vec![index], ..Bound::rows_of::<F>() })
    }

    /// Folds whole records, whatever they hold.
    pub fn rows<F: Fold<Value = Present>>() -> Bound {
        Bound::rows_of::<F>()
    }

    fn rows_of<F: Fold>() -> Bound {
        Bound {
            result: F::Result::TYPE,
            columns: Vec::new(),
            lookback: Lookback::None,
            accumulator: Box::new(Slots::<F>::default()),
        }
    }
}

/// A column that could be meant.
fn example(input: &Schema) -> &str {
    let numeric = input.fields.iter().find(|field| field.ty.is_numeric());
    numeric.or(input.fields.first()).map_or("COLUMN", |field| &field.name)
}

/// Folds columns into numbered slots. Slots are small numbers that the host chooses; one that was never seen, or was
/// cleared, is empty.
///
/// Rows come in log order. Splitting the same rows into other batches must not change any result.
pub trait Accumulator {
    /// Folds rows into slots: row by row the slot, the event time and the bound columns.
    ///
    /// # Errors
    /// As [`Fold::update`], and so for the others.
    fn update(&mut self, slots: &[u32], times: &[i64], columns: &[ColumnRef<'_>]) -> Result;

    /// Like [`update`](Accumulator::update), and returns each row's result after it.
    ///
    /// # Errors
    /// As above.
    fn scan(&mut self, slots: &[u32], times: &[i64], columns: &[ColumnRef<'_>]) -> Result<Column>;

    /// Folds slot `from` into slot `into`, row by row, and leaves `from` as it is.
    ///
    /// # Errors
    /// As above.
    fn combine(&mut self, into: &[u32], from: &[u32]) -> Result;

    /// The state of these slots, as columns of the accumulator's choice with one row per slot.
    ///
    /// # Errors
    /// As above.
    fn state(&self, slots: &[u32]) -> Result<Vec<Column>>;

    /// Folds saved states into slots.
    ///
    /// # Errors
    /// If the columns are not what [`state`](Accumulator::state) writes.
    fn merge(&mut self, slots: &[u32], columns: &[ColumnRef<'_>]) -> Result;

    /// The results of these slots, which it does not consume; null where there is none.
    ///
    /// # Errors
    /// As above.
    fn finish(&self, slots: &[u32]) -> Result<Column>;

    /// Forgets these slots.
    fn clear(&mut self, slots: &[u32]);
}
