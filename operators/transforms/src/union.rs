//! `union`: several streams as one.

use dag_guest::{
    About, Column, Input, Inputs, Lookback, Opened, Operator, Output, Result, Schema, Transform, find_column,
};

/// `union(a, b, ...)`: all records of all inputs by time; at one time, the first input's first. The inputs have the same columns
/// in any order; the output has the first one's order.
#[derive(Debug)]
pub struct Union {
    /// Per input, where each of the output's columns lies in its frame; `time` is the first.
    places: Vec<Vec<usize>>,
}

impl Operator for Union {
    const ABOUT: About = About {
        name: "union",
        doc: "The records of all inputs, in time order; their columns must have the same names and types.",
        example: "union(cpu_web, cpu_db)",
    };
}

impl Transform for Union {
    type Arguments = ();
    const MIN_INPUTS: u32 = 2;
    const MAX_INPUTS: Option<u32> = Some(64);

    fn open((): (), inputs: &[Input]) -> Result<Opened<Union>> {
        let schema = inputs[0].schema.clone();
        let places: Vec<_> = inputs.iter().map(|input| places(input, &schema)).collect::<Result<_>>()?;
        Ok(Opened::ordered(Union { places }, schema, Lookback::None))
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        let batches = inputs.batches();
        let starts = batches.iter().scan(0, |next, batch| {
            let start = *next;
            *next += batch.rows();
            Some(start)
        });
        let starts: Vec<_> = starts.collect();
        let rows: Vec<_> = inputs.merged().map(|(input, row)| (starts[input] + row) as u32).collect();
        let merged = |column: usize| {
            let parts = batches.iter().zip(&self.places).map(|(batch, places)| batch.columns()[places[column]]);
            let parts: Vec<_> = parts.collect();
            Column::concat(parts[0].ty(), &parts).view().take(&rows)
        };
        out.append((0..self.places[0].len()).map(merged).collect());
        Ok(())
    }
}

/// Where the columns of `schema`, and `time` before them, lie in the frames of this input.
fn places(input: &Input, schema: &Schema) -> Result<Vec<usize>> {
    let (own, first) = (input.schema.fields.len(), schema.fields.len());
    if own != first {
        return Err(format!("input `{}` has {own} columns, the first input has {first}", input.alias));
    }
    let place = |field: &dag_guest::Field| {
        let index =
            find_column(&input.schema, &field.name).map_err(|error| format!("input `{}`: {error}", input.alias))?;
        let ty = input.schema.fields[index].ty;
        if ty != field.ty {
            let (name, first) = (&field.name, field.ty);
            return Err(format!("column `{name}` is {ty} in input `{}`, but {first} in the first input", input.alias));
        }
        Ok(index + 1)
    };
    std::iter::once(Ok(0)).chain(schema.fields.iter().map(place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dag_guest::harness::{Records, check_determinism, run};
    use dag_guest::{Type, Value};

    const COLUMNS: [(&str, Type); 2] = [("host", Type::Utf8), ("value", Type::Int64)];

    fn records(rows: &[(i64, &str, i64)]) -> Records {
        rows.iter().fold(Records::new(&COLUMNS), |records, (time, host, value)| {
            records.with(*time, &[Value::Utf8(host), Value::Int64(*value)])
        })
    }

    #[test]
    fn records_come_by_time_and_at_one_time_by_input() {
        let inputs = [records(&[(0, "a", 0), (2, "a", 2)]), records(&[(1, "b", 1), (2, "b", 3), (3, "b", 4)])];
        let union = run::<Union>(&[], &inputs).unwrap();
        assert_eq!(union.times(), [0, 1, 2, 2, 3]);
        assert_eq!(union.values::<i64>("value"), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn columns_in_another_order_are_put_in_the_first_inputs() {
        let other = Records::new(&[COLUMNS[1], COLUMNS[0]]).with(5, &[Value::Int64(7), Value::Null]);
        let union = run::<Union>(&[], &[records(&[]), other]).unwrap();
        assert_eq!(union, Records::new(&COLUMNS).with(5, &[Value::Null, Value::Int64(7)]));
    }

    #[test]
    fn inputs_with_other_columns_are_refused_by_name() {
        let refused = |columns: &[(&str, Type)]| run::<Union>(&[], &[records(&[]), Records::new(columns)]).unwrap_err();
        assert!(refused(&[("host", Type::Utf8)]).contains("input `b` has 1 columns, the first input has 2"));
        assert!(refused(&[("host", Type::Utf8), ("load", Type::Int64)]).contains("no column `value`"));
        assert!(refused(&[("host", Type::Utf8), ("value", Type::Float64)]).contains("is float64 in input `b`"));
    }

    #[test]
    fn one_input_is_not_enough() {
        let error = run::<Union>(&[], &[records(&[])]).unwrap_err();
        assert_eq!(error, "union takes 2 to 64 input streams, 1 came");
    }

    #[test]
    fn it_does_not_depend_on_batches() {
        let input = |seed: i64| {
            let rows: Vec<_> = (0..40).map(|i| ((i * seed) % 17, if i % 3 == 0 { "x" } else { "y" }, i)).collect();
            records(&rows)
        };
        check_determinism::<Union>(&[], &[input(5), input(7), input(11)]);
    }
}
