//! `map`: other columns out of each record's own.

use dag_guest::{About, Field, Input, Inputs, Opened, Operator, Output, Projection, ProjectionText, Result};
use dag_guest::{Scalar, Schema, Transform, Type};

/// `map(x, *, value * 8 as bits)`: one record for each, with these columns. `*` stands for all columns of the input; a later `as`
/// replaces the column of that name where it is.
#[derive(Debug)]
pub struct Map {
    columns: Vec<Source>,
}

/// Where an output column comes from.
#[derive(Debug)]
enum Source {
    /// The input's column of that index in a batch.
    Kept(usize),
    /// A computation over a batch's columns.
    Computed(Scalar),
}

dag_guest::arguments! {
    /// What `map` takes.
    pub struct MapArguments {
        /// `*` for all columns, a column, or a computation with a name: value * 8 as bits.
        positional items: Vec<ProjectionText>,
    }
}

impl Operator for Map {
    const ABOUT: About = About {
        name: "map",
        doc: "Each record with other columns: kept ones, computed ones, or * for all and a later `as` to replace one.",
        example: "map(cpu_util, host, value / 100 as share)",
    };
}

impl Transform for Map {
    type Arguments = MapArguments;

    fn open(arguments: MapArguments, inputs: &[Input]) -> Result<Opened<Map>> {
        let input = &inputs[0].schema;
        let mut chosen = Chosen::default();
        for item in &arguments.items {
            match item.bind(input)? {
                Projection::All => {
                    for (index, field) in input.fields.iter().enumerate() {
                        chosen.add(field.name.clone(), field.ty, Source::Kept(index + 1));
                    }
                }
                Projection::Computed { scalar, name } => {
                    let unnamed = || format!("the computed column {scalar} has no name; add one: {scalar} as NAME");
                    let name = name.ok_or_else(unnamed)?;
                    if name == "time" {
                        return Err(
                            "the column `time` is every record's own; give the computed one another name".to_owned()
                        );
                    }
                    let source = scalar.as_column().map_or_else(|| Source::Computed(scalar.clone()), Source::Kept);
                    chosen.add(name, scalar.ty(), source);
                }
            }
        }
        let Chosen { fields, columns } = chosen;
        Ok(Opened::stateless(Map { columns }, Schema::new(fields)))
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        let batch = inputs.first();
        let column = |source: &Source| match source {
            Source::Kept(index) => batch.columns()[*index].to_column(),
            Source::Computed(scalar) => scalar.eval(batch.rows(), batch.columns()),
        };
        let columns = self.columns.iter().map(column);
        out.append(std::iter::once(batch.columns()[0].to_column()).chain(columns).collect());
        Ok(())
    }
}

/// The output's columns so far.
#[derive(Default)]
struct Chosen {
    fields: Vec<Field>,
    columns: Vec<Source>,
}

impl Chosen {
    /// Adds a column, or puts it in the place of the one that has its name.
    fn add(&mut self, name: String, ty: Type, source: Source) {
        match self.fields.iter().position(|field| field.name == name) {
            Some(index) => (self.fields[index].ty, self.columns[index]) = (ty, source),
            None => {
                self.fields.push(Field { name, ty });
                self.columns.push(source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dag_guest::Value;
    use dag_guest::harness::{Records, SECOND, check_determinism, run};

    fn records() -> Records {
        let empty = Records::new(&[("host", Type::Utf8), ("value", Type::Int64)]);
        let rows = [("web1", Some(8)), ("db1", None), ("web2", Some(6))];
        rows.iter().zip([5, 3, 4]).fold(empty, |records, ((host, value), second)| {
            let value = value.map_or(Value::Null, Value::Int64);
            records.with(second * SECOND, &[Value::Utf8(host), value])
        })
    }

    fn map(items: &[&str]) -> Result<Records> {
        let arguments: Vec<_> = items.iter().map(|item| ("items", *item)).collect();
        run::<Map>(&arguments, &[records()])
    }

    fn names(records: &Records) -> Vec<&str> {
        records.schema().fields.iter().map(|field| field.name.as_str()).collect()
    }

    #[test]
    fn columns_are_kept_computed_and_named() {
        let mapped = map(&["value/4 as quarter", "host", "value as reading"]).unwrap();
        assert_eq!(names(&mapped), ["quarter", "host", "reading"]);
        assert_eq!(mapped.values::<Option<f64>>("quarter"), [Some(2.0), None, Some(1.5)]);
        assert_eq!(mapped.times(), records().times(), "in the log's order");
    }

    #[test]
    fn a_star_keeps_all_and_a_later_as_replaces_in_place() {
        let mapped = map(&["*", "upper(host) as host", "value+1 as more"]).unwrap();
        assert_eq!(names(&mapped), ["host", "value", "more"]);
        assert_eq!(mapped.values::<String>("host"), ["WEB1", "DB1", "WEB2"]);
        assert_eq!(map(&["*"]).unwrap(), records());
    }

    #[test]
    fn a_computed_column_without_a_name_is_refused() {
        let error = map(&["value*8"]).unwrap_err();
        assert_eq!(error, "the computed column value*8 has no name; add one: value*8 as NAME");
    }

    #[test]
    fn no_column_may_be_called_time() {
        assert!(map(&["value as time"]).is_err());
        assert!(map(&["time"]).is_err());
        assert_eq!(map(&["time as at"]).unwrap().values::<dag_guest::Timestamp>("at").len(), 3);
    }

    #[test]
    fn it_does_not_depend_on_batches() {
        check_determinism::<Map>(&[("items", "*"), ("items", "value*2 as value")], &[records()]);
    }
}
