//! The typed tree of a scalar expression.

use dag_frame::Type;

use crate::scalar::function::Function;
use crate::scalar::literal::Literal;
use crate::syntax::ast::BinaryOp;

/// An operation and the type of what it gives; no type for a null that may still become anything.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bound {
    pub op: Op,
    pub ty: Option<Type>,
}

/// What is computed. Operands have the types that the operation needs: binding has put conversions where it takes them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Op {
    Column {
        index: usize,
        name: String,
    },
    Literal(Literal),
    /// An integer as a double, where a double is needed. Not written.
    ToFloat(Box<Bound>),
    Neg(Box<Bound>),
    Not(Box<Bound>),
    And(Vec<Bound>),
    Or(Vec<Bound>),
    Binary(BinaryOp, Box<[Bound; 2]>),
    /// The value, then the pattern.
    Like {
        negated: bool,
        operands: Box<[Bound; 2]>,
    },
    /// The value, then the least and the greatest.
    Between {
        negated: bool,
        operands: Box<[Bound; 3]>,
    },
    /// The value, then what it may be.
    In {
        negated: bool,
        operands: Vec<Bound>,
    },
    IsNull {
        negated: bool,
        value: Box<Bound>,
    },
    /// With an operand, arms are values that it may equal and results; without, conditions and results.
    Case {
        operand: Option<Box<Bound>>,
        arms: Vec<[Bound; 2]>,
        otherwise: Option<Box<Bound>>,
    },
    Cast(Box<Bound>),
    Call(Function, Vec<Bound>),
}

impl Bound {
    pub fn new(op: Op, ty: Type) -> Bound {
        Bound { op, ty: Some(ty) }
    }

    pub fn boolean(op: Op) -> Bound {
        Bound::new(op, Type::Boolean)
    }

    fn children(&self) -> Vec<&Bound> {
        match &self.op {
            Op::Column { .. } | Op::Literal(_) => Vec::new(),
            Op::ToFloat(operand) | Op::Neg(operand) | Op::Not(operand) | Op::Cast(operand) => vec![operand],
            Op::IsNull { value, .. } => vec![value],
            Op::Binary(_, operands) | Op::Like { operands, .. } => operands.iter().collect(),
            Op::Between { operands, .. } => operands.iter().collect(),
            Op::And(operands) | Op::Or(operands) | Op::In { operands, .. } | Op::Call(_, operands) => {
                operands.iter().collect()
            }
            Op::Case { operand, arms, otherwise } => {
                operand.as_deref().into_iter().chain(arms.iter().flatten()).chain(otherwise.as_deref()).collect()
            }
        }
    }

    /// This, with the type `ty` if it is a null, or a choice among nulls, that has none yet.
    pub fn or_type(mut self, ty: Type) -> Bound {
        self.settle(ty);
        self
    }

    fn settle(&mut self, ty: Type) {
        if self.ty.is_some() {
            return;
        }
        self.ty = Some(ty);
        match &mut self.op {
            Op::Case { arms, otherwise, .. } => {
                arms.iter_mut().for_each(|[_, result]| result.settle(ty));
                otherwise.iter_mut().for_each(|otherwise| otherwise.settle(ty));
            }
            Op::Call(_, arguments) => arguments.iter_mut().for_each(|argument| argument.settle(ty)),
            _ => {}
        }
    }

    /// Shows this and all its parts to `see`.
    pub fn visit(&self, see: &mut impl FnMut(&Bound)) {
        see(self);
        self.children().into_iter().for_each(|child| child.visit(see));
    }
}
