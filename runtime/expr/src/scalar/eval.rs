//! A typed tree over columns to a column.

use dag_frame::{Column, ColumnRef, Type, bitmap};

use crate::scalar::bound::{Bound, Op};
use crate::scalar::choose::{self, Choice, split};
use crate::scalar::function::Function;
use crate::scalar::logic::Truth;
use crate::scalar::vector::{Vector, len};
use crate::scalar::{arithmetic, cast, compare, text};
use crate::syntax::ast::BinaryOp;

/// One batch's worth of computing.
pub(crate) struct Evaluation<'e, 'c> {
    pub rows: usize,
    pub columns: &'e [ColumnRef<'c>],
    /// Grows by one for each value that could not be computed.
    pub failures: &'e mut u64,
}

impl<'c> Evaluation<'_, 'c> {
    /// One value of `bound` per row.
    pub fn column(mut self, bound: &Bound) -> Column {
        self.vector(bound).into_column(self.rows)
    }

    fn vector(&mut self, bound: &Bound) -> Vector<'c> {
        let ty = bound.ty.expect("binding settles types");
        let rows = self.rows;
        match &bound.op {
            Op::Column { index, name } => {
                let column = self.columns[*index];
                assert!(column.ty() == ty && column.len == rows, "column {name} is not as bound");
                Vector::borrowed(column)
            }
            Op::Literal(literal) => Vector::constant(literal.column(ty)),
            Op::ToFloat(operand) => {
                let operand = self.vector(operand);
                Vector::computed(arithmetic::to_float(&operand, rows), &[&operand])
            }
            Op::Neg(operand) => {
                let operand = self.vector(operand);
                Vector::computed(arithmetic::negative(&operand, rows, self.failures), &[&operand])
            }
            Op::Not(operand) => {
                let operand = self.vector(operand);
                let truth = Truth::of(&operand, len(rows, &[&operand])).negated(true);
                Vector::computed(truth.into_column(), &[&operand])
            }
            Op::And(operands) => self.logic(operands, Truth::and),
            Op::Or(operands) => self.logic(operands, Truth::or),
            Op::Binary(op, operands) => {
                let [a, b] = operands.each_ref().map(|operand| self.vector(operand));
                if op.is_comparison() {
                    return compare(*op, &a, &b, rows);
                }
                Vector::computed(arithmetic::binary(*op, &a, &b, rows, self.failures), &[&a, &b])
            }
            Op::Like { negated, operands } => {
                let [value, pattern] = operands.each_ref().map(|operand| self.vector(operand));
                let truth = text::like(&value, &pattern, rows).negated(*negated);
                Vector::computed(truth.into_column(), &[&value, &pattern])
            }
            Op::Between { negated, operands } => {
                let [value, low, high] = operands.each_ref().map(|operand| self.vector(operand));
                let len = len(rows, &[&value, &low, &high]);
                let low_enough = Truth::of(&compare(BinaryOp::Le, &low, &value, rows), len);
                let truth = low_enough.and(&Truth::of(&compare(BinaryOp::Le, &value, &high, rows), len));
                Vector::computed(truth.negated(*negated).into_column(), &[&value, &low, &high])
            }
            Op::In { negated, operands } => {
                let operands: Vec<Vector> = operands.iter().map(|operand| self.vector(operand)).collect();
                let operands: Vec<&Vector> = operands.iter().collect();
                let (value, list) = operands.split_first().expect("binding puts the value first");
                let len = len(rows, &operands);
                let none = Truth::new(len, vec![0; len.div_ceil(8)], None);
                let truth = list
                    .iter()
                    .fold(none, |truth, other| truth.or(&Truth::of(&compare(BinaryOp::Eq, value, other, rows), len)));
                Vector::computed(truth.negated(*negated).into_column(), &operands)
            }
            Op::IsNull { negated, value } => {
                let value = self.vector(value);
                let len = len(rows, &[&value]);
                let known = value.view().validity.map_or_else(|| bitmap::ones(len), |bits| bits.bytes.to_vec());
                Vector::computed(Truth::new(len, known, None).negated(!*negated).into_column(), &[&value])
            }
            Op::Case { operand, arms, otherwise } => self.case(operand.as_deref(), arms, otherwise.as_deref(), ty),
            Op::Cast(operand) => {
                let operand = self.vector(operand);
                Vector::computed(cast::cast(&operand, ty, self.failures), &[&operand])
            }
            Op::Call(Function::Coalesce, arguments) => self.coalesce(arguments, ty),
            Op::Call(function, arguments) => self.call(*function, arguments),
        }
    }

    /// Conditions joined by `join`.
    fn logic(&mut self, operands: &[Bound], join: fn(Truth, &Truth) -> Truth) -> Vector<'c> {
        let operands: Vec<Vector> = operands.iter().map(|operand| self.vector(operand)).collect();
        let operands: Vec<&Vector> = operands.iter().collect();
        let len = len(self.rows, &operands);
        let truths = operands.iter().map(|operand| Truth::of(operand, len));
        let truth = truths.reduce(|all, truth| join(all, &truth)).expect("`and` and `or` have operands");
        Vector::computed(truth.into_column(), &operands)
    }

    fn call(&mut self, function: Function, arguments: &[Bound]) -> Vector<'c> {
        let arguments: Vec<Vector> = arguments.iter().map(|argument| self.vector(argument)).collect();
        let arguments: Vec<&Vector> = arguments.iter().collect();
        let column = match (function, arguments.as_slice()) {
            (Function::Round, [value, places]) => arithmetic::round_to(value, places, self.rows),
            (Function::Abs | Function::Floor | Function::Ceil | Function::Round, [value, ..]) => {
                arithmetic::unary(function, value, self.rows, self.failures)
            }
            (Function::Least, arguments) => choose::extreme(BinaryOp::Lt, arguments, self.rows),
            (Function::Greatest, arguments) => choose::extreme(BinaryOp::Gt, arguments, self.rows),
            (_, arguments) => text::call(function, arguments, self.rows),
        };
        Vector::computed(column, &arguments)
    }

    /// The values of `bound` at these rows alone, so that what fails elsewhere is not counted.
    fn at(&mut self, rows: &[u32], bound: &Bound) -> Column {
        if rows.len() == self.rows {
            return self.vector(bound).into_column(self.rows);
        }
        let mut gathered = vec![None; self.columns.len()];
        bound.visit(&mut |part| {
            if let Op::Column { index, .. } = part.op {
                gathered[index].get_or_insert_with(|| self.columns[index].take(rows));
            }
        });
        let unused = Column::empty(Type::Boolean);
        let columns: Vec<ColumnRef> = gathered.iter().map(|column| column.as_ref().unwrap_or(&unused).view()).collect();
        Evaluation { rows: rows.len(), columns: &columns, failures: self.failures }.column(bound)
    }

    fn case(
        &mut self,
        operand: Option<&Bound>,
        arms: &[[Bound; 2]],
        otherwise: Option<&Bound>,
        ty: Type,
    ) -> Vector<'c> {
        let operand = operand.map(|operand| self.vector(operand));
        let mut choice = Choice::new(ty, self.rows);
        let mut rest: Vec<u32> = (0..self.rows as u32).collect();
        for [test, result] in arms {
            let test = Vector::owned(self.at(&rest, test));
            let holds = match &operand {
                Some(operand) => compare(BinaryOp::Eq, &operand.take(&rest), &test, rest.len()),
                None => test,
            };
            let (chosen, others) = split(&rest, &holds.view().true_rows());
            choice.put(&chosen, &self.at(&chosen, result));
            rest = others;
        }
        match otherwise {
            Some(otherwise) => choice.put(&rest, &self.at(&rest, otherwise)),
            None => choice.put(&rest, &Column::nulls(ty, rest.len())),
        }
        Vector::owned(choice.finish())
    }

    fn coalesce(&mut self, arguments: &[Bound], ty: Type) -> Vector<'c> {
        let mut choice = Choice::new(ty, self.rows);
        let mut rest: Vec<u32> = (0..self.rows as u32).collect();
        for argument in arguments {
            let values = self.at(&rest, argument);
            let valid: Vec<u32> = (0..values.len as u32).filter(|row| values.view().is_valid(*row as usize)).collect();
            let (chosen, others) = split(&rest, &valid);
            choice.put(&chosen, &values.view().take(&valid));
            rest = others;
        }
        choice.put(&rest, &Column::nulls(ty, rest.len()));
        Vector::owned(choice.finish())
    }
}

fn compare<'a>(op: BinaryOp, a: &Vector, b: &Vector, rows: usize) -> Vector<'a> {
    Vector::computed(compare::compare(op, a, b, rows).into_column(), &[a, b])
}
