//! A bound stream: what an expression means once names, types and defaults are settled. Its `Display` is the canonical form.

use std::sync::Arc;

use dag_frame::Schema;

use crate::{Kind, Signature};

/// What binding asks of the world.
pub trait Catalog {
    /// The schema of a source stream.
    fn source(&self, name: &str) -> Option<Schema>;
    /// The schema of the stream of that name that holds what a derived stream has skipped; see [`errors_of`].
    fn errors(&self, name: &str) -> Option<Schema>;
    /// The signature of an operator, of any component or of the one named.
    fn operator(&self, component: Option<&str>, name: &str) -> Option<Arc<Signature>>;
    /// All sources, for near names in errors.
    fn sources(&self) -> Vec<String>;
    /// All operators, for near names in errors.
    fn operators(&self) -> Vec<String>;
    /// The output schema of an application whose `schema` is not yet filled in, or why its operator refuses it.
    fn output(&self, application: &Application) -> Result<Schema, String>;
}

/// A bound stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// A stream that is published from outside.
    Source {
        /// Its name, unquoted.
        name: String,
        /// Its columns.
        schema: Schema,
    },
    /// The late records of a source.
    Late {
        /// The source's name, unquoted.
        name: String,
        /// Its columns.
        schema: Schema,
    },
    /// The records that a derived stream has skipped.
    Errors {
        /// Its name, which is its canonical form.
        name: String,
        /// Its columns.
        schema: Schema,
    },
    /// A derived stream.
    Apply(Box<Application>),
}

/// An operator applied to streams.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Application {
    /// The component, where the expression names one (`component.operator(...)`).
    pub component: Option<String>,
    /// The operator's name.
    pub operator: String,
    /// Its world.
    pub kind: Kind,
    /// The input streams.
    pub inputs: Vec<Input>,
    /// The operator's own arguments in declared order, defaults filled in; a repeated parameter once per argument.
    pub arguments: Vec<Argument>,
    /// For an aggregate: its window.
    pub window: Option<Window>,
    /// For an aggregate: the key columns of `by=`.
    pub by: Vec<String>,
    /// The output's columns.
    pub schema: Schema,
}

/// An input stream and the name that scalar expressions qualify its columns with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Input {
    /// As given by `as`, else a source's name, else `$1`, `$2`, ... by position.
    pub alias: String,
    /// Whether `as` gave it: then it is part of the canonical form.
    pub named: bool,
    /// The stream.
    pub stream: Stream,
}

/// An argument as canonical text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Argument {
    /// The parameter's name.
    pub name: String,
    /// Canonical text.
    pub value: String,
    /// Whether the value is the declared default, which the canonical form leaves out where nothing positional follows.
    pub default: bool,
    /// Whether the canonical form gives it without its name.
    pub positional: bool,
}

/// How an aggregate cuts time. Durations are nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Window {
    /// A result after every record: `count(x)`.
    Running,
    /// Windows of `size` that start at every multiple of `every` plus `offset`. Tumbling ones have `every == size`.
    Hopping {
        /// Length; positive.
        size: i64,
        /// Distance between starts; positive, at most `size`.
        every: i64,
        /// Shift of the starts; from 0 to less than `every`.
        offset: i64,
    },
    /// Ends when more than `gap` passes without a record of its key.
    Session {
        /// Positive.
        gap: i64,
    },
}

impl Stream {
    /// The stream's columns.
    pub fn schema(&self) -> &Schema {
        match self {
            Stream::Source { schema, .. } | Stream::Late { schema, .. } | Stream::Errors { schema, .. } => schema,
            Stream::Apply(application) => &application.schema,
        }
    }

    /// The name of the stream whose log holds its records; none of a derived stream, whose runs have logs of their own.
    pub fn source(&self) -> Option<&str> {
        match self {
            Stream::Source { name, .. } | Stream::Late { name, .. } | Stream::Errors { name, .. } => Some(name),
            Stream::Apply(_) => None,
        }
    }
}

/// The name of the stream that holds what the derived stream of that canonical form has skipped.
pub fn errors_of(stream: &str) -> String {
    format!("errors({stream})")
}
