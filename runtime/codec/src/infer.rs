//! A schema from a sample.

use std::collections::HashMap;
use std::fmt;

use dag_model::{Field, Schema, TIME, Type};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::cut::{BYTE_ORDER_MARK, Cutter};
use crate::decode::arrow::{messages::Messages, widen};
use crate::decode::csv::Records;
use crate::refusal::{either, list, told};
use crate::{BodyError, Format, MAX_COLUMNS, TimeColumn};

/// The columns of a stream that these records could be of. `sample` holds whole records, such as a first [`crate::Chunk`].
///
/// A column is int64 if all its values are integers, float64 if all are numbers, boolean if all are true or false, else utf8;
/// also utf8 if it has none. Digits with a zero in front, such as `007`, are a name and no number. Columns come in the order in
/// which they are first seen; records that cannot be read are passed over.
///
/// # Errors
/// If no record tells the columns, if there is no time column or two, or a column that no stream may have.
pub fn infer(format: Format, sample: &[u8], time: &TimeColumn) -> Result<Schema, BodyError> {
    let columns = match format {
        Format::Json => from_json(sample),
        Format::Csv => from_csv(sample)?,
        Format::Arrow => from_arrow(sample)?,
    };
    if columns.is_empty() {
        return Err(BodyError::NothingToInfer);
    }
    if columns.len() > MAX_COLUMNS {
        return Err(BodyError::TooManyColumns { found: columns.len() });
    }
    without_time(columns, time)
}

/// The columns but for the time, which is the first of the usual names that is there unless another one is asked for.
fn without_time(mut columns: Vec<(String, Type)>, time: &TimeColumn) -> Result<Schema, BodyError> {
    let nothing = Schema::default();
    let wanted: Vec<&str> = time.names(&nothing).collect();
    if let Some(name) = wanted.iter().find(|name| columns.iter().any(|(column, _)| column == *name)) {
        columns.retain(|(column, _)| column != name);
    } else if !wanted.is_empty() {
        let found = list(columns.iter().map(|(column, _)| column.as_str()));
        return Err(BodyError::NoTime { expected: either(&wanted), found });
    }
    if columns.iter().any(|(column, _)| column == TIME) {
        return Err(BodyError::ReservedColumn);
    }
    Ok(Schema::new(columns.into_iter().map(|(name, ty)| Field::new(name, ty)).collect()))
}

fn from_json(sample: &[u8]) -> Vec<(String, Type)> {
    let sample = sample.strip_prefix(BYTE_ORDER_MARK).unwrap_or(sample);
    let mut columns = Sample::default();
    let mut cutter = Cutter::new(false);
    while let Some(piece) = cutter.next(sample, true) {
        let object: Result<Object, _> = serde_json::from_slice(&sample[piece.text]);
        for (name, value) in object.into_iter().flat_map(|object| object.0) {
            columns.see(&name, of_json(&value));
        }
    }
    columns.types()
}

/// The entries of a JSON object in their order, which serde_json's own map does not keep.
struct Object(Vec<(String, serde_json::Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Object, D::Error> {
        json.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Object(entries))
    }
}

fn of_json(value: &serde_json::Value) -> Option<Type> {
    use serde_json::Value;
    match value {
        Value::Null => None,
        Value::Bool(_) => Some(Type::Boolean),
        Value::Number(number) if number.is_i64() => Some(Type::Int64),
        Value::Number(_) => Some(Type::Float64),
        Value::String(_) | Value::Array(_) | Value::Object(_) => Some(Type::Utf8),
    }
}

fn from_csv(sample: &[u8]) -> Result<Vec<(String, Type)>, BodyError> {
    let mut records = Records::new(sample, 1);
    let header = records.header()?.ok_or(BodyError::NothingToInfer)?;
    let mut columns = Sample::default();
    for name in &header {
        if columns.index.contains_key(name) {
            return Err(BodyError::RepeatedColumn { column: told(name) });
        }
        columns.see(name, None);
    }
    let mut any = false;
    while let Some((_, record)) = records.next() {
        let Ok(record) = record else { continue };
        let mut fields = Vec::with_capacity(header.len());
        let count = records.fields.each(record, |_, field, _| fields.push(of_field(field)));
        if count == header.len() {
            any = true;
            header.iter().zip(fields).for_each(|(name, ty)| columns.see(name, ty));
        }
    }
    if any { Ok(columns.types()) } else { Err(BodyError::NothingToInfer) }
}

fn of_field(field: &[u8]) -> Option<Type> {
    let text = String::from_utf8_lossy(field);
    let text = text.trim();
    let digits = text.trim_start_matches(['+', '-']);
    let zero_in_front = digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    let too_large =
        digits.len() > 18 && digits.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<i64>().is_err();
    match text {
        "" => None,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Some(Type::Boolean),
        _ if zero_in_front || too_large => Some(Type::Utf8),
        _ if text.parse::<i64>().is_ok() => Some(Type::Int64),
        _ if text.parse::<f64>().is_ok() => Some(Type::Float64),
        _ => Some(Type::Utf8),
    }
}

fn from_arrow(sample: &[u8]) -> Result<Vec<(String, Type)>, BodyError> {
    let messages = Messages::new(sample)?;
    let column = |field: &arrow_schema::Field| {
        let ty = Type::ALL.into_iter().find(|ty| widen::to(*ty, field.data_type()).is_some());
        let ty = ty.ok_or_else(|| BodyError::ArrowType {
            column: told(field.name()),
            expected: "a type that streams have",
            found: field.data_type().to_string(),
        })?;
        Ok((field.name().clone(), ty))
    };
    messages.schema().fields().iter().map(|field| column(field)).collect()
}

/// The columns that have been seen, in that order, and the type that all their values have in common.
#[derive(Default)]
struct Sample {
    columns: Vec<(String, Option<Type>)>,
    index: HashMap<String, usize>,
}

impl Sample {
    /// Sees a value of that type, or a null, in a column.
    fn see(&mut self, name: &str, ty: Option<Type>) {
        let index = self.index.get(name).copied().unwrap_or_else(|| {
            self.index.insert(name.into(), self.columns.len());
            self.columns.push((name.into(), None));
            self.columns.len() - 1
        });
        let common = &mut self.columns[index].1;
        *common = match (*common, ty) {
            (Some(one), Some(other)) if one == other => Some(one),
            (Some(one), Some(other)) if one.is_numeric() && other.is_numeric() => Some(Type::Float64),
            (Some(_), Some(_)) => Some(Type::Utf8),
            (one, other) => one.or(other),
        };
    }

    fn types(self) -> Vec<(String, Type)> {
        self.columns.into_iter().map(|(name, ty)| (name, ty.unwrap_or(Type::Utf8))).collect()
    }
}
