//! Format 5: incarnations beside the plan, in tables of their own, with logs named by their streams. They become the plan's rows.

use std::collections::{BTreeMap, BTreeSet};

use dag_metadata::tables::{self, COUNTERS, COUNTERS_ROW, HEADER, INCARNATIONS, SOURCES};
use dag_model::{IncarnationId, StreamId};
use dag_plan::plan::{Counters, Moved};
use dag_plan::{Course, Entity, Life, LogId, Revision, SourceStream};
use redb::{ReadableTable, TableDefinition, WriteTransaction};

use super::{bytes, v6};

/// A log as records of this format name it.
pub(super) type Named = LogId<String>;

/// In the header: the greatest number of an incarnation that was forgotten.
const LAST_INCARNATION: &str = "last-incarnation";
/// The numbers of incarnations whose logs have everything.
const FINISHED: TableDefinition<'static, u64, ()> = TableDefinition::new("finished");
/// The number that an incarnation had, in the data that this is a copy of, to the one that it has and how many records were copied.
const MOVED: TableDefinition<'static, u64, (u64, u64)> = TableDefinition::new("moved");
/// The numbers of incarnations that are not computed again, to what was found.
const QUARANTINED: TableDefinition<'static, u64, &str> = TableDefinition::new("quarantined");

/// The numbers of streams by name. A name that no stream has, as where its row cannot be read, gets one that no stream will have.
struct Streams {
    known: BTreeMap<String, StreamId>,
    next: u64,
}

impl Streams {
    fn of(transaction: &WriteTransaction, next: u64) -> Result<Streams, redb::Error> {
        let mut known = BTreeMap::new();
        for row in transaction.open_table(SOURCES)?.iter()? {
            let (number, stream) = row?;
            if let Ok(stream) = postcard::from_bytes::<SourceStream>(stream.value()) {
                known.insert(stream.name, StreamId(number.value()));
            }
        }
        Ok(Streams { known, next })
    }

    fn number(&mut self, log: Named) -> LogId {
        match log {
            LogId::Derived(id) => LogId::Derived(id),
            LogId::Source(name) => {
                let next = &mut self.next;
                LogId::Source(*self.known.entry(name).or_insert_with(|| {
                    *next += 1;
                    StreamId(*next - 1)
                }))
            }
        }
    }
}

/// Rewrites the rows into the plan's.
pub(super) fn rewrite(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let found = transaction.open_table(COUNTERS)?.get(COUNTERS_ROW)?.map(|row| row.value().to_vec());
    let counters = postcard::from_bytes::<Counters>(&found.unwrap_or_default());
    let mut counters = counters.map_err(|why| redb::Error::Corrupted(format!("the counters: {why}")))?;
    let mut streams = Streams::of(transaction, counters.stream)?;
    let (finished, quarantined) = (finished(transaction)?, quarantined(transaction)?);
    let (mut rows, mut last) = (Vec::new(), last_forgotten(transaction)?);
    for row in transaction.open_table(INCARNATIONS)?.iter()? {
        let (id, record) = row?;
        last = last.max(id.value());
        // What cannot be read is left, and told when the rows are read.
        let Ok(record) = postcard::from_bytes::<v6::Incarnation<Named>>(record.value()) else { continue };
        let record = dag_plan::Incarnation::from(record);
        let Ok(record) = record.try_rename(&mut |log| Ok::<_, std::convert::Infallible>(streams.number(log)));
        let life = match quarantined.get(&id.value()) {
            Some(why) => Life::Quarantined(why.clone()),
            None if finished.contains(&id.value()) => Life::Finished,
            None => Life::Stored,
        };
        let course = Course { record, turns: Vec::new(), life, holds: BTreeMap::new(), revision: counters.revision };
        rows.push((Some(Entity::Incarnation(IncarnationId(id.value()))), bytes(&course)));
    }
    for (id, now, end) in moved(transaction)? {
        last = last.max(now);
        let moved = Moved { id: IncarnationId(now), end };
        rows.push((Some(Entity::Moved(IncarnationId(id))), bytes(&moved)));
    }
    (counters.stream, counters.incarnation) = (streams.next, last + 1);
    // All that was there is as old.
    counters.revision = counters.revision.max(Revision(1));
    rows.push((None, bytes(&counters)));
    transaction.delete_table(FINISHED)?;
    transaction.delete_table(QUARANTINED)?;
    transaction.delete_table(MOVED)?;
    transaction.open_table(HEADER)?.remove(LAST_INCARNATION)?;
    rows.into_iter().try_for_each(|(key, value)| tables::put(transaction, &key, Some(&value)))
}

fn last_forgotten(transaction: &WriteTransaction) -> Result<u64, redb::Error> {
    Ok(transaction.open_table(HEADER)?.get(LAST_INCARNATION)?.map_or(0, |last| last.value()))
}

fn finished(transaction: &WriteTransaction) -> Result<BTreeSet<u64>, redb::Error> {
    let table = transaction.open_table(FINISHED)?;
    let rows = table.iter()?.map(|row| row.map(|(id, _)| id.value()));
    Ok(rows.collect::<Result<_, _>>()?)
}

fn quarantined(transaction: &WriteTransaction) -> Result<BTreeMap<u64, String>, redb::Error> {
    let table = transaction.open_table(QUARANTINED)?;
    let rows = table.iter()?.map(|row| row.map(|(id, why)| (id.value(), why.value().to_owned())));
    Ok(rows.collect::<Result<_, _>>()?)
}

fn moved(transaction: &WriteTransaction) -> Result<Vec<(u64, u64, u64)>, redb::Error> {
    let table = transaction.open_table(MOVED)?;
    let mut rows = Vec::new();
    for row in table.iter()? {
        let (id, now) = row?;
        rows.push((id.value(), now.value().0, now.value().1));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dag_model::{Digest, Frontier, NodeId, Timestamp};
    use dag_plan::{Began, InputStart, Leg, Limits, Origin, Proposal, Skipped};
    use redb::Database;

    use super::*;
    use crate::metadata::Metadata;

    /// A record of this format that reads these logs.
    fn record(id: u64, logs: &[Named]) -> v6::Incarnation<Named> {
        let start = |log: &Named| InputStart {
            legs: vec![Leg { log: log.clone(), sequence: 5 }],
            from: Timestamp::MIN,
            late: false,
        };
        let inputs: Vec<_> = logs.iter().map(start).collect();
        let skipped = Skipped { input: 0, log: logs[0].clone(), sequence: 9, why: "trap".to_owned() };
        let second = v6::Ran { digest: Digest([2; 32]), from: Frontier::START, output: 3, inputs: inputs.clone() };
        v6::Incarnation {
            id: IncarnationId(id),
            stream: format!("a{id}"),
            ran: vec![v6::Ran::first(Digest([1; 32])), second],
            inputs,
            began: Began::Next,
            until: None,
            shards: 1,
            windowing: 2,
            limits: Limits { memory: 1, call: Duration::from_secs(1), output: 1 },
            skipped: vec![skipped],
        }
    }

    /// Metadata of this format, with the source `x` of number 3.
    fn write(file: &std::path::Path) {
        let database = Database::create(file).unwrap();
        let transaction = database.begin_write().unwrap();
        let (x, gone) = (LogId::Source("x".to_owned()), LogId::Source("gone".to_owned()));
        let first = record(1, std::slice::from_ref(&x));
        let records = [first, record(2, &[x, gone]), record(4, &[LogId::Derived(IncarnationId(2))])];
        {
            let mut header = transaction.open_table(HEADER).unwrap();
            for (key, value) in [("format", 5), ("data", 77), (LAST_INCARNATION, 8), ("boot", 99)] {
                header.insert(key, value).unwrap();
            }
            let counters = Counters { revision: Revision(6), stream: 7, incarnation: 1, deployment: 2 };
            transaction.open_table(COUNTERS).unwrap().insert(COUNTERS_ROW, bytes(&counters).as_slice()).unwrap();
            let (name, origin, settings) = ("x".to_owned(), Origin::Published, "{}".to_owned());
            let stream = SourceStream { name, origin, settings, made: true, epoch: 0, revision: Revision(1) };
            transaction.open_table(SOURCES).unwrap().insert(3, bytes(&stream).as_slice()).unwrap();
            let mut incarnations = transaction.open_table(INCARNATIONS).unwrap();
            for record in records {
                incarnations.insert(record.id.0, bytes(&record).as_slice()).unwrap();
            }
            incarnations.insert(5, &b"\xff"[..]).unwrap();
            transaction.open_table(FINISHED).unwrap().insert(1, ()).unwrap();
            transaction.open_table(QUARANTINED).unwrap().insert(4, "another sum").unwrap();
            transaction.open_table(MOVED).unwrap().insert(100, (4, 60)).unwrap();
        }
        transaction.commit().unwrap();
    }

    #[test]
    fn records_name_streams_by_number_and_what_became_of_them_is_in_the_plan() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("meta.redb");
        write(&file);
        for _ in 0..2 {
            let (plan, kept) = Metadata::look(&file).unwrap();
            let course = |id| plan.incarnation(IncarnationId(id)).unwrap();
            let quarantined = Life::Quarantined("another sum".to_owned());
            assert_eq!([1, 2, 4].map(|id| course(id).life.clone()), [Life::Finished, Life::Stored, quarantined]);
            let (x, unknown) = (LogId::Source(StreamId(3)), LogId::Source(StreamId(7)));
            assert_eq!(course(2).record.logs().copied().collect::<Vec<_>>(), [x, unknown]);
            assert_eq!((course(2).record.skipped[0].log, course(2).record.ran[1].inputs[1].legs[0].log), (x, unknown));
            assert_eq!((course(1).record.ran[1].output, course(1).record.skipped[0].sequence), (3, 9));
            assert_eq!((plan.counters().stream, plan.counters().incarnation), (8, 9), "neither number is given again");
            assert_eq!(plan.moved(IncarnationId(100)), Some(Moved { id: IncarnationId(4), end: 60 }));
            assert_eq!((kept.boot, kept.unreadable[0].key.as_str()), (Some(99), "5"));
            assert_eq!(Metadata::data_of(&file).unwrap(), 77);
        }
        let (metadata, _) = Metadata::open(&file).unwrap();
        metadata.propose(Proposal::of([dag_plan::Change::Up { node: NodeId(1), boot: 1 }])).unwrap();
        assert_eq!(metadata.plan().incarnations().count(), 3);
    }
}
