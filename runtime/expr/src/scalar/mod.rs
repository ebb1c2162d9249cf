//! Scalar expressions: one value per record, computed from the record's columns.
//!
//! `bound` is the typed tree; `bind` makes it and `display` writes its canonical form; `eval` and what lies beside it
//! compute it, a column at a time.

mod arithmetic;
mod bind;
mod bound;
mod cast;
mod choose;
mod compare;
mod display;
mod eval;
mod function;
mod like;
mod literal;
mod logic;
mod text;
mod unify;
mod vector;

use std::fmt;

use dag_frame::{Column, ColumnRef, Type};

use crate::error::Error;
use crate::syntax::ast::{BinaryOp, Expr};
use crate::syntax::parser;
use bound::{Bound, Op};
use function::Function;
pub(crate) use literal::quote;

/// A scalar expression, bound to the columns that it may speak of. Displayed in canonical form, which binds to the same again.
///
/// ```
/// use dag_expr::Scalar;
/// use dag_frame::{Column, Type};
/// let columns = [("time".to_owned(), Type::Timestamp), ("value".to_owned(), Type::Float64)];
/// let scalar = Scalar::bind("value / 2 > 1.50", &columns).unwrap();
/// assert_eq!(scalar.to_string(), "value/2>1.5");
/// let (times, values) = (Column::timestamp([Some(0), Some(1)]), Column::float64([Some(3.5), None]));
/// assert_eq!(scalar.eval(2, &[times.view(), values.view()]), Column::boolean([Some(true), None]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    root: Bound,
    used: Vec<usize>,
}

impl Scalar {
    /// Reads `text` and looks its names up in `columns`, whose order is that of the columns that [`eval`](Scalar::eval) gets. A
    /// qualified name such as `l.host` is a name with a dot in it.
    ///
    /// # Errors
    /// If it is not in the grammar, if it names a column that is not there, if types do not fit, or if its own type is not settled
    /// (`null`).
    pub fn bind(text: &str, columns: &[(String, Type)]) -> Result<Scalar, Error> {
        Scalar::bind_expr(&parser::parse(text)?, columns)
    }

    pub(crate) fn bind_expr(expr: &Expr, columns: &[(String, Type)]) -> Result<Scalar, Error> {
        let root = bind::bind(expr, columns)?;
        let Some(_) = root.ty else {
            return Err(Error::new(expr.span.clone(), "null has no type here").help("give it one: cast(null as int64)"));
        };
        let mut used = Vec::new();
        root.visit(&mut |bound| {
            if let Op::Column { index, .. } = bound.op {
                used.push(index);
            }
        });
        used.sort_unstable();
        used.dedup();
        Ok(Scalar { root, used })
    }

    /// The type of its values.
    pub fn ty(&self) -> Type {
        self.root.ty.expect("binding settles it")
    }

    /// The indexes, in the columns that it was bound to, of those that it needs; ascending.
    pub fn columns_used(&self) -> &[usize] {
        &self.used
    }

    /// The index of the column that this is, if it is nothing but a column.
    pub fn as_column(&self) -> Option<usize> {
        match self.root.op {
            Op::Column { index, .. } => Some(index),
            _ => None,
        }
    }

    /// The pairs of columns of one type that must be equal for this to hold, and whether that is all that it says:
    /// `l.host=r.host and l.zone=r.zone`. A join can then look records up by their key.
    pub fn equalities(&self) -> (Vec<(usize, usize)>, bool) {
        let conditions = match &self.root.op {
            Op::And(conditions) => conditions.as_slice(),
            _ => std::slice::from_ref(&self.root),
        };
        let pair = |condition: &Bound| match &condition.op {
            Op::Binary(BinaryOp::Eq, operands) => match (&operands[0].op, &operands[1].op) {
                (Op::Column { index: left, .. }, Op::Column { index: right, .. }) => Some((*left, *right)),
                _ => None,
            },
            _ => None,
        };
        let pairs: Vec<_> = conditions.iter().filter_map(pair).collect();
        let all = pairs.len() == conditions.len();
        (pairs, all)
    }

    /// One value per row. `columns` are those that it was bound to, in that order, of `rows` values each; those that
    /// are not [used](Scalar::columns_used) may have any length and type.
    ///
    /// It always gives a value: what has none (a division by zero, an overflow, a text that is no number) is null.
    ///
    /// # Panics
    /// If a column that it uses has another type or length.
    pub fn eval(&self, rows: usize, columns: &[ColumnRef]) -> Column {
        self.eval_counting(rows, columns, &mut 0)
    }

    /// As [`eval`](Scalar::eval), and adds to `failures` how many computations had no value.
    ///
    /// # Panics
    /// As [`eval`](Scalar::eval).
    pub fn eval_counting(&self, rows: usize, columns: &[ColumnRef], failures: &mut u64) -> Column {
        eval::Evaluation { rows, columns, failures }.column(&self.root)
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(f)
    }
}

/// Whether a function is called so.
pub(crate) fn is_function(name: &str) -> bool {
    Function::from_name(name).is_some()
}
