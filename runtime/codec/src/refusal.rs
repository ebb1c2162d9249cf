//! Why a record, or a whole body, is not taken.

use std::fmt;

use dag_model::Schema;
use dag_model::text::shortened;
use serde::{Deserialize, Serialize};

use crate::{MAX_COLUMNS, MAX_LISTED, MAX_LISTED_BYTES};

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

/// The first refusals of a body: as many as an answer lists, and no more text than it should have.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    listed: Vec<Refusal>,
    bytes: usize,
}

impl Refusals {
    /// Whether no more are listed.
    pub fn is_full(&self) -> bool {
        self.listed.len() >= MAX_LISTED || self.bytes >= MAX_LISTED_BYTES
    }

    /// Lists one more, if there is a place for it.
    pub fn push(&mut self, refusal: Refusal) {
        if !self.is_full() {
            self.bytes += refusal.column.as_ref().map_or(0, String::len) + refusal.reason.len();
            self.listed.push(refusal);
        }
    }
}

impl From<Refusals> for Vec<Refusal> {
    fn from(refusals: Refusals) -> Vec<Refusal> {
        refusals.listed
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
    #[error(
        "the records come to more than {limit} bytes in memory, which is the limit for a body of this length: each takes \
         {width} besides its text, for {columns} columns; send fewer at a time"
    )]
    TooMuch {
        /// The most that a body of its length may come to.
        limit: u64,
        /// The bytes of each record.
        width: u64,
        /// Columns with the time.
        columns: usize,
    },
    /// There is not as much memory as the records take: see [`crate::decode::Room`].
    #[error("there is no room for the records now")]
    NoRoom,
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

/// How many names are told, and how many characters of what was found.
const NAMES: usize = 12;
const SHOWN: usize = 40;

/// Names in words: `a`, `b`, and how many more.
pub(crate) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter();
    let first: Vec<_> = names.by_ref().take(NAMES).map(|name| shortened(name, SHOWN)).collect();
    match (first.len(), names.count()) {
        (0, _) => "no columns".into(),
        (_, 0) => first.join(", "),
        (_, more) => format!("{} and {more} more", first.join(", ")),
    }
}

/// A line of CSV with these names, and dots where there are more.
pub(crate) fn header<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter();
    let first: Vec<_> = names.by_ref().take(NAMES).map(|name| shortened(name, SHOWN)).collect();
    first.join(",") + if names.next().is_some() { ",..." } else { "" }
}

/// Names to choose from in words: `` `a`, `b` or `c` ``.
pub(crate) fn either(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", shortened(name, SHOWN))).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// The columns of a stream in words.
pub(crate) fn columns_of(schema: &Schema) -> String {
    list(schema.fields.iter().map(|field| field.name.as_str()))
}

/// What was found, in backticks, shortened and so that it can be shown anywhere.
pub(crate) fn quoted(found: &str) -> String {
    format!("`{}`", shortened(found, SHOWN))
}

/// A column's name as it is told.
pub(crate) fn told(name: &str) -> String {
    shortened(name, SHOWN).into_owned()
}
