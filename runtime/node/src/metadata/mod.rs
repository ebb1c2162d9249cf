//! Small metadata in redb: which sources there are, which components, which incarnations, which cursors.
//!
//! Persisted: the names of the tables and what is in them. `FORMAT` is the version of that; what an older node wrote is rewritten
//! when it is opened, in the transaction that says so.

mod copy;
pub(crate) mod cursor;
pub(crate) mod described;
pub(crate) mod history;
pub(crate) mod moved;
mod renumber;
mod store;
mod v1;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dag_api::limits::LimitSettings;
use dag_api::{CreateStream, OnError};
use dag_log::is_full;
use dag_model::{Digest, IncarnationId, Timestamp};
use dag_plan::Incarnation;
use redb::{
    Database, DatabaseError, ReadOnlyDatabase, ReadableDatabase, ReadableTable, TableDefinition, TableError,
    WriteTransaction,
};

use crate::metadata::cursor::Cursor;
use crate::metadata::described::Described;
use crate::metadata::history::How;
use crate::metadata::moved::{Moved, Now};

pub(crate) use copy::new_number;
use store::Store;

/// The version of the tables; a node refuses newer ones.
const FORMAT: u64 = 4;

/// `format`, [`DATA`] and [`LAST_INCARNATION`].
const HEADER: TableDefinition<&str, u64> = TableDefinition::new("header");
/// A random number that is this data's and its backups'.
const DATA: &str = "data";
/// The greatest number of an incarnation that was forgotten: positions carry these numbers, so none is ever used twice.
const LAST_INCARNATION: &str = "last-incarnation";
/// A source's number, which names its folder, to its settings as JSON.
const SOURCES: TableDefinition<u64, &[u8]> = TableDefinition::new("sources");
/// The number of a log among the sources' to the derived stream whose passed-over records it holds, by its canonical name.
const ERRORS: TableDefinition<u64, &str> = TableDefinition::new("errors");
/// Order of deployment to digest.
const COMPONENTS: TableDefinition<u64, &[u8; 32]> = TableDefinition::new("components");
/// Order of deployment to when that was, in nanoseconds since the epoch, and how, by [`How::id`]; missing for what a node of format 1 did.
const DEPLOYMENTS: TableDefinition<u64, (i64, u8)> = TableDefinition::new("deployments");
/// A component's digest to what its deployments said of limits, as JSON.
const LIMITS: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("limits");
/// A component's digest to what is kept of it, as [`Described`] has it.
const DESCRIPTIONS: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("descriptions");
/// An incarnation's number to its record in postcard.
const INCARNATIONS: TableDefinition<u64, &[u8]> = TableDefinition::new("incarnations");
/// The numbers of incarnations whose logs have everything.
const FINISHED: TableDefinition<u64, ()> = TableDefinition::new("finished");
/// The number that an incarnation had, in the data that this is a copy of, to the one that it has and how many records were copied.
const MOVED: TableDefinition<u64, (u64, u64)> = TableDefinition::new("moved");
/// The numbers of incarnations that did not repeat themselves, to what was found.
const QUARANTINED: TableDefinition<u64, &str> = TableDefinition::new("quarantined");
/// A derived stream's canonical name to what becomes of a record on which its operator fails every time, as JSON.
const POLICIES: TableDefinition<&str, &[u8]> = TableDefinition::new("policies");
/// A cursor's name to the cursor in postcard.
const CURSORS: TableDefinition<&str, &[u8]> = TableDefinition::new("cursors");

/// Why metadata can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MetaError {
    /// The database can't be read or written.
    #[error("metadata: {0}")]
    Database(#[from] redb::Error),
    /// A newer node wrote it.
    #[error(
        "{file} was written by a newer dag: its format is {found}, and this dag reads up to {FORMAT}; start the dag that wrote it, or \
         a newer one, on this data",
        file = file.display()
    )]
    Newer {
        /// The database.
        file: PathBuf,
        /// Its format.
        found: u64,
    },
}

impl MetaError {
    /// Whether it is that the disk is full.
    pub fn is_full(&self) -> bool {
        matches!(self, MetaError::Database(redb::Error::Io(error)) if is_full(error))
    }
}

/// The metadata of a node.
pub struct Meta {
    store: Store,
}

/// What was kept.
#[derive(Default)]
pub struct Kept {
    /// Sources by number.
    pub sources: Vec<(u64, CreateStream)>,
    /// Derived streams whose passed-over records are kept, by the number of that log among the sources'.
    pub errors: Vec<(u64, String)>,
    /// What was made the current version of a component, in that order.
    pub components: Vec<Deployment>,
    /// What components said of themselves.
    pub described: BTreeMap<Digest, Described>,
    /// What components' deployments said of limits.
    pub limits: Vec<(Digest, LimitSettings)>,
    /// Incarnations, and whether they are finished.
    pub incarnations: Vec<(Incarnation, bool)>,
    /// Those that are not to be trusted, and why.
    pub quarantined: Vec<(IncarnationId, String)>,
    /// The greatest number of those that were forgotten.
    pub last_incarnation: Option<IncarnationId>,
    /// The incarnations that had other numbers.
    pub moved: Moved,
    /// Cursors by name.
    pub cursors: BTreeMap<String, Cursor>,
    /// What derived streams do with a record on which their operator fails every time.
    pub policies: BTreeMap<String, OnError>,
    /// Rows that are not what a node of this version writes. They are left as they are, and what they tell of cannot be used.
    pub unreadable: Vec<Unreadable>,
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

impl Kept {
    /// The numbers of incarnations whose records cannot be read: they are taken, and their logs stay.
    pub fn unreadable_incarnations(&self) -> impl Iterator<Item = IncarnationId> {
        let keys = self.unreadable.iter().filter(|row| row.table == "incarnations");
        keys.filter_map(|row| row.key.parse().ok().map(IncarnationId))
    }
}

/// A component that was made the current version of its name.
#[derive(Clone, Copy, Debug)]
pub struct Deployment {
    /// Which one.
    pub digest: Digest,
    /// When.
    pub at: Option<Timestamp>,
    /// How.
    pub how: How,
}

/// How much of the file the database keeps in memory, in bytes. Metadata is read when the node starts, and seldom after that.
const CACHE: usize = 4 << 20;

impl Meta {
    /// Refuses what a newer node wrote. Changes nothing.
    pub fn check(file: &Path) -> Result<(), MetaError> {
        match peek(file)? {
            Some(found) if found > FORMAT => Err(MetaError::Newer { file: file.to_owned(), found }),
            _ => Ok(()),
        }
    }

    /// Opens or makes the database in that file.
    pub fn open(file: &Path) -> Result<(Meta, Kept), MetaError> {
        Meta::check(file)?;
        let newer = |found| MetaError::Newer { file: file.to_owned(), found };
        let path = file.to_owned();
        let open = move || Database::builder().set_cache_size(CACHE).create(&path);
        let meta = Meta { store: Store::new(open) };
        meta.store.write(|transaction| match prepare(transaction)? {
            1 => v1::rewrite(transaction),
            // Nothing here is different: to 3, the logs beside it are, which an older node would trim without saying so; to 4, there is a
            // table that an older node would not copy.
            2 | 3 => Ok(is_of_this_format(transaction)?),
            FORMAT => Ok(()),
            found => Err(newer(found)),
        })?;
        let kept = meta.read()?;
        Ok((meta, kept))
    }

    /// All that is kept.
    pub fn read(&self) -> Result<Kept, MetaError> {
        let mut kept = Kept::default();
        let (mut sources, mut components) = (Vec::new(), Vec::new());
        let (mut limits, mut incarnations) = (Vec::new(), Vec::new());
        let (mut cursors, mut policies) = (Vec::new(), Vec::new());
        self.store.read(|transaction| {
            for row in transaction.open_table(SOURCES)?.iter()? {
                let (number, settings) = row?;
                sources.push((number.value(), settings.value().to_vec()));
            }
            for row in transaction.open_table(ERRORS)?.iter()? {
                let (number, stream) = row?;
                kept.errors.push((number.value(), stream.value().to_owned()));
            }
            let deployments = transaction.open_table(DEPLOYMENTS)?;
            for row in transaction.open_table(COMPONENTS)?.iter()? {
                let (order, digest) = row?;
                let said = deployments.get(order.value())?.map(|said| said.value());
                components.push((order.value(), Digest(*digest.value()), said));
            }
            for row in transaction.open_table(DESCRIPTIONS)?.iter()? {
                let (digest, described) = row?;
                // Without it the component is asked once more.
                if let Some(described) = Described::read(described.value()) {
                    kept.described.insert(Digest(*digest.value()), described);
                }
            }
            for row in transaction.open_table(LIMITS)?.iter()? {
                let (digest, settings) = row?;
                limits.push((Digest(*digest.value()), settings.value().to_vec()));
            }
            let finished = transaction.open_table(FINISHED)?;
            for row in transaction.open_table(INCARNATIONS)?.iter()? {
                let (id, record) = row?;
                incarnations.push((id.value(), record.value().to_vec(), finished.get(id.value())?.is_some()));
            }
            for row in transaction.open_table(CURSORS)?.iter()? {
                let (name, cursor) = row?;
                cursors.push((name.value().to_owned(), cursor.value().to_vec()));
            }
            for row in transaction.open_table(POLICIES)?.iter()? {
                let (stream, policy) = row?;
                policies.push((stream.value().to_owned(), policy.value().to_vec()));
            }
            for row in transaction.open_table(QUARANTINED)?.iter()? {
                let (id, why) = row?;
                kept.quarantined.push((IncarnationId(id.value()), why.value().to_owned()));
            }
            let mut moved = BTreeMap::new();
            for row in transaction.open_table(MOVED)?.iter()? {
                let (id, now) = row?;
                let (now, end) = now.value();
                moved.insert(IncarnationId(id.value()), Now { id: IncarnationId(now), end });
            }
            kept.moved = Moved::new(moved);
            let header = transaction.open_table(HEADER)?;
            kept.last_incarnation = header.get(LAST_INCARNATION)?.map(|last| IncarnationId(last.value()));
            Ok(())
        })?;
        let unreadable = &mut kept.unreadable;
        let mut note = |table: &'static str, key: String, why: &dyn std::fmt::Display| {
            let why = why.to_string();
            tracing::error!(table, key, why, "a row of the metadata cannot be read; what it tells of cannot be used");
            unreadable.push(Unreadable { table, key, why });
        };
        for (key, bytes) in sources {
            match serde_json::from_slice(&bytes) {
                Ok(settings) => kept.sources.push((key, settings)),
                Err(why) => note("sources", key.to_string(), &why),
            }
        }
        for (order, digest, said) in components {
            let how = said.map_or(Some(How::Deployed), |(_, how)| How::of(how)).unwrap_or_else(|| {
                note("deployments", order.to_string(), &"it is of no kind that this dag knows");
                How::Deployed
            });
            kept.components.push(Deployment { digest, at: said.map(|(at, _)| Timestamp(at)), how });
        }
        for (digest, bytes) in limits {
            match serde_json::from_slice(&bytes) {
                Ok(settings) => kept.limits.push((digest, settings)),
                Err(why) => note("limits", digest.to_string(), &why),
            }
        }
        for (key, bytes, finished) in incarnations {
            match postcard::from_bytes(&bytes) {
                Ok(record) => kept.incarnations.push((record, finished)),
                Err(why) => note("incarnations", key.to_string(), &why),
            }
        }
        for (key, bytes) in cursors {
            match postcard::from_bytes(&bytes) {
                Ok(cursor) => drop(kept.cursors.insert(key, cursor)),
                Err(why) => note("cursors", key, &why),
            }
        }
        for (key, bytes) in policies {
            match serde_json::from_slice(&bytes) {
                Ok(policy) => drop(kept.policies.insert(key, policy)),
                Err(why) => note("policies", key, &why),
            }
        }
        Ok(kept)
    }

    /// Keeps a source.
    pub fn put_source(&self, number: u64, settings: &CreateStream) -> Result<(), MetaError> {
        let json = serde_json::to_vec(settings).expect("settings are plain values");
        self.write(|transaction| Ok(transaction.open_table(SOURCES)?.insert(number, json.as_slice()).map(drop)?))
    }

    /// Keeps that a derived stream's passed-over records are in the log of that number.
    pub fn put_errors(&self, number: u64, stream: &str) -> Result<(), MetaError> {
        self.write(|transaction| Ok(transaction.open_table(ERRORS)?.insert(number, stream).map(drop)?))
    }

    /// Keeps the settings of a source that is there, by its name.
    pub fn replace_source(&self, settings: &CreateStream) -> Result<(), MetaError> {
        let json = serde_json::to_vec(settings).expect("settings are plain values");
        self.write(|transaction| {
            let mut table = transaction.open_table(SOURCES)?;
            let mut number = None;
            for row in table.iter()? {
                let (key, there) = row?;
                let there = serde_json::from_slice::<CreateStream>(there.value());
                if there.is_ok_and(|there| there.name == settings.name) {
                    number = Some(key.value());
                }
            }
            if let Some(number) = number {
                table.insert(number, json.as_slice())?;
            }
            Ok(())
        })
    }

    /// Keeps what a derived stream does with a record on which its operator fails every time.
    pub fn put_policy(&self, stream: &str, policy: OnError) -> Result<(), MetaError> {
        let json = serde_json::to_vec(&policy).expect("a policy is a plain value");
        self.write(|transaction| Ok(transaction.open_table(POLICIES)?.insert(stream, json.as_slice()).map(drop)?))
    }

    /// Keeps what a deployment changes: that a component has become the current version of its name, when and how, what its deployments
    /// said of limits, and what it said of itself.
    pub fn put_deployment(
        &self,
        digest: Digest,
        current: Option<(Timestamp, How)>,
        limits: Option<&LimitSettings>,
        described: Option<&Described>,
    ) -> Result<(), MetaError> {
        let described =
            described.map(|described| serde_json::to_vec(described).expect("descriptions are plain values"));
        let limits = limits.map(|limits| serde_json::to_vec(limits).expect("settings are plain values"));
        self.write(|transaction| {
            if let Some((at, how)) = current {
                let mut table = transaction.open_table(COMPONENTS)?;
                let next = table.last()?.map_or(0, |(last, _)| last.value() + 1);
                table.insert(next, &digest.0)?;
                transaction.open_table(DEPLOYMENTS)?.insert(next, (at.0, how.id()))?;
            }
            if let Some(limits) = &limits {
                transaction.open_table(LIMITS)?.insert(&digest.0, limits.as_slice())?;
            }
            if let Some(described) = &described {
                transaction.open_table(DESCRIPTIONS)?.insert(&digest.0, described.as_slice())?;
            }
            Ok(())
        })
    }

    /// Forgets components.
    pub fn remove_components(&self, digests: &BTreeSet<Digest>) -> Result<(), MetaError> {
        self.write(|transaction| {
            let (mut components, mut deployments) =
                (transaction.open_table(COMPONENTS)?, transaction.open_table(DEPLOYMENTS)?);
            let mut orders = Vec::new();
            for row in components.iter()? {
                let (order, digest) = row?;
                if digests.contains(&Digest(*digest.value())) {
                    orders.push(order.value());
                }
            }
            for order in orders {
                components.remove(order)?;
                deployments.remove(order)?;
            }
            let (mut limits, mut descriptions) =
                (transaction.open_table(LIMITS)?, transaction.open_table(DESCRIPTIONS)?);
            for digest in digests {
                limits.remove(&digest.0)?;
                descriptions.remove(&digest.0)?;
            }
            Ok(())
        })
    }

    /// Keeps an incarnation record. One that is kept already, as of a run that goes on, takes no time.
    pub fn put_incarnation(&self, record: &Incarnation) -> Result<(), MetaError> {
        let bytes = postcard::to_stdvec(record).expect("records are plain values");
        let is_kept = self.store.read(|transaction| {
            let kept = transaction.open_table(INCARNATIONS)?.get(record.id.0)?;
            Ok(kept.is_some_and(|kept| kept.value() == bytes))
        })?;
        if is_kept {
            return Ok(());
        }
        self.write(|transaction| {
            Ok(transaction.open_table(INCARNATIONS)?.insert(record.id.0, bytes.as_slice()).map(drop)?)
        })
    }

    /// Keeps that an incarnation's log has everything.
    pub fn put_finished(&self, id: IncarnationId) -> Result<(), MetaError> {
        self.write(|transaction| Ok(transaction.open_table(FINISHED)?.insert(id.0, ()).map(drop)?))
    }

    /// Keeps that an incarnation did not repeat itself.
    pub fn put_quarantined(&self, id: IncarnationId, why: &str) -> Result<(), MetaError> {
        self.write(|transaction| Ok(transaction.open_table(QUARANTINED)?.insert(id.0, why).map(drop)?))
    }

    /// Keeps cursors as they are now; none for those that were deleted.
    pub fn put_cursors(&self, cursors: &[(String, Option<Cursor>)]) -> Result<(), MetaError> {
        self.write(|transaction| {
            let mut table = transaction.open_table(CURSORS)?;
            for (name, cursor) in cursors {
                match cursor {
                    Some(cursor) => {
                        let bytes = postcard::to_stdvec(cursor).expect("cursors are plain values");
                        table.insert(name.as_str(), bytes.as_slice())?;
                    }
                    None => drop(table.remove(name.as_str())?),
                }
            }
            Ok(())
        })
    }

    /// Forgets an incarnation, but not that its number is taken.
    pub fn remove_incarnation(&self, id: IncarnationId) -> Result<(), MetaError> {
        self.remove_incarnations(&[id])
    }

    /// The same of several at once.
    pub fn remove_incarnations(&self, ids: &[IncarnationId]) -> Result<(), MetaError> {
        let Some(greatest) = ids.iter().max() else { return Ok(()) };
        self.write(|transaction| {
            let mut header = transaction.open_table(HEADER)?;
            let last = header.get(LAST_INCARNATION)?.map_or(0, |last| last.value());
            header.insert(LAST_INCARNATION, last.max(greatest.0))?;
            let (mut incarnations, mut finished) =
                (transaction.open_table(INCARNATIONS)?, transaction.open_table(FINISHED)?);
            let mut quarantined = transaction.open_table(QUARANTINED)?;
            for id in ids {
                incarnations.remove(id.0)?;
                finished.remove(id.0)?;
                quarantined.remove(id.0)?;
            }
            Ok(())
        })
    }

    fn write<T>(&self, change: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>) -> Result<T, MetaError> {
        Ok(self.store.write(change)?)
    }
}

/// The format of a database, without touching it; none where it is not there, has to be repaired first, as after a crash, or
/// is open.
fn peek(file: &Path) -> Result<Option<u64>, MetaError> {
    let database = match ReadOnlyDatabase::open(file) {
        Ok(database) => database,
        Err(DatabaseError::RepairAborted | DatabaseError::DatabaseAlreadyOpen) => return Ok(None),
        Err(DatabaseError::Storage(redb::StorageError::Io(error))) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(error) => return Err(redb::Error::from(error).into()),
    };
    let read = || -> Result<Option<u64>, redb::Error> {
        let header = match database.begin_read()?.open_table(HEADER) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            opened => opened?,
        };
        Ok(header.get("format")?.map(|format| format.value()))
    };
    Ok(read()?)
}

/// Says that what is there is in this format.
fn is_of_this_format(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(HEADER)?.insert("format", FORMAT)?;
    Ok(())
}

/// Makes the tables that are missing; says the format that was found.
fn prepare(transaction: &WriteTransaction) -> Result<u64, redb::Error> {
    let mut header = transaction.open_table(HEADER)?;
    let mut found_or = |key: &str, value: u64| -> Result<u64, redb::Error> {
        let found = header.get(key)?.map(|found| found.value());
        if found.is_none() {
            header.insert(key, value)?;
        }
        Ok(found.unwrap_or(value))
    };
    let format = found_or("format", FORMAT)?;
    found_or(DATA, new_number())?;
    transaction.open_table(SOURCES)?;
    transaction.open_table(ERRORS)?;
    transaction.open_table(COMPONENTS)?;
    transaction.open_table(DEPLOYMENTS)?;
    transaction.open_table(LIMITS)?;
    transaction.open_table(DESCRIPTIONS)?;
    transaction.open_table(INCARNATIONS)?;
    transaction.open_table(FINISHED)?;
    transaction.open_table(QUARANTINED)?;
    transaction.open_table(MOVED)?;
    transaction.open_table(CURSORS)?;
    transaction.open_table(POLICIES)?;
    Ok(format)
}
