//! Format 1: incarnation records without limits, skipped records, and where in its output and inputs a component took over. They become
//! those of format 4.

use std::time::Duration;

use dag_metadata::tables::INCARNATIONS;
use dag_model::{Digest, Frontier, IncarnationId};
use dag_plan::{Began, InputStart, Limits, Until};
use redb::{ReadableTable, WriteTransaction};
use serde::Deserialize;

use super::v5::Named;
use super::v6;

/// Rewrites the rows into those of format 4.
pub(super) fn rewrite(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let mut records = Vec::new();
    for (key, bytes) in rows(transaction)? {
        // What cannot be read is left, and told when the rows are read.
        if let Ok(record) = postcard::from_bytes::<Incarnation>(&bytes) {
            records.push((key, v6::Incarnation::<Named>::from(record)));
        }
    }
    store(transaction, &records)
}

fn rows(transaction: &WriteTransaction) -> Result<Vec<(u64, Vec<u8>)>, redb::Error> {
    let table = transaction.open_table(INCARNATIONS)?;
    let rows = table.iter()?.map(|row| row.map(|(key, bytes)| (key.value(), bytes.value().to_vec())));
    Ok(rows.collect::<Result<_, _>>()?)
}

fn store(transaction: &WriteTransaction, records: &[(u64, v6::Incarnation<Named>)]) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(INCARNATIONS)?;
    for (key, record) in records {
        let bytes = postcard::to_stdvec(record).expect("records are plain values");
        table.insert(key, bytes.as_slice())?;
    }
    Ok(())
}

/// A record as format 1 has it. The order of the fields is persisted.
#[derive(Deserialize)]
pub(super) struct Incarnation {
    id: IncarnationId,
    stream: String,
    ran: Vec<Ran>,
    inputs: Vec<InputStart<Named>>,
    began: Began,
    until: Option<Until>,
    shards: u32,
    windowing: u32,
}

/// Nodes of format 1 never switched a run to another component: there is one, from the start.
#[derive(Deserialize)]
struct Ran {
    digest: Digest,
    #[expect(dead_code, reason = "it lies there")]
    from: Frontier,
}

/// What every operator was allowed then.
const LIMITS: Limits = Limits { memory: 256 << 20, call: Duration::from_secs(10), output: 64 << 20 };

impl From<Incarnation> for v6::Incarnation<Named> {
    fn from(record: Incarnation) -> v6::Incarnation<Named> {
        let Incarnation { id, stream, ran, inputs, began, until, shards, windowing } = record;
        v6::Incarnation {
            id,
            stream,
            ran: ran.into_iter().map(|ran| v6::Ran::first(ran.digest)).collect(),
            inputs,
            began,
            until,
            shards,
            windowing,
            limits: LIMITS,
            skipped: Vec::new(),
        }
    }
}
