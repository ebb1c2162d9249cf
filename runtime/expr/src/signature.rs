//! What an operator says of itself.

/// Which of the two worlds an operator is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Folds; the host gives it the window parameters.
    Aggregate,
    /// Everything else.
    Transform,
}

/// What a parameter's argument may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// `5min`
    Duration,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// Text in single quotes.
    Text,
    /// `true` or `false`.
    Boolean,
    /// The name of a column of the first input.
    Column,
    /// One name or a list of names of columns of the first input.
    Columns,
    /// A scalar expression over the columns of the first input.
    Scalar,
    /// A scalar expression of type boolean over the columns of the first input.
    Predicate,
    /// `*`, a scalar expression, or a scalar expression `as` a name.
    Projection,
    /// Columns that all inputs have, or a boolean scalar expression over columns qualified by their input's alias.
    Match,
}

/// A parameter of an operator, besides its input streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What it takes.
    pub kind: ParameterKind,
    /// Whether it must be given.
    pub required: bool,
    /// Whether it may be given without its name; the canonical form then leaves the name out.
    pub positional: bool,
    /// Whether it takes all positional arguments that remain.
    pub repeated: bool,
    /// Canonical text of its value when it is not given.
    pub default: Option<String>,
    /// One sentence.
    pub doc: String,
}

/// An operator's inputs and parameters, in declared order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The component that exports it.
    pub component: String,
    /// The operator's name.
    pub name: String,
    /// Its world.
    pub kind: Kind,
    /// One sentence.
    pub doc: String,
    /// An expression that uses it.
    pub example: String,
    /// The least number of inputs.
    pub min_inputs: usize,
    /// The greatest number; none means any.
    pub max_inputs: Option<usize>,
    /// The operator's own parameters. An aggregate's window parameters are not among them: binding adds them.
    pub parameters: Vec<Parameter>,
    /// The parameter whose columns are the key, if records of different keys do not meet.
    pub key: Option<String>,
    /// The version of the state that the operator writes.
    pub state_written: u32,
    /// The versions that it reads.
    pub state_read: Vec<u32>,
}
