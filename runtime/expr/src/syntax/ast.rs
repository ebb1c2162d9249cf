//! The neutral tree: what was written, before anything is known of streams, columns and operators.

use crate::error::{Error, Span};

/// A name and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ident {
    /// Without quotes, its parts joined by dots.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// Something written, and where.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expr {
    /// What it is.
    pub node: Node,
    /// Where it stands, from its first byte to behind its last.
    pub span: Span,
    /// How many parts lie in one another here: 1 for a name.
    pub depth: usize,
}

/// What can be written. `negated` is the `not` of `not like` and its kin.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// A stream, a column.
    Name(String),
    /// A whole number; a sign before it is a [`Node::Neg`].
    Integer(u64),
    /// A number with a point or an exponent.
    Float(f64),
    /// `'web1'`, without the quotes.
    Text(String),
    /// `true`, `false`
    Boolean(bool),
    /// `null`
    Null,
    /// Nanoseconds.
    Duration(i64),
    /// `*`, as an argument.
    Star,
    /// What stands in parentheses: kept, because it can be no named argument.
    Paren(Box<Expr>),
    /// Two or more in parentheses.
    List(Vec<Expr>),
    /// `-x`
    Neg(Box<Expr>),
    /// `not x`
    Not(Box<Expr>),
    /// Two or more with `and` between them.
    And(Vec<Expr>),
    /// Two or more with `or` between them.
    Or(Vec<Expr>),
    /// Arithmetic and comparisons.
    Binary(BinaryOp, Box<[Expr; 2]>),
    /// The value and the pattern.
    Like { negated: bool, operands: Box<[Expr; 2]> },
    /// The value, then the least and the greatest.
    Between { negated: bool, operands: Box<[Expr; 3]> },
    /// The value, and what it may be.
    In { negated: bool, value: Box<Expr>, list: Vec<Expr> },
    /// `x is null`
    IsNull { negated: bool, value: Box<Expr> },
    /// `case [operand] when .. then .. [else ..] end`
    Case { operand: Option<Box<Expr>>, arms: Vec<[Expr; 2]>, otherwise: Option<Box<Expr>> },
    /// `cast(x as int64)`
    Cast { value: Box<Expr>, ty: Ident },
    /// An operator's application, or a function's.
    Call { name: Ident, arguments: Vec<Argument> },
}

/// An operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum BinaryOp {
    /// `=`, `==`
    Eq,
    /// `!=`, `<>`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Rem,
}

impl BinaryOp {
    /// As the canonical form writes it.
    pub const fn symbol(self) -> &'static str {
        match self {
            BinaryOp::Eq => "=",
            BinaryOp::Ne => "!=",
            BinaryOp::Lt => "<",
            BinaryOp::Le => "<=",
            BinaryOp::Gt => ">",
            BinaryOp::Ge => ">=",
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
            BinaryOp::Rem => "%",
        }
    }

    /// Whether it compares.
    pub const fn is_comparison(self) -> bool {
        (self as u8) <= BinaryOp::Ge as u8
    }
}

/// An argument. What `name = value` means is for binding to say: a named argument where the operator declares that name, else an
/// [equality](Argument::equality).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Argument {
    /// The name before the first `=`.
    pub name: Option<Ident>,
    /// All that stands behind it, or the whole argument.
    pub value: Expr,
    /// The name behind `as`.
    pub alias: Option<Ident>,
    /// Where it stands.
    pub span: Span,
}

impl Expr {
    /// `node`, written at `span`.
    pub(crate) fn new(node: Node, span: Span) -> Expr {
        let mut expr = Expr { node, span, depth: 1 };
        expr.depth += expr.children().iter().map(|child| child.depth).max().unwrap_or_default();
        expr
    }

    /// This without the parentheses around it.
    pub fn bare(&self) -> &Expr {
        match &self.node {
            Node::Paren(inner) => inner.bare(),
            _ => self,
        }
    }

    /// The name that somebody may have meant who wrote `cpu-util` without quotes.
    pub fn dashed(&self) -> Option<String> {
        match &self.node {
            Node::Binary(BinaryOp::Sub, operands) => {
                let [left, right] = &**operands;
                let last = match &right.node {
                    Node::Name(name) => name.clone(),
                    Node::Integer(number) => number.to_string(),
                    _ => return None,
                };
                Some(format!("{}-{last}", left.dashed()?))
            }
            Node::Name(name) => Some(name.clone()),
            _ => None,
        }
    }

    /// The parts that it is made of.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.node {
            Node::Name(_)
            | Node::Integer(_)
            | Node::Float(_)
            | Node::Text(_)
            | Node::Boolean(_)
            | Node::Null
            | Node::Duration(_)
            | Node::Star => Vec::new(),
            Node::Paren(inner) | Node::Neg(inner) | Node::Not(inner) => vec![inner],
            Node::IsNull { value, .. } | Node::Cast { value, .. } => vec![value],
            Node::List(items) | Node::And(items) | Node::Or(items) => items.iter().collect(),
            Node::Binary(_, operands) | Node::Like { operands, .. } => operands.iter().collect(),
            Node::Between { operands, .. } => operands.iter().collect(),
            Node::In { value, list, .. } => std::iter::once(&**value).chain(list).collect(),
            Node::Case { operand, arms, otherwise } => {
                operand.as_deref().into_iter().chain(arms.iter().flatten()).chain(otherwise.as_deref()).collect()
            }
            Node::Call { arguments, .. } => arguments.iter().map(|argument| &argument.value).collect(),
        }
    }
}

impl Argument {
    /// The argument as an expression: `name = value` read as an equality, in which `=` binds stronger than `and` and `or`.
    ///
    /// # Errors
    /// Where the value begins with `not` or a comparison, which `name =` before it would chain.
    pub fn equality(&self) -> Result<Expr, Error> {
        match &self.name {
            Some(name) => equate(name, &self.value),
            None => Ok(self.value.clone()),
        }
    }
}

/// `name = value`, where the value has been read as far as it goes.
fn equate(name: &Ident, value: &Expr) -> Result<Expr, Error> {
    let first = |items: &[Expr]| {
        let mut items = items.to_vec();
        items[0] = equate(name, &items[0])?;
        Ok(items)
    };
    let node = match &value.node {
        Node::And(items) => Node::And(first(items)?),
        Node::Or(items) => Node::Or(first(items)?),
        Node::Not(_) | Node::Like { .. } | Node::Between { .. } | Node::In { .. } | Node::IsNull { .. } => {
            return Err(chained(value.span.clone()));
        }
        Node::Binary(op, _) if op.is_comparison() => return Err(chained(value.span.clone())),
        _ => {
            let left = Expr::new(Node::Name(name.text.clone()), name.span.clone());
            Node::Binary(BinaryOp::Eq, Box::new([left, value.clone()]))
        }
    };
    Ok(Expr::new(node, name.span.start..value.span.end))
}

/// A comparison of a comparison.
pub(crate) fn chained(span: Span) -> Error {
    Error::new(span, "a comparison cannot be compared again").help("write `a < b and b < c`, or use parentheses")
}
