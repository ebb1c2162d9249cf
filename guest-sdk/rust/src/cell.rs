//! Owned values of columns: what states hold and what results are.

use crate::{Type, Value};

/// An event time or a value of a timestamp column: nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// A Rust type whose values lie in columns. `Option` of one may be null.
pub trait Cell: Clone + Default + 'static {
    /// The type of the column.
    const TYPE: Type;

    /// As a column's value. NaNs come out with one bit pattern, so that equal outputs have equal bytes.
    fn to_value(&self) -> Value<'_>;

    /// From a column's value; none if it is of another type, or null where this type has none.
    fn from_value(value: Value<'_>) -> Option<Self>;
}

/// Implements [`Cell`] for types that a [`Value`] holds as they are.
macro_rules! cells {
    ($($rust:ty = $ty:ident, |$own:ident| $value:expr, |$held:ident| $back:expr;)*) => {$(
        impl Cell for $rust {
            const TYPE: Type = Type::$ty;

            #[inline]
            fn to_value(&self) -> Value<'_> {
                let $own = self;
                Value::$ty($value)
            }

            #[inline]
            fn from_value(value: Value<'_>) -> Option<$rust> {
                if let Value::$ty($held) = value { Some($back) } else { None }
            }
        }
    )*};
}

cells! {
    bool = Boolean, |own| *own, |held| held;
    i64 = Int64, |own| *own, |held| held;
    f64 = Float64, |own| canonical(*own), |held| held;
    String = Utf8, |own| own, |held| held.to_owned();
    Vec<u8> = Binary, |own| own, |held| held.to_vec();
    Timestamp = Timestamp, |own| own.0, |held| Timestamp(held);
}

impl<C: Cell> Cell for Option<C> {
    const TYPE: Type = C::TYPE;

    #[inline]
    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, Cell::to_value)
    }

    #[inline]
    fn from_value(value: Value<'_>) -> Option<Option<C>> {
        match value {
            Value::Null => Some(None),
            value => C::from_value(value).map(Some),
        }
    }
}

/// The number, with every NaN made the same one: which bits an operation gives a NaN depends on the machine.
#[inline]
pub(crate) fn canonical(number: f64) -> f64 {
    if number.is_nan() { f64::NAN } else { number }
}
