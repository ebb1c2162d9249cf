//! `delta` and `rate`: a record against the one before it.

use dag_guest::{About, Batch, Cell, Column, ColumnName, ColumnRef, Columns, Element, Field, Input, Inputs, Keyed};
use dag_guest::{Lookback, Opened, Operator, Output, Result, Schema, Timestamp, Transform, Type, find_column};

/// `delta(x)`: how much the value changed since the record before, of its own type, at the later one's time.
#[derive(Debug)]
pub struct Delta {
    column: usize,
    before: Before,
}

/// `rate(x)`: how much a counter rose per second since the record before, at the later one's time. Where it fell it was reset, so
/// it rose from zero. Two records at one time have no rate between them, and the second is what the next one is compared with.
#[derive(Debug)]
pub struct Rate {
    column: usize,
    before: Before,
}

dag_guest::arguments! {
    /// What `delta` and `rate` take.
    pub struct ChangeArguments {
        /// The column to compare; a record where it is null is passed over.
        named of: ColumnName = "value",
        /// Compares apart for each value of these columns, which the output begins with.
        named by: Option<Columns>,
    }
}

dag_guest::state! {
    /// The record before, once there was one.
    struct Last<N: Cell> { at: Timestamp, value: Option<N> }
}

/// The records before, by key, for the column's type.
#[derive(Debug)]
enum Before {
    Integer(Keyed<Last<i64>>),
    Float(Keyed<Last<f64>>),
}

/// A record and the one before it with the same key.
struct Pair<N> {
    before: N,
    value: N,
    nanoseconds: i128,
}

impl Operator for Delta {
    const ABOUT: About = About {
        name: "delta",
        doc: "How much the value changed since the record before, of its own type.",
        example: "delta(requests_total, by=host)",
    };
}

impl Operator for Rate {
    const ABOUT: About = About {
        name: "rate",
        doc: "How much a counter rose per second since the record before, as float64; a fall counts from zero.",
        example: "rate(requests_total, by=host)",
    };
}

impl Transform for Delta {
    type Arguments = ChangeArguments;
    const KEY: Option<&'static str> = Some("by");

    fn open(arguments: ChangeArguments, inputs: &[Input]) -> Result<Opened<Delta>> {
        let (column, before) = Before::open(&arguments, &inputs[0].schema)?;
        let schema = before.schema(inputs[0].schema.fields[column].ty)?;
        Ok(Opened::ordered(Delta { column, before }, schema, Lookback::Unbounded))
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        let batch = inputs.first();
        let column = batch.column(self.column);
        match &mut self.before {
            Before::Integer(keys) => {
                let (rows, values) = pairs(keys, batch, &column, |pair| {
                    let change = pair.value.checked_sub(pair.before);
                    change.map(Some).ok_or("delta: the difference of two int64 values overflows".to_owned())
                })?;
                emit(keys, batch, &rows, Column::int64(values), out);
            }
            Before::Float(keys) => {
                let (rows, values) = pairs(keys, batch, &column, |pair| Ok(Some(pair.value - pair.before)))?;
                emit(keys, batch, &rows, Column::float64(values), out);
            }
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Vec<Vec<u8>>> {
        Ok(vec![self.before.save()])
    }

    fn restore(&mut self, _: u32, chunks: &[Vec<u8>]) -> Result {
        chunks.iter().try_for_each(|chunk| self.before.load(chunk))
    }
}

impl Transform for Rate {
    type Arguments = ChangeArguments;
    const KEY: Option<&'static str> = Some("by");

    fn open(arguments: ChangeArguments, inputs: &[Input]) -> Result<Opened<Rate>> {
        let (column, before) = Before::open(&arguments, &inputs[0].schema)?;
        let schema = before.schema(Type::Float64)?;
        Ok(Opened::ordered(Rate { column, before }, schema, Lookback::Unbounded))
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        let batch = inputs.first();
        let column = batch.column(self.column);
        match &mut self.before {
            Before::Integer(keys) => {
                let (rows, values) = pairs(keys, batch, &column, |pair| {
                    let before = if pair.value < pair.before { 0 } else { pair.before };
                    Ok(per_second((i128::from(pair.value) - i128::from(before)) as f64, pair.nanoseconds))
                })?;
                emit(keys, batch, &rows, Column::float64(values), out);
            }
            Before::Float(keys) => {
                let (rows, values) = pairs(keys, batch, &column, |pair| {
                    let before = if pair.value < pair.before { 0.0 } else { pair.before };
                    Ok(per_second(pair.value - before, pair.nanoseconds))
                })?;
                emit(keys, batch, &rows, Column::float64(values), out);
            }
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Vec<Vec<u8>>> {
        Ok(vec![self.before.save()])
    }

    fn restore(&mut self, _: u32, chunks: &[Vec<u8>]) -> Result {
        chunks.iter().try_for_each(|chunk| self.before.load(chunk))
    }
}

/// A rise in so much time; none in no time.
fn per_second(rise: f64, nanoseconds: i128) -> Option<f64> {
    (nanoseconds > 0).then(|| rise / (nanoseconds as f64 / 1e9))
}

impl Before {
    /// The column that the arguments name, and room for what comes before in it.
    fn open(arguments: &ChangeArguments, input: &Schema) -> Result<(usize, Before)> {
        let column = find_column(input, &arguments.of.0)?;
        let before = match input.fields[column].ty {
            Type::Int64 => Before::Integer(Keyed::by(arguments.by.as_ref(), input)?),
            Type::Float64 => Before::Float(Keyed::by(arguments.by.as_ref(), input)?),
            ty => return Err(format!("column `{}` is {ty}, expected a number", arguments.of.0)),
        };
        Ok((column, before))
    }

    /// The output's columns: the key, then `value`.
    fn schema(&self, value: Type) -> Result<Schema> {
        let key = match self {
            Before::Integer(keys) => keys.fields(),
            Before::Float(keys) => keys.fields(),
        };
        if key.iter().any(|field| field.name == "value") {
            return Err(
                "by=value: the output has a column `value` of its own; rename the key with map first".to_owned()
            );
        }
        Ok(Schema::new(key.iter().cloned().chain([Field::new("value", value)]).collect()))
    }

    fn save(&self) -> Vec<u8> {
        match self {
            Before::Integer(keys) => keys.save(),
            Before::Float(keys) => keys.save(),
        }
    }

    fn load(&mut self, saved: &[u8]) -> Result {
        match self {
            Before::Integer(keys) => keys.load(saved),
            Before::Float(keys) => keys.load(saved),
        }
    }
}

/// Calls `compare` for each record that has one before it; the rows for which it gives a result, and these.
fn pairs<N: Cell + Element + Copy, R>(
    keys: &mut Keyed<Last<N>>,
    batch: &Batch<'_>,
    column: &ColumnRef<'_>,
    compare: impl Fn(Pair<N>) -> Result<Option<R>>,
) -> Result<(Vec<u32>, Vec<Option<R>>)> {
    let numbers = keys.numbers(batch);
    let (mut rows, mut results) = (Vec::new(), Vec::new());
    N::each(column, |row, value| {
        let Some(&value) = value else { return Ok(()) };
        let at = batch.times()[row];
        let last = keys.state(numbers[row]);
        if let Some(before) = last.value {
            let nanoseconds = i128::from(at) - i128::from(last.at.0);
            if let Some(result) = compare(Pair { before, value, nanoseconds })? {
                rows.push(row as u32);
                results.push(Some(result));
            }
        }
        *last = Last { at: Timestamp(at), value: Some(value) };
        Ok(())
    })?;
    Ok((rows, results))
}

/// Emits these rows' times and keys with their results.
fn emit<N: Cell>(keys: &Keyed<Last<N>>, batch: &Batch<'_>, rows: &[u32], results: Column, out: &mut Output) {
    let places = std::iter::once(0).chain(keys.columns().iter().map(|column| column + 1));
    let taken = places.map(|place| batch.columns()[place].take(rows));
    out.append(taken.chain([results]).collect());
}

#[cfg(test)]
mod tests {
    use super::*;
    use dag_guest::Value;
    use dag_guest::harness::{Records, SECOND, check_determinism, run};

    #[test]
    fn a_delta_is_against_the_record_before_at_the_later_time() {
        let changes = run::<Delta>(&[], &[Records::each_second([1.0, 4.0, 2.0])]).unwrap();
        assert_eq!(changes.values::<f64>("value"), [3.0, -2.0]);
        assert_eq!(changes.times(), [SECOND, 2 * SECOND]);
    }

    #[test]
    fn integers_change_by_integers() {
        let changes = run::<Delta>(&[], &[Records::each_second([1i64, 4, 2])]).unwrap();
        assert_eq!(changes.values::<i64>("value"), [3, -2]);
        let overflow = run::<Delta>(&[], &[Records::each_second([i64::MIN, i64::MAX])]).unwrap_err();
        assert!(overflow.contains("overflows"), "{overflow}");
    }

    #[test]
    fn a_null_is_passed_over() {
        let values = [None, Some(1i64), None, Some(5)];
        let changes = run::<Delta>(&[], &[Records::each_second(values)]).unwrap();
        assert_eq!((changes.values::<i64>("value"), changes.times()), (vec![4], vec![3 * SECOND]));
    }

    #[test]
    fn a_rate_is_per_second_and_a_fall_counts_from_zero() {
        let counter = [(0, 10), (2, 30), (3, 35), (7, 8)];
        let empty = Records::new(&[("value", Type::Int64)]);
        let counter = counter
            .iter()
            .fold(empty, |records, (second, value)| records.with(second * SECOND, &[Value::Int64(*value)]));
        let rates = run::<Rate>(&[], &[counter]).unwrap();
        assert_eq!(rates.values::<f64>("value"), [10.0, 5.0, 2.0]);
    }

    #[test]
    fn at_one_time_there_is_no_rate_and_the_second_record_counts() {
        let counter = [(0, 10.0), (0, 20.0), (1, 25.0)];
        let empty = Records::new(&[("value", Type::Float64)]);
        let counter = counter
            .iter()
            .fold(empty, |records, (second, value)| records.with(second * SECOND, &[Value::Float64(*value)]));
        let rates = run::<Rate>(&[], &[counter]).unwrap();
        assert_eq!((rates.values::<f64>("value"), rates.times()), (vec![5.0], vec![SECOND]));
    }

    /// Counters of two hosts, the second of which is `null` at times.
    fn by_host() -> Records {
        let empty = Records::new(&[("value", Type::Int64), ("host", Type::Utf8)]);
        (0..60).fold(empty, |records, i| {
            let host = if i % 3 == 0 { Value::Utf8("web1") } else { Value::Null };
            let value = if i % 11 == 0 { Value::Null } else { Value::Int64((i * 7) % 20) };
            records.with(i / 2, &[value, host])
        })
    }

    #[test]
    fn each_key_is_compared_with_itself_and_comes_first() {
        let changes = run::<Delta>(&[("by", "host")], &[by_host()]).unwrap();
        let names: Vec<_> = changes.schema().fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["host", "value"]);
        check_determinism::<Delta>(&[("by", "host")], &[by_host()]);
        check_determinism::<Rate>(&[("by", "host")], &[by_host()]);
        check_determinism::<Rate>(&[], &[Records::each_second((0..30).map(|i| f64::from((i * 7) % 11)))]);
    }

    #[test]
    fn a_key_called_value_is_refused() {
        let error = run::<Delta>(&[("by", "value")], &[by_host()]).unwrap_err();
        assert!(error.contains("rename"), "{error}");
    }
}
