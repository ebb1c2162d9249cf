//! What of a record reaches an operator, and on which worker.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_row::RowConverter;
use arrow_schema::{Schema, SchemaRef};
use dag_model::Windowing;

use crate::computation::Aggregation;
use crate::error::ComputeError;
use crate::output::take;
use crate::window::keys::{canonical, converter, hashes, worker_of};

/// Cuts batches by key into one batch for each worker.
pub struct Shards {
    intake: Option<Intake>,
    converter: Option<RowConverter>,
    peers: usize,
    home: usize,
}

/// What an aggregate takes of a batch: the time, then the key columns, then those that the operator asks for. A column may be both.
struct Intake {
    schema: SchemaRef,
    /// Their places in the batch.
    places: Vec<usize>,
    /// How many key columns there are.
    keys: usize,
    windowing: Windowing,
}

impl Shards {
    /// All records, whole, for `home`.
    pub fn whole(home: usize) -> Shards {
        Shards { intake: None, converter: None, peers: 1, home }
    }

    /// Shards by key over `peers` workers of batches of this schema; without key columns all goes to `home`.
    pub fn of(schema: &Schema, aggregation: &Aggregation, peers: usize, home: usize) -> Result<Shards, ComputeError> {
        let Aggregation { by, columns, windowing, .. } = aggregation;
        let places: Vec<usize> = std::iter::once(0).chain(by.iter().chain(columns).map(|column| column + 1)).collect();
        let taken = Arc::new(schema.project(&places)?);
        let types: Vec<_> = taken.fields()[1..=by.len()].iter().map(|field| field.data_type().clone()).collect();
        let converter = if by.is_empty() || peers == 1 { None } else { Some(converter(&types)?) };
        let intake = Intake { schema: taken, places, keys: by.len(), windowing: *windowing };
        Ok(Shards { intake: Some(intake), converter, peers, home })
    }

    /// What of a batch reaches the operator.
    pub fn taken(&self, batch: RecordBatch) -> Result<RecordBatch, ComputeError> {
        match &self.intake {
            Some(intake) => intake.take(&batch),
            None => Ok(batch),
        }
    }

    /// The rows, of what is taken of a batch, of each worker that has any, in their order.
    pub fn split(&self, batch: RecordBatch) -> Result<Vec<(usize, RecordBatch)>, ComputeError> {
        let (Some(converter), Some(intake)) = (&self.converter, &self.intake) else {
            return Ok(vec![(self.home, batch)]);
        };
        let mut rows = vec![Vec::new(); self.peers];
        for (row, hash) in hashes(converter, &batch.columns()[1..=intake.keys])?.into_iter().enumerate() {
            rows[worker_of(hash, self.peers)].push(row as u32);
        }
        let mut parts = Vec::with_capacity(self.peers);
        for (worker, rows) in rows.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            let part = match rows.len() == batch.num_rows() {
                true => batch.clone(),
                false => RecordBatch::try_new(batch.schema(), take(batch.columns(), rows)?)?,
            };
            parts.push((worker, part));
        }
        Ok(parts)
    }
}

impl Intake {
    fn take(&self, batch: &RecordBatch) -> Result<RecordBatch, ComputeError> {
        let column = |(at, place): (usize, &usize)| -> ArrayRef {
            let column = batch.column(*place);
            match self.windowing {
                Windowing::Two if (1..=self.keys).contains(&at) => canonical(column),
                Windowing::One | Windowing::Two => column.clone(),
            }
        };
        let columns = self.places.iter().enumerate().map(column).collect();
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }
}
