//! Columns: borrowed views with no parsing ([`ColumnRef`]) and owned ones ([`Column`]).
//!
//! Both lie as Arrow lays them out: values, 32-bit offsets plus bytes for text and binary, and validity as a bitmap whose
//! least significant bit comes first. A missing bitmap means that no value is null.

use crate::{Type, Value};

/// A bitmap of `len` bits, least significant bit first.
#[derive(Clone, Copy, Debug)]
pub struct Bits<'a> {
    /// At least `len.div_ceil(8)` bytes.
    pub bytes: &'a [u8],
    /// How many bits count.
    pub len: usize,
}

impl Bits<'_> {
    /// The bit at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> bool {
        debug_assert!(index < self.len);
        self.bytes[index >> 3] & (1 << (index & 7)) != 0
    }

    /// How many bits are set.
    pub fn count_ones(&self) -> usize {
        let (whole, rest) = (&self.bytes[..self.len / 8], self.len % 8);
        let whole: u32 = whole.iter().map(|byte| byte.count_ones()).sum();
        let rest = if rest == 0 { 0 } else { (self.bytes[self.len / 8] & ((1 << rest) - 1)).count_ones() };
        (whole + rest) as usize
    }
}

/// Variable-length values: value `i` is `bytes[offsets[i]..offsets[i + 1]]`.
#[derive(Clone, Copy, Debug)]
pub struct VarLen<'a> {
    /// One more than there are values; never decreasing.
    pub offsets: &'a [i32],
    /// What the offsets point into.
    pub bytes: &'a [u8],
}

impl<'a> VarLen<'a> {
    /// The bytes of value `index`.
    #[inline]
    pub fn get(&self, index: usize) -> &'a [u8] {
        &self.bytes[self.offsets[index] as usize..self.offsets[index + 1] as usize]
    }
}

/// The values of a borrowed column, by type.
#[derive(Clone, Copy, Debug)]
pub enum Values<'a> {
    /// [`Type::Boolean`]
    Boolean(Bits<'a>),
    /// [`Type::Int64`]
    Int64(&'a [i64]),
    /// [`Type::Float64`]
    Float64(&'a [f64]),
    /// [`Type::Utf8`]; the bytes of each value have been checked to be UTF-8.
    Utf8(VarLen<'a>),
    /// [`Type::Binary`]
    Binary(VarLen<'a>),
    /// [`Type::Timestamp`]
    Timestamp(&'a [i64]),
}

/// A borrowed column.
#[derive(Clone, Copy, Debug)]
pub struct ColumnRef<'a> {
    /// How many values, nulls included.
    pub len: usize,
    /// Which values are not null; none means all.
    pub validity: Option<Bits<'a>>,
    /// The values; what stands at a null's place is undefined but readable.
    pub values: Values<'a>,
}

/// An owned column. The same layout as [`ColumnRef`], in vectors. Equal to another of the same type and values, whatever stands at
/// the places of nulls.
#[derive(Clone, Debug)]
pub struct Column {
    /// How many values, nulls included.
    pub len: usize,
    /// Validity bitmap of `len.div_ceil(8)` bytes; none means no nulls.
    pub validity: Option<Vec<u8>>,
    /// The values by type.
    pub data: Data,
}

/// The values of an owned column.
#[derive(Clone, Debug)]
pub enum Data {
    /// Bits, least significant first.
    Boolean(Vec<u8>),
    /// [`Type::Int64`]
    Int64(Vec<i64>),
    /// [`Type::Float64`]
    Float64(Vec<f64>),
    /// Offsets (one more than values) and UTF-8 bytes.
    Utf8(Vec<i32>, Vec<u8>),
    /// Offsets (one more than values) and bytes.
    Binary(Vec<i32>, Vec<u8>),
    /// [`Type::Timestamp`]
    Timestamp(Vec<i64>),
}

impl<'a> ColumnRef<'a> {
    /// The column's type.
    pub fn ty(&self) -> Type {
        match self.values {
            Values::Boolean(_) => Type::Boolean,
            Values::Int64(_) => Type::Int64,
            Values::Float64(_) => Type::Float64,
            Values::Utf8(_) => Type::Utf8,
            Values::Binary(_) => Type::Binary,
            Values::Timestamp(_) => Type::Timestamp,
        }
    }

    /// Whether the value at `index` is there.
    #[inline]
    pub fn is_valid(&self, index: usize) -> bool {
        self.validity.is_none_or(|bits| bits.get(index))
    }

    /// How many values are null.
    pub fn null_count(&self) -> usize {
        self.validity.map_or(0, |bits| self.len - bits.count_ones())
    }

    /// The booleans, nulls' places included; none if the column has another type. The same holds for the next ones.
    pub fn as_bool(&self) -> Option<Bits<'a>> {
        if let Values::Boolean(bits) = self.values { Some(bits) } else { None }
    }

    /// The integers.
    pub fn as_i64(&self) -> Option<&'a [i64]> {
        if let Values::Int64(values) = self.values { Some(values) } else { None }
    }

    /// The doubles.
    pub fn as_f64(&self) -> Option<&'a [f64]> {
        if let Values::Float64(values) = self.values { Some(values) } else { None }
    }

    /// The times, in nanoseconds since the epoch.
    pub fn as_timestamp(&self) -> Option<&'a [i64]> {
        if let Values::Timestamp(values) = self.values { Some(values) } else { None }
    }

    /// The bytes of text or binary values.
    pub fn as_bytes(&self) -> Option<VarLen<'a>> {
        if let Values::Utf8(values) | Values::Binary(values) = self.values { Some(values) } else { None }
    }

    /// The text at `index`; none where it is null or the column has another type.
    pub fn get_str(&self, index: usize) -> Option<&'a str> {
        if let Value::Utf8(text) = self.value(index) { Some(text) } else { None }
    }

    /// The value at `index`.
    ///
    /// # Panics
    /// If there is none, or if the column holds text that is not UTF-8, which no parsed frame and no built column does.
    pub fn value(&self, index: usize) -> Value<'a> {
        if !self.is_valid(index) {
            return Value::Null;
        }
        match self.values {
            Values::Boolean(bits) => Value::Boolean(bits.get(index)),
            Values::Int64(values) => Value::Int64(values[index]),
            Values::Float64(values) => Value::Float64(values[index]),
            Values::Utf8(values) => Value::Utf8(std::str::from_utf8(values.get(index)).expect("text is UTF-8")),
            Values::Binary(values) => Value::Binary(values.get(index)),
            Values::Timestamp(values) => Value::Timestamp(values[index]),
        }
    }

    /// All values in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let column = *self;
        (0..self.len).map(move |index| column.value(index))
    }
}

impl PartialEq for Column {
    fn eq(&self, other: &Column) -> bool {
        self.ty() == other.ty() && self.len == other.len && self.view().iter().eq(other.view().iter())
    }
}

impl Column {
    /// The column's type.
    pub fn ty(&self) -> Type {
        self.view().ty()
    }

    /// A view of this column.
    pub fn view(&self) -> ColumnRef<'_> {
        let len = self.len;
        ColumnRef {
            len,
            validity: self.validity.as_deref().map(|bytes| Bits { bytes, len }),
            values: match &self.data {
                Data::Boolean(bytes) => Values::Boolean(Bits { bytes, len }),
                Data::Int64(values) => Values::Int64(values),
                Data::Float64(values) => Values::Float64(values),
                Data::Utf8(offsets, bytes) => Values::Utf8(VarLen { offsets, bytes }),
                Data::Binary(offsets, bytes) => Values::Binary(VarLen { offsets, bytes }),
                Data::Timestamp(values) => Values::Timestamp(values),
            },
        }
    }
}
