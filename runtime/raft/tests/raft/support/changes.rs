//! Things to propose, and what lies on a disk because of them.

use dag_metadata::{Store, tables};
use dag_model::{NodeId, StreamId};
use dag_plan::{Change, Origin, Plan, Proposal, Revision};

/// A stream of that name is made, unless there is one.
pub fn create(name: &str) -> Proposal {
    let entity = dag_plan::Entity::Name(name.to_owned());
    let settings = format!("{{\"name\":\"{name}\"}}");
    let create = Change::Create { name: name.to_owned(), origin: Origin::Published, settings };
    Proposal::of([create]).on(entity, Revision(0))
}

/// What a derived stream does with records on which its operator fails.
pub fn policy(stream: impl Into<String>) -> Proposal {
    Proposal::of([Change::Policy { stream: stream.into(), skip: true }])
}

pub fn up(node: u64, boot: u64) -> Proposal {
    Proposal::of([Change::Up { node: NodeId(node), boot }])
}

pub fn epoch(stream: u64) -> Proposal {
    Proposal::of([Change::BeginEpoch { stream: StreamId(stream), lost: None }])
}

/// A plan as bytes.
pub fn bytes(plan: &Plan) -> Vec<u8> {
    plan.snapshot().flatten().collect()
}

/// All rows of a plan's tables: the table, the key, the value.
pub fn rows(store: &Store) -> Vec<(String, String, Vec<u8>)> {
    let rows = store.read(tables::rows).unwrap();
    rows.into_iter().map(|row| (row.table.to_owned(), row.shown, row.value)).collect()
}
