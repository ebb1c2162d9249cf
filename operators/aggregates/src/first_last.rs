//! `first` and `last`: by event time, not by arrival.

use dag_guest::{About, Aggregate, Bound, Fold, Of, Operator, Ordered, Result, Schema, Timestamp};

/// `first(x, 5min)`: the value with the earliest time; of several at that time, the first in the log.
#[derive(Clone, Copy, Debug)]
pub struct First;

/// `last(x, 5min)`: the value with the latest time; of several at that time, the last in the log.
#[derive(Clone, Copy, Debug)]
pub struct Last;

dag_guest::state! {
    /// The value with the earliest time, once there is one.
    pub struct Earliest<C: Ordered> { at: Timestamp, value: Option<C> }
}

dag_guest::state! {
    /// The value with the latest time, once there is one.
    pub struct Latest<C: Ordered> { at: Timestamp, value: Option<C> }
}

impl Operator for First {
    const ABOUT: About = About {
        name: "first",
        doc: "The value with the earliest time; of several at that time, the first in the log.",
        example: "first(cpu_util, 5min, by=host)",
    };
}

impl Operator for Last {
    const ABOUT: About = About {
        name: "last",
        doc: "The value with the latest time; of several at that time, the last in the log.",
        example: "last(cpu_util, 5min, by=host)",
    };
}

impl Aggregate for First {
    type Arguments = Of;

    fn bind(Of { of }: Of, input: &Schema) -> Result<Bound> {
        fold_own_type!(Earliest, input, &of.0)
    }
}

impl Aggregate for Last {
    type Arguments = Of;

    fn bind(Of { of }: Of, input: &Schema) -> Result<Bound> {
        fold_own_type!(Latest, input, &of.0)
    }
}

impl<C: Ordered> Fold for Earliest<C> {
    type Value = C::Borrowed;
    type Result = C;

    fn update(&mut self, value: &C::Borrowed, at: Timestamp) -> Result {
        if self.value.is_none() || at < self.at {
            (self.at, self.value) = (at, Some(C::keep(value)));
        }
        Ok(())
    }

    fn combine(&mut self, later: &Earliest<C>) -> Result {
        later.value.as_ref().map_or(Ok(()), |value| self.update(value.element(), later.at))
    }

    fn result(&self) -> Option<C> {
        self.value.clone()
    }
}

impl<C: Ordered> Fold for Latest<C> {
    type Value = C::Borrowed;
    type Result = C;

    fn update(&mut self, value: &C::Borrowed, at: Timestamp) -> Result {
        if self.value.is_none() || at >= self.at {
            (self.at, self.value) = (at, Some(C::keep(value)));
        }
        Ok(())
    }

    fn combine(&mut self, later: &Latest<C>) -> Result {
        later.value.as_ref().map_or(Ok(()), |value| self.update(value.element(), later.at))
    }

    fn result(&self) -> Option<C> {
        self.value.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dag_guest::harness::{Records, check_fold, fold};
    use dag_guest::{Column, Type, Value};

    /// Records with these times and values, in this order in the log.
    fn records(records: &[(i64, Option<i64>)]) -> Records {
        let value = |value: Option<i64>| value.map_or(Value::Null, Value::Int64);
        let empty = Records::new(&[("value", Type::Int64)]);
        records.iter().fold(empty, |records, (at, number)| records.with(*at, &[value(*number)]))
    }

    #[test]
    fn event_time_decides_whatever_the_order_of_arrival() {
        let records = records(&[(5, Some(50)), (1, Some(10)), (9, Some(90)), (3, Some(30))]);
        assert_eq!(fold::<First>(&[], &records), Ok(Column::int64([Some(10)])));
        assert_eq!(fold::<Last>(&[], &records), Ok(Column::int64([Some(90)])));
    }

    #[test]
    fn at_one_time_the_log_decides() {
        let records = records(&[(1, Some(1)), (1, Some(2)), (9, Some(3)), (9, Some(4))]);
        assert_eq!(fold::<First>(&[], &records), Ok(Column::int64([Some(1)])));
        assert_eq!(fold::<Last>(&[], &records), Ok(Column::int64([Some(4)])));
    }

    #[test]
    fn a_null_is_neither_first_nor_last() {
        let records = records(&[(1, None), (2, Some(2)), (3, None)]);
        assert_eq!(fold::<First>(&[], &records), Ok(Column::int64([Some(2)])));
        assert_eq!(fold::<Last>(&[], &records), Ok(Column::int64([Some(2)])));
    }

    #[test]
    fn times_before_1970_are_times() {
        assert_eq!(fold::<Last>(&[], &records(&[(-5, Some(1)), (-9, Some(2))])), Ok(Column::int64([Some(1)])));
    }

    #[test]
    fn they_keep_what_every_aggregate_promises() {
        let numbers: Vec<_> = (0..50).map(|i| ((i * 7) % 20 - 10, (i % 5 > 0).then_some(i))).collect();
        check_fold::<First>(&[], &records(&numbers));
        check_fold::<Last>(&[], &records(&numbers));
    }
}
