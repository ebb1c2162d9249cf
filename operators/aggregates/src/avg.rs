//! `avg`: the mean. What it holds is drawn in `wit/examples.md`, for it is the same in every language.

use dag_guest::state::check_columns;
use dag_guest::{About, ColumnRef, Fold, Operator, Result, State, Timestamp};

dag_guest::state! {
    /// Sum and count of the values so far.
    pub struct Avg {
        sum: f64,
        count: i64,
        /// Whether the sum stands for 2^64 times as much, because it would have overflowed.
        scaled: bool,
    }
}

dag_guest::state! {
    /// What version 1 of the state had.
    struct Unscaled { sum: f64, count: i64 }
}

/// 2^64: a sum of all numbers that can be counted does not overflow when each is this much smaller.
const SCALE: f64 = 18_446_744_073_709_551_616.0;

impl Operator for Avg {
    const ABOUT: About =
        About { name: "avg", doc: "The mean of the values, as float64.", example: "avg(cpu_util, 5min, by=host)" };
}

impl Fold for Avg {
    type Value = f64;
    type Result = f64;
    const STATE_WRITTEN: u32 = 2;
    const STATE_READ: &'static [u32] = &[1, 2];

    fn load_earlier(columns: &[ColumnRef<'_>], row: usize) -> Result<Avg> {
        check_columns::<Unscaled>(columns)?;
        let Unscaled { sum, count } = Unscaled::load(columns, row)?;
        Ok(Avg { sum, count, scaled: false })
    }

    #[inline]
    fn update(&mut self, value: &f64, _: Timestamp) -> Result {
        self.add(*value, false);
        self.count += 1;
        Ok(())
    }

    fn combine(&mut self, later: &Avg) -> Result {
        self.add(later.sum, later.scaled);
        self.count += later.count;
        Ok(())
    }

    fn result(&self) -> Option<f64> {
        let mean = self.sum / self.count as f64;
        (self.count > 0).then(|| if self.scaled { unscaled(mean) } else { mean })
    }
}

impl Avg {
    #[inline]
    fn add(&mut self, sum: f64, scaled: bool) {
        let total = self.sum + sum;
        if !self.scaled && !scaled && (total.is_finite() || !self.sum.is_finite() || !sum.is_finite()) {
            self.sum = total;
            return;
        }
        let down = |sum: f64, scaled: bool| if scaled { sum } else { sum / SCALE };
        self.sum = down(self.sum, self.scaled) + down(sum, scaled);
        self.scaled = true;
    }
}

/// What a mean of scaled numbers stands for. Its rounding may leave it above the greatest of them, but not above all numbers.
fn unscaled(mean: f64) -> f64 {
    if mean.is_finite() { (mean * SCALE).clamp(f64::MIN, f64::MAX) } else { mean }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dag_guest::Column;
    use dag_guest::harness::{Records, check_fold, fold};

    fn mean(values: &[f64]) -> f64 {
        fold::<Avg>(&[], &Records::each_second(values.iter().copied())).unwrap().view().as_f64().unwrap()[0]
    }

    #[test]
    fn the_mean_of_finite_numbers_is_finite() {
        assert_eq!(mean(&[f64::MAX, f64::MAX]), f64::MAX);
        assert_eq!(mean(&[f64::MAX; 1000]), f64::MAX);
        assert_eq!(mean(&[f64::MIN, f64::MIN, f64::MIN]), f64::MIN);
        assert_eq!(
            mean(&[1e308, 1e308, -1e308, -1e308, 4.0]),
            0.8,
            "what is much smaller than the scaled sum is not lost"
        );
        assert_eq!(mean(&[f64::MAX, f64::INFINITY, f64::MAX]), f64::INFINITY);
        assert_eq!(mean(&[f64::MAX, f64::MAX, f64::INFINITY]), f64::INFINITY);
        assert!(mean(&[f64::MAX, f64::MAX, f64::INFINITY, f64::NEG_INFINITY]).is_nan());
    }

    #[test]
    fn states_of_which_one_is_scaled_are_combined() {
        let state = |values: &[f64]| {
            let mut avg = Avg::default();
            values.iter().for_each(|value| avg.update(value, Timestamp(0)).unwrap());
            avg
        };
        let (large, small) = (state(&[f64::MAX, f64::MAX]), state(&[2.0, 4.0]));
        assert!(large.scaled && !small.scaled);
        for (mut earlier, later) in [(large.clone(), &small), (small.clone(), &large)] {
            earlier.combine(later).unwrap();
            assert_eq!(earlier.result(), Some(f64::MAX / 2.0));
        }
        let half = state(&[f64::MAX]);
        let mut both = half.clone();
        both.combine(&half).unwrap();
        assert_eq!(both.result(), Some(f64::MAX), "two that are not scaled, and together would overflow");
    }

    #[test]
    fn an_earlier_state_is_read() {
        let (sum, count) = (Column::float64([Some(6.0)]), Column::int64([Some(4)]));
        let avg = Avg::load_earlier(&[sum.view(), count.view()], 0).unwrap();
        assert_eq!(avg.result(), Some(1.5));
        assert!(Avg::load_earlier(&[count.view(), sum.view()], 0).is_err());
    }

    #[test]
    fn large_numbers_keep_what_every_aggregate_promises() {
        check_fold::<Avg>(&[], &Records::each_second((0..50).map(|i| f64::MAX / f64::from(1 << (i % 4)))));
    }

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
