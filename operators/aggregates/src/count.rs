//! `count`: how many.

use dag_guest::{About, Aggregate, Bound, ColumnName, Fold, Operator, Present, Result, Schema, Timestamp};

/// `count(x)` counts records, `count(x, of=c)` those where `c` is not null.
#[derive(Clone, Copy, Debug)]
pub struct Count;

dag_guest::arguments! {
    /// What `count` takes.
    pub struct CountArguments {
        /// Counts the records where this column is not null; without it, all.
        named of: Option<ColumnName>,
    }
}

dag_guest::state! {
    /// How many so far.
    pub struct Counted { count: i64 }
}

impl Operator for Count {
    const ABOUT: About =
        About { name: "count", doc: "How many records there are, as int64.", example: "count(cpu_util, 1d, by=host)" };
}

impl Aggregate for Count {
    type Arguments = CountArguments;

    fn bind(CountArguments { of }: CountArguments, input: &Schema) -> Result<Bound> {
        match of {
            Some(ColumnName(column)) => Bound::fold::<Counted>(input, &column),
            None => Ok(Bound::rows::<Counted>()),
        }
    }
}

impl Fold for Counted {
    type Value = Present;
    type Result = i64;

    fn update(&mut self, _: &Present, _: Timestamp) -> Result {
        self.count += 1;
        Ok(())
    }

    fn combine(&mut self, later: &Counted) -> Result {
        self.count += later.count;
        Ok(())
    }

    fn result(&self) -> Option<i64> {
        (self.count > 0).then_some(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dag_guest::Column;
    use dag_guest::harness::{Records, check_fold, fold, scan};

    fn some_nulls() -> Records {
        Records::each_second((0..10i64).map(|i| (i % 3 > 0).then_some(i)))
    }

    #[test]
    fn without_a_column_records_count_nulls_included() {
        assert_eq!(fold::<Count>(&[], &some_nulls()), Ok(Column::int64([Some(10)])));
    }

    #[test]
    fn with_a_column_its_values_count() {
        assert_eq!(fold::<Count>(&[("of", "value")], &some_nulls()), Ok(Column::int64([Some(6)])));
    }

    #[test]
    fn running_it_numbers_the_records() {
        let records = Records::each_second((0..60).map(f64::from));
        assert_eq!(scan::<Count>(&[], &records), Ok(Column::int64((1..=60).map(Some))));
    }

    #[test]
    fn an_unknown_column_is_refused_with_those_that_there_are() {
        let error = fold::<Count>(&[("of", "load")], &some_nulls()).unwrap_err();
        assert!(error.starts_with("there is no column `load`; the input has `value`"), "{error}");
    }

    #[test]
    fn it_keeps_what_every_aggregate_promises() {
        check_fold::<Count>(&[], &some_nulls());
        check_fold::<Count>(&[("of", "value")], &some_nulls());
    }
}
