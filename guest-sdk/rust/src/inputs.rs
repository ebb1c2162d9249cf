//! The records that a transform is given.

use crate::{ColumnRef, Frame, Result, Type};

/// Some records of each input.
#[derive(Debug)]
pub struct Inputs<'a> {
    batches: Vec<Batch<'a>>,
    order: &'a [u8],
}

/// Consecutive records of one input, as columns.
#[derive(Debug)]
pub struct Batch<'a> {
    times: &'a [i64],
    columns: Vec<ColumnRef<'a>>,
}

impl<'a> Inputs<'a> {
    /// Views of one frame per input, and the merge of their records. `types` are those of each input's columns.
    pub(crate) fn new(frames: Vec<Frame<'a>>, order: &'a [u8], types: &[Vec<Type>]) -> Result<Inputs<'a>> {
        if frames.len() != types.len() {
            return Err(format!("{} frames came for {} inputs", frames.len(), types.len()));
        }
        let batches = frames.into_iter().zip(types).map(|(frame, types)| Batch::new(frame, types));
        let batches: Vec<_> = batches.collect::<Result<_>>()?;
        let mut counted = vec![0; batches.len()];
        for input in order {
            *counted
                .get_mut(usize::from(*input))
                .ok_or_else(|| format!("order names input {input}, which is not"))? += 1;
        }
        let expected: Vec<_> = batches.iter().map(Batch::rows).collect();
        if counted != expected && !(batches.len() == 1 && order.is_empty()) {
            return Err(format!("order has {counted:?} records of the inputs, their frames have {expected:?}"));
        }
        Ok(Inputs { batches, order })
    }

    /// The records of the first input, which is the only one for most operators.
    pub fn first(&self) -> &Batch<'a> {
        &self.batches[0]
    }

    /// The records of every input, each in the order of the merge.
    pub fn batches(&self) -> &[Batch<'a>] {
        &self.batches
    }

    /// For each record in merged order, the input that it comes from and its row there.
    pub fn merged(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let mut next = vec![0; self.batches.len()];
        let only = (0..self.batches[0].rows()).filter(|_| self.order.is_empty()).map(|row| (0, row));
        let several = self.order.iter().map(move |input| {
            let input = usize::from(*input);
            next[input] += 1;
            (input, next[input] - 1)
        });
        only.chain(several)
    }
}

impl<'a> Batch<'a> {
    fn new(frame: Frame<'a>, types: &[Type]) -> Result<Batch<'a>> {
        let columns = frame.into_columns();
        let found: Vec<_> = columns.iter().map(ColumnRef::ty).collect();
        match columns.first() {
            Some(time) if found[1..] == *types && time.null_count() == 0 => {
                let times = time.as_timestamp().ok_or_else(|| format!("a frame begins with {}, not time", found[0]))?;
                Ok(Batch { times, columns })
            }
            _ => Err(format!("a frame has columns {found:?}, expected time without nulls, then {types:?}")),
        }
    }

    /// How many records there are.
    pub fn rows(&self) -> usize {
        self.times.len()
    }

    /// The records' event times, in nanoseconds.
    pub fn times(&self) -> &'a [i64] {
        self.times
    }

    /// The column at that index of the input's schema.
    ///
    /// # Panics
    /// If there is none.
    pub fn column(&self, index: usize) -> ColumnRef<'a> {
        self.columns[index + 1]
    }

    /// All columns: `time`, then those of the input's schema.
    pub fn columns(&self) -> &[ColumnRef<'a>] {
        &self.columns
    }
}
