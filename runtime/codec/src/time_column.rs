//! Where a record's time comes from and what its integers count.

use std::fmt;
use std::str::FromStr;

use dag_model::{Schema, Timestamp};
use serde::{Deserialize, Serialize};

/// The names under which a time is looked for when none is given, the most wanted first.
pub const TIME_NAMES: [&str; 3] = ["time", "timestamp", "ts"];

/// What an integer counts where a time is expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TimeUnit {
    /// Seconds since 1970-01-01T00:00:00Z.
    #[default]
    #[serde(rename = "s")]
    S,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Ms,
    /// Microseconds.
    #[serde(rename = "us")]
    Us,
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Ns,
}

impl TimeUnit {
    /// All units, coarse to fine.
    pub const ALL: [TimeUnit; 4] = [TimeUnit::S, TimeUnit::Ms, TimeUnit::Us, TimeUnit::Ns];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            TimeUnit::S => "s",
            TimeUnit::Ms => "ms",
            TimeUnit::Us => "us",
            TimeUnit::Ns => "ns",
        }
    }

    /// How many nanoseconds one of it is.
    pub const fn nanoseconds(self) -> i64 {
        match self {
            TimeUnit::S => 1_000_000_000,
            TimeUnit::Ms => 1_000_000,
            TimeUnit::Us => 1_000,
            TimeUnit::Ns => 1,
        }
    }

    /// The time that `count` of it stand for; none if 64 bits of nanoseconds cannot tell it.
    pub const fn time(self, count: i64) -> Option<Timestamp> {
        match count.checked_mul(self.nanoseconds()) {
            Some(ns) => Some(Timestamp(ns)),
            None => None,
        }
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TimeUnit {
    type Err = String;

    fn from_str(name: &str) -> Result<TimeUnit, String> {
        let unit = TimeUnit::ALL.into_iter().find(|unit| unit.name() == name);
        unit.ok_or_else(|| format!("`{name}` is not a unit of time; expected s, ms, us or ns"))
    }
}

/// Where the records of a body have their time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeColumn {
    /// The column's name; none stands for any of [`TIME_NAMES`] that is not a column of the stream.
    pub name: Option<String>,
    /// What integers count, in this column and in the stream's own timestamp columns.
    pub unit: TimeUnit,
    /// For a stream without a time column: the time of every record. No column is looked for then.
    pub arrival: Option<Timestamp>,
}

impl TimeColumn {
    /// The names that mean the time in a body of a stream with this schema.
    pub(crate) fn names<'a>(&'a self, schema: &'a Schema) -> impl Iterator<Item = &'a str> {
        let looked_for = self.arrival.is_none();
        let usual = TIME_NAMES.into_iter().filter(|name| schema.find(name).is_none());
        let (given, usual) = (self.name.as_deref(), usual.filter(|_| self.name.is_none()));
        given.into_iter().chain(usual).filter(move |_| looked_for)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dag_model::{Field, Type};

    #[test]
    fn the_usual_names_give_way_to_a_column_of_the_stream() {
        let schema = Schema::new(vec![Field::new("ts", Type::Int64)]);
        let names = |column: TimeColumn| column.names(&schema).map(String::from).collect::<Vec<_>>();
        assert_eq!(names(TimeColumn::default()), ["time", "timestamp"]);
        assert_eq!(names(TimeColumn { name: Some("when".into()), ..Default::default() }), ["when"]);
        assert!(names(TimeColumn { arrival: Some(Timestamp(0)), ..Default::default() }).is_empty());
    }

    #[test]
    fn a_count_beyond_64_bits_of_nanoseconds_is_no_time() {
        assert_eq!(TimeUnit::Ms.time(-1), Some(Timestamp(-1_000_000)));
        assert_eq!(TimeUnit::S.time(9_223_372_036), Some(Timestamp(9_223_372_036_000_000_000)));
        assert_eq!(TimeUnit::S.time(9_223_372_037), None);
    }
}
