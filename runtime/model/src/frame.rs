//! Frames from and to Arrow arrays.
//!
//! Both have the same buffers, so on the way out only sliced bitmaps are copied before the frame itself is written ([`View`]),
//! and on the way in arrays are slices of the frame ([`decode`]).

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampNanosecondType};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampNanosecondArray,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use dag_frame::{AlignedBytes, Bits, ColumnRef, Frame, Type, Values, VarLen};

use crate::batch::arrow_type;

/// Why bytes are not the frame that was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They are no frame at all.
    #[error(transparent)]
    Frame(#[from] dag_frame::FrameError),
    /// It has fewer or more columns.
    #[error("frame has {found} columns instead of {expected}")]
    Columns {
        /// As the schema has it.
        expected: usize,
        /// As the frame has it.
        found: usize,
    },
    /// A column has another type.
    #[error("column {column} is of type {found} instead of {expected}")]
    Type {
        /// The column's index.
        column: usize,
        /// As the schema has it.
        expected: Type,
        /// As the frame has it.
        found: Type,
    },
    /// A null where there must be none.
    #[error("column {column} has a null, which it must not have")]
    Null {
        /// The column's index.
        column: usize,
    },
}

/// An Arrow array as a column: where it lies, but for bitmaps that a slice moved off byte bounds.
pub struct View<'a> {
    len: usize,
    validity: Option<Cow<'a, [u8]>>,
    values: Viewed<'a>,
}

enum Viewed<'a> {
    Bits(Cow<'a, [u8]>),
    Others(Values<'a>),
}

impl<'a> View<'a> {
    /// Views an array.
    ///
    /// # Panics
    /// If the array's type is none that [`arrow_type`] gives.
    pub fn new(array: &'a dyn Array) -> View<'a> {
        let values = match array.data_type() {
            DataType::Boolean => Viewed::Bits(bitmap(array.as_boolean().values())),
            DataType::Int64 => Viewed::Others(Values::Int64(array.as_primitive::<Int64Type>().values())),
            DataType::Float64 => Viewed::Others(Values::Float64(array.as_primitive::<Float64Type>().values())),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                Viewed::Others(Values::Timestamp(array.as_primitive::<TimestampNanosecondType>().values()))
            }
            DataType::Utf8 => {
                let array = array.as_string::<i32>();
                Viewed::Others(Values::Utf8(VarLen { offsets: array.value_offsets(), bytes: array.value_data() }))
            }
            DataType::Binary => {
                let array = array.as_binary::<i32>();
                Viewed::Others(Values::Binary(VarLen { offsets: array.value_offsets(), bytes: array.value_data() }))
            }
            other => panic!("no stream has a column of Arrow type {other}"),
        };
        let validity = array.nulls().filter(|nulls| nulls.null_count() > 0).map(|nulls| bitmap(nulls.inner()));
        View { len: array.len(), validity, values }
    }

    /// The column.
    pub fn column(&self) -> ColumnRef<'_> {
        let len = self.len;
        ColumnRef {
            len,
            validity: self.validity.as_deref().map(|bytes| Bits { bytes, len }),
            values: match &self.values {
                Viewed::Bits(bytes) => Values::Boolean(Bits { bytes, len }),
                Viewed::Others(values) => *values,
            },
        }
    }
}

/// The bitmap's bytes, its first bit in the first place.
fn bitmap(bits: &BooleanBuffer) -> Cow<'_, [u8]> {
    if bits.offset().is_multiple_of(8) {
        let start = bits.offset() / 8;
        Cow::Borrowed(&bits.values()[start..start + bits.len().div_ceil(8)])
    } else {
        Cow::Owned(bits.sliced().as_slice().to_vec())
    }
}

/// Arrays of `rows` values each as a frame.
///
/// # Panics
/// As [`View::new`] and [`dag_frame::encode`].
pub fn encode<'a>(rows: usize, arrays: impl IntoIterator<Item = &'a dyn Array>) -> Vec<u8> {
    let views: Vec<View> = arrays.into_iter().map(View::new).collect();
    let columns: Vec<ColumnRef> = views.iter().map(View::column).collect();
    dag_frame::encode(rows, &columns)
}

/// A batch as a frame, `time` in front.
///
/// # Panics
/// As [`encode`].
pub fn encode_batch(batch: &RecordBatch) -> Vec<u8> {
    encode(batch.num_rows(), batch.columns().iter().map(AsRef::as_ref))
}

/// The types of a frame's columns.
pub fn types(frame: &[u8]) -> Result<Vec<Type>, DecodeError> {
    let aligned = AlignedBytes::copy(frame);
    Ok(Frame::parse(&aligned)?.columns().iter().map(|column| column.ty()).collect())
}

/// The arrays of a frame that must have these columns. They are slices of `frame`, which is copied only where it does not begin at
/// a multiple of eight; columns in which a NaN is not the canonical one are copied, too, and it is made canonical.
pub fn decode(frame: Vec<u8>, types: &[Type]) -> Result<Vec<ArrayRef>, DecodeError> {
    let frame = aligned(frame);
    let columns = Frame::parse(&frame)?.into_columns();
    if columns.len() != types.len() {
        return Err(DecodeError::Columns { expected: types.len(), found: columns.len() });
    }
    let wrong = columns.iter().zip(types).position(|(column, ty)| column.ty() != *ty);
    if let Some(column) = wrong {
        return Err(DecodeError::Type { column, expected: types[column], found: columns[column].ty() });
    }
    Ok(columns.iter().map(|column| array(&frame, column)).collect())
}

/// The batch of a frame whose columns are those of `schema`, which [`arrow_schema`](crate::arrow_schema) made.
pub fn decode_batch(frame: Vec<u8>, schema: &SchemaRef) -> Result<RecordBatch, DecodeError> {
    let types: Vec<Type> = schema.fields().iter().map(|field| stream_type(field.data_type())).collect();
    let arrays = decode(frame, &types)?;
    let null =
        arrays.iter().zip(schema.fields()).position(|(array, field)| !field.is_nullable() && array.null_count() > 0);
    if let Some(column) = null {
        return Err(DecodeError::Null { column });
    }
    Ok(RecordBatch::try_new(Arc::clone(schema), arrays).expect("types, lengths and nulls have been checked"))
}

fn stream_type(data_type: &DataType) -> Type {
    let found = Type::ALL.into_iter().find(|ty| arrow_type(*ty) == *data_type);
    found.unwrap_or_else(|| panic!("no stream has a column of Arrow type {data_type}"))
}

fn aligned(frame: Vec<u8>) -> Buffer {
    match AlignedBytes::is_aligned(&frame) {
        true => Buffer::from_vec(frame),
        // A buffer from a slice is allocated at Arrow's own alignment.
        false => Buffer::from_slice_ref(&frame),
    }
}

/// A column of the frame in `buffer` as an array that shares it.
fn array(buffer: &Buffer, column: &ColumnRef) -> ArrayRef {
    let len = column.len;
    let bits = |bits: Bits| BooleanBuffer::new(part(buffer, bits.bytes), 0, len);
    let nulls = column.validity.map(|validity| NullBuffer::new(bits(validity))).filter(|nulls| nulls.null_count() > 0);
    let offsets = |values: VarLen| OffsetBuffer::new(numbers(buffer, values.offsets));
    match column.values {
        Values::Boolean(values) => Arc::new(BooleanArray::new(bits(values), nulls)),
        Values::Int64(values) => Arc::new(Int64Array::new(numbers(buffer, values), nulls)),
        Values::Float64(values) => {
            let values = canonical(values).unwrap_or_else(|| numbers(buffer, values));
            Arc::new(Float64Array::new(values, nulls))
        }
        Values::Timestamp(values) => {
            Arc::new(TimestampNanosecondArray::new(numbers(buffer, values), nulls).with_timezone("UTC"))
        }
        Values::Utf8(values) => Arc::new(StringArray::new(offsets(values), part(buffer, values.bytes), nulls)),
        Values::Binary(values) => Arc::new(BinaryArray::new(offsets(values), part(buffer, values.bytes), nulls)),
    }
}

/// The part of `buffer` that `slice` is.
fn part<T>(buffer: &Buffer, slice: &[T]) -> Buffer {
    let start = slice.as_ptr().addr() - buffer.as_ptr().addr();
    buffer.slice_with_length(start, size_of_val(slice))
}

fn numbers<T: arrow_buffer::ArrowNativeType>(buffer: &Buffer, values: &[T]) -> ScalarBuffer<T> {
    ScalarBuffer::new(part(buffer, values), 0, values.len())
}

/// The values with canonical NaNs; none where they have no other.
fn canonical(values: &[f64]) -> Option<ScalarBuffer<f64>> {
    let other = |value: &f64| value.is_nan() && value.to_bits() != f64::NAN.to_bits();
    // Without an early exit the check vectorises.
    let any = values.iter().fold(false, |any, value| any | other(value));
    any.then(|| values.iter().map(|value| if value.is_nan() { f64::NAN } else { *value }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Field, Schema, arrow_schema};

    /// 20 rows of every type, with and without nulls.
    fn arrays() -> Vec<ArrayRef> {
        let some = |row: usize| !row.is_multiple_of(3);
        let rows = || 0..20;
        vec![
            Arc::new(rows().map(|row| some(row).then_some(row % 2 == 0)).collect::<BooleanArray>()),
            Arc::new(rows().map(|row| Some(row % 5 == 0)).collect::<BooleanArray>()),
            Arc::new(rows().map(|row| some(row).then_some(row as i64 - 10)).collect::<Int64Array>()),
            Arc::new(rows().map(|row| some(row).then_some(row as f64 / 3.0)).collect::<Float64Array>()),
            Arc::new(rows().map(|row| some(row).then(|| "ä".repeat(row))).collect::<StringArray>()),
            Arc::new(rows().map(|row| Some(vec![row as u8; row])).collect::<BinaryArray>()),
            Arc::new(TimestampNanosecondArray::from_iter_values(0..20).with_timezone("UTC")),
        ]
    }

    fn types() -> Vec<Type> {
        arrays().iter().map(|array| stream_type(array.data_type())).collect()
    }

    fn frame(arrays: &[ArrayRef]) -> Vec<u8> {
        encode(arrays[0].len(), arrays.iter().map(AsRef::as_ref))
    }

    #[test]
    fn arrays_come_back_from_their_frame_however_they_were_sliced() {
        for (start, len) in [(0, 20), (8, 12), (3, 10), (16, 1), (5, 0), (0, 0)] {
            let sliced: Vec<ArrayRef> = arrays().iter().map(|array| array.slice(start, len)).collect();
            let back = decode(frame(&sliced), &types()).unwrap();
            assert_eq!(back, sliced, "{len} rows from {start}");
        }
    }

    #[test]
    fn decoded_arrays_lie_in_the_frame() {
        let frame = frame(&arrays());
        let range = frame.as_ptr_range();
        let back = decode(frame, &types()).unwrap();
        let values = back[2].as_primitive::<Int64Type>().values().as_ptr().cast::<u8>();
        assert!(range.contains(&values));
    }

    #[test]
    fn nans_from_a_guest_become_the_canonical_one() {
        let odd = f64::from_bits(0xfff8_0000_0000_0001);
        let values: ArrayRef = Arc::new(Float64Array::from(vec![1.0, odd, -0.0]));
        let back = decode(frame(&[values]), &[Type::Float64]).unwrap();
        let bits: Vec<u64> =
            back[0].as_primitive::<Float64Type>().values().iter().map(|value| value.to_bits()).collect();
        assert_eq!(bits, [1.0_f64.to_bits(), f64::NAN.to_bits(), (-0.0_f64).to_bits()]);
    }

    #[test]
    fn a_frame_with_other_columns_is_refused() {
        let refused = |types: &[Type]| decode(frame(&arrays()[2..4]), types).unwrap_err();
        assert_eq!(refused(&[Type::Int64]), DecodeError::Columns { expected: 1, found: 2 });
        let wrong = DecodeError::Type { column: 1, expected: Type::Utf8, found: Type::Float64 };
        assert_eq!(refused(&[Type::Int64, Type::Utf8]), wrong);
        assert!(matches!(decode(vec![1, 0, 0], &[]), Err(DecodeError::Frame(_))));
    }

    #[test]
    fn a_batch_comes_back_and_its_times_are_never_null() {
        let schema = arrow_schema(&Schema::new(vec![Field::new("value", Type::Int64)]));
        let time = |times: Vec<Option<i64>>| -> ArrayRef {
            Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC"))
        };
        let value: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None]));

        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![time(vec![Some(1), Some(2)]), Arc::clone(&value)]);
        let batch = batch.unwrap();
        assert_eq!(decode_batch(encode_batch(&batch), &schema), Ok(batch));

        let without_time = frame(&[time(vec![Some(1), None]), value]);
        assert_eq!(decode_batch(without_time, &schema), Err(DecodeError::Null { column: 0 }));
    }
}
