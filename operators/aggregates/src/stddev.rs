//! `stddev`: the sample standard deviation, in one pass.

use dag_guest::{About, Fold, Operator, Result, Timestamp};

dag_guest::state! {
    /// Count, mean, and sum of squared distances from the mean.
    ///
    /// One value after another by B. P. Welford, "Note on a method for calculating corrected sums of squares and products",
    /// Technometrics 4 (1962); two states by T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating formulae and a pairwise
    /// algorithm for computing sample variances", Stanford STAN-CS-79-773 (1979).
    pub struct Stddev { count: i64, mean: f64, squares: f64 }
}

impl Operator for Stddev {
    const ABOUT: About = About {
        name: "stddev",
        doc: "The sample standard deviation, as float64; one value alone has none.",
        example: "stddev(cpu_util, 5min, by=host)",
    };
}

impl Fold for Stddev {
    type Value = f64;
    type Result = f64;

    fn update(&mut self, value: &f64, _: Timestamp) -> Result {
        self.count += 1;
        let distance = value - self.mean;
        self.mean += distance / self.count as f64;
        self.squares += distance * (value - self.mean);
        Ok(())
    }

    fn combine(&mut self, later: &Stddev) -> Result {
        if self.count == 0 || later.count == 0 {
            // Adding nothing must not round.
            if self.count == 0 {
                *self = later.clone();
            }
            return Ok(());
        }
        let (own, other) = (self.count as f64, later.count as f64);
        let distance = later.mean - self.mean;
        self.mean += distance * (other / (own + other));
        self.squares += later.squares + distance * distance * (own * other / (own + other));
        self.count += later.count;
        Ok(())
    }

    fn result(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.squares / (self.count - 1) as f64).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dag_guest::Column;
    use dag_guest::harness::{Records, check_fold, fold};
    use proptest::prelude::*;

    #[test]
    fn it_is_the_one_of_a_sample() {
        let records = Records::each_second([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!(fold::<Stddev>(&[], &records), Ok(Column::float64([Some((32.0f64 / 7.0).sqrt())])));
    }

    #[test]
    fn one_value_has_none() {
        assert_eq!(fold::<Stddev>(&[], &Records::each_second([1.0])), Ok(Column::float64([None])));
    }

    #[test]
    fn a_great_mean_does_not_drown_it() {
        let records = Records::each_second([1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]);
        assert_eq!(fold::<Stddev>(&[], &records), Ok(Column::float64([Some(30f64.sqrt())])));
    }

    #[test]
    fn it_keeps_what_every_aggregate_promises() {
        check_fold::<Stddev>(&[], &Records::each_second((0..50).map(|i| (i % 7 > 0).then_some(f64::from(i) * 0.1))));
    }

    proptest! {
        #[test]
        fn two_halves_combine_to_the_whole(values in prop::collection::vec(-1e3..1e3, 2..40), cut in 0usize..40) {
            let of = |values: &[f64]| values.iter().fold(Stddev::default(), |mut state, value| {
                state.update(value, Timestamp(0)).unwrap();
                state
            });
            let cut = cut.min(values.len());
            let mut combined = of(&values[..cut]);
            combined.combine(&of(&values[cut..])).unwrap();
            let (found, expected) = (combined.result().unwrap(), of(&values).result().unwrap());
            prop_assert!((found - expected).abs() <= 1e-9 * expected.max(1.0), "{found} is not {expected}");
        }
    }
}
