//! Numbers of numbers.

use dag_frame::{Column, Data, Type, bitmap};

use crate::scalar::function::Function;
use crate::scalar::vector::{Operand, Vector, len, map, validity, zip};
use crate::syntax::ast::BinaryOp;

/// `a op b`, both of one numeric type. What has no value (an overflow of integers, a division by zero) is null and counted.
pub(crate) fn binary(op: BinaryOp, a: &Vector, b: &Vector, rows: usize, failures: &mut u64) -> Column {
    let len = len(rows, &[a, b]);
    let valid = validity(len, &[a, b]);
    if a.ty() == Type::Int64 {
        let (a, b) = (a.i64s(), b.i64s());
        let (values, validity) = match op {
            BinaryOp::Add => checked(a, b, len, valid, failures, i64::overflowing_add),
            BinaryOp::Sub => checked(a, b, len, valid, failures, i64::overflowing_sub),
            BinaryOp::Mul => checked(a, b, len, valid, failures, i64::overflowing_mul),
            BinaryOp::Rem => checked(a, b, len, valid, failures, remainder),
            _ => unreachable!("`{}` of integers is bound otherwise", op.symbol()),
        };
        return Column { len, validity, data: Data::Int64(values) };
    }
    let (a, b) = (a.f64s(), b.f64s());
    let (values, validity) = match op {
        BinaryOp::Add => (zip(a, b, len, |a, b| a + b), valid),
        BinaryOp::Sub => (zip(a, b, len, |a, b| a - b), valid),
        BinaryOp::Mul => (zip(a, b, len, |a, b| a * b), valid),
        BinaryOp::Div => checked(a, b, len, valid, failures, |a, b| (a / b, b == 0.0)),
        BinaryOp::Rem => checked(a, b, len, valid, failures, |a, b| (a % b, b == 0.0)),
        _ => unreachable!("`{}` of doubles is bound otherwise", op.symbol()),
    };
    Column { len, validity, data: Data::Float64(values) }
}

fn remainder(a: i64, b: i64) -> (i64, bool) {
    if b == 0 { (0, true) } else { (a.wrapping_rem(b), false) }
}

/// The values of `f`, and where it says that it failed, null and one failure more. Failures are rare: a first loop only sees
/// whether there are any.
fn checked<T: Copy>(
    a: Operand<T>,
    b: Operand<T>,
    len: usize,
    mut valid: Option<Vec<u8>>,
    failures: &mut u64,
    f: impl Fn(T, T) -> (T, bool),
) -> (Vec<T>, Option<Vec<u8>>) {
    let mut any = false;
    let values = zip(a, b, len, |a, b| {
        let (value, failed) = f(a, b);
        any |= failed;
        value
    });
    if any {
        let bits = valid.get_or_insert_with(|| bitmap::ones(len));
        for row in (0..len).filter(|row| f(a.get(*row), b.get(*row)).1) {
            *failures += u64::from(bits[row / 8] >> (row % 8) & 1);
            bitmap::clear(bits, row);
        }
    }
    (values, valid)
}

/// `-a`
pub(crate) fn negative(a: &Vector, rows: usize, failures: &mut u64) -> Column {
    let len = len(rows, &[a]);
    let valid = validity(len, &[a]);
    if a.ty() == Type::Int64 {
        let (values, validity) = checked(a.i64s(), Operand::One(0), len, valid, failures, |a, _| a.overflowing_neg());
        return Column { len, validity, data: Data::Int64(values) };
    }
    Column { len, validity: valid, data: Data::Float64(map(a.f64s(), len, |a| -a)) }
}

/// An integer as the double that is nearest.
pub(crate) fn to_float(a: &Vector, rows: usize) -> Column {
    let len = len(rows, &[a]);
    let data = Data::Float64(map(a.i64s(), len, |a| a as f64));
    Column { len, validity: validity(len, &[a]), data }
}

/// `abs`, `floor`, `ceil` and `round` without a second argument.
pub(crate) fn unary(function: Function, a: &Vector, rows: usize, failures: &mut u64) -> Column {
    let len = len(rows, &[a]);
    let valid = validity(len, &[a]);
    if a.ty() == Type::Int64 {
        let whole = |a: i64, _| if function == Function::Abs { a.overflowing_abs() } else { (a, false) };
        let (values, validity) = checked(a.i64s(), Operand::One(0), len, valid, failures, whole);
        return Column { len, validity, data: Data::Int64(values) };
    }
    let f = match function {
        Function::Abs => f64::abs,
        Function::Floor => f64::floor,
        Function::Ceil => f64::ceil,
        _ => f64::round,
    };
    Column { len, validity: valid, data: Data::Float64(map(a.f64s(), len, f)) }
}

/// `round(a, places)`
pub(crate) fn round_to(a: &Vector, places: &Vector, rows: usize) -> Column {
    let len = len(rows, &[a, places]);
    let (values, digits) = (a.f64s(), places.i64s());
    let rounded = |row| {
        let value = values.get(row);
        let scale = 10_f64.powi(digits.get(row).clamp(-400, 400) as i32);
        let rounded = (value * scale).round() / scale;
        if rounded.is_finite() { rounded } else { value }
    };
    Column { len, validity: validity(len, &[a, places]), data: Data::Float64((0..len).map(rounded).collect()) }
}
