//! Format 4: a table for each kind of thing that a node kept. All but incarnations become rows of format 5's plan.

use std::collections::BTreeMap;

use dag_api::{CreateStream, OnError};
use dag_expr::errors_of;
use dag_metadata::tables::{self, DESCRIPTIONS};
use dag_model::{Digest, StreamId, Timestamp};
use dag_plan::plan::{Counters, Policy};
use dag_plan::{Cursor, Deployment, Entity, How, Named, Origin, Place, Revision, SaidLimits, SourceStream};
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::bytes;
use crate::metadata::described::Described;

/// A source's number, which names its folder, to its settings as JSON.
const SOURCES: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("sources");
/// The number of a log among the sources' to the derived stream whose skipped records it holds.
const ERRORS: TableDefinition<'static, u64, &str> = TableDefinition::new("errors");
/// Order of deployment to digest.
const COMPONENTS: TableDefinition<'static, u64, &[u8; 32]> = TableDefinition::new("components");
/// Order of deployment to when that was, in nanoseconds since the epoch, and how: 0 embedded, 1 deployed, 2 rolled back; missing for what
/// a node of format 1 did.
const DEPLOYMENTS: TableDefinition<'static, u64, (i64, u8)> = TableDefinition::new("deployments");
/// A component's digest to what its deployments said of limits, as JSON.
const LIMITS: TableDefinition<'static, &[u8; 32], &[u8]> = TableDefinition::new("limits");
/// A derived stream's canonical name to what becomes of a record on which its operator fails every time, as JSON.
const POLICIES: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("policies");
/// A cursor's name to the cursor in postcard.
const CURSORS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("cursors");

/// All that was there is as old.
const REVISION: Revision = Revision(1);

/// A cursor as format 4 has it. The order of the fields is persisted.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct OldCursor {
    stream: String,
    source: Option<String>,
    reader: u64,
    place: Place,
    created: Timestamp,
    acknowledged: Option<Timestamp>,
}

type Rows = Vec<(Option<Entity>, Vec<u8>)>;

/// Rewrites the rows into the plan's.
pub(super) fn rewrite(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    let mut rows = Rows::new();
    let (names, stream) = sources(transaction, &mut rows)?;
    let deployment = deployments(transaction, &mut rows)?;
    limits(transaction, &mut rows)?;
    policies(transaction, &mut rows)?;
    cursors(transaction, &names, &mut rows)?;
    rows.push((None, bytes(&Counters { revision: REVISION, stream, deployment, ..Counters::default() })));
    for (key, value) in rows {
        tables::put(transaction, &key, Some(&value))?;
    }
    transaction.delete_table(ERRORS)?;
    transaction.delete_table(COMPONENTS)?;
    transaction.delete_table(DEPLOYMENTS)?;
    Ok(())
}

/// Adds the streams; returns their numbers by name, and the next number.
fn sources(transaction: &WriteTransaction, rows: &mut Rows) -> Result<(BTreeMap<String, StreamId>, u64), redb::Error> {
    let (mut names, mut next) = (BTreeMap::new(), 1);
    let mut add = |number: u64, stream: SourceStream| {
        names.insert(stream.name.clone(), StreamId(number));
        rows.push((Some(Entity::Stream(StreamId(number))), bytes(&stream)));
    };
    for row in transaction.open_table(SOURCES)?.iter()? {
        let (number, settings) = row?;
        next = next.max(number.value() + 1);
        let Ok(parsed) = serde_json::from_slice::<CreateStream>(settings.value()) else { continue };
        let settings = String::from_utf8_lossy(settings.value()).into_owned();
        let (name, origin) = (parsed.name, Origin::Published);
        add(number.value(), SourceStream { name, origin, settings, made: true, epoch: 0, revision: REVISION });
    }
    for row in transaction.open_table(ERRORS)?.iter()? {
        let (number, of) = row?;
        next = next.max(number.value() + 1);
        let (name, origin) = (errors_of(of.value()), Origin::Errors(of.value().to_owned()));
        let settings = String::new();
        add(number.value(), SourceStream { name, origin, settings, made: true, epoch: 0, revision: REVISION });
    }
    Ok((names, next))
}

/// Adds the deployments, which are counted from 1 on; returns the next one's place.
fn deployments(transaction: &WriteTransaction, rows: &mut Rows) -> Result<u64, redb::Error> {
    let (descriptions, said) = (transaction.open_table(DESCRIPTIONS)?, transaction.open_table(DEPLOYMENTS)?);
    let mut next = 1;
    for row in transaction.open_table(COMPONENTS)?.iter()? {
        let (order, digest) = row?;
        let described = descriptions.get(digest.value())?.and_then(|described| Described::read(described.value()));
        let named = described.map(|described| {
            let description = described.description();
            Named { component: description.name.clone(), version: description.version.to_string() }
        });
        let said = said.get(order.value())?.map(|said| said.value());
        let how = match said {
            Some((_, 0)) => How::Embedded,
            Some((_, 2)) => How::RolledBack,
            _ => How::Deployed,
        };
        let (digest, at) = (Digest(*digest.value()), said.map(|(at, _)| Timestamp(at)));
        let deployment = Deployment { digest, named, at, how, revision: REVISION };
        rows.push((Some(Entity::Deployment(order.value() + 1)), bytes(&deployment)));
        next = order.value() + 2;
    }
    Ok(next)
}

fn limits(transaction: &WriteTransaction, rows: &mut Rows) -> Result<(), redb::Error> {
    for row in transaction.open_table(LIMITS)?.iter()? {
        let (digest, json) = row?;
        if let Ok(json) = std::str::from_utf8(json.value()) {
            let limits = SaidLimits { settings: json.to_owned(), revision: REVISION };
            rows.push((Some(Entity::Limits(Digest(*digest.value()))), bytes(&limits)));
        }
    }
    Ok(())
}

fn policies(transaction: &WriteTransaction, rows: &mut Rows) -> Result<(), redb::Error> {
    for row in transaction.open_table(POLICIES)?.iter()? {
        let (stream, json) = row?;
        let Ok(policy) = serde_json::from_slice::<OnError>(json.value()) else { continue };
        let policy = Policy { skip: policy == OnError::Skip, revision: REVISION };
        rows.push((Some(Entity::Policy(stream.value().to_owned())), bytes(&policy)));
    }
    Ok(())
}

fn cursors(
    transaction: &WriteTransaction,
    names: &BTreeMap<String, StreamId>,
    rows: &mut Rows,
) -> Result<(), redb::Error> {
    for row in transaction.open_table(CURSORS)?.iter()? {
        let (name, cursor) = row?;
        let Ok(cursor) = postcard::from_bytes::<OldCursor>(cursor.value()) else { continue };
        let OldCursor { stream, source, reader, place, created, acknowledged } = cursor;
        let source = match source.map(|source| names.get(&source)) {
            Some(None) => continue,
            Some(Some(source)) => Some(*source),
            None => None,
        };
        let cursor = Cursor { stream, source, reader, place, created, acknowledged, revision: REVISION };
        rows.push((Some(Entity::Cursor(name.value().to_owned())), bytes(&cursor)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use dag_model::{Frontier, Position};

    use super::*;

    #[test]
    fn a_cursor_of_the_first_version_is_read() {
        let at = |run, sequence| Position { run, sequence };
        let place =
            Place { legs: vec![at(1, 100), at(2, 0)], from: Timestamp(-1), newest: Some(Frontier::At(Timestamp(1))) };
        let (stream, source) = ("x".to_owned(), Some("x".to_owned()));
        let (created, acknowledged) = (Timestamp(2), Some(Timestamp(3)));
        let cursor = OldCursor { stream, source, reader: 300, place, created, acknowledged };
        let bytes = [
            1, b'x', // stream
            1, 1, b'x', // source
            0xAC, 2, // reader
            2, 1, 100, 2, 0, // legs
            1, // from
            1, 0, 2, // newest
            4, // created
            1, 6, // acknowledged
        ];
        assert_eq!(postcard::from_bytes::<OldCursor>(&bytes), Ok(cursor));
    }
}
