//! Borrowed values of columns: what a fold takes, one after the other, in loops made for the column's type.

use std::cmp::Ordering;

use crate::cell::{Cell, canonical};
use crate::{ColumnRef, Result, Timestamp, Type, Values};

/// A type of value that a [`Fold`](crate::Fold) takes.
pub trait Element {
    /// What people call it in errors: `a number`.
    const NAME: &'static str;

    /// Whether columns of that type hold such values.
    fn accepts(ty: Type) -> bool;

    /// Calls `row` with each index and value of the column in order; a null is none.
    ///
    /// # Errors
    /// The first that `row` returns.
    ///
    /// # Panics
    /// If the column's type is not one that [`accepts`](Element::accepts).
    fn each(column: &ColumnRef<'_>, row: impl FnMut(usize, Option<&Self>) -> Result) -> Result;
}

/// A cell whose columns' elements can be kept and compared: every type of column has one.
pub trait Ordered: Cell {
    /// The borrowed form.
    type Borrowed: Element + ?Sized;

    /// A copy to keep.
    fn keep(element: &Self::Borrowed) -> Self;

    /// The kept value as an element.
    fn element(&self) -> &Self::Borrowed;

    /// The order of values: numbers by size with NaN after all others and -0 before 0, false before true, text and binary by
    /// bytes.
    fn order(a: &Self::Borrowed, b: &Self::Borrowed) -> Ordering;
}

/// That a value is there, whatever it is; without a column, that a record is.
#[derive(Clone, Copy, Debug)]
pub struct Present;

/// Calls `row` for `len` rows; `value` is asked only where there is one.
#[inline]
fn each_valid<T, U: ?Sized>(
    column: &ColumnRef<'_>,
    value: impl Fn(usize) -> T,
    borrow: impl Fn(&T) -> &U,
    mut row: impl FnMut(usize, Option<&U>) -> Result,
) -> Result {
    match column.validity {
        None => (0..column.len).try_for_each(|index| row(index, Some(borrow(&value(index))))),
        Some(bits) => (0..column.len).try_for_each(|index| match bits.get(index) {
            true => row(index, Some(borrow(&value(index)))),
            false => row(index, None),
        }),
    }
}

/// A bug: the host or the binding let a column through that the fold does not take.
#[cold]
fn refused(column: &ColumnRef<'_>, expected: &str) -> ! {
    panic!("a column of {} was bound where {expected} was asked for", column.ty())
}

impl Element for Present {
    const NAME: &'static str = "any value";

    fn accepts(_: Type) -> bool {
        true
    }

    #[inline]
    fn each(column: &ColumnRef<'_>, row: impl FnMut(usize, Option<&Present>) -> Result) -> Result {
        each_valid(column, |_| Present, |present| present, row)
    }
}

/// Integers are taken as the nearest double.
impl Element for f64 {
    const NAME: &'static str = "a number";

    fn accepts(ty: Type) -> bool {
        ty.is_numeric()
    }

    #[inline]
    fn each(column: &ColumnRef<'_>, row: impl FnMut(usize, Option<&f64>) -> Result) -> Result {
        match column.values {
            Values::Float64(values) => {
                let values = &values[..column.len];
                each_valid(column, |index| values[index], |value| value, row)
            }
            Values::Int64(values) => {
                let values = &values[..column.len];
                each_valid(column, |index| values[index] as f64, |value| value, row)
            }
            _ => refused(column, Self::NAME),
        }
    }
}

/// Implements [`Element`] for a type whose values are those of one type of column.
macro_rules! elements {
    ($($rust:ty, $name:literal = $ty:ident, |$values:ident, $index:ident| $value:expr, |$held:ident| $borrow:expr;)*) => {$(
        impl Element for $rust {
            const NAME: &'static str = $name;

            fn accepts(ty: Type) -> bool {
                ty == Type::$ty
            }

            #[inline]
            fn each(column: &ColumnRef<'_>, row: impl FnMut(usize, Option<&$rust>) -> Result) -> Result {
                let Values::$ty($values) = column.values else { refused(column, Self::NAME) };
                each_valid(column, |$index| $value, |$held| $borrow, row)
            }
        }
    )*};
}

elements! {
    bool, "a boolean" = Boolean, |values, index| values.get(index), |held| held;
    i64, "an integer" = Int64, |values, index| values[index], |held| held;
    Timestamp, "a timestamp" = Timestamp, |values, index| Timestamp(values[index]), |held| held;
    str, "text" = Utf8, |values, index| text(values.get(index)), |held| held;
    [u8], "binary" = Binary, |values, index| values.get(index), |held| held;
}

/// Text of a column, whose frame has been checked.
#[inline]
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text is UTF-8")
}

/// Implements [`Ordered`].
macro_rules! ordered {
    ($($owned:ty, $borrowed:ty, |$element:ident| $keep:expr, |$a:ident, $b:ident| $order:expr;)*) => {$(
        impl Ordered for $owned {
            type Borrowed = $borrowed;

            #[inline]
            fn keep($element: &$borrowed) -> $owned {
                $keep
            }

            #[inline]
            fn element(&self) -> &$borrowed {
                self
            }

            #[inline]
            fn order($a: &$borrowed, $b: &$borrowed) -> Ordering {
                $order
            }
        }
    )*};
}

ordered! {
    bool, bool, |element| *element, |a, b| a.cmp(b);
    i64, i64, |element| *element, |a, b| a.cmp(b);
    f64, f64, |element| *element, |a, b| canonical(*a).total_cmp(&canonical(*b));
    Timestamp, Timestamp, |element| *element, |a, b| a.cmp(b);
    String, str, |element| element.to_owned(), |a, b| a.cmp(b);
    Vec<u8>, [u8], |element| element.to_vec(), |a, b| a.cmp(b);
}
