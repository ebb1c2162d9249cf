//! `steps(x)` counts as a transform that remembers without bound, `mark(x)` looks at each record alone; both add their version's offset. What
//! they were built with stands before them: `VERSION`, `OFFSET`, `WRITTEN`, `READ`, the arguments of `steps`, and what is exported.

use dag_guest::{About, Column, Field, Input, Inputs, Lookback, Opened, Operator, Output, Result, Schema, Transform, Type};

pub struct Steps {
    by: i64,
    count: i64,
}

impl Operator for Steps {
    const ABOUT: About = About { name: "steps", doc: "Counts, and adds its version's offset.", example: "steps(x)" };
}

impl Transform for Steps {
    type Arguments = StepsArguments;
    const STATE_WRITTEN: u32 = WRITTEN;
    const STATE_READ: &'static [u32] = READ;

    fn open(arguments: StepsArguments, _: &[Input]) -> Result<Opened<Steps>> {
        let schema = Schema::new(vec![Field::new(RESULT, Type::Int64)]);
        Ok(Opened::ordered(Steps { by: arguments.by, count: 0 }, schema, Lookback::Unbounded))
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        let times = inputs.first().times();
        let counts = times.iter().map(|_| {
            self.count += self.by;
            Some(self.count + OFFSET)
        });
        let counts = Column::int64(counts);
        out.append(vec![Column::timestamp(times.iter().copied().map(Some)), counts]);
        Ok(())
    }

    fn snapshot(&self) -> Result<Vec<Vec<u8>>> {
        Ok(vec![self.count.to_le_bytes().to_vec()])
    }

    fn restore(&mut self, _: u32, chunks: &[Vec<u8>]) -> Result {
        let bytes = chunks.first().and_then(|bytes| bytes.as_slice().try_into().ok());
        self.count = i64::from_le_bytes(bytes.ok_or("eight bytes are expected")?);
        Ok(())
    }
}

pub struct Mark {
    /// The place of the value among a batch's columns.
    value: usize,
}

dag_guest::arguments! {
    /// What `mark` takes.
    pub struct MarkArguments {}
}

impl Operator for Mark {
    const ABOUT: About = About { name: "mark", doc: "Adds its version's offset to each value.", example: "mark(x)" };
}

impl Transform for Mark {
    type Arguments = MarkArguments;
    const STATE_WRITTEN: u32 = WRITTEN;
    const STATE_READ: &'static [u32] = READ;

    fn open(_: MarkArguments, inputs: &[Input]) -> Result<Opened<Mark>> {
        let value = inputs[0].schema.fields.iter().position(|field| field.name == "value").ok_or("`value` is missing")?;
        Ok(Opened::stateless(Mark { value: value + 1 }, Schema::new(vec![Field::new("value", Type::Int64)])))
    }

    fn process(&mut self, inputs: &Inputs<'_>, out: &mut Output) -> Result {
        let batch = inputs.first();
        let values = batch.columns()[self.value].as_i64().ok_or("`value` is an integer")?;
        let marked = Column::int64(values.iter().map(|value| Some(value + OFFSET)));
        out.append(vec![batch.columns()[0].to_column(), marked]);
        Ok(())
    }
}
