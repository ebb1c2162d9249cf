//! What an operator says of itself. With the feature `serde` as JSON too, whose names are persisted.

use crate::argument;
use crate::bind::window;
use crate::error::Error;
use crate::syntax::name::{is_plain, is_reserved};
use crate::syntax::parser::parse_argument;

/// Which of the two worlds an operator is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Kind {
    /// Folds; the host gives it the window parameters.
    Aggregate,
    /// Everything else.
    Transform,
}

/// What a parameter's argument may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
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

/// The most inputs that one application has, whatever its operator takes: each of them is read, merged and numbered by a byte.
pub const MAX_INPUTS: usize = 64;

/// An operator's inputs and parameters, in declared order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
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
    /// The greatest number; none means as many as [`MAX_INPUTS`].
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

impl ParameterKind {
    /// As listings show it: `duration`.
    pub const fn name(self) -> &'static str {
        match self {
            ParameterKind::Duration => "duration",
            ParameterKind::Integer => "integer",
            ParameterKind::Number => "number",
            ParameterKind::Text => "text",
            ParameterKind::Boolean => "boolean",
            ParameterKind::Column => "column",
            ParameterKind::Columns => "columns",
            ParameterKind::Scalar => "scalar",
            ParameterKind::Predicate => "predicate",
            ParameterKind::Projection => "projection",
            ParameterKind::Match => "match",
        }
    }

    /// Whether an argument is of this kind, as far as that can be told before there are columns.
    fn check(self, text: &str) -> Result<(), Error> {
        match self {
            ParameterKind::Duration => argument::duration(text).map(drop),
            ParameterKind::Integer => argument::integer(text).map(drop),
            ParameterKind::Number => argument::number(text).map(drop),
            ParameterKind::Text => argument::text(text).map(drop),
            ParameterKind::Boolean => argument::boolean(text).map(drop),
            ParameterKind::Column => argument::column(text).map(drop),
            ParameterKind::Columns => argument::columns(text).map(drop),
            ParameterKind::Scalar | ParameterKind::Predicate | ParameterKind::Projection | ParameterKind::Match => {
                parse_argument(text).map(drop)
            }
        }
    }

    /// As help shows it: `DURATION`.
    const fn placeholder(self) -> &'static str {
        match self {
            ParameterKind::Duration => "DURATION",
            ParameterKind::Integer => "INTEGER",
            ParameterKind::Number => "NUMBER",
            ParameterKind::Text => "TEXT",
            ParameterKind::Boolean => "BOOLEAN",
            ParameterKind::Column => "COLUMN",
            ParameterKind::Columns => "COLUMNS",
            ParameterKind::Scalar => "VALUE",
            ParameterKind::Predicate => "CONDITION",
            ParameterKind::Projection => "PROJECTION",
            ParameterKind::Match => "MATCH",
        }
    }
}

impl Signature {
    /// How it is used: `avg(STREAM, [WINDOW], of=value, every=, offset=, session=, by=)`. In brackets stands what may be left
    /// out, behind a name its default; what must be given is in capitals.
    pub fn usage(&self) -> String {
        let mut parts = vec!["STREAM".to_owned(); self.min_inputs];
        match self.max_inputs.map(|most| most.saturating_sub(self.min_inputs)) {
            Some(more @ 0..=2) => parts.extend(vec!["[STREAM]".to_owned(); more]),
            // A great number is a limit, not a list to read.
            Some(_) | None => parts.push("...".to_owned()),
        }
        let (positional, named): (Vec<&Parameter>, Vec<&Parameter>) =
            self.parameters.iter().partition(|parameter| parameter.positional);
        for parameter in positional {
            let place = parameter.name.to_uppercase();
            parts.push(if parameter.required { place } else { format!("[{place}]") });
            parts.extend(parameter.repeated.then(|| "...".to_owned()));
        }
        if self.kind == Kind::Aggregate {
            parts.push(format!("[{}]", window::PARAMETERS[0].to_uppercase()));
        }
        parts.extend(named.into_iter().map(|parameter| {
            let required = if parameter.required { parameter.kind.placeholder() } else { "" };
            format!("{}={}", parameter.name, parameter.default.as_deref().unwrap_or(required))
        }));
        if self.kind == Kind::Aggregate {
            parts.extend(window::PARAMETERS[1..].iter().map(|name| format!("{name}=")));
        }
        format!("{}({})", self.name, parts.join(", "))
    }

    /// Whether expressions can use this operator and their canonical form can tell its arguments apart.
    ///
    /// # Errors
    /// What is wrong with it, in one sentence.
    pub fn check(&self) -> Result<(), String> {
        let refuse = |what: String| Err(format!("operator {}: {what}", self.name));
        if !is_plain(&self.name) || is_reserved(&self.name) {
            return Err(format!(
                "`{}` is no name for an operator: letters, digits and _, and no word of the grammar",
                self.name
            ));
        }
        if self.min_inputs == 0 || self.max_inputs.is_some_and(|most| most < self.min_inputs) {
            return refuse("it takes at least one stream, and at most no fewer than at least".to_owned());
        }
        let aggregate = self.kind == Kind::Aggregate;
        if aggregate && (self.min_inputs, self.max_inputs) != (1, Some(1)) {
            return refuse("an aggregate has one input".to_owned());
        }
        let key = self.parameters.iter().find(|parameter| self.key.as_ref() == Some(&parameter.name));
        if self.key.is_some() && key.is_none_or(|parameter| parameter.kind != ParameterKind::Columns) {
            return refuse("its key must be one of its parameters, of kind columns".to_owned());
        }
        // Behind one that may be missing altogether, position says nothing.
        let mut gap = false;
        for (index, parameter) in self.parameters.iter().enumerate() {
            let name = &parameter.name;
            if !is_plain(name) || is_reserved(name) {
                return refuse(format!("`{name}` is no name for a parameter"));
            }
            if self.parameters[..index].iter().any(|other| other.name == *name) {
                return refuse(format!("it has two parameters `{name}`"));
            }
            if aggregate && window::PARAMETERS.contains(&name.as_str()) {
                return refuse(format!("every aggregate has the parameter `{name}` already"));
            }
            if parameter.required && parameter.default.is_some() {
                return refuse(format!("`{name}` is required and has a default"));
            }
            if let Some(Err(error)) = parameter.default.as_deref().map(|default| parameter.kind.check(default)) {
                return refuse(format!("the default of `{name}` is in error: {error}"));
            }
            if parameter.repeated && (!parameter.positional || parameter.default.is_some()) {
                return refuse(format!("`{name}` is repeated, so it must be positional and have no default"));
            }
            if !parameter.positional {
                continue;
            }
            if self.max_inputs.is_none() {
                return refuse(format!("it takes any number of streams, so `{name}` cannot be positional"));
            }
            let behind = &self.parameters[index + 1..];
            if parameter.repeated && (aggregate || behind.iter().any(|other| other.positional)) {
                return refuse(format!("`{name}` is repeated, so nothing positional can follow it"));
            }
            if gap && (parameter.repeated || parameter.required) {
                return refuse(format!("`{name}` stands behind a parameter that may be left out"));
            }
            gap |= !parameter.required && parameter.default.is_none() && !parameter.repeated;
            if gap && aggregate {
                return refuse(format!("`{name}` stands before the window, so it needs a default or must be required"));
            }
        }
        Ok(())
    }
}
