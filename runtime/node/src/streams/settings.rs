//! The settings of a source stream: what is taken, and what its log makes of it.

use std::collections::HashSet;
use std::time::Duration;

use dag_api::{Clock, Column, CreateStream, Durability};
use dag_codec::MAX_COLUMNS;
use dag_log::{Options, Retention, SourceOptions};
use dag_model::text::{MAX_NAME, NameError, check_name, shortened};
use dag_model::{Field, Schema, Type};

use crate::streams::source::Origin;

/// Why settings are not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The stream's name is none.
    #[error("a stream's name {0}")]
    Name(NameError),
    /// There are no columns.
    #[error("a stream has at least one column besides its time")]
    NoColumn,
    /// There are so many columns.
    #[error("a stream has at most {MAX_COLUMNS} columns, this one has {0}")]
    Columns(usize),
    /// A column's name is none.
    #[error("column `{name}`: a column's name {why}")]
    ColumnName {
        /// Its beginning.
        name: String,
        /// Why.
        why: NameError,
    },
    /// The columns' names have so many bytes.
    #[error("the columns' names have {0} bytes together; the limit is {MAX_NAMES}")]
    Names(usize),
    /// A column is the time, too.
    #[error("column `{0}` is the time: leave it out of the schema")]
    IsTime(String),
    /// A column has a name that means something else.
    #[error("`{0}` cannot be a column's name: every record has a `time` of its own")]
    Reserved(String),
    /// Two columns have the same name.
    #[error("there are two columns `{0}`")]
    Twice(String),
    /// A column is of no type.
    #[error("column `{column}`: unknown type `{ty}`; there are {}", Type::ALL.map(Type::name).join(", "))]
    Type {
        /// The column.
        column: String,
        /// What it is said to be.
        ty: String,
    },
    /// A time span is none.
    #[error(transparent)]
    Duration(#[from] DurationError),
}

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct DurationError {
    what: String,
    why: String,
}

/// Checks settings before anything is made of them.
pub fn check(settings: &CreateStream) -> Result<(), SettingsError> {
    if let Err(why) = check_name(&settings.name, MAX_NAME) {
        return Err(SettingsError::Name(why));
    }
    if settings.schema.is_empty() {
        return Err(SettingsError::NoColumn);
    }
    if settings.schema.len() > MAX_COLUMNS {
        return Err(SettingsError::Columns(settings.schema.len()));
    }
    let names = settings.schema.iter().map(|column| &column.name);
    let time = settings.time.as_ref().and_then(|time| time.column.as_ref());
    for name in names.clone().chain(time) {
        if let Err(why) = check_name(name, MAX_NAME) {
            return Err(SettingsError::ColumnName { name: shortened(name, SHOWN).into_owned(), why });
        }
    }
    let length: usize = names.map(String::len).sum();
    if length > MAX_NAMES {
        return Err(SettingsError::Names(length));
    }
    if let Some(time) = &settings.time
        && let Some(column) = &time.column
        && settings.schema.iter().any(|other| other.name == *column)
    {
        return Err(SettingsError::IsTime(column.clone()));
    }
    schema(&settings.schema)?;
    options(&Origin::Published, settings).map(drop)
}

/// The most bytes of the names of all columns together, which each segment of the log begins with.
const MAX_NAMES: usize = 64 << 10;

/// How many characters of a name that is refused are shown.
const SHOWN: usize = 40;

/// The columns of a stream that is created with these.
pub(super) fn schema(columns: &[Column]) -> Result<Schema, SettingsError> {
    let mut fields: Vec<Field> = Vec::with_capacity(columns.len());
    let mut names = HashSet::with_capacity(columns.len());
    for Column { name, ty } in columns {
        if name.is_empty() || name == dag_model::TIME {
            return Err(SettingsError::Reserved(name.clone()));
        }
        if !names.insert(name) {
            return Err(SettingsError::Twice(name.clone()));
        }
        let unknown = || SettingsError::Type { column: name.clone(), ty: ty.clone() };
        let ty = Type::from_name(ty).ok_or_else(unknown)?;
        fields.push(Field::new(name.clone(), ty));
    }
    Ok(Schema::new(fields))
}

/// How the log of a stream with these settings is kept.
pub(super) fn options(origin: &Origin, settings: &CreateStream) -> Result<SourceOptions, SettingsError> {
    let age = settings.retention.age.as_deref().map(|age| duration("retention.age", age)).transpose()?;
    let log = Options {
        durability: match settings.durability {
            Durability::Fsync => dag_log::Durability::Fsync,
            Durability::Os => dag_log::Durability::Os,
        },
        retention: Retention { age, bytes: settings.retention.bytes },
        segment_bytes: segment_bytes(settings.retention.bytes),
    };
    Ok(SourceOptions {
        log,
        out_of_order: duration("out_of_order", &settings.out_of_order)?,
        max_ahead: duration("max_ahead", &settings.max_ahead)?,
        idle: duration("idle", &settings.idle)?,
        clock_node: settings.clock == Clock::Node,
        arrival: settings.time.is_none(),
        remember: match origin {
            Origin::Published => age,
            // As long as an incarnation's record, which is handed in as a whole at each of its starts.
            Origin::Errors(_) => None,
        },
    })
}

/// In what the settings of a stream that is there differ from those that are asked for, for people.
pub(super) fn differences(there: &CreateStream, asked: &CreateStream) -> Vec<String> {
    let columns = |columns: &[Column]| {
        let columns = columns.iter().map(|column| format!("{} {}", column.name, column.ty));
        shortened(&columns.collect::<Vec<_>>().join(", "), SHOWN_COLUMNS).into_owned()
    };
    let plain = |settings: &CreateStream| match serde_json::to_value(settings) {
        Ok(serde_json::Value::Object(settings)) => settings,
        _ => unreachable!("settings are plain values"),
    };
    let (there_plain, asked_plain) = (plain(there), plain(asked));
    let differ = asked_plain.iter().filter(|(name, value)| there_plain.get(*name) != Some(*value));
    differ
        .map(|(name, value)| match name.as_str() {
            "schema" => {
                format!("its columns are `{}`, not `{}`", columns(&there.schema), columns(&asked.schema))
            }
            name => {
                let there = there_plain.get(name).unwrap_or(&serde_json::Value::Null);
                format!("its {name} is {}, not {}", shown(there), shown(value))
            }
        })
        .collect()
}

/// A setting's value as people write it.
fn shown(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// How many characters of the columns of a stream are shown where they are other than asked for.
const SHOWN_COLUMNS: usize = 400;

/// How large a segment of a log of so many bytes grows. Whole segments are removed, so a small log has small ones.
fn segment_bytes(kept: Option<u64>) -> u64 {
    let most = Options::default().segment_bytes;
    kept.map_or(most, |kept| (kept / SEGMENTS).clamp(LEAST_SEGMENT, most))
}

/// How many segments a log of limited size has, at least.
const SEGMENTS: u64 = 8;

/// The size of the smallest segments.
const LEAST_SEGMENT: u64 = 64 << 10;

/// A duration as expressions write it. `what` names it in the error.
pub fn duration(what: &str, text: &str) -> Result<Duration, DurationError> {
    let refused = |why: String| DurationError { what: what.to_owned(), why };
    let ns = dag_expr::argument::duration(text).map_err(|why| refused(why.to_string()))?;
    u64::try_from(ns).map(Duration::from_nanos).map_err(|_| refused(format!("`{text}` is negative")))
}
