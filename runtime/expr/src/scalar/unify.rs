//! One type for values that meet: in a comparison, a list, the results of a `case`.

use dag_frame::{Type, time};

use crate::error::{Error, Span};
use crate::scalar::bound::{Bound, Op};
use crate::scalar::literal::Literal;

/// These values with one type: integers become doubles beside a double, constant texts become times beside a time, nulls become
/// whatever the others are. No type if all are null.
///
/// # Errors
/// If there is no such type. `spans` are those of `values`; `verb` says what was to be done with them, such as "compare".
pub(crate) fn unify(values: Vec<Bound>, spans: &[Span], verb: &str) -> Result<(Vec<Bound>, Option<Type>), Error> {
    let types: Vec<Type> = values.iter().filter_map(|value| value.ty).collect();
    let stronger = |one: Type, other: Type| if rank(other) > rank(one) { other } else { one };
    let Some(ty) = types.iter().copied().reduce(stronger) else { return Ok((values, None)) };
    let exact = types.contains(&Type::Float64) && values.iter().any(is_computed_float);
    let convert = |(value, span): (Bound, &Span)| convert(value, ty, exact, span, verb);
    let values = values.into_iter().zip(spans).map(convert).collect::<Result<_, _>>()?;
    Ok((values, Some(ty)))
}

/// A number as a double, for operations that give a double whatever they get.
pub(crate) fn to_float(value: Bound) -> Bound {
    match (&value.op, value.ty) {
        (Op::Literal(literal), Some(Type::Float64)) => match literal.whole() {
            Some(whole) => widen(Bound::new(Op::Literal(Literal::Int64(whole)), Type::Int64)),
            None => value,
        },
        (_, Some(Type::Int64)) => widen(value),
        (_, None) => value.or_type(Type::Float64),
        _ => value,
    }
}

/// What is compared with a time is a time, with a double is a double.
fn rank(ty: Type) -> u8 {
    match ty {
        Type::Timestamp => 2,
        Type::Float64 => 1,
        _ => 0,
    }
}

/// A double that no constant is: beside it, constants need no point to be doubles.
fn is_computed_float(value: &Bound) -> bool {
    value.ty == Some(Type::Float64) && !matches!(value.op, Op::Literal(_))
}

fn widen(value: Bound) -> Bound {
    Bound::new(Op::ToFloat(Box::new(value)), Type::Float64)
}

fn convert(value: Bound, ty: Type, exact: bool, span: &Span, verb: &str) -> Result<Bound, Error> {
    match (&value.op, value.ty) {
        (_, None) => Ok(value.or_type(ty)),
        (Op::Literal(_), Some(Type::Float64)) if exact => Ok(to_float(value)),
        (_, Some(found)) if found == ty => Ok(value),
        (_, Some(Type::Int64)) if ty == Type::Float64 => Ok(widen(value)),
        (Op::Literal(Literal::Utf8(text)), _) if ty == Type::Timestamp => match time::parse(text) {
            Ok(ns) => Ok(Bound::new(Op::Literal(Literal::Timestamp(ns)), ty)),
            Err(error) => Err(Error::new(span.clone(), format!("`{text}` is {error}"))),
        },
        (op, Some(found)) => {
            let error = Error::new(span.clone(), format!("cannot {verb} {ty} and {found}"));
            Err(match op {
                Op::Literal(Literal::Utf8(text)) if ty.is_numeric() && text.parse::<f64>().is_ok() => {
                    error.help("a number has no quotes")
                }
                _ if found == Type::Utf8 => error.help(format!("cast(... as {ty}) makes a text one, where it is")),
                _ => error.help(format!("cast(... as {ty}) converts")),
            })
        }
    }
}
