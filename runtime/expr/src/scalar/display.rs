//! The canonical form of a scalar expression: the fewest parentheses, spaces only around words.

use std::fmt::{self, Display, Formatter, Result};

use crate::scalar::bound::{Bound, Op};
use crate::scalar::literal::Literal;
use crate::syntax::ast::BinaryOp;
use crate::syntax::name::Quoted;
use crate::syntax::parser::power;

impl Display for Bound {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write(f, self, power::OR)
    }
}

/// How strongly the outermost operator binds.
fn strength(bound: &Bound) -> u8 {
    match &bound.op {
        Op::Or(_) => power::OR,
        Op::And(_) => power::AND,
        Op::Not(_) => power::NOT,
        Op::Like { .. } | Op::Between { .. } | Op::In { .. } | Op::IsNull { .. } => power::COMPARISON,
        Op::Binary(op, _) => power::of(*op),
        Op::Neg(_) => power::SIGN,
        Op::Literal(Literal::Int64(number)) if *number < 0 => power::SIGN,
        Op::Literal(Literal::Float64(number)) if number.is_sign_negative() => power::SIGN,
        Op::ToFloat(operand) => strength(operand),
        Op::Column { .. } | Op::Literal(_) | Op::Case { .. } | Op::Cast(_) | Op::Call(..) => power::PRIMARY,
    }
}

/// Writes `bound`, in parentheses if it binds less than that.
fn write(f: &mut Formatter<'_>, bound: &Bound, least: u8) -> Result {
    if strength(bound) < least {
        return write!(f, "({bound})");
    }
    match &bound.op {
        Op::Column { name, .. } => Quoted(name).fmt(f),
        Op::Literal(literal) => literal.fmt(f),
        Op::ToFloat(operand) => write(f, operand, least),
        Op::Neg(operand) => {
            f.write_str("-")?;
            write(f, operand, power::SIGN)
        }
        Op::Not(operand) => {
            f.write_str("not ")?;
            write(f, operand, power::NOT)
        }
        Op::And(operands) => write_all(f, operands, " and ", power::NOT),
        Op::Or(operands) => write_all(f, operands, " or ", power::AND),
        Op::Binary(op, operands) => write_binary(f, *op, operands),
        Op::Like { negated, operands } => {
            write_word(f, &operands[0], *negated, "like ")?;
            write(f, &operands[1], power::SUM)
        }
        Op::Between { negated, operands } => {
            write_word(f, &operands[0], *negated, "between ")?;
            write_all(f, &operands[1..], " and ", power::SUM)
        }
        Op::In { negated, operands } => {
            write_word(f, &operands[0], *negated, "in (")?;
            write_all(f, &operands[1..], ",", power::OR)?;
            f.write_str(")")
        }
        Op::IsNull { negated, value } => {
            write(f, value, power::SUM)?;
            f.write_str(if *negated { " is not null" } else { " is null" })
        }
        Op::Case { operand, arms, otherwise } => {
            f.write_str("case ")?;
            operand.iter().try_for_each(|operand| write!(f, "{operand} "))?;
            arms.iter().try_for_each(|[test, result]| write!(f, "when {test} then {result} "))?;
            otherwise.iter().try_for_each(|otherwise| write!(f, "else {otherwise} "))?;
            f.write_str("end")
        }
        Op::Cast(operand) => write!(f, "cast({operand} as {})", bound.ty.expect("a cast has a type")),
        Op::Call(function, arguments) => {
            write!(f, "{}(", function.name())?;
            write_all(f, arguments, ",", power::OR)?;
            f.write_str(")")
        }
    }
}

fn write_binary(f: &mut Formatter<'_>, op: BinaryOp, operands: &[Bound; 2]) -> Result {
    let power = power::of(op);
    // Comparisons chain on neither side, arithmetic on the left.
    write(f, &operands[0], if op.is_comparison() { power + 1 } else { power })?;
    f.write_str(op.symbol())?;
    write(f, &operands[1], power + 1)
}

fn write_word(f: &mut Formatter<'_>, value: &Bound, negated: bool, word: &str) -> Result {
    write(f, value, power::SUM)?;
    write!(f, " {}{word}", if negated { "not " } else { "" })
}

fn write_all(f: &mut Formatter<'_>, operands: &[Bound], between: &str, least: u8) -> fmt::Result {
    operands.iter().enumerate().try_for_each(|(index, operand)| {
        f.write_str(if index == 0 { "" } else { between })?;
        write(f, operand, least)
    })
}
