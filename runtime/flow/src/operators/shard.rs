//! Which worker a record belongs to.

use arrow_array::RecordBatch;
use arrow_row::RowConverter;
use dag_model::batch::arrow_type;
use dag_model::{Type, Windowing};

use crate::error::ComputeError;
use crate::output::take;
use crate::window::keys::{canonical, converter, hashes, worker_of};

/// Cuts batches by key, the columns behind the time, into one batch for each worker.
pub struct Shards {
    /// How many key columns there are.
    keys: usize,
    windowing: Windowing,
    converter: Option<RowConverter>,
    peers: usize,
    home: usize,
}

impl Shards {
    /// All records for `home`.
    pub fn whole(home: usize) -> Shards {
        Shards { keys: 0, windowing: Windowing::NEWEST, converter: None, peers: 1, home }
    }

    /// Shards over `peers` workers by key columns of these types; without any all goes to `home`.
    pub fn by_key(keys: &[Type], windowing: Windowing, peers: usize, home: usize) -> Result<Shards, ComputeError> {
        let types: Vec<_> = keys.iter().map(|ty| arrow_type(*ty)).collect();
        let converter = if keys.is_empty() || peers == 1 { None } else { Some(converter(&types)?) };
        Ok(Shards { keys: keys.len(), windowing, converter, peers, home })
    }

    /// The rows of each worker that has any, in their order; keys that are one have one form.
    pub fn split(&self, batch: RecordBatch) -> Result<Vec<(usize, RecordBatch)>, ComputeError> {
        let batch = self.canonical(batch)?;
        let Some(converter) = &self.converter else { return Ok(vec![(self.home, batch)]) };
        let mut rows = vec![Vec::new(); self.peers];
        for (row, hash) in hashes(converter, &batch.columns()[1..=self.keys])?.into_iter().enumerate() {
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

    fn canonical(&self, batch: RecordBatch) -> Result<RecordBatch, ComputeError> {
        if self.keys == 0 || self.windowing == Windowing::One {
            return Ok(batch);
        }
        let mut columns = batch.columns().to_vec();
        columns[1..=self.keys].iter_mut().for_each(|column| *column = canonical(column));
        Ok(RecordBatch::try_new(batch.schema(), columns)?)
    }
}
