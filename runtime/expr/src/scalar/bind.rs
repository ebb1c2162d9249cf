//! The neutral tree to the typed one.

use dag_frame::Type;

use crate::column;
use crate::error::{Error, Span};
use crate::scalar::bound::{Bound, Op};
use crate::scalar::function::Function;
use crate::scalar::literal::Literal;
use crate::scalar::unify::{to_float, unify};
use crate::syntax::ast::{Argument, BinaryOp, Expr, Ident, Node};
use crate::syntax::name::{Quoted, near_help};

/// Binds `expr` to columns.
pub(crate) fn bind(expr: &Expr, columns: &[(String, Type)]) -> Result<Bound, Error> {
    Binder { columns }.bind(expr)
}

#[derive(Clone, Copy)]
struct Binder<'c> {
    columns: &'c [(String, Type)],
}

impl Binder<'_> {
    fn bind(self, expr: &Expr) -> Result<Bound, Error> {
        let refuse = |message: &str| Err(Error::new(expr.span.clone(), message));
        let literal = |literal: Literal| Ok(Bound { ty: literal.ty(), op: Op::Literal(literal) });
        match &expr.node {
            Node::Name(name) => {
                let (index, ty) = column::find(self.columns, name, &expr.span)?;
                Ok(Bound::new(Op::Column { index, name: name.clone() }, ty))
            }
            Node::Integer(number) => match i64::try_from(*number) {
                Ok(number) => literal(Literal::Int64(number)),
                Err(_) => refuse("this number does not fit into int64"),
            },
            Node::Float(number) => literal(Literal::Float64(*number)),
            Node::Text(text) => literal(Literal::Utf8(text.clone())),
            Node::Boolean(value) => literal(Literal::Boolean(*value)),
            Node::Null => literal(Literal::Null),
            Node::Duration(_) => refuse("a duration is no value of a scalar expression"),
            Node::Star => refuse("`*` stands for all columns and cannot be computed with"),
            Node::List(_) => refuse("a list stands only behind `in`"),
            Node::Paren(inner) => self.bind(inner),
            Node::Neg(operand) => self.negative(operand),
            Node::Not(operand) => {
                Ok(Bound::boolean(Op::Not(Box::new(self.expect(operand, Type::Boolean, "`not`")?))))
            }
            Node::And(operands) => Ok(Bound::boolean(Op::And(self.conditions(operands, "`and`")?))),
            Node::Or(operands) => Ok(Bound::boolean(Op::Or(self.conditions(operands, "`or`")?))),
            Node::Binary(op, operands) if op.is_comparison() => {
                let operands = self.pair(operands, "compare")?;
                Ok(Bound::boolean(Op::Binary(*op, Box::new(operands))))
            }
            Node::Binary(op, operands) => {
                self.arithmetic(*op, operands).map_err(|error| self.suggest_quotes(error, expr))
            }
            Node::Like { negated, operands } => {
                let [value, pattern] = &**operands;
                let value = self.expect(value, Type::Utf8, "`like`")?;
                let operands = Box::new([value, self.expect(pattern, Type::Utf8, "`like`")?]);
                Ok(Bound::boolean(Op::Like { negated: *negated, operands }))
            }
            Node::Between { negated, operands } => {
                let operands = self.unified(operands.iter(), "compare")?.try_into().expect("unifying keeps the count");
                Ok(Bound::boolean(Op::Between { negated: *negated, operands: Box::new(operands) }))
            }
            Node::In { negated, value, list } => {
                let operands = self.unified(std::iter::once(&**value).chain(list), "compare")?;
                Ok(Bound::boolean(Op::In { negated: *negated, operands }))
            }
            Node::IsNull { negated, value } => {
                let value = Box::new(self.bind(value)?.or_type(Type::Boolean));
                Ok(Bound::boolean(Op::IsNull { negated: *negated, value }))
            }
            Node::Case { operand, arms, otherwise } => self.case(operand.as_deref(), arms, otherwise.as_deref()),
            Node::Cast { value, ty } => self.cast(value, ty),
            Node::Call { name, arguments } => self.call(name, arguments),
        }
    }

    /// Where `a-b` failed to bind but there is a column of that name.
    fn suggest_quotes(self, error: Error, expr: &Expr) -> Error {
        match expr.dashed() {
            Some(name) if self.columns.iter().any(|(column, _)| *column == name) => {
                Error { span: expr.span.clone(), ..error }.help(format!("the column is written {}", Quoted(&name)))
            }
            _ => error,
        }
    }

    /// What must be of type `ty` for `wanted_by`.
    fn expect(self, expr: &Expr, ty: Type, wanted_by: &str) -> Result<Bound, Error> {
        let bound = self.bind(expr)?;
        match bound.ty {
            None => Ok(bound.or_type(ty)),
            Some(found) if found == ty => Ok(bound),
            Some(found) => {
                let error = Error::new(expr.span.clone(), format!("{wanted_by} takes {ty}, this is {found}"));
                Err(if ty == Type::Utf8 { error.help("cast(... as utf8) makes it text") } else { error })
            }
        }
    }

    fn number(self, expr: &Expr, wanted_by: &str) -> Result<Bound, Error> {
        let bound = self.bind(expr)?;
        match bound.ty {
            Some(found) if !found.is_numeric() => {
                let error = Error::new(expr.span.clone(), format!("{wanted_by} takes numbers, this is {found}"));
                Err(match found {
                    Type::Utf8 if wanted_by == "`+`" => error.help("concat(a, b) joins texts"),
                    Type::Timestamp => error.help("cast(... as int64) gives nanoseconds"),
                    _ => error,
                })
            }
            _ => Ok(bound),
        }
    }

    fn conditions(self, operands: &[Expr], wanted_by: &str) -> Result<Vec<Bound>, Error> {
        let mut conditions = Vec::with_capacity(operands.len());
        for operand in operands {
            let bound = self.expect(operand, Type::Boolean, wanted_by)?;
            // `a and (b and c)` is `a and b and c`.
            match bound.op {
                Op::And(inner) if wanted_by == "`and`" => conditions.extend(inner),
                Op::Or(inner) if wanted_by == "`or`" => conditions.extend(inner),
                op => conditions.push(Bound::boolean(op)),
            }
        }
        Ok(conditions)
    }

    fn unified<'e>(self, exprs: impl Iterator<Item = &'e Expr> + Clone, verb: &str) -> Result<Vec<Bound>, Error> {
        let bound = exprs.clone().map(|expr| self.bind(expr)).collect::<Result<_, _>>()?;
        let spans: Vec<Span> = exprs.map(|expr| expr.span.clone()).collect();
        // Nulls alone may have any type.
        Ok(unify(bound, &spans, verb)?.0.into_iter().map(|value| value.or_type(Type::Boolean)).collect())
    }

    fn pair(self, operands: &[Expr; 2], verb: &str) -> Result<[Bound; 2], Error> {
        Ok(self.unified(operands.iter(), verb)?.try_into().expect("unifying keeps the count"))
    }

    fn arithmetic(self, op: BinaryOp, operands: &[Expr; 2]) -> Result<Bound, Error> {
        let wanted_by = format!("`{}`", op.symbol());
        let [left, right] = operands.each_ref().map(|operand| self.number(operand, &wanted_by));
        let (left, right) = (left?, right?);
        let spans = operands.each_ref().map(|operand| operand.span.clone());
        let (operands, ty) = match op {
            BinaryOp::Div => (vec![to_float(left), to_float(right)], Some(Type::Float64)),
            _ => unify(vec![left, right], &spans, "compute with")?,
        };
        let operands: Vec<Bound> = operands.into_iter().map(|operand| operand.or_type(Type::Int64)).collect();
        let operands = operands.try_into().expect("unifying keeps the count");
        Ok(Bound::new(Op::Binary(op, Box::new(operands)), ty.unwrap_or(Type::Int64)))
    }

    /// `-operand`; of a constant, the constant.
    fn negative(self, operand: &Expr) -> Result<Bound, Error> {
        if let Node::Integer(magnitude) = operand.bare().node {
            let number = i64::try_from(-i128::from(magnitude));
            let error = || Error::new(operand.span.clone(), "this number does not fit into int64");
            return Ok(Bound::new(Op::Literal(Literal::Int64(number.map_err(|_| error())?)), Type::Int64));
        }
        let operand = self.number(operand, "`-`")?.or_type(Type::Int64);
        let ty = operand.ty;
        let op = match operand.op {
            Op::Literal(Literal::Int64(number)) if number != i64::MIN => Op::Literal(Literal::Int64(-number)),
            Op::Literal(Literal::Float64(number)) => Op::Literal(Literal::Float64(-number)),
            op => Op::Neg(Box::new(Bound { op, ty })),
        };
        Ok(Bound { op, ty })
    }

    fn case(self, operand: Option<&Expr>, arms: &[[Expr; 2]], otherwise: Option<&Expr>) -> Result<Bound, Error> {
        let tests = arms.iter().map(|[test, _]| test);
        let (operand, tests) = match operand {
            Some(operand) => {
                let mut values = self.unified(std::iter::once(operand).chain(tests), "compare")?.into_iter();
                (values.next().map(Box::new), values.collect())
            }
            None => {
                let conditions = tests.map(|test| self.expect(test, Type::Boolean, "`when`"));
                (None, conditions.collect::<Result<Vec<_>, _>>()?)
            }
        };
        let results: Vec<&Expr> = arms.iter().map(|[_, result]| result).chain(otherwise).collect();
        let spans: Vec<Span> = results.iter().map(|result| result.span.clone()).collect();
        let results = results.into_iter().map(|result| self.bind(result)).collect::<Result<_, _>>()?;
        let (mut results, ty) = unify(results, &spans, "give both")?;
        let otherwise = if otherwise.is_some() { results.pop().map(Box::new) } else { None };
        let arms = tests.into_iter().zip(results).map(|(test, result)| [test, result]).collect();
        Ok(Bound { op: Op::Case { operand, arms, otherwise }, ty })
    }

    fn cast(self, value: &Expr, name: &Ident) -> Result<Bound, Error> {
        let span = value.span.clone();
        let value = self.bind(value)?;
        let Some(ty) = Type::from_name(&name.text.to_ascii_lowercase()) else {
            let names = Type::ALL.map(Type::name);
            let error = Error::new(name.span.clone(), format!("there is no type `{}`", Quoted(&name.text)));
            return Err(error.help(format!("types are {}", names.join(", "))));
        };
        match value.ty {
            None => Ok(Bound::new(Op::Cast(Box::new(value.or_type(ty))), ty)),
            Some(from) if from == ty => Ok(value),
            Some(from) if crate::scalar::cast::exists(from, ty) => Ok(Bound::new(Op::Cast(Box::new(value)), ty)),
            Some(from) => Err(Error::new(span, format!("{from} cannot become {ty}"))),
        }
    }

    fn call(self, name: &Ident, arguments: &[Argument]) -> Result<Bound, Error> {
        let Some(function) = Function::from_name(&name.text) else {
            let error = Error::new(name.span.clone(), format!("there is no function `{}`", Quoted(&name.text)));
            let names = Function::ALL.map(Function::name);
            let near = near_help(&name.text, names);
            return Err(error.help(near.unwrap_or_else(|| format!("functions are {}", names.join(", ")))));
        };
        let (least, greatest) = function.arity();
        if !(least..=greatest).contains(&arguments.len()) {
            let wanted = if least == greatest { least.to_string() } else { format!("at least {least}") };
            let message = format!("{} takes {wanted} arguments, found {}", function.name(), arguments.len());
            return Err(Error::new(name.span.clone(), message));
        }
        if let Some(alias) = arguments.iter().find_map(|argument| argument.alias.as_ref()) {
            return Err(Error::new(alias.span.clone(), "an argument of a function has no name"));
        }
        let arguments = arguments.iter().map(Argument::equality).collect::<Result<Vec<_>, _>>()?;
        self.function(function, &arguments)
    }

    fn function(self, function: Function, arguments: &[Expr]) -> Result<Bound, Error> {
        let name = function.name();
        let text = |argument: &Expr| self.expect(argument, Type::Utf8, name);
        let integer = |argument: &Expr| self.expect(argument, Type::Int64, name);
        let (arguments, ty) = match function {
            Function::Abs | Function::Floor | Function::Ceil | Function::Round => {
                let value = self.number(&arguments[0], name)?.or_type(Type::Int64);
                match arguments.get(1) {
                    Some(places) => (vec![to_float(value), integer(places)?], Some(Type::Float64)),
                    None => (vec![value.clone()], value.ty),
                }
            }
            Function::Least | Function::Greatest | Function::Coalesce => {
                let spans: Vec<Span> = arguments.iter().map(|argument| argument.span.clone()).collect();
                let values = arguments.iter().map(|argument| self.bind(argument)).collect::<Result<_, _>>()?;
                unify(values, &spans, "compare")?
            }
            Function::Lower | Function::Upper => (vec![text(&arguments[0])?], Some(Type::Utf8)),
            Function::Length => {
                let value = self.bind(&arguments[0])?;
                let value = if value.ty == Some(Type::Binary) { value } else { text(&arguments[0])? };
                (vec![value], Some(Type::Int64))
            }
            Function::Substr => {
                let bounds = arguments[1..].iter().map(integer);
                let arguments = std::iter::once(text(&arguments[0])).chain(bounds);
                (arguments.collect::<Result<_, _>>()?, Some(Type::Utf8))
            }
            Function::Contains | Function::Concat => {
                let ty = if function == Function::Contains { Type::Boolean } else { Type::Utf8 };
                (arguments.iter().map(text).collect::<Result<_, _>>()?, Some(ty))
            }
        };
        Ok(Bound { op: Op::Call(function, arguments), ty })
    }
}
