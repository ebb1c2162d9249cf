//! Columns put together from the rows of others: what `case`, `coalesce`, `least` and `greatest` give.

use dag_frame::{Column, ColumnRef, Type};

use crate::scalar::compare::compare;
use crate::scalar::vector::{Vector, len, validity};
use crate::syntax::ast::BinaryOp;

/// A column whose rows are put into their places in any order.
pub(crate) struct Choice {
    /// In the order in which they were put.
    values: Column,
    /// For each row, where its value is.
    places: Vec<u32>,
}

impl Choice {
    pub fn new(ty: Type, rows: usize) -> Choice {
        Choice { values: Column::empty(ty), places: vec![0; rows] }
    }

    /// The next values, and the rows that they belong to.
    pub fn put(&mut self, rows: &[u32], values: &Column) {
        let first = self.values.len as u32;
        rows.iter().zip(first..).for_each(|(row, place)| self.places[*row as usize] = place);
        self.values.append(&values.view());
    }

    /// The column, once every row has its value.
    pub fn finish(self) -> Column {
        self.values.view().take(&self.places)
    }
}

/// The rows at the ascending indexes `chosen`, and the others.
pub(crate) fn split(rows: &[u32], chosen: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut chosen = chosen.iter().peekable();
    let mut index = 0..;
    rows.iter().partition(|_| {
        let index = index.next();
        chosen.next_if(|next| Some(**next) == index).is_some()
    })
}

/// Of each row the argument that is `before` all others (`<` for the least); null if any is null.
pub(crate) fn extreme(before: BinaryOp, arguments: &[&Vector], rows: usize) -> Column {
    let len = len(rows, arguments);
    let columns = arguments.iter().map(|argument| argument.take(&(0..len as u32).collect::<Vec<_>>()).into_column(len));
    let first = |best: Column, other: Column| {
        let (best, other) = (Vector::owned(best), Vector::owned(other));
        let better = compare(before, &other, &best, len).into_column();
        let mut places: Vec<u32> = (0..len as u32).collect();
        better.view().true_rows().into_iter().for_each(|row| places[row as usize] += len as u32);
        let views: [ColumnRef; 2] = [best.view(), other.view()];
        Column::concat(best.ty(), &views).view().take(&places)
    };
    let best = columns.reduce(first).expect("functions have an argument");
    Column { validity: validity(len, arguments), ..best }
}
