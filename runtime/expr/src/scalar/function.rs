//! The functions of scalar expressions.

/// A function. Names are in any case; a null argument gives null, but for `coalesce`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    /// The number without its sign.
    Abs,
    /// The nearest whole number, halves away from zero; with a second argument, to that many decimal places.
    Round,
    /// The greatest whole number that is not greater.
    Floor,
    /// The least whole number that is not less.
    Ceil,
    /// The least of its arguments.
    Least,
    /// The greatest of its arguments.
    Greatest,
    /// The first of its arguments that is not null.
    Coalesce,
    /// The text in lower case.
    Lower,
    /// The text in upper case.
    Upper,
    /// How many characters a text has, or bytes a binary value.
    Length,
    /// The characters of a text from a position on, the first being 1; with a third argument, at most that many.
    Substr,
    /// Whether the first text contains the second.
    Contains,
    /// Texts one behind the other.
    Concat,
}

impl Function {
    pub const ALL: [Function; 13] = [
        Function::Abs,
        Function::Round,
        Function::Floor,
        Function::Ceil,
        Function::Least,
        Function::Greatest,
        Function::Coalesce,
        Function::Lower,
        Function::Upper,
        Function::Length,
        Function::Substr,
        Function::Contains,
        Function::Concat,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Function::Abs => "abs",
            Function::Round => "round",
            Function::Floor => "floor",
            Function::Ceil => "ceil",
            Function::Least => "least",
            Function::Greatest => "greatest",
            Function::Coalesce => "coalesce",
            Function::Lower => "lower",
            Function::Upper => "upper",
            Function::Length => "length",
            Function::Substr => "substr",
            Function::Contains => "contains",
            Function::Concat => "concat",
        }
    }

    pub fn from_name(name: &str) -> Option<Function> {
        Function::ALL.into_iter().find(|function| function.name().eq_ignore_ascii_case(name))
    }

    /// The least and the greatest number of arguments.
    pub const fn arity(self) -> (usize, usize) {
        match self {
            Function::Abs | Function::Floor | Function::Ceil => (1, 1),
            Function::Lower | Function::Upper | Function::Length => (1, 1),
            Function::Round => (1, 2),
            Function::Substr => (2, 3),
            Function::Contains => (2, 2),
            Function::Least | Function::Greatest | Function::Coalesce | Function::Concat => (1, usize::MAX),
        }
    }
}
