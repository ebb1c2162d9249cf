//! `sum`: integers exactly, doubles one after another.

use dag_guest::{About, Aggregate, Bound, Fold, Of, Operator, Result, Schema, Timestamp, Type};

/// `sum(x, 5min)`: int64 of int64, float64 of float64.
#[derive(Clone, Copy, Debug)]
pub struct Sum;

dag_guest::state! {
    /// The sum of integers, once there is one.
    pub struct IntegerSum { sum: Option<i64> }
}

dag_guest::state! {
    /// The sum of doubles, once there is one.
    pub struct FloatSum { sum: Option<f64> }
}

impl Operator for Sum {
    const ABOUT: About = About {
        name: "sum",
        doc: "The sum of the values, of their own type; an int64 that overflows is an error.",
        example: "sum(bytes_sent, 1h, by=host)",
    };
}

impl Aggregate for Sum {
    type Arguments = Of;

    fn bind(Of { of }: Of, input: &Schema) -> Result<Bound> {
        match input.find(&of.0) {
            Some((_, Type::Int64)) => Bound::fold::<IntegerSum>(input, &of.0),
            _ => Bound::fold::<FloatSum>(input, &of.0),
        }
    }
}

impl Fold for IntegerSum {
    type Value = i64;
    type Result = i64;

    fn update(&mut self, value: &i64, _: Timestamp) -> Result {
        let sum = self.sum.unwrap_or(0).checked_add(*value);
        self.sum = Some(sum.ok_or("the sum of int64 values overflows; sum cast(... as float64) instead")?);
        Ok(())
    }

    fn combine(&mut self, later: &IntegerSum) -> Result {
        later.sum.map_or(Ok(()), |sum| self.update(&sum, Timestamp::default()))
    }

    fn result(&self) -> Option<i64> {
        self.sum
    }
}

impl Fold for FloatSum {
    type Value = f64;
    type Result = f64;

    fn update(&mut self, value: &f64, _: Timestamp) -> Result {
        self.sum = Some(self.sum.map_or(*value, |sum| sum + value));
        Ok(())
    }

    fn combine(&mut self, later: &FloatSum) -> Result {
        later.sum.map_or(Ok(()), |sum| self.update(&sum, Timestamp::default()))
    }

    fn result(&self) -> Option<f64> {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dag_guest::Column;
    use dag_guest::harness::{Records, check_fold, fold};

    #[test]
    fn integers_sum_to_an_integer() {
        let records = Records::each_second([i64::MAX - 3, 1, 2]);
        assert_eq!(fold::<Sum>(&[], &records), Ok(Column::int64([Some(i64::MAX)])));
    }

    #[test]
    fn an_overflow_is_an_error_that_says_what_to_do() {
        let error = fold::<Sum>(&[], &Records::each_second([i64::MAX, 1])).unwrap_err();
        assert!(error.contains("overflows") && error.contains("float64"), "{error}");
    }

    #[test]
    fn doubles_sum_one_after_another() {
        let values = [0.1, 0.2, 0.3, 1e16, -1e16];
        let expected = values.iter().fold(0.0, |sum, value| sum + value);
        assert_eq!(fold::<Sum>(&[], &Records::each_second(values)), Ok(Column::float64([Some(expected)])));
    }

    #[test]
    fn nothing_but_nulls_has_no_sum() {
        assert_eq!(fold::<Sum>(&[], &Records::each_second([None::<i64>])), Ok(Column::int64([None])));
    }

    #[test]
    fn text_is_refused() {
        assert!(fold::<Sum>(&[], &Records::each_second(["a".to_owned()])).is_err());
    }

    #[test]
    fn it_keeps_what_every_aggregate_promises() {
        check_fold::<Sum>(&[], &Records::each_second((0..50i64).map(|i| (i % 7 > 0).then_some(i * i - 40))));
        check_fold::<Sum>(&[], &Records::each_second((0..50).map(|i| (i % 7 > 0).then_some(f64::from(i) * 0.1))));
    }
}
