//! `steps(x)` counts as a transform that remembers without bound, and adds its version's offset. What it was built with stands before it:
//! `VERSION`, `OFFSET`, `WRITTEN`, `READ`, its arguments, and what it exports.

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
