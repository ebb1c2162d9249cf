//! `{{operator}}`: the exponential moving average, per key. Change it into what you need.

use dag_guest::{About, ColumnName, Columns, Element, Field, Input, Inputs, Keyed, Lookback, Opened, Operator, Output};
use dag_guest::{Result, Schema, Timestamp, Transform, Type, Value, find_column};

/// A running operator.
#[derive(Debug)]
pub struct {{Operator}} {
    alpha: f64,
    column: usize,
    keys: Keyed<Average>,
}

dag_guest::arguments! {
    /// What it takes besides its input.
    pub struct Arguments {
        /// How much the newest value counts: more than 0, at most 1.
        positional alpha: f64,
        /// The column to smooth; a record where it is null is passed over.
        named of: ColumnName = "value",
        /// Averages apart for each value of these columns, which the output begins with.
        named by: Option<Columns>,
    }
}

dag_guest::state! {
    /// What it remembers of a key. It is kept over a crash.
    struct Average { average: Option<f64> }
}

impl Operator for {{Operator}} {
    const ABOUT: About = About {
        name: "{{operator}}",
        doc: "The exponential moving average.",
        example: "{{operator}}(cpu_util, 0.2, by=host)",
    };
}

impl Transform for {{Operator}} {
    type Arguments = Arguments;
    const KEY: Option<&'static str> = Some("by");

    fn open(Arguments { alpha, of, by }: Arguments, inputs: &[Input]) -> Result<Opened<{{Operator}}>> {
        let input = &inputs[0].schema;
        let column = find_column(input, &of.0)?;
        if !input.fields[column].ty.is_numeric() {
            return Err(format!("column `{}` is {}, expected a number", of.0, input.fields[column].ty));
        }
        if !(alpha > 0.0 && alpha <= 1.0) {
            return Err(format!("alpha={alpha}: it must be more than 0 and at most 1"));
        }
        let keys = Keyed::by(by.as_ref(), input)?;
        if keys.fields().iter().any(|field| field.name == "value") {
            return Err(
                "by=value: the output has a column `value` of its own; rename the key with map first".to_owned()
            );
        }
        let fields = keys.fields().iter().cloned().chain([Field::new("value", Type::Float64)]);
        let schema = Schema::new(fields.collect());
        // In time order; an average depends on all that came before.
        Ok(Opened::ordered({{Operator}} { alpha, column, keys }, schema, Lookback::Unbounded))
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        let batch = inputs.first();
        let numbers = self.keys.numbers(batch);
        f64::each(&batch.column(self.column), |row, value| {
            let Some(&value) = value else { return Ok(()) };
            let average = &mut self.keys.state(numbers[row]).average;
            let next = average.map_or(value, |average| average + (value - average) * self.alpha);
            *average = Some(next);
            let key: Vec<_> = self.keys.columns().iter().map(|column| batch.column(*column)).collect();
            let values = key.iter().map(|column| column.value(row)).chain([Value::Float64(next)]);
            out.push(Timestamp(batch.times()[row]), values);
            Ok(())
        })
    }

    fn snapshot(&self) -> Result<Vec<Vec<u8>>> {
        Ok(vec![self.keys.save()])
    }

    fn restore(&mut self, _version: u32, chunks: &[Vec<u8>]) -> Result {
        chunks.iter().try_for_each(|chunk| self.keys.load(chunk))
    }
}

dag_guest::export_transforms!(component = "{{project}}", version = env!("CARGO_PKG_VERSION"), [{{Operator}}]);

#[cfg(test)]
mod tests {
    use super::*;
    use dag_guest::harness::{Records, SECOND, check_determinism, run};

    #[test]
    fn it_follows_the_values() {
        let smooth = run::<{{Operator}}>(&[("alpha", "0.5")], &[Records::each_second([4.0, 0.0, 2.0])]).unwrap();
        assert_eq!(smooth.values::<f64>("value"), [4.0, 2.0, 2.0]);
    }

    #[test]
    fn however_it_is_cut_into_batches_and_goes_on_from_snapshots_it_is_the_same() {
        let records = Records::new(&[("host", Type::Utf8), ("value", Type::Float64)]);
        let records = (0..60).fold(records, |records, i| {
            let host = if i % 3 == 0 { "web1" } else { "web2" };
            records.with(i * SECOND, &[Value::Utf8(host), Value::Float64(i as f64)])
        });
        check_determinism::<{{Operator}}>(&[("alpha", "0.2"), ("by", "host")], &[records]);
    }
}
