//! Comparisons. Doubles compare as IEEE 754 says, text and binary by bytes, false before true.

use dag_frame::{Type, bitmap};

use crate::scalar::logic::Truth;
use crate::scalar::vector::{Vector, len, validity, zip};
use crate::syntax::ast::BinaryOp;

/// `a op b`, both of one type.
pub(crate) fn compare(op: BinaryOp, a: &Vector, b: &Vector, rows: usize) -> Truth {
    // Three loops a type serve the six operators. `a>b` is `b<a`; `a!=b` is the negation of `a=b` for NaNs too.
    match op {
        BinaryOp::Gt => return compare(BinaryOp::Lt, b, a, rows),
        BinaryOp::Ge => return compare(BinaryOp::Le, b, a, rows),
        BinaryOp::Ne => return compare(BinaryOp::Eq, a, b, rows).negated(true),
        _ => {}
    }
    let len = len(rows, &[a, b]);
    let holds = match a.ty() {
        Type::Int64 | Type::Timestamp => {
            let (a, b) = (a.i64s(), b.i64s());
            match op {
                BinaryOp::Eq => zip(a, b, len, |a, b| a == b),
                BinaryOp::Lt => zip(a, b, len, |a, b| a < b),
                _ => zip(a, b, len, |a, b| a <= b),
            }
        }
        Type::Float64 => {
            let (a, b) = (a.f64s(), b.f64s());
            match op {
                BinaryOp::Eq => zip(a, b, len, |a, b| a == b),
                BinaryOp::Lt => zip(a, b, len, |a, b| a < b),
                _ => zip(a, b, len, |a, b| a <= b),
            }
        }
        Type::Utf8 | Type::Binary => {
            let (a, b) = (a.bytes(), b.bytes());
            let rows = (0..len).map(|row| (a.get(row), b.get(row)));
            match op {
                BinaryOp::Eq => rows.map(|(a, b)| a == b).collect(),
                BinaryOp::Lt => rows.map(|(a, b)| a < b).collect(),
                _ => rows.map(|(a, b)| a <= b).collect(),
            }
        }
        Type::Boolean => {
            let bit = |vector: &Vector, row| vector.view().as_bool().expect("booleans").get(vector.index(row));
            let rows = (0..len).map(|row| (bit(a, row), bit(b, row)));
            match op {
                BinaryOp::Eq => rows.map(|(a, b)| a == b).collect(),
                BinaryOp::Lt => rows.map(|(a, b)| !a & b).collect(),
                _ => rows.map(|(a, b)| a <= b).collect(),
            }
        }
    };
    Truth::new(len, bitmap::pack(&holds), validity(len, &[a, b]))
}
