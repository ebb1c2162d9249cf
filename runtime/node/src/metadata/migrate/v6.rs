//! Format 6: records that say neither at which mark a component took over nor how, and incarnations without turns.

use std::collections::BTreeMap;

use dag_model::{Digest, Frontier, IncarnationId, NodeId};
use dag_plan::{Began, By, Hold, InputStart, Life, Limits, LogId, Revision, Skipped, Until};
use redb::{ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::bytes;
use dag_metadata::tables::INCARNATIONS;

/// A component that an incarnation ran, as formats up to 6 have it. The order of the fields is persisted.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Ran<L> {
    pub digest: Digest,
    pub from: Frontier,
    pub output: u64,
    pub inputs: Vec<InputStart<L>>,
}

impl<L> Ran<L> {
    pub fn first(digest: Digest) -> Ran<L> {
        Ran { digest, from: Frontier::START, output: 0, inputs: Vec::new() }
    }
}

impl<L> From<Ran<L>> for dag_plan::Ran<L> {
    /// Nobody gets again to where one took over. Whether it took the state follows from the snapshot that was left there, as it did then.
    fn from(ran: Ran<L>) -> dag_plan::Ran<L> {
        let Ran { digest, from, output, inputs } = ran;
        let by = if inputs.is_empty() { By::Replay } else { By::State };
        dag_plan::Ran { digest, from, output, inputs, mark: None, by }
    }
}

/// A record as formats up to 6 have it. The order of the fields is persisted.
#[derive(Serialize, Deserialize)]
pub(super) struct Incarnation<L> {
    pub id: IncarnationId,
    pub stream: String,
    pub ran: Vec<Ran<L>>,
    pub inputs: Vec<InputStart<L>>,
    pub began: Began,
    pub until: Option<Until>,
    pub shards: u32,
    pub windowing: u32,
    pub limits: Limits,
    pub skipped: Vec<Skipped<L>>,
}

impl<L> From<Incarnation<L>> for dag_plan::Incarnation<L> {
    fn from(record: Incarnation<L>) -> dag_plan::Incarnation<L> {
        let Incarnation { id, stream, ran, inputs, began, until, shards, windowing, limits, skipped } = record;
        let ran = ran.into_iter().map(dag_plan::Ran::from).collect();
        dag_plan::Incarnation { id, stream, ran, inputs, began, until, shards, windowing, limits, skipped }
    }
}

/// A course as format 6 has it. The order of the fields is persisted.
#[derive(Serialize, Deserialize)]
struct Course {
    record: Incarnation<LogId>,
    life: Life,
    holds: BTreeMap<NodeId, Hold>,
    revision: Revision,
}

/// Rewrites the rows into those of format 7.
pub(super) fn rewrite(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(INCARNATIONS)?;
    let rows = table.iter()?.map(|row| row.map(|(id, course)| (id.value(), course.value().to_vec())));
    let rows: Vec<(u64, Vec<u8>)> = rows.collect::<Result<_, _>>()?;
    for (id, course) in rows {
        // What cannot be read is left, and told when the rows are read.
        let Ok(Course { record, life, holds, revision }) = postcard::from_bytes(&course) else { continue };
        let course = dag_plan::Course { record: record.into(), turns: Vec::new(), life, holds, revision };
        table.insert(id, bytes(&course).as_slice())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dag_model::{StreamId, Timestamp};
    use dag_plan::{Entity, Leg};

    use super::*;
    use dag_metadata::tables;

    #[test]
    fn a_record_keeps_what_ran_and_says_of_nothing_that_a_mark_was_there() {
        let log = LogId::Source(StreamId(3));
        let start = InputStart { legs: vec![Leg { log, sequence: 5 }], from: Timestamp::MIN, late: false };
        let second =
            Ran { digest: Digest([2; 32]), from: Frontier::At(Timestamp(9)), output: 3, inputs: vec![start.clone()] };
        let record = Incarnation {
            id: IncarnationId(1),
            stream: "a".to_owned(),
            ran: vec![Ran::first(Digest([1; 32])), second],
            inputs: vec![start],
            began: Began::Next,
            until: None,
            shards: 1,
            windowing: 2,
            limits: Limits { memory: 1, call: Duration::from_secs(1), output: 1 },
            skipped: Vec::new(),
        };
        let before = Course { record, life: Life::Stored, holds: BTreeMap::new(), revision: Revision(4) };
        let folder = tempfile::tempdir().unwrap();
        let database = redb::Database::create(folder.path().join("meta.redb")).unwrap();
        let transaction = database.begin_write().unwrap();
        tables::put(&transaction, &Some(Entity::Incarnation(IncarnationId(1))), Some(&bytes(&before))).unwrap();
        tables::put(&transaction, &Some(Entity::Incarnation(IncarnationId(2))), Some(b"\xff")).unwrap();
        rewrite(&transaction).unwrap();
        let table = transaction.open_table(INCARNATIONS).unwrap();
        let row = |id: u64| table.get(id).unwrap().unwrap().value().to_vec();
        let course: dag_plan::Course = postcard::from_bytes(&row(1)).unwrap();
        let ran: Vec<_> = course.record.ran.iter().map(|ran| (ran.digest.0[0], ran.output, ran.mark, ran.by)).collect();
        assert_eq!(ran, [(1, 0, None, By::Replay), (2, 3, None, By::State)]);
        assert_eq!((course.turns.len(), course.life, course.revision), (0, Life::Stored, Revision(4)));
        assert_eq!(row(2), b"\xff");
    }
}
