//! Records of all inputs, in merged order.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use dag_model::{Frontier, Timestamp, times};

use crate::budget::{Budget, Charge, Part, memory};
use crate::search::{Search, Span, Spot};

/// Records of all inputs, in merged order.
pub struct Merged {
    /// The records of each input, in order.
    pub batches: Vec<RecordBatch>,
    /// For each record of the merge: its input. Empty when there is one input.
    pub order: Vec<u8>,
    /// For each record of the merge: where it is. Empty unless the merge is numbered.
    pub spots: Vec<Spot>,
    /// No record before this is left.
    pub frontier: Frontier,
    /// How many pieces of each input were loaded.
    pub loaded: Vec<usize>,
}

/// Consecutive records of a merge, as an operator takes them.
pub(crate) struct Stretch {
    /// The records of each input, in order.
    pub batches: Vec<RecordBatch>,
    /// For each record: its input. Empty when there is one input.
    pub order: Vec<u8>,
    /// Where they lie, if the merge is numbered.
    pub span: Option<Span>,
    /// The memory that they take.
    pub held: Charge,
}

impl Stretch {
    /// The time of the first record.
    pub fn time(&self) -> Timestamp {
        let first = |batch: &RecordBatch| times(batch).first().copied();
        Timestamp(self.batches.iter().filter_map(first).min().expect("a stretch has records"))
    }
}

impl Merged {
    /// How many records there are.
    fn len(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The records in the parts in which the operator takes them; none where there are no records.
    pub(crate) fn stretches(&self, search: &Search, budget: &Arc<Budget>) -> VecDeque<Stretch> {
        let mut parts: Vec<Range<usize>> =
            search.cut(self.spots.len(), |row| self.spots[row]).into_iter().map(|cut| cut.0).collect();
        if self.spots.is_empty() {
            parts.push(0..self.len());
        }
        let mut rest = Rest { merged: self, next: vec![0; self.batches.len()], budget };
        let mut stretches = VecDeque::new();
        parts.into_iter().for_each(|rows| rest.cut(rows, &mut stretches));
        stretches
    }
}

/// What of a merge has not been cut into stretches.
struct Rest<'a> {
    merged: &'a Merged,
    /// Of each input, the next record.
    next: Vec<usize>,
    budget: &'a Arc<Budget>,
}

impl Rest<'_> {
    /// Cuts the next records, which are these of the merge, into stretches that are not too large.
    fn cut(&mut self, rows: Range<usize>, stretches: &mut VecDeque<Stretch>) {
        if rows.is_empty() {
            return;
        }
        let batches = self.batches(&rows);
        let bytes = batches.iter().map(memory).sum();
        if bytes > self.budget.batch() && rows.len() > 1 {
            let middle = rows.start + rows.len() / 2;
            self.cut(rows.start..middle, stretches);
            return self.cut(middle..rows.end, stretches);
        }
        self.next.iter_mut().zip(&batches).for_each(|(next, batch)| *next += batch.num_rows());
        let Merged { order, spots, .. } = self.merged;
        let order = if order.is_empty() { Vec::new() } else { order[rows.clone()].to_vec() };
        let span = (!spots.is_empty()).then(|| Span {
            first: spots[rows.start],
            last: spots[rows.end - 1],
            records: rows.len(),
        });
        stretches.push_back(Stretch { batches, order, span, held: self.budget.hold(Part::Merging, bytes) });
    }

    /// The records of each input among the next ones, which are these of the merge.
    fn batches(&self, rows: &Range<usize>) -> Vec<RecordBatch> {
        let Merged { batches, order, .. } = self.merged;
        let mut counts = vec![0; batches.len()];
        match order.is_empty() {
            true => counts[0] = rows.len(),
            false => order[rows.clone()].iter().for_each(|input| counts[usize::from(*input)] += 1),
        }
        let part = |(input, batch): (usize, &RecordBatch)| batch.slice(self.next[input], counts[input]);
        batches.iter().enumerate().map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use arrow_array::{ArrayRef, Int64Array};
    use dag_model::Position;
    use proptest::prelude::*;

    use super::*;

    /// A merge of two inputs in this order: the value of each record is its place in it.
    fn merged(order: Vec<u8>) -> Merged {
        let places = |input: u8| order.iter().enumerate().filter(move |(_, from)| **from == input);
        let batch = |input| {
            let values: Int64Array = places(input).map(|(place, _)| Some(place as i64)).collect();
            RecordBatch::try_from_iter([("value", Arc::new(values) as ArrayRef)]).unwrap()
        };
        let spot = |(place, input): (usize, &u8)| {
            let position = Position { run: 1, sequence: place as u64 };
            Spot { time: Timestamp(place as i64), input: usize::from(*input), leg: 0, position }
        };
        let spots = order.iter().enumerate().map(spot).collect();
        Merged { batches: vec![batch(0), batch(1)], spots, order, frontier: Frontier::Empty, loaded: vec![1, 1] }
    }

    /// The values of a stretch in its order.
    fn values(stretch: &Stretch) -> Vec<i64> {
        let columns = stretch.batches.iter().map(|batch| batch.column(0).as_primitive::<Int64Type>().values().iter());
        let mut columns: Vec<_> = columns.collect();
        let values = stretch.order.iter().map(|input| *columns[usize::from(*input)].next().unwrap()).collect();
        assert!(columns.iter_mut().all(|rest| rest.next().is_none()), "the order has all records");
        values
    }

    proptest! {
        #[test]
        fn stretches_are_the_merge_cut_around_the_suspects(
            order in prop::collection::vec(0..2_u8, 1..40), from in 0..40_usize, count in 1..40_usize,
        ) {
            let total = order.len();
            let (from, to) = (from % total, (from % total + count).min(total));
            let spots = merged(order.clone()).spots;
            let suspects = Span { first: spots[from], last: spots[to - 1], records: to - from };
            let stretches = merged(order).stretches(&Search::Halve(suspects), &Budget::new(Budget::DEFAULT));
            let all: Vec<i64> = stretches.iter().flat_map(values).collect();
            prop_assert_eq!(all, (0..total as i64).collect::<Vec<_>>());
            for stretch in &stretches {
                let span = stretch.span.expect("the merge is numbered");
                let own = values(stretch);
                prop_assert_eq!((span.first.time.0, span.last.time.0), (own[0], own[own.len() - 1]));
                prop_assert_eq!(span.records, own.len());
                prop_assert!(!suspects.contains(&span) || span.records <= suspects.records.div_ceil(2));
            }
        }
    }
}
