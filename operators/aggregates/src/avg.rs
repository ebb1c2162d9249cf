//! `avg`: the mean.

use dag_guest::{About, Fold, Operator, Result, Timestamp};

dag_guest::state! {
    /// Sum and count of the values so far.
    pub struct Avg { sum: f64, count: i64 }
}

impl Operator for Avg {
    const ABOUT: About =
        About { name: "avg", doc: "The mean of the values, as float64.", example: "avg(cpu_util, 5min, by=host)" };
}

impl Fold for Avg {
    type Value = f64;
    type Result = f64;

    fn update(&mut self, value: &f64, _: Timestamp) -> Result {
        self.sum += value;
        self.count += 1;
        Ok(())
    }

    fn combine(&mut self, later: &Avg) -> Result {
        self.sum += later.sum;
        self.count += later.count;
        Ok(())
    }

    fn result(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dag_guest::Column;
    use dag_guest::harness::{Records, check_fold, fold};

    #[test]
    fn it_is_the_mean() {
        let records = Records::each_second([0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(fold::<Avg>(&[], &records), Ok(Column::float64([Some(2.0)])));
    }

    #[test]
    fn integers_have_a_mean_that_is_not_one() {
        assert_eq!(fold::<Avg>(&[], &Records::each_second([1i64, 2])), Ok(Column::float64([Some(1.5)])));
    }

    #[test]
    fn nulls_are_skipped_and_nothing_but_nulls_has_no_mean() {
        let records = Records::each_second([None, Some(3.0), None]);
        assert_eq!(fold::<Avg>(&[], &records), Ok(Column::float64([Some(3.0)])));
        let nulls = Records::each_second([None::<f64>, None]);
        assert_eq!(fold::<Avg>(&[], &nulls), Ok(Column::float64([None])));
    }

    #[test]
    fn nan_shows_in_the_mean() {
        let records = Records::each_second([1.0, -f64::NAN]);
        let mean = fold::<Avg>(&[], &records).unwrap().view().as_f64().unwrap()[0];
        assert_eq!(mean.to_bits(), f64::NAN.to_bits(), "with the one bit pattern that all NaNs have");
    }

    #[test]
    fn a_column_that_holds_no_numbers_is_refused() {
        let error = fold::<Avg>(&[], &Records::each_second(["a".to_owned()])).unwrap_err();
        assert_eq!(error, "column `value` is utf8, expected a number");
    }

    #[test]
    fn it_keeps_what_every_aggregate_promises() {
        check_fold::<Avg>(&[], &Records::each_second((0..50).map(|i| (i % 7 > 0).then_some(f64::from(i) * 0.1))));
    }
}
