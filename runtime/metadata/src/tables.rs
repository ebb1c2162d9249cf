//! The tables of the metadata, and what a row of each is.
//!
//! Format 7. All tables but `header` and `descriptions` are the plan's, row by row as [`dag_plan::plan::rows`] has them, byte for byte what
//! another node with the same plan keeps:
//!
//! ```text
//! counters       "counters"            the numbers that are given next
//! nodes          node                  a node
//! sources        stream                a source stream, or one that holds what others have skipped
//! deployed       place                 that a version became current
//! limits         digest                what deployments said of limits
//! policies       canonical name        what a derived stream does with a record on which its operator fails
//! cursors        name                  a cursor
//! incarnations   incarnation           a course, the fields in their order:
//!                                        record     how it is computed: number, name, what ran, inputs, ...; of what ran each
//!                                                   digest, frontier and sequence of the output and inputs where it took over,
//!                                                   option of the mark there, by state (0) or replay (1)
//!                                        turns      list of what is to take over: mark, digest, whether replay is allowed
//!                                        life       what became of it
//!                                        holds      who holds it
//!                                        revision   when that changed
//!                                      (format 6 has neither marks, nor how, nor turns)
//! renumbered     former incarnation    where it went, in the data that this is a copy of
//! tokens         digest of its secret  a token
//! ```
//!
//! `header` has `format`, the version of all this, `data`, a random number that this data shares with its backups, `boot`, what told the
//! start of the machine under which this was open last, and `epoch`, the greatest of any stream that was removed, beyond which those begin
//! that are made later. `descriptions` has by digest what a component said of itself, which can be asked again.

use dag_model::{Digest, IncarnationId, NodeId, StreamId};
use dag_plan::plan::rows::Key;
use dag_plan::{Entity, Plan};
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

/// The version of the tables; a node refuses newer ones.
pub const FORMAT: u64 = 7;

type Numbered = TableDefinition<'static, u64, &'static [u8]>;
type Named = TableDefinition<'static, &'static str, &'static [u8]>;
type Digested = TableDefinition<'static, &'static [u8; 32], &'static [u8]>;

/// What is of all this, by name.
pub const HEADER: TableDefinition<'static, &str, u64> = TableDefinition::new("header");
/// In the header: the version of the tables.
pub const FORMAT_ROW: &str = "format";
/// In the header: a random number that is this data's and its backups'.
pub const DATA: &str = "data";
/// In the header: the greatest epoch of any stream that was removed; absent where none was.
pub const EPOCH: &str = "epoch";
/// What components said of themselves, by digest.
pub const DESCRIPTIONS: Digested = TableDefinition::new("descriptions");

/// In the header: what told the start of the machine under which this was open last.
pub const BOOT: &str = "boot";

/// The numbers that are given next.
pub const COUNTERS: Named = TableDefinition::new("counters");
const NODES: Numbered = TableDefinition::new("nodes");
/// Source streams.
pub const SOURCES: Numbered = TableDefinition::new("sources");
const DEPLOYED: Numbered = TableDefinition::new("deployed");
const LIMITS: Digested = TableDefinition::new("limits");
const TOKENS: Digested = TableDefinition::new("tokens");
const POLICIES: Named = TableDefinition::new("policies");
/// Cursors.
pub const CURSORS: Named = TableDefinition::new("cursors");
/// Incarnations.
pub const INCARNATIONS: Numbered = TableDefinition::new("incarnations");
/// Where incarnations went that had other numbers.
pub const RENUMBERED: Numbered = TableDefinition::new("renumbered");
/// The only row of the counters.
pub const COUNTERS_ROW: &str = "counters";

const NUMBERED: [Numbered; 5] = [NODES, SOURCES, DEPLOYED, INCARNATIONS, RENUMBERED];
const NAMED: [Named; 3] = [COUNTERS, POLICIES, CURSORS];
const DIGESTED: [Digested; 2] = [LIMITS, TOKENS];

/// A row as it is kept.
pub struct Row {
    /// Its table.
    pub table: &'static str,
    /// Its key, as people read it.
    pub shown: String,
    /// What it is of.
    pub key: Key,
    /// Its value.
    pub value: Vec<u8>,
}

/// Where a row lies.
enum Place<'a> {
    Numbered(Numbered, u64),
    Named(Named, &'a str),
    Digested(Digested, Digest),
}

fn place(key: &Key) -> Option<Place<'_>> {
    Some(match key {
        None => Place::Named(COUNTERS, COUNTERS_ROW),
        Some(Entity::Node(id)) => Place::Numbered(NODES, id.0),
        Some(Entity::Stream(id)) => Place::Numbered(SOURCES, id.0),
        Some(Entity::Deployment(order)) => Place::Numbered(DEPLOYED, *order),
        Some(Entity::Limits(digest)) => Place::Digested(LIMITS, *digest),
        Some(Entity::Policy(name)) => Place::Named(POLICIES, name),
        Some(Entity::Cursor(name)) => Place::Named(CURSORS, name),
        Some(Entity::Incarnation(id)) => Place::Numbered(INCARNATIONS, id.0),
        Some(Entity::Moved(id)) => Place::Numbered(RENUMBERED, id.0),
        Some(Entity::Token(digest)) => Place::Digested(TOKENS, *digest),
        Some(Entity::Name(_) | Entity::Component(_) | Entity::Expression(_)) => return None,
    })
}

fn numbered(table: &str, number: u64) -> Key {
    Some(match table {
        "nodes" => Entity::Node(NodeId(number)),
        "sources" => Entity::Stream(StreamId(number)),
        "incarnations" => Entity::Incarnation(IncarnationId(number)),
        "renumbered" => Entity::Moved(IncarnationId(number)),
        _ => Entity::Deployment(number),
    })
}

fn named(table: &str, name: &str) -> Key {
    match table {
        "policies" => Some(Entity::Policy(name.to_owned())),
        "cursors" => Some(Entity::Cursor(name.to_owned())),
        _ => None,
    }
}

fn digested(table: &str, digest: Digest) -> Key {
    Some(match table {
        "limits" => Entity::Limits(digest),
        _ => Entity::Token(digest),
    })
}

/// Makes the tables that are missing.
pub fn make(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(HEADER)?;
    for table in NUMBERED {
        transaction.open_table(table)?;
    }
    for table in NAMED {
        transaction.open_table(table)?;
    }
    for table in DIGESTED {
        transaction.open_table(table)?;
    }
    transaction.open_table(DESCRIPTIONS)?;
    Ok(())
}

/// Writes a row, or removes it; what has no row of its own is passed by.
pub fn put(transaction: &WriteTransaction, key: &Key, value: Option<&[u8]>) -> Result<(), redb::Error> {
    match (place(key), value) {
        (None, _) => {}
        (Some(Place::Numbered(table, number)), Some(value)) => {
            transaction.open_table(table)?.insert(number, value)?;
        }
        (Some(Place::Numbered(table, number)), None) => {
            transaction.open_table(table)?.remove(number)?;
        }
        (Some(Place::Named(table, name)), Some(value)) => {
            transaction.open_table(table)?.insert(name, value)?;
        }
        (Some(Place::Named(table, name)), None) => {
            transaction.open_table(table)?.remove(name)?;
        }
        (Some(Place::Digested(table, digest)), Some(value)) => {
            transaction.open_table(table)?.insert(&digest.0, value)?;
        }
        (Some(Place::Digested(table, digest)), None) => {
            transaction.open_table(table)?.remove(&digest.0)?;
        }
    }
    Ok(())
}

/// A row that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its table.
    pub table: &'static str,
    /// Its key, as people read it.
    pub key: String,
    /// What is wrong with it.
    pub why: String,
}

/// The plan of these rows, and those that cannot be read: what they tell of cannot be used.
///
/// # Errors
/// If the counters cannot be read: without them a number might be given twice.
pub fn plan(rows: Vec<Row>) -> Result<(Plan, Vec<Unreadable>), redb::Error> {
    let (mut plan, mut unreadable) = (Plan::default(), Vec::new());
    for Row { table, shown: key, key: of, value } in rows {
        let counts = of.is_none();
        match plan.take_row(of, &value) {
            Ok(()) => {}
            Err(why) if counts => return Err(redb::Error::Corrupted(format!("the counters: {why}"))),
            Err(why) => {
                tracing::error!(table, key, %why, "a row of the metadata cannot be read; what it tells of cannot be used");
                unreadable.push(Unreadable { table, key, why: why.to_string() });
            }
        }
    }
    Ok((plan, unreadable))
}

/// All rows of the plan.
pub fn rows(transaction: &ReadTransaction) -> Result<Vec<Row>, redb::Error> {
    let mut rows = Vec::new();
    let names = ["nodes", "sources", "deployed", "incarnations", "renumbered"];
    for (table, definition) in names.into_iter().zip(NUMBERED) {
        for row in transaction.open_table(definition)?.iter()? {
            let (number, value) = row?;
            let number = number.value();
            let (shown, key) = (number.to_string(), numbered(table, number));
            rows.push(Row { table, shown, key, value: value.value().to_vec() });
        }
    }
    for (table, definition) in ["counters", "policies", "cursors"].into_iter().zip(NAMED) {
        for row in transaction.open_table(definition)?.iter()? {
            let (name, value) = row?;
            let shown = name.value().to_owned();
            let key = named(table, &shown);
            rows.push(Row { table, shown, key, value: value.value().to_vec() });
        }
    }
    for (table, definition) in ["limits", "tokens"].into_iter().zip(DIGESTED) {
        for row in transaction.open_table(definition)?.iter()? {
            let (digest, value) = row?;
            let digest = Digest(*digest.value());
            let (shown, key) = (digest.to_string(), digested(table, digest));
            rows.push(Row { table, shown, key, value: value.value().to_vec() });
        }
    }
    Ok(rows)
}

/// Puts a plan in the place of the one that is there.
pub fn replace(transaction: &WriteTransaction, plan: &Plan) -> Result<(), redb::Error> {
    for table in NUMBERED {
        transaction.delete_table(table)?;
    }
    for table in NAMED {
        transaction.delete_table(table)?;
    }
    for table in DIGESTED {
        transaction.delete_table(table)?;
    }
    make(transaction)?;
    plan.keys().try_for_each(|key| put(transaction, &key, plan.row(&key).as_deref()))
}

/// Copies all tables into a new database.
///
/// # Panics
/// If there is a table that this does not know of.
pub fn copy(from: &ReadTransaction, to: &WriteTransaction) -> Result<(), redb::Error> {
    copy_table(from, to, HEADER)?;
    for table in NUMBERED {
        copy_table(from, to, table)?;
    }
    for table in NAMED {
        copy_table(from, to, table)?;
    }
    for table in DIGESTED {
        copy_table(from, to, table)?;
    }
    copy_table(from, to, DESCRIPTIONS)
}

fn copy_table<K: redb::Key + 'static, V: redb::Value + 'static>(
    from: &ReadTransaction,
    to: &WriteTransaction,
    table: TableDefinition<'_, K, V>,
) -> Result<(), redb::Error> {
    let mut copy = to.open_table(table)?;
    for row in from.open_table(table)?.iter()? {
        let (key, value) = row?;
        copy.insert(key.value(), value.value())?;
    }
    Ok(())
}
