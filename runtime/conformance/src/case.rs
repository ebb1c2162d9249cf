//! A case: records, and what is done between them.

use std::collections::BTreeMap;
use std::fmt::Write;

use dag_frame::{AlignedBytes, Column, Frame, Value, time};
use dag_wasm::CallError;

use crate::chance::Chance;
use crate::subject::Subject;

/// Records of a random case, at most.
const RECORDS: u64 = 48;
/// Slots of aggregates: windows of keys.
pub const SLOTS: u64 = 4;

/// Records, and what is done between them.
#[derive(Clone, Debug)]
pub struct Case {
    /// In the order of the log.
    pub records: Vec<Record>,
    /// Whether records are spread by key over two instances.
    pub split: bool,
    /// Whether another instance works through the same records in between.
    pub beside: bool,
}

/// A record, and what is done behind it.
#[derive(Clone, Debug)]
pub struct Record {
    /// The input that it belongs to.
    pub input: usize,
    /// Its event time.
    pub time: i64,
    /// What its columns are made from: see [`Subject::value`].
    pub seed: u64,
    /// The key that it has.
    pub key: u64,
    /// Whether the batch ends here.
    pub ends_batch: bool,
    /// How far time is said to have come, if it is said: so much before the latest that can be said.
    pub advances: Option<i64>,
    /// Whether the operator goes on in a new instance, from what this one remembers.
    pub restores: bool,
}

/// What an operator emitted, a line per record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Emitted(pub Vec<String>);

/// Why there is no output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The operator refuses the records.
    Refused(String),
    /// The operator breaks a promise.
    Broken(String),
}

impl From<CallError> for Outcome {
    fn from(error: CallError) -> Outcome {
        match error {
            CallError::Invalid(_) => Outcome::Broken(error.to_string()),
            _ => Outcome::Refused(error.to_string()),
        }
    }
}

impl Case {
    /// Some records of a few keys, seconds apart, some of them at one time and some late, and something behind some of them.
    pub fn random(subject: &Subject, chance: &mut Chance) -> Case {
        let count = 1 + chance.below(RECORDS);
        let (batches, advances, restores) = (1 + chance.below(8), 1 + chance.below(6), 2 + chance.below(10));
        let mut now = 0;
        let record = |_| {
            now += [0, 1, 1, 2, 5, 60][chance.below(6) as usize] * SECOND;
            let late = if chance.once_in(6) { chance.below(20) as i64 * SECOND } else { 0 };
            Record {
                input: chance.below(subject.inputs.len() as u64) as usize,
                time: now - late,
                seed: chance.next(),
                key: chance.below(SLOTS),
                ends_batch: chance.once_in(batches),
                advances: chance.once_in(advances).then(|| chance.below(4) as i64 * SECOND),
                restores: chance.once_in(restores),
            }
        };
        let records = (0..count).map(record).collect();
        Case { records, split: subject.is_keyed && chance.once_in(4), beside: chance.once_in(4) }
    }

    /// The same records with nothing done between them.
    pub fn whole(&self) -> Case {
        let plain = |record: &Record| Record { ends_batch: false, advances: None, restores: false, ..record.clone() };
        Case { records: self.records.iter().map(plain).collect(), split: false, beside: false }
    }

    /// For people: a line per record, and a line for what is done behind it.
    pub fn shown(&self, subject: &Subject) -> String {
        let mut text = String::new();
        let mut line = |line: String| writeln!(text, "{line}").expect("a text takes all");
        if self.split {
            line("(records are spread by key over two instances)".to_owned());
        }
        if self.beside {
            line("(another instance works on the same records in between)".to_owned());
        }
        for record in &self.records {
            let fields = subject.inputs[record.input].fields.iter().enumerate();
            let values = fields.map(|(column, field)| {
                format!("{} {}", field.name, shown(&subject.value(record, column).view().value(0)))
            });
            let input = if subject.inputs.len() > 1 { format!("input {}: ", record.input + 1) } else { String::new() };
            line(format!("{input}{}  {}", time::format(record.time), values.collect::<Vec<_>>().join(", ")));
            let mut behind = Vec::new();
            if record.ends_batch || record.advances.is_some() || record.restores {
                behind.push("the batch ends");
            }
            if record.advances.is_some() {
                behind.push("advance is called");
            }
            if record.restores {
                behind.push("a snapshot is taken and restored in a new instance");
            }
            if !behind.is_empty() {
                line(format!("  -- {}", behind.join("; ")));
            }
        }
        text
    }
}

/// A second in nanoseconds.
pub const SECOND: i64 = 1_000_000_000;

/// A value so that those that differ are shown differently.
pub fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Boolean(value) => value.to_string(),
        Value::Int64(value) => value.to_string(),
        Value::Float64(value) => format!("{value:?}"),
        Value::Utf8(value) => format!("{value:?}"),
        Value::Binary(value) => value.iter().fold("x".to_owned(), |text, byte| format!("{text}{byte:02x}")),
        Value::Timestamp(value) => time::format(*value),
    }
}

impl Emitted {
    /// How these differ, if they do.
    pub fn difference(&self, other: &Emitted) -> Option<String> {
        if self == other {
            return None;
        }
        let first = self.0.iter().zip(&other.0).take_while(|(a, b)| a == b).count();
        let line = |lines: &[String]| lines.get(first).map_or("nothing more".to_owned(), |line| format!("`{line}`"));
        Some(format!(
            "so it gives {} records and in one piece {}; record {} is {}, and in one piece {}",
            other.0.len(),
            self.0.len(),
            first + 1,
            line(&other.0),
            line(&self.0)
        ))
    }

    /// Without the order in which keys are mixed.
    pub fn sorted(mut self) -> Emitted {
        self.0.sort();
        self
    }
}

/// The columns of a frame.
pub fn columns_of(frame: &[u8]) -> Result<Vec<Column>, Outcome> {
    let bytes = AlignedBytes::copy(frame);
    let broken = |error| Outcome::Broken(format!("it returned what is no frame: {error}"));
    let frame = Frame::parse(&bytes).map_err(broken)?;
    Ok(frame.columns().iter().map(|column| column.to_column()).collect())
}

/// The rows of columns as lines.
pub fn lines(columns: &[Column]) -> impl Iterator<Item = String> + '_ {
    let rows = columns.first().map_or(0, |column| column.len);
    (0..rows).map(|row| columns.iter().map(|column| shown(&column.view().value(row))).collect::<Vec<_>>().join(", "))
}

/// Cuts a case's records where batches end: the places of each batch's records in `order`, and the record behind which it is cut, if it is.
pub fn batches(case: &Case, order: &[usize]) -> Vec<(Vec<usize>, Option<usize>)> {
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    for index in order {
        let record = &case.records[*index];
        batch.push(*index);
        if record.ends_batch || record.advances.is_some() || record.restores {
            batches.push((std::mem::take(&mut batch), Some(*index)));
        }
    }
    batches.push((batch, None));
    batches
}

/// How many records have each key.
pub fn keys(case: &Case) -> BTreeMap<u64, usize> {
    case.records.iter().fold(BTreeMap::new(), |mut keys, record| {
        *keys.entry(record.key).or_default() += 1;
        keys
    })
}
