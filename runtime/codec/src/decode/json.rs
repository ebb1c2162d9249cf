//! NDJSON.

use std::fmt;

use dag_model::text::shortened;
use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::columns::{Column, Misfit};
use super::names::Names;
use super::rows::{Problem, Record, Rows};
use super::{Decoded, Decoder};
use crate::BodyError;
use crate::cut::{BYTE_ORDER_MARK, Cutter};
use crate::refusal::quoted;

pub(super) fn decode(decoder: Decoder<'_>, bytes: &[u8], first_line: u64) -> Result<Decoded, BodyError> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let names = Names::new(decoder.schema, decoder.time);
    let mut rows = Rows::new(decoder, bytes.len())?;
    let mut cutter = Cutter::new(false);
    let mut line = first_line;
    while let Some(piece) = cutter.next(bytes, true) {
        if !piece.is_blank(bytes) {
            let text = &bytes[piece.text];
            rows.record(line, &names, |record| match piece.flaw {
                Some(flaw) => Err(Problem::of_record(flaw.to_string())),
                None => read_line(text, &names, record),
            })?;
        }
        line += piece.lines;
    }
    Ok(rows.finish())
}

/// Appends the values of one line to the columns.
fn read_line(line: &[u8], names: &Names<'_>, record: &mut Record<'_>) -> Result<(), Problem> {
    let text = std::str::from_utf8(line)
        .map_err(|error| Problem::of_record(format!("not UTF-8 after {} bytes", error.valid_up_to())))?;
    let mut json = serde_json::Deserializer::from_str(text);
    let mut reader = RecordReader { names, record, problem: None };
    let read = json.deserialize_map(&mut reader).and_then(|()| json.end());
    match (read, reader.problem) {
        (Err(error), _) => Err(record.problem(|| explain(&error))),
        (Ok(()), Some(problem)) => Err(problem),
        (Ok(()), None) => Ok(()),
    }
}

/// How many characters of an error are told: it may repeat a whole line.
const TOLD: usize = 200;

/// A JSON error without its line, which is always the first.
fn explain(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    let message = shortened(message, TOLD);
    match error.classify() {
        Category::Data => message.into_owned(),
        Category::Eof => format!("malformed JSON: it ends early ({message})"),
        Category::Syntax | Category::Io => format!("malformed JSON: {message} at character {}", error.column()),
    }
}

/// Appends what an object holds to the columns. After a first problem it only looks whether the rest is JSON.
struct RecordReader<'a, 'r, 'n> {
    names: &'a Names<'n>,
    record: &'a mut Record<'r>,
    problem: Option<Problem>,
}

impl<'de> Visitor<'de> for &mut RecordReader<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object such as {\"time\": \"2014-02-14T14:00:00Z\", \"value\": 1.5}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut guess = 0;
        while let Some(key) = map.next_key_seed(Key { names: self.names, guess, told: self.record.told })? {
            let found = match key {
                Ok(column) if self.record.has(column) => {
                    map.next_value::<IgnoredAny>()?;
                    let twice = if column == 0 { "the record has a time already" } else { "the key is there twice" };
                    Err(Problem::of_column(self.names.name(column), twice.into()))
                }
                Ok(column) => {
                    guess = column + 1;
                    let fits = map.next_value_seed(Value(self.record.column(column)))?;
                    fits.map_err(|misfit| Problem::of_column(self.names.name(column), misfit))
                }
                Err(reason) => {
                    map.next_value::<IgnoredAny>()?;
                    Err(Problem::of_record(reason))
                }
            };
            if let Err(problem) = found {
                self.problem.get_or_insert(problem);
            }
        }
        Ok(())
    }
}

/// A key: the column that it names, or why it names none, in words where that is told.
struct Key<'r, 'n> {
    names: &'r Names<'n>,
    guess: usize,
    told: bool,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = Result<usize, String>;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = Result<usize, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(match self.names.find(key, self.guess) {
            Some(column) => Ok(column),
            None if self.told => {
                Err(format!("unknown column {}; the stream has {}", quoted(key), self.names.expected()))
            }
            None => Err(String::new()),
        })
    }
}

/// A value for a column.
struct Value<'c>(&'c mut Column);

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Result<(), Misfit>;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Result<(), Misfit>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        self.0.push_null();
        Ok(Ok(()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(self.0.push_boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(self.0.push_integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(match i64::try_from(value) {
            Ok(value) => self.0.push_integer(value),
            Err(_) => self.0.push_float(value as f64),
        })
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(self.0.push_float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(self.0.push_text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_seq(items)?;
        Ok(Err(self.0.misfit("a list")))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_map(entries)?;
        Ok(Err(self.0.misfit("an object")))
    }
}
