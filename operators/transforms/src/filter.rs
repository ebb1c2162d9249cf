//! `filter`: the records that meet a condition.

use dag_guest::{About, Input, Inputs, Opened, Operator, Output, Predicate, Result, Scalar, Transform};

/// `filter(x, value > 90)`: a condition that is null is not met.
#[derive(Debug)]
pub struct Filter {
    predicate: Scalar,
}

dag_guest::arguments! {
    /// What `filter` takes.
    pub struct FilterArguments {
        /// The condition.
        positional predicate: Predicate,
    }
}

impl Operator for Filter {
    const ABOUT: About = About {
        name: "filter",
        doc: "The records that meet a condition.",
        example: "filter(cpu_util, value > 90 and host like 'web%')",
    };
}

impl Transform for Filter {
    type Arguments = FilterArguments;

    fn open(arguments: FilterArguments, inputs: &[Input]) -> Result<Opened<Filter>> {
        let schema = &inputs[0].schema;
        Ok(Opened::stateless(Filter { predicate: arguments.predicate.bind(schema)? }, schema.clone()))
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        let batch = inputs.first();
        out.take(batch, &self.predicate.eval(batch.rows(), batch.columns()).view().true_rows());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dag_guest::harness::{Records, SECOND, check_determinism, run};
    use dag_guest::{Type, Value};

    fn records() -> Records {
        let empty = Records::new(&[("host", Type::Utf8), ("value", Type::Float64)]);
        let rows =
            [("web1", Some(95.0)), ("db1", Some(99.0)), ("web2", None), ("web3", Some(10.0)), ("web4", Some(91.0))];
        // The log is not in time order.
        rows.iter().zip([5, 3, 4, 1, 2]).fold(empty, |records, ((host, value), second)| {
            let value = value.map_or(Value::Null, Value::Float64);
            records.with(second * SECOND, &[Value::Utf8(host), value])
        })
    }

    #[test]
    fn what_meets_the_condition_stays_in_the_logs_order() {
        let kept = run::<Filter>(&[("predicate", "value>90 and host like 'web%'")], &[records()]).unwrap();
        assert_eq!(kept.values::<String>("host"), ["web1", "web4"]);
        assert_eq!(kept.times(), [5 * SECOND, 2 * SECOND]);
    }

    #[test]
    fn null_is_not_met() {
        let not_high = run::<Filter>(&[("predicate", "not value>90")], &[records()]).unwrap();
        assert_eq!(not_high.values::<String>("host"), ["web3"]);
    }

    #[test]
    fn time_is_a_column() {
        let early = run::<Filter>(&[("predicate", "time<'1970-01-01T00:00:03Z'")], &[records()]).unwrap();
        assert_eq!(early.values::<String>("host"), ["web3", "web4"]);
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        let error = run::<Filter>(&[("predicate", "value*2")], &[records()]).unwrap_err();
        assert_eq!(error, "value*2 is float64, expected a condition such as value > 90");
        assert!(run::<Filter>(&[("predicate", "load>1")], &[records()]).is_err());
    }

    #[test]
    fn it_does_not_depend_on_batches() {
        check_determinism::<Filter>(&[("predicate", "value>90")], &[records()]);
    }
}
