//! Aggregates behind frames.

use super::{Signature, find, frame_of, parse_arguments, with_frame};
use crate::{About, Accumulator, Aggregate, Arguments, Bound, ColumnRef, Lookback, Result, Schema, Type};

/// A component of aggregates. [`export_aggregates!`](crate::export_aggregates!) writes this.
pub trait Aggregates {
    /// The component's name.
    const NAME: &'static str;
    /// Three numbers with dots.
    const VERSION: &'static str;

    /// Its operators.
    fn entries() -> Vec<AggregateEntry>;
}

/// [`Aggregate::bind`] of arguments that are not parsed yet.
type Bind = fn(&[(String, String)], &Schema) -> Result<Bound>;

/// One operator of a component.
#[derive(Clone, Copy, Debug)]
pub struct AggregateEntry {
    about: About,
    signature: fn() -> Signature,
    bind: Bind,
}

impl AggregateEntry {
    /// The entry of an operator.
    pub fn new<A: Aggregate>() -> AggregateEntry {
        AggregateEntry {
            about: A::ABOUT,
            signature: || Signature {
                about: A::ABOUT,
                min_inputs: 1,
                max_inputs: Some(1),
                parameters: A::Arguments::parameters(),
                key: None,
                state_written: A::STATE_WRITTEN,
                state_read: A::STATE_READ,
            },
            bind: |arguments, input| A::bind(parse_arguments(A::ABOUT, arguments)?, input),
        }
    }

    /// What the operator says of itself.
    pub fn signature(&self) -> Signature {
        (self.signature)()
    }
}

/// What binding an aggregate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The type of the result.
    pub result: Type,
    /// The indexes in the input's schema of the columns that `update` and `scan` want.
    pub columns: Vec<u32>,
    /// Besides the window.
    pub lookback: Lookback,
}

/// A bound aggregate that takes frames.
pub struct AggregateInstance {
    accumulator: Box<dyn Accumulator>,
    types: Vec<Type>,
}

impl AggregateInstance {
    /// Binds the operator of that name.
    ///
    /// # Errors
    /// If there is none, or it refuses.
    pub fn bind(
        entries: &[AggregateEntry],
        operator: &str,
        arguments: &[(String, String)],
        input: &Schema,
    ) -> Result<(AggregateInstance, Binding)> {
        let entry = find(entries, operator, |entry| entry.about)?;
        let Bound { result, columns, lookback, accumulator } = (entry.bind)(arguments, input)?;
        let types = columns.iter().map(|column| input.fields[*column].ty).collect();
        let columns = columns.into_iter().map(|column| column as u32).collect();
        Ok((AggregateInstance { accumulator, types }, Binding { result, columns, lookback }))
    }

    /// Folds rows into slots. Columns: slot, time, then the bound ones. The same for the next ones as the world says.
    ///
    /// # Errors
    /// If the bytes are not such a frame, or the fold refuses; and so for the others.
    pub fn update(&mut self, frame: &[u8]) -> Result {
        with_frame(frame, |frame| {
            let (slots, times, columns) = self.rows(frame.columns())?;
            self.accumulator.update(&slots, times, columns)
        })
    }

    /// Like `update`, and returns one column: the result after each row.
    ///
    /// # Errors
    /// As above.
    pub fn scan(&mut self, frame: &[u8]) -> Result<Vec<u8>> {
        with_frame(frame, |frame| {
            let (slots, times, columns) = self.rows(frame.columns())?;
            let results = self.accumulator.scan(&slots, times, columns)?;
            Ok(frame_of(slots.len(), &[results]))
        })
    }

    /// Folds slots into slots. Columns: into, from.
    ///
    /// # Errors
    /// As above.
    pub fn combine(&mut self, frame: &[u8]) -> Result {
        with_frame(frame, |frame| {
            let (into, from) = (slots(frame.columns(), 0)?, slots(frame.columns(), 1)?);
            self.accumulator.combine(&into, &from)
        })
    }

    /// The states of slots.
    ///
    /// # Errors
    /// As above.
    pub fn state(&self, frame: &[u8]) -> Result<Vec<u8>> {
        with_frame(frame, |frame| {
            let slots = slots(frame.columns(), 0)?;
            Ok(frame_of(slots.len(), &self.accumulator.state(&slots)?))
        })
    }

    /// Folds saved states into slots.
    ///
    /// # Errors
    /// As above.
    pub fn merge(&mut self, frame: &[u8]) -> Result {
        with_frame(frame, |frame| {
            let slots = slots(frame.columns(), 0)?;
            self.accumulator.merge(&slots, &frame.columns()[1..])
        })
    }

    /// The results of slots.
    ///
    /// # Errors
    /// As above.
    pub fn finish(&self, frame: &[u8]) -> Result<Vec<u8>> {
        with_frame(frame, |frame| {
            let slots = slots(frame.columns(), 0)?;
            Ok(frame_of(slots.len(), &[self.accumulator.finish(&slots)?]))
        })
    }

    /// Forgets slots.
    ///
    /// # Errors
    /// As above.
    pub fn clear(&mut self, frame: &[u8]) -> Result {
        with_frame(frame, |frame| {
            self.accumulator.clear(&slots(frame.columns(), 0)?);
            Ok(())
        })
    }

    /// The columns that `update` and `scan` are given: slots, times, and those that were bound.
    fn rows<'f, 'a>(&self, columns: &'f [ColumnRef<'a>]) -> Result<(Vec<u32>, &'a [i64], &'f [ColumnRef<'a>])> {
        let slots = slots(columns, 0)?;
        let time = columns.get(1).filter(|column| column.null_count() == 0).and_then(ColumnRef::as_timestamp);
        let times = time.ok_or("column 1 of the frame must be time, without nulls")?;
        let found: Vec<_> = columns[2..].iter().map(ColumnRef::ty).collect();
        if found != self.types {
            return Err(format!("the frame has columns {found:?}, bound were {:?}", self.types));
        }
        Ok((slots, times, &columns[2..]))
    }
}

/// Slots are below this power of two; a greater one is a bug of the host that would otherwise ask for all memory.
const SLOTS: u64 = 1 << 26;

/// The slots in that column of a frame.
fn slots(columns: &[ColumnRef<'_>], index: usize) -> Result<Vec<u32>> {
    let column = columns.get(index).filter(|column| column.null_count() == 0).and_then(ColumnRef::as_i64);
    let slots = column.ok_or_else(|| format!("column {index} of the frame must be slots: int64 without nulls"))?;
    // All are below a power of two if all their bits together are; a loop without exits is fast.
    let mut bits = 0;
    let number = |slot: &i64| {
        bits |= *slot as u64;
        *slot as u32
    };
    let numbers = slots.iter().map(number).collect();
    if bits < SLOTS { Ok(numbers) } else { Err(format!("a slot is not from 0 to {}", SLOTS - 1)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Column, Field, Fold, Operator, Timestamp, encode};

    crate::state! {
        struct Total { sum: f64 }
    }

    impl Operator for Total {
        const ABOUT: About = About { name: "total", doc: "The total.", example: "total(x, 1s)" };
    }

    impl Fold for Total {
        type Value = f64;
        type Result = f64;

        fn update(&mut self, value: &f64, _: Timestamp) -> Result {
            self.sum += value;
            Ok(())
        }

        fn combine(&mut self, later: &Total) -> Result {
            self.sum += later.sum;
            Ok(())
        }

        fn result(&self) -> Option<f64> {
            Some(self.sum)
        }
    }

    fn bind(operator: &str) -> Result<AggregateInstance> {
        let schema = Schema::new(vec![Field::new("value", Type::Float64)]);
        let bound = AggregateInstance::bind(&[AggregateEntry::new::<Total>()], operator, &[], &schema)?;
        assert_eq!(bound.1, Binding { result: Type::Float64, columns: vec![0], lookback: Lookback::None });
        Ok(bound.0)
    }

    fn frame(columns: &[Column]) -> Vec<u8> {
        frame_of(columns[0].len, columns)
    }

    #[test]
    fn frames_that_are_not_as_bound_are_refused() {
        let mut total = bind("total").unwrap();
        let slots = Column::int64([Some(0)]);
        let (times, values) = (Column::timestamp([Some(0)]), Column::float64([Some(1.0)]));
        assert_eq!(total.update(&frame(&[slots.clone(), times.clone(), values.clone()])), Ok(()));
        let refused = [
            vec![values.clone(), times.clone(), values.clone()],
            vec![slots.clone(), slots.clone(), values.clone()],
            vec![slots.clone(), times.clone()],
            vec![slots.clone(), times.clone(), slots.clone()],
            vec![slots.clone()],
            vec![Column::int64([None]), times.clone(), values.clone()],
            vec![Column::int64([Some(-1)]), times.clone(), values.clone()],
            vec![Column::int64([Some(i64::MAX)]), times, values],
        ];
        for columns in refused {
            assert!(total.update(&frame(&columns)).is_err(), "{columns:?}");
        }
        assert!(total.update(b"no frame").is_err());
        assert!(
            total.merge(&encode(1, &[slots.view(), slots.view()])).unwrap_err().contains("saved state has columns")
        );
    }

    #[test]
    fn an_unknown_operator_is_refused_by_name() {
        assert_eq!(bind("sum").err(), Some("no operator `sum` in this component".to_owned()));
    }
}
