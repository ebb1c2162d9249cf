//! Which worker a record belongs to.

use arrow_array::{ArrayRef, RecordBatch};
use arrow_row::RowConverter;

use crate::error::ComputeError;
use crate::output::take;
use crate::window::keys::{converter, hashes, worker_of};

/// Cuts batches by key into one batch for each worker.
pub struct Shards {
    converter: Option<RowConverter>,
    /// The key columns' places in the batch.
    columns: Vec<usize>,
    peers: usize,
    home: usize,
}

impl Shards {
    /// Shards of batches like this one's schema by these columns over `peers` workers; without columns all goes to `home`.
    pub fn new(
        schema: &arrow_schema::Schema,
        columns: Vec<usize>,
        peers: usize,
        home: usize,
    ) -> Result<Shards, ComputeError> {
        let types: Vec<_> = columns.iter().map(|column| schema.field(*column).data_type().clone()).collect();
        let converter = if columns.is_empty() || peers == 1 { None } else { Some(converter(&types)?) };
        Ok(Shards { converter, columns, peers, home })
    }

    /// The rows of each worker that has any, in their order.
    pub fn split(&self, batch: RecordBatch) -> Result<Vec<(usize, RecordBatch)>, ComputeError> {
        let Some(converter) = &self.converter else { return Ok(vec![(self.home, batch)]) };
        let keys: Vec<ArrayRef> = self.columns.iter().map(|column| batch.column(*column).clone()).collect();
        let mut rows = vec![Vec::new(); self.peers];
        for (row, hash) in hashes(converter, &keys)?.into_iter().enumerate() {
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
