//! Why a record, or a whole body, is not taken.

use std::fmt;

use dag_model::Schema;
use serde::{Deserialize, Serialize};

use crate::{MAX_COLUMNS, MAX_VALUES};

/// Why one record is not taken. Displayed as one line of text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The line that the record begins on, from 1; in an Arrow stream the record's number, from 1.
    pub line: u64,
    /// The column, where the trouble is in one.
    pub column: Option<String>,
    /// What was found and what was expected.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if let Some(column) = &self.column {
            write!(f, "column `{column}`: ")?;
        }
        f.write_str(&self.reason)
    }
}

/// Why nothing of a body is taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// CSV without a first line.
    #[error("the body is empty; expected a CSV header line such as `{expected}`")]
    NoHeader {
        /// The stream's columns as a header.
        expected: String,
    },
    /// A CSV header that cannot be read.
    #[error("the CSV header cannot be read: {problem}")]
    Header {
        /// What is wrong with it.
        problem: String,
    },
    /// There is no time column.
    #[error("no time column: expected {expected}, found {found}")]
    NoTime {
        /// The names that would do.
        expected: String,
        /// The columns of the body.
        found: String,
    },
    /// There are several of the usual names.
    #[error("both `{first}` and `{second}` could be the time column; name the one that is")]
    TwoTimes {
        /// The first.
        first: String,
        /// The second.
        second: String,
    },
    /// A column that the stream does not have.
    #[error("unknown column `{column}`; the stream has {expected}")]
    UnknownColumn {
        /// Its name.
        column: String,
        /// The stream's columns.
        expected: String,
    },
    /// A column that is there twice.
    #[error("column `{column}` is there twice")]
    RepeatedColumn {
        /// Its name.
        column: String,
    },
    /// A column `time` beside the time column: every batch has one of that name already.
    #[error("column `time` is not the time column, and no other may have that name; rename it")]
    ReservedColumn,
    /// Too many columns.
    #[error("{found} columns; at most {MAX_COLUMNS} are taken")]
    TooManyColumns {
        /// How many.
        found: usize,
    },
    /// Too many records for their columns.
    #[error("the records come to more than {MAX_VALUES} values, counting {columns} for each; send fewer at a time")]
    TooManyValues {
        /// Columns with the time.
        columns: usize,
    },
    /// A body whose text offsets would not fit.
    #[error("the body is {found} bytes long; at most {} are taken at a time", i32::MAX)]
    TooLong {
        /// Its length.
        found: usize,
    },
    /// An Arrow column of a type that does not become the stream's.
    #[error("column `{column}`: expected {expected}, found Arrow type {found}")]
    ArrowType {
        /// Its name.
        column: String,
        /// The stream's type.
        expected: &'static str,
        /// The Arrow type.
        found: String,
    },
    /// Not an Arrow IPC stream, or one that is not taken.
    #[error("the Arrow stream cannot be read: {problem}")]
    Arrow {
        /// What is wrong with it.
        problem: String,
    },
    /// No record that tells the columns.
    #[error("no record to tell the columns by")]
    NothingToInfer,
}

/// Names in words: `a`, `b`, and how many more.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 12;
    let names: Vec<&str> = names.into_iter().collect();
    match names.len() {
        0 => "no columns".into(),
        count if count > SHOWN => format!("{} and {} more", names[..SHOWN].join(", "), count - SHOWN),
        _ => names.join(", "),
    }
}

/// Names to choose from in words: `` `a`, `b` or `c` ``.
pub(crate) fn either(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// The columns of a stream in words.
pub(crate) fn columns_of(schema: &Schema) -> String {
    list(schema.fields.iter().map(|field| field.name.as_str()))
}

/// What was found, in backticks, shortened and with control characters escaped so that it can be shown anywhere.
pub(crate) fn quoted(found: &str) -> String {
    const SHOWN: usize = 40;
    let shown: String = found.chars().take(SHOWN).collect();
    let more = if found.chars().nth(SHOWN).is_some() { "..." } else { "" };
    format!("`{}{more}`", shown.escape_debug())
}
