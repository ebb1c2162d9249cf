//! `avg_rust`: the mean, as the embedded `avg` has it.

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
    const ABOUT: About = About {
        name: "avg_rust",
        doc: "The mean of the values, as float64.",
        example: "avg_rust(cpu_util, 5min, by=host)",
    };
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

    #[test]
    fn it_is_the_mean_and_finite_where_the_numbers_are() {
        assert_eq!(fold::<Avg>(&[], &Records::each_second([1.0, 2.0])), Ok(Column::float64([Some(1.5)])));
        assert_eq!(fold::<Avg>(&[], &Records::each_second([f64::MAX; 3])), Ok(Column::float64([Some(f64::MAX)])));
    }

    #[test]
    fn it_keeps_what_every_aggregate_promises() {
        check_fold::<Avg>(&[], &Records::each_second((0..50).map(f64::from)));
    }
}
