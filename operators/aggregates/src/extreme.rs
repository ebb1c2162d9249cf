//! `min` and `max`: of any type, in its order.

use std::cmp::Ordering;

use dag_guest::{About, Aggregate, Bound, Fold, Of, Operator, Ordered, Result, Schema, Timestamp};

/// `min(x, 5min)`: the least value, of the input's type.
#[derive(Clone, Copy, Debug)]
pub struct Min;

/// `max(x, 5min)`: the greatest value, of the input's type.
#[derive(Clone, Copy, Debug)]
pub struct Max;

dag_guest::state! {
    /// The least value, once there is one.
    pub struct Least<C: Ordered> { value: Option<C> }
}

dag_guest::state! {
    /// The greatest value, once there is one.
    pub struct Greatest<C: Ordered> { value: Option<C> }
}

impl Operator for Min {
    const ABOUT: About = About {
        name: "min",
        doc: "The least value: numbers, text (by bytes), times, booleans; NaN is greater than every number.",
        example: "min(cpu_util, 5min, by=host)",
    };
}

impl Operator for Max {
    const ABOUT: About = About {
        name: "max",
        doc: "The greatest value: numbers, text (by bytes), times, booleans; NaN is greater than every number.",
        example: "max(cpu_util, 5min, by=host)",
    };
}

impl Aggregate for Min {
    type Arguments = Of;

    fn bind(Of { of }: Of, input: &Schema) -> Result<Bound> {
        fold_own_type!(Least, input, &of.0)
    }
}

impl Aggregate for Max {
    type Arguments = Of;

    fn bind(Of { of }: Of, input: &Schema) -> Result<Bound> {
        fold_own_type!(Greatest, input, &of.0)
    }
}

/// Keeps `value` where there is none yet, or where it compares so to the one that there is.
fn keep<C: Ordered>(kept: &mut Option<C>, value: &C::Borrowed, wanted: Ordering) {
    if kept.as_ref().is_none_or(|kept| C::order(value, kept.element()) == wanted) {
        *kept = Some(C::keep(value));
    }
}

impl<C: Ordered> Fold for Least<C> {
    type Value = C::Borrowed;
    type Result = C;

    fn update(&mut self, value: &C::Borrowed, _: Timestamp) -> Result {
        keep(&mut self.value, value, Ordering::Less);
        Ok(())
    }

    fn combine(&mut self, later: &Least<C>) -> Result {
        later.value.as_ref().map_or(Ok(()), |value| self.update(value.element(), Timestamp::default()))
    }

    fn result(&self) -> Option<C> {
        self.value.clone()
    }
}

impl<C: Ordered> Fold for Greatest<C> {
    type Value = C::Borrowed;
    type Result = C;

    fn update(&mut self, value: &C::Borrowed, _: Timestamp) -> Result {
        keep(&mut self.value, value, Ordering::Greater);
        Ok(())
    }

    fn combine(&mut self, later: &Greatest<C>) -> Result {
        later.value.as_ref().map_or(Ok(()), |value| self.update(value.element(), Timestamp::default()))
    }

    fn result(&self) -> Option<C> {
        self.value.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dag_guest::harness::{Records, check_fold, fold};
    use dag_guest::{Cell, Column, Value};

    /// The least and the greatest of these.
    fn range<C: Cell>(values: impl IntoIterator<Item = C>) -> (Column, Column) {
        let records = Records::each_second(values);
        (fold::<Min>(&[], &records).unwrap(), fold::<Max>(&[], &records).unwrap())
    }

    #[test]
    fn the_max_of_negatives_is_negative() {
        assert_eq!(range([-3.0, -1.0, -2.0]), (Column::float64([Some(-3.0)]), Column::float64([Some(-1.0)])));
        assert_eq!(range([-3i64, -1, -2]), (Column::int64([Some(-3)]), Column::int64([Some(-1)])));
    }

    #[test]
    fn text_times_booleans_and_bytes_have_extremes() {
        assert_eq!(range(["b".to_owned(), "a".to_owned()]), (Column::utf8([Some("a")]), Column::utf8([Some("b")])));
        assert_eq!(range([Timestamp(2), Timestamp(1)]), (Column::timestamp([Some(1)]), Column::timestamp([Some(2)])));
        assert_eq!(range([true, false]), (Column::boolean([Some(false)]), Column::boolean([Some(true)])));
        assert_eq!(
            range([vec![2u8], vec![1, 9]]),
            (Column::binary([Some([1u8, 9].as_slice())]), Column::binary([Some([2u8])]))
        );
    }

    #[test]
    fn nan_is_greater_than_every_number() {
        let (least, greatest) = range([-f64::NAN, 1.0, f64::INFINITY]);
        assert_eq!(least, Column::float64([Some(1.0)]));
        assert!(matches!(greatest.view().value(0), Value::Float64(value) if value.is_nan()));
    }

    #[test]
    fn nothing_but_nulls_has_no_extremes() {
        assert_eq!(range([None::<f64>, None]), (Column::float64([None]), Column::float64([None])));
    }

    #[test]
    fn they_keep_what_every_aggregate_promises() {
        let numbers = Records::each_second((0..50i64).map(|i| (i % 7 > 0).then_some((i * 37) % 50 - 25)));
        let text = Records::each_second((0..50i64).map(|i| (i % 7 > 0).then_some(((i * 37) % 50).to_string())));
        check_fold::<Min>(&[], &numbers);
        check_fold::<Max>(&[], &numbers);
        check_fold::<Min>(&[], &text);
        check_fold::<Max>(&[], &text);
    }
}
