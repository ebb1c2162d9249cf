//! Keys: what records have in common that belong together.

use crate::cell::canonical;
use crate::map::FixedMap;
use crate::state::{check_columns, save_all};
use crate::{AlignedBytes, Batch, Column, ColumnRef, Columns, Field, Frame, Result, Schema, State, Value};
use crate::{encode, find_column};

/// A state per key, for transforms with a `by=`.
///
/// Keys are numbered as they are first seen; nothing depends on the order of a map.
#[derive(Clone, Debug)]
pub struct Keyed<S> {
    /// The key columns, by index in the input's schema.
    columns: Vec<usize>,
    /// Their names and types.
    fields: Vec<Field>,
    numbers: FixedMap<Box<[u8]>, u32>,
    /// Row `n` is key `n`.
    keys: Vec<Column>,
    states: Vec<S>,
}

impl<S: State> Keyed<S> {
    /// States by these columns of the input; without any, all records have the same key.
    ///
    /// # Errors
    /// If the input has no such column.
    pub fn by(columns: Option<&Columns>, input: &Schema) -> Result<Keyed<S>> {
        let names = columns.map_or(&[][..], |columns| &columns.0);
        let columns: Vec<_> = names.iter().map(|name| find_column(input, name)).collect::<Result<_>>()?;
        let fields: Vec<_> = columns.iter().map(|column| input.fields[*column].clone()).collect();
        let keys = fields.iter().map(|field| Column::empty(field.ty)).collect();
        Ok(Keyed { columns, fields, numbers: FixedMap::default(), keys, states: Vec::new() })
    }

    /// The key columns, by index in the input's schema.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The key columns' names and types.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The number of each record's key. Those that are new have states of their own by now, at their default.
    pub fn numbers(&mut self, batch: &Batch<'_>) -> Vec<u32> {
        let columns: Vec<_> = self.columns.iter().map(|column| batch.column(*column)).collect();
        let mut key = Vec::new();
        if columns.is_empty() && batch.rows() > 0 {
            return vec![self.number(&columns, 0, &mut key); batch.rows()];
        }
        (0..batch.rows()).map(|row| self.number(&columns, row, &mut key)).collect()
    }

    /// The state of the key with that number.
    ///
    /// # Panics
    /// If [`numbers`](Keyed::numbers) has given no such number.
    #[inline]
    pub fn state(&mut self, number: u32) -> &mut S {
        &mut self.states[number as usize]
    }

    /// Keys and states, for a snapshot.
    pub fn save(&self) -> Vec<u8> {
        let states = save_all(&self.states);
        let columns: Vec<_> = self.keys.iter().chain(&states).map(Column::view).collect();
        encode(self.states.len(), &columns)
    }

    /// Reads what [`save`](Keyed::save) wrote.
    ///
    /// # Errors
    /// If the bytes are something else.
    pub fn load(&mut self, saved: &[u8]) -> Result {
        let bytes = AlignedBytes::copy(saved);
        let frame = Frame::parse(&bytes).map_err(|error| error.to_string())?;
        let types: Vec<_> = self.fields.iter().map(|field| field.ty).collect();
        let found: Vec<_> = frame.columns().iter().map(ColumnRef::ty).collect();
        if !found.starts_with(&types) {
            return Err(format!("saved keys have columns {found:?}, expected {types:?}"));
        }
        let (keys, states) = frame.columns().split_at(types.len());
        check_columns::<S>(states)?;
        let mut key = Vec::new();
        for row in 0..frame.rows() {
            let number = self.number(keys, row, &mut key);
            *self.state(number) = S::load(states, row)?;
        }
        Ok(())
    }

    /// The number of the key in that row. `key` is memory to reuse.
    fn number(&mut self, columns: &[ColumnRef<'_>], row: usize, key: &mut Vec<u8>) -> u32 {
        key.clear();
        columns.iter().for_each(|column| append_key(key, column.value(row)));
        if let Some(number) = self.numbers.get(key.as_slice()) {
            return *number;
        }
        let number = self.states.len() as u32;
        self.numbers.insert(key.as_slice().into(), number);
        self.keys.iter_mut().zip(columns).for_each(|(own, column)| own.push(column.value(row)));
        self.states.push(S::default());
        number
    }
}

/// Appends bytes that are equal for equal values of one type, and of which none begins another: so are those of several
/// values in a row. A null equals a null, NaN equals NaN, and 0 equals -0.
pub fn append_key(key: &mut Vec<u8>, value: Value<'_>) {
    key.push(u8::from(value != Value::Null));
    match value {
        Value::Null => {}
        Value::Boolean(value) => key.push(value.into()),
        Value::Int64(value) | Value::Timestamp(value) => key.extend(value.to_le_bytes()),
        // Adding zero makes -0 a 0.
        Value::Float64(value) => key.extend((canonical(value) + 0.0).to_le_bytes()),
        Value::Utf8(value) => append_bytes(key, value.as_bytes()),
        Value::Binary(value) => append_bytes(key, value),
    }
}

fn append_bytes(key: &mut Vec<u8>, bytes: &[u8]) {
    key.extend((bytes.len() as u32).to_le_bytes());
    key.extend(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cell;
    use proptest::prelude::*;

    fn key(values: &[Value<'_>]) -> Vec<u8> {
        let mut key = Vec::new();
        values.iter().for_each(|value| append_key(&mut key, *value));
        key
    }

    #[test]
    fn equal_values_have_equal_keys() {
        assert_eq!(key(&[Value::Float64(0.0)]), key(&[Value::Float64(-0.0)]));
        assert_eq!(key(&[Value::Float64(f64::NAN)]), key(&[Value::Float64(-f64::NAN)]));
    }

    #[test]
    fn different_values_have_different_keys_wherever_one_ends() {
        assert_ne!(key(&[Value::Utf8("a"), Value::Utf8("bc")]), key(&[Value::Utf8("ab"), Value::Utf8("c")]));
        assert_ne!(key(&[Value::Null, Value::Utf8("")]), key(&[Value::Utf8(""), Value::Null]));
    }

    proptest! {
        #[test]
        fn keys_are_equal_where_values_are(
            a in (any::<Option<i64>>(), "[ab]{0,3}", prop::option::of("[ab]{0,3}")),
            b in (any::<Option<i64>>(), "[ab]{0,3}", prop::option::of("[ab]{0,3}")),
        ) {
            let key = |(number, text, perhaps): &(Option<i64>, String, Option<String>)| {
                key(&[number.to_value(), text.to_value(), perhaps.to_value()])
            };
            prop_assert_eq!(key(&a) == key(&b), a == b);
            prop_assert_eq!(key(&a), key(&a.clone()));
        }
    }
}
