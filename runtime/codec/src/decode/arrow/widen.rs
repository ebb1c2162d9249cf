//! Arrow arrays of other types as the stream's: only where no value changes its meaning.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, ArrowTimestampType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, BinaryArray, StringArray, TimestampNanosecondArray};
use arrow_schema::{DataType, TimeUnit as ArrowUnit};
use dag_model::Type;
use dag_model::batch::arrow_type;

use crate::TimeUnit;
use crate::decode::canonical;

/// Makes an array of the stream's type; a value that it cannot hold becomes null. The unit is that of integers as times.
pub(crate) type Widen = fn(&ArrayRef, TimeUnit) -> ArrayRef;

/// How `found` becomes `ty`, if it does.
pub(crate) fn to(ty: Type, found: &DataType) -> Option<Widen> {
    Some(match (ty, found) {
        (Type::Timestamp, DataType::Timestamp(unit, _)) => match unit {
            ArrowUnit::Second => timestamp::<TimestampSecondType>,
            ArrowUnit::Millisecond => timestamp::<TimestampMillisecondType>,
            ArrowUnit::Microsecond => timestamp::<TimestampMicrosecondType>,
            ArrowUnit::Nanosecond => timestamp::<TimestampNanosecondType>,
        },
        (Type::Timestamp, DataType::Int64) => counted,
        (Type::Float64, DataType::Float64) => with_one_nan,
        (ty, found) if arrow_type(ty) == *found => |array, _| array.clone(),
        (Type::Int64, DataType::Int8) => integer::<Int8Type>,
        (Type::Int64, DataType::Int16) => integer::<Int16Type>,
        (Type::Int64, DataType::Int32) => integer::<Int32Type>,
        (Type::Int64, DataType::UInt8) => integer::<UInt8Type>,
        (Type::Int64, DataType::UInt16) => integer::<UInt16Type>,
        (Type::Int64, DataType::UInt32) => integer::<UInt32Type>,
        (Type::Int64, DataType::UInt64) => integer::<UInt64Type>,
        (Type::Float64, DataType::Float32) => float::<Float32Type>,
        (Type::Float64, DataType::Int8) => float::<Int8Type>,
        (Type::Float64, DataType::Int16) => float::<Int16Type>,
        (Type::Float64, DataType::Int32) => float::<Int32Type>,
        (Type::Float64, DataType::UInt8) => float::<UInt8Type>,
        (Type::Float64, DataType::UInt16) => float::<UInt16Type>,
        (Type::Float64, DataType::UInt32) => float::<UInt32Type>,
        (Type::Float64, DataType::Int64) => {
            |array, _| Arc::new(array.as_primitive::<Int64Type>().unary::<_, Float64Type>(|value| value as f64))
        }
        (Type::Utf8, DataType::LargeUtf8) => |array, _| Arc::new(StringArray::from_iter(array.as_string::<i64>())),
        (Type::Binary, DataType::LargeBinary) => |array, _| Arc::new(BinaryArray::from_iter(array.as_binary::<i64>())),
        _ => return None,
    })
}

fn integer<T: ArrowPrimitiveType<Native: TryInto<i64>>>(array: &ArrayRef, _: TimeUnit) -> ArrayRef {
    Arc::new(array.as_primitive::<T>().unary_opt::<_, Int64Type>(|value| value.try_into().ok()))
}

fn float<T: ArrowPrimitiveType<Native: Into<f64>>>(array: &ArrayRef, _: TimeUnit) -> ArrayRef {
    Arc::new(array.as_primitive::<T>().unary::<_, Float64Type>(|value| canonical(value.into())))
}

/// The same array, unless it has a NaN: then one in which all of them are the same.
fn with_one_nan(array: &ArrayRef, _: TimeUnit) -> ArrayRef {
    let floats = array.as_primitive::<Float64Type>();
    match floats.values().iter().any(|value| value.is_nan()) {
        true => Arc::new(floats.unary::<_, Float64Type>(canonical)),
        false => array.clone(),
    }
}

fn timestamp<T: ArrowTimestampType>(array: &ArrayRef, _: TimeUnit) -> ArrayRef {
    let unit = match T::UNIT {
        ArrowUnit::Second => TimeUnit::S,
        ArrowUnit::Millisecond => TimeUnit::Ms,
        ArrowUnit::Microsecond => TimeUnit::Us,
        ArrowUnit::Nanosecond => TimeUnit::Ns,
    };
    let times: TimestampNanosecondArray =
        array.as_primitive::<T>().unary_opt(|count| unit.time(count).map(|time| time.0));
    Arc::new(times.with_timezone("UTC"))
}

fn counted(array: &ArrayRef, unit: TimeUnit) -> ArrayRef {
    let counts = array.as_primitive::<Int64Type>();
    let times: TimestampNanosecondArray = counts.unary_opt(|count| unit.time(count).map(|time| time.0));
    Arc::new(times.with_timezone("UTC"))
}
