//! `above`: fires when values stay over a limit.

use dag_guest::{About, Batch, ColumnName, Columns, Element, Input, Inputs, Keyed, Lookback, Opened, Operator, Output};
use dag_guest::{Result, Transform, find_column};

/// `above(x, 90, times=3)`: the n-th consecutive record over the limit, after which counting starts again.
#[derive(Debug)]
pub struct Above {
    limit: f64,
    times: i64,
    column: usize,
    keys: Keyed<Streak>,
}

dag_guest::arguments! {
    /// What `above` takes.
    pub struct AboveArguments {
        /// Values over it count.
        positional limit: f64,
        /// How many in a row it takes.
        named times: i64 = "1",
        /// The column to look at; a record where it is null is passed over.
        named of: ColumnName = "value",
        /// Counts apart for each value of these columns.
        named by: Option<Columns>,
    }
}

dag_guest::state! {
    /// How many in a row were over the limit so far.
    struct Streak { length: i64 }
}

impl Operator for Above {
    const ABOUT: About = About {
        name: "above",
        doc: "The n-th consecutive record with a value over the limit, after which counting starts again.",
        example: "above(cpu_util, 90, times=3, by=host)",
    };
}

impl Transform for Above {
    type Arguments = AboveArguments;
    const KEY: Option<&'static str> = Some("by");

    fn open(arguments: AboveArguments, inputs: &[Input]) -> Result<Opened<Above>> {
        let AboveArguments { limit, times, of, by } = arguments;
        let input = &inputs[0].schema;
        let column = find_column(input, &of.0)?;
        let ty = input.fields[column].ty;
        if !ty.is_numeric() {
            return Err(format!("column `{}` is {ty}, expected a number", of.0));
        }
        if times < 1 {
            return Err(format!("times={times}: it takes at least one record to fire"));
        }
        let above = Above { limit, times, column, keys: Keyed::by(by.as_ref(), input)? };
        Ok(Opened::ordered(above, input.clone(), Lookback::Unbounded))
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        let batch = inputs.first();
        let fired = self.fired(batch)?;
        out.take(batch, &fired);
        Ok(())
    }

    fn snapshot(&self) -> Result<Vec<Vec<u8>>> {
        Ok(vec![self.keys.save()])
    }

    fn restore(&mut self, _: u32, chunks: &[Vec<u8>]) -> Result {
        chunks.iter().try_for_each(|chunk| self.keys.load(chunk))
    }
}

impl Above {
    /// The rows that complete a streak.
    fn fired(&mut self, batch: &Batch<'_>) -> Result<Vec<u32>> {
        let numbers = self.keys.numbers(batch);
        let mut fired = Vec::new();
        f64::each(&batch.column(self.column), |row, value| {
            let Some(value) = value else { return Ok(()) };
            let streak = self.keys.state(numbers[row]);
            streak.length = if *value > self.limit { streak.length + 1 } else { 0 };
            if streak.length == self.times {
                streak.length = 0;
                fired.push(row as u32);
            }
            Ok(())
        })?;
        Ok(fired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dag_guest::harness::{Records, SECOND, check_determinism, run};
    use dag_guest::{Type, Value};

    const THREE_OVER_90: [(&str, &str); 2] = [("limit", "90"), ("times", "3")];

    #[test]
    fn it_fires_on_the_third_and_then_on_the_sixth() {
        let fired = run::<Above>(&THREE_OVER_90, &[Records::each_second((91..=96).map(f64::from))]).unwrap();
        assert_eq!(fired.values::<f64>("value"), [93.0, 96.0]);
        assert_eq!(fired.times(), [2 * SECOND, 5 * SECOND]);
    }

    #[test]
    fn a_value_at_the_limit_ends_the_streak() {
        let values = [91.0, 92.0, 90.0, 91.0, 92.0, f64::NAN, 91.0, 92.0, 93.0];
        let fired = run::<Above>(&THREE_OVER_90, &[Records::each_second(values)]).unwrap();
        assert_eq!(fired.times(), [8 * SECOND]);
    }

    #[test]
    fn a_null_neither_counts_nor_ends_the_streak() {
        let values = [Some(91i64), None, Some(92), None, Some(93)];
        let fired = run::<Above>(&THREE_OVER_90, &[Records::each_second(values)]).unwrap();
        assert_eq!(fired.times(), [4 * SECOND]);
    }

    #[test]
    fn once_is_enough_where_nothing_else_is_said() {
        let fired = run::<Above>(&[("limit", "2")], &[Records::each_second([1i64, 3, 2, 4])]).unwrap();
        assert_eq!(fired.values::<i64>("value"), [3, 4]);
    }

    fn by_host() -> Records {
        let empty = Records::new(&[("host", Type::Utf8), ("value", Type::Int64)]);
        (0..60).fold(empty, |records, i| {
            let host = if i % 3 == 0 { Value::Utf8("web1") } else { Value::Utf8("web2") };
            let value = if i % 11 == 0 { Value::Null } else { Value::Int64(85 + (i * 7) % 20) };
            records.with(i / 2, &[host, value])
        })
    }

    #[test]
    fn each_key_counts_for_itself() {
        let arguments = [THREE_OVER_90[0], THREE_OVER_90[1], ("by", "host")];
        let fired = run::<Above>(&arguments, &[by_host()]).unwrap();
        assert!(fired.values::<String>("host").contains(&"web1".to_owned()));
        check_determinism::<Above>(&arguments, &[by_host()]);
    }

    #[test]
    fn arguments_that_make_no_sense_are_refused() {
        let refused = |arguments: &[(&str, &str)]| run::<Above>(arguments, &[by_host()]).unwrap_err();
        assert!(refused(&[("limit", "90"), ("times", "0")]).contains("at least one"));
        assert!(refused(&[("limit", "90"), ("of", "host")]).contains("`host` is utf8, expected a number"));
        assert!(refused(&[("limit", "90"), ("by", "zone")]).contains("no column `zone`"));
        assert!(refused(&[]).contains("limit"));
    }
}
