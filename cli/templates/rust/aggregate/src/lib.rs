//! `{{operator}}`: the root mean square. Change it into what you need.

use dag_guest::{About, Fold, Operator, Result, Timestamp};

dag_guest::state! {
    /// What each window of each key holds. It is kept over a crash.
    pub struct {{Operator}} { squares: f64, count: i64 }
}

impl Operator for {{Operator}} {
    const ABOUT: About =
        About { name: "{{operator}}", doc: "The root mean square.", example: "{{operator}}(voltage, 10s, by=host)" };
}

impl Fold for {{Operator}} {
    type Value = f64;
    type Result = f64;

    /// Takes the next value.
    fn update(&mut self, value: &f64, _at: Timestamp) -> Result {
        self.squares += value * value;
        self.count += 1;
        Ok(())
    }

    /// Takes what was held elsewhere of the values that come later.
    fn combine(&mut self, later: &{{Operator}}) -> Result {
        self.squares += later.squares;
        self.count += later.count;
        Ok(())
    }

    /// The result so far.
    fn result(&self) -> Option<f64> {
        (self.count > 0).then(|| (self.squares / self.count as f64).sqrt())
    }
}

dag_guest::export_aggregates!(component = "{{project}}", version = env!("CARGO_PKG_VERSION"), [{{Operator}}]);

#[cfg(test)]
mod tests {
    use super::*;
    use dag_guest::Column;
    use dag_guest::harness::{Records, check_fold, fold};

    #[test]
    fn the_sign_does_not_matter() {
        let records = Records::each_second([3.0, -3.0]);
        assert_eq!(fold::<{{Operator}}>(&[], &records), Ok(Column::float64([Some(3.0)])));
    }

    #[test]
    fn however_it_is_cut_into_batches_and_put_together_it_is_the_same() {
        check_fold::<{{Operator}}>(&[], &Records::each_second((0..50).map(f64::from)));
    }
}
