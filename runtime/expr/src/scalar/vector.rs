//! The values of a part of an expression while it is computed.

use dag_frame::{Column, ColumnRef, Type, VarLen, bitmap};

/// A column, or one value that stands for every row.
pub(crate) struct Vector<'a> {
    held: Held<'a>,
    /// Whether its one value stands for every row.
    constant: bool,
}

enum Held<'a> {
    Borrowed(ColumnRef<'a>),
    Owned(Column),
}

/// Fixed-size values to loop over.
#[derive(Clone, Copy)]
pub(crate) enum Operand<'v, T> {
    One(T),
    Many(&'v [T]),
}

impl<'a> Vector<'a> {
    pub fn borrowed(column: ColumnRef<'a>) -> Vector<'a> {
        Vector { held: Held::Borrowed(column), constant: false }
    }

    pub fn owned(column: Column) -> Vector<'a> {
        Vector { held: Held::Owned(column), constant: false }
    }

    /// What was computed from `operands` alone: constant if they all are.
    pub fn computed(column: Column, operands: &[&Vector]) -> Vector<'a> {
        Vector { held: Held::Owned(column), constant: operands.iter().all(|operand| operand.constant) }
    }

    /// `column` has one value.
    pub fn constant(column: Column) -> Vector<'a> {
        Vector { held: Held::Owned(column), constant: true }
    }

    pub fn is_constant(&self) -> bool {
        self.constant
    }

    pub fn view(&self) -> ColumnRef<'_> {
        match &self.held {
            Held::Borrowed(column) => *column,
            Held::Owned(column) => column.view(),
        }
    }

    pub fn ty(&self) -> Type {
        self.view().ty()
    }

    /// Where row `row` has its value.
    pub fn index(&self, row: usize) -> usize {
        if self.constant { 0 } else { row }
    }

    /// A value for each row, without a validity bitmap if none is null.
    pub fn into_column(self, rows: usize) -> Column {
        let mut column = match self.held {
            _ if self.constant => self.view().take(&vec![0; rows]),
            Held::Borrowed(column) => column.to_column(),
            Held::Owned(column) => column,
        };
        if column.view().null_count() == 0 {
            column.validity = None;
        }
        column
    }

    /// The values of these rows.
    pub fn take(&self, rows: &[u32]) -> Vector<'static> {
        if self.constant { Vector::constant(self.view().to_column()) } else { Vector::owned(self.view().take(rows)) }
    }

    /// # Panics
    /// If the values are neither integers nor times.
    pub fn i64s(&self) -> Operand<'_, i64> {
        let view = self.view();
        self.operand(view.as_i64().or(view.as_timestamp()).expect("integers or times"))
    }

    /// # Panics
    /// If the values are no doubles.
    pub fn f64s(&self) -> Operand<'_, f64> {
        self.operand(self.view().as_f64().expect("doubles"))
    }

    fn operand<'v, T: Copy>(&self, values: &'v [T]) -> Operand<'v, T> {
        if self.constant { Operand::One(values[0]) } else { Operand::Many(values) }
    }

    /// # Panics
    /// If the values are neither text nor binary.
    pub fn bytes(&self) -> Bytes<'_> {
        Bytes { values: self.view().as_bytes().expect("text or bytes"), constant: self.constant }
    }
}

/// Text or binary values to loop over.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'v> {
    values: VarLen<'v>,
    constant: bool,
}

impl<'v> Bytes<'v> {
    pub fn get(self, row: usize) -> &'v [u8] {
        self.values.get(if self.constant { 0 } else { row })
    }
}

/// How many values come of these operands: one if all are constant.
pub(crate) fn len(rows: usize, operands: &[&Vector]) -> usize {
    if operands.iter().all(|operand| operand.constant) { 1 } else { rows }
}

/// Which of `len` rows have all these operands.
pub(crate) fn validity(len: usize, operands: &[&Vector]) -> Option<Vec<u8>> {
    let mut validity: Option<Vec<u8>> = None;
    for operand in operands {
        let Some(bits) = operand.view().validity else { continue };
        if operand.constant && !bits.get(0) {
            return Some(vec![0; len.div_ceil(8)]);
        }
        if operand.constant {
            continue;
        }
        let own = validity.get_or_insert_with(|| bitmap::ones(len));
        own.iter_mut().zip(bits.bytes).for_each(|(own, other)| *own &= other);
    }
    validity
}

impl<T: Copy> Operand<'_, T> {
    pub fn get(self, row: usize) -> T {
        match self {
            Operand::One(value) => value,
            Operand::Many(values) => values[row],
        }
    }
}

/// `f` of each of `len` rows.
pub(crate) fn map<T: Copy, R>(a: Operand<T>, len: usize, mut f: impl FnMut(T) -> R) -> Vec<R> {
    match a {
        Operand::One(a) => (0..len).map(|_| f(a)).collect(),
        Operand::Many(a) => a[..len].iter().map(|a| f(*a)).collect(),
    }
}

/// `f` of each of `len` rows of both.
pub(crate) fn zip<T: Copy, R>(a: Operand<T>, b: Operand<T>, len: usize, mut f: impl FnMut(T, T) -> R) -> Vec<R> {
    match (a, b) {
        (a, Operand::One(b)) => map(a, len, |a| f(a, b)),
        (Operand::One(a), b) => map(b, len, |b| f(a, b)),
        (Operand::Many(a), Operand::Many(b)) => a[..len].iter().zip(&b[..len]).map(|(a, b)| f(*a, *b)).collect(),
    }
}
