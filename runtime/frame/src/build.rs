//! Owned columns from values.

use crate::bitmap::{ones, set};
use crate::column::{Column, Data};
use crate::{Type, Value};

/// Collects which values are there; no bitmap is made until the first null.
#[derive(Default)]
struct Validity {
    len: usize,
    bits: Option<Vec<u8>>,
}

impl Validity {
    fn push(&mut self, valid: bool) {
        if !valid && self.bits.is_none() {
            self.bits = Some(ones(self.len));
        }
        if let Some(bits) = &mut self.bits {
            push_bit(bits, self.len, valid);
        }
        self.len += 1;
    }
}

/// Appends bit `index` to a bitmap of `index` bits.
fn push_bit(bits: &mut Vec<u8>, index: usize, bit: bool) {
    if index.is_multiple_of(8) {
        bits.push(0);
    }
    if bit {
        set(bits, index);
    }
}

/// Splits values into what is there and which are.
fn collect<T: Default>(values: impl IntoIterator<Item = Option<T>>, data: fn(Vec<T>) -> Data) -> Column {
    let mut validity = Validity::default();
    let values = values.into_iter().map(|value| {
        validity.push(value.is_some());
        value.unwrap_or_default()
    });
    let values = values.collect();
    Column { len: validity.len, validity: validity.bits, data: data(values) }
}

/// Offsets and bytes of values.
fn collect_bytes<T: AsRef<[u8]>>(
    values: impl IntoIterator<Item = Option<T>>,
    data: fn(Vec<i32>, Vec<u8>) -> Data,
) -> Column {
    let mut validity = Validity::default();
    let (mut offsets, mut bytes) = (vec![0], Vec::new());
    for value in values {
        validity.push(value.is_some());
        bytes.extend_from_slice(value.as_ref().map_or(&[], AsRef::as_ref));
        offsets.push(end_offset(&bytes));
    }
    Column { len: validity.len, validity: validity.bits, data: data(offsets, bytes) }
}

/// The offset behind the last byte.
///
/// # Panics
/// If the column's bytes reach 2 GiB, which 32-bit offsets cannot tell.
pub(crate) fn end_offset(bytes: &[u8]) -> i32 {
    i32::try_from(bytes.len()).expect("a column of text or binary has less than 2 GiB")
}

impl Column {
    /// A column of booleans.
    pub fn boolean(values: impl IntoIterator<Item = Option<bool>>) -> Column {
        let mut validity = Validity::default();
        let mut bits = Vec::new();
        for value in values {
            push_bit(&mut bits, validity.len, value.unwrap_or_default());
            validity.push(value.is_some());
        }
        Column { len: validity.len, validity: validity.bits, data: Data::Boolean(bits) }
    }

    /// A column of integers.
    pub fn int64(values: impl IntoIterator<Item = Option<i64>>) -> Column {
        collect(values, Data::Int64)
    }

    /// A column of doubles.
    pub fn float64(values: impl IntoIterator<Item = Option<f64>>) -> Column {
        collect(values, Data::Float64)
    }

    /// A column of times, in nanoseconds since the epoch.
    pub fn timestamp(values: impl IntoIterator<Item = Option<i64>>) -> Column {
        collect(values, Data::Timestamp)
    }

    /// A column of text.
    pub fn utf8<T: AsRef<str>>(values: impl IntoIterator<Item = Option<T>>) -> Column {
        struct Text<T>(T);
        impl<T: AsRef<str>> AsRef<[u8]> for Text<T> {
            fn as_ref(&self) -> &[u8] {
                self.0.as_ref().as_bytes()
            }
        }
        collect_bytes(values.into_iter().map(|value| value.map(Text)), Data::Utf8)
    }

    /// A column of bytes.
    pub fn binary<T: AsRef<[u8]>>(values: impl IntoIterator<Item = Option<T>>) -> Column {
        collect_bytes(values, Data::Binary)
    }

    /// A column without values.
    pub fn empty(ty: Type) -> Column {
        Column::nulls(ty, 0)
    }

    /// A column of `len` nulls.
    pub fn nulls(ty: Type, len: usize) -> Column {
        let data = match ty {
            Type::Boolean => Data::Boolean(vec![0; len.div_ceil(8)]),
            Type::Int64 => Data::Int64(vec![0; len]),
            Type::Float64 => Data::Float64(vec![0.0; len]),
            Type::Utf8 => Data::Utf8(vec![0; len + 1], Vec::new()),
            Type::Binary => Data::Binary(vec![0; len + 1], Vec::new()),
            Type::Timestamp => Data::Timestamp(vec![0; len]),
        };
        Column { len, validity: (len > 0).then(|| vec![0; len.div_ceil(8)]), data }
    }

    /// Appends a value.
    ///
    /// # Panics
    /// If the value is neither null nor of the column's type.
    pub fn push(&mut self, value: Value) {
        let mut validity = Validity { len: self.len, bits: self.validity.take() };
        validity.push(value != Value::Null);
        self.validity = validity.bits;
        match (&mut self.data, value) {
            (Data::Boolean(bits), Value::Boolean(value)) => push_bit(bits, self.len, value),
            (Data::Boolean(bits), Value::Null) => push_bit(bits, self.len, false),
            (Data::Int64(values), Value::Int64(value)) => values.push(value),
            (Data::Timestamp(values), Value::Timestamp(value)) => values.push(value),
            (Data::Int64(values) | Data::Timestamp(values), Value::Null) => values.push(0),
            (Data::Float64(values), Value::Float64(value)) => values.push(value),
            (Data::Float64(values), Value::Null) => values.push(0.0),
            (Data::Utf8(offsets, bytes), Value::Utf8(value)) => {
                bytes.extend_from_slice(value.as_bytes());
                offsets.push(end_offset(bytes));
            }
            (Data::Binary(offsets, bytes), Value::Binary(value)) => {
                bytes.extend_from_slice(value);
                offsets.push(end_offset(bytes));
            }
            (Data::Utf8(offsets, bytes) | Data::Binary(offsets, bytes), Value::Null) => {
                offsets.push(end_offset(bytes));
            }
            (_, value) => panic!("a column of {} takes no {value:?}", self.ty()),
        }
        self.len += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushed_values_make_the_column_that_collected_ones_make() {
        let mut pushed = Column::empty(Type::Utf8);
        [Value::Utf8("a"), Value::Null, Value::Utf8("")].into_iter().for_each(|value| pushed.push(value));
        assert_eq!(pushed, Column::utf8([Some("a"), None, Some("")]));
        let mut pushed = Column::empty(Type::Boolean);
        (0..20).for_each(|index| pushed.push(Value::Boolean(index % 3 == 0)));
        pushed.push(Value::Null);
        assert_eq!(pushed, Column::boolean((0..20).map(|index| Some(index % 3 == 0)).chain([None])));
    }

    #[test]
    #[should_panic(expected = "takes no")]
    fn a_value_of_another_type_is_a_bug() {
        Column::empty(Type::Int64).push(Value::Float64(1.0));
    }
}
