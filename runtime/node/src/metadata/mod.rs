//! What lasts: the [plan](dag_plan::Plan), and the door through which alone it changes.
//!
//! [`Metadata::plan`] is all that is known, as one value, and [`Metadata::propose`] changes it. Read
//! [`dag_metadata`] (what lies in the file, and who writes it), [`migrate`] (what older nodes wrote) and [`copy`] (backups). [`described`] lies
//! beside the plan.

pub(crate) mod change;
mod copy;
pub(crate) mod described;
pub(crate) mod history;
mod migrate;
pub(crate) mod moved;
mod renumber;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use dag_api::limits::LimitSettings;
use dag_metadata::tables::{self, DATA, FORMAT_ROW, HEADER};
use dag_metadata::{Beside, FORMAT, Local, Store};
pub use dag_metadata::{MetaError, Unreadable};
use dag_model::{Digest, IncarnationId, NodeId, StreamId};
use dag_plan::plan::Moved;
use dag_plan::{Applied, Change, Entity, Named, Plan, Proposal};
use redb::{Database, DatabaseError, ReadOnlyDatabase, ReadableTable, TableError, WriteTransaction};
use tokio::sync::oneshot;

pub(crate) use copy::new_number;
use described::Described;

/// A node that is alone.
pub(crate) const ALONE: NodeId = NodeId(1);

/// What was kept besides the plan.
pub struct Kept {
    /// What components said of themselves.
    pub described: BTreeMap<Digest, Described>,
    /// What told the start of the machine under which the data was open last.
    pub boot: Option<u64>,
    /// Rows that are not what a node of this version writes. They are left as they are, and what they tell of cannot be used.
    pub unreadable: Vec<Unreadable>,
}

/// How much of the file the database keeps in memory, in bytes. Metadata is read when the node starts, and seldom after that.
const CACHE: usize = 4 << 20;

/// The door.
pub struct Metadata {
    local: Local,
}

impl Metadata {
    /// Refuses what a newer node wrote. Changes nothing.
    pub fn check(file: &Path) -> Result<(), MetaError> {
        match peek(file)? {
            Some(found) if found > FORMAT => Err(MetaError::Newer { file: file.to_owned(), found }),
            _ => Ok(()),
        }
    }

    /// Opens or makes the database in that file.
    pub fn open(file: &Path) -> Result<(Metadata, Kept), MetaError> {
        let store = open_store(file)?;
        let (plan, kept) = read(&store)?;
        let local = Local::start(store, plan).map_err(|error| MetaError::from(redb::Error::Io(error)))?;
        Ok((Metadata { local }, kept))
    }

    /// What is kept in a file that nobody has open.
    pub fn look(file: &Path) -> Result<(Plan, Kept), MetaError> {
        read(&open_store(file)?)
    }

    /// Forgets incarnations in a file that nobody has open.
    pub fn forget_in(file: &Path, ids: &[IncarnationId]) -> Result<(), MetaError> {
        let store = open_store(file)?;
        let remove = |transaction: &WriteTransaction| {
            ids.iter().try_for_each(|id| tables::put(transaction, &Some(Entity::Incarnation(*id)), None))
        };
        Ok(store.write(remove)?)
    }

    /// Makes the data in a file that nobody has open data of its own: it gets another number, and each run goes on as `moves` says.
    pub fn renew(file: &Path, moves: &BTreeMap<IncarnationId, Moved>) -> Result<(), MetaError> {
        Ok(renumber::renew(&open_store(file)?, moves)?)
    }

    /// The number of the data in a file that nobody has open, which its backups share.
    pub fn data_of(file: &Path) -> Result<u64, MetaError> {
        Ok(data(&open_store(file)?)?)
    }

    /// The number of this data, which its backups share.
    pub fn data(&self) -> Result<u64, MetaError> {
        Ok(data(self.local.store())?)
    }

    /// All that lasts, as it is now.
    pub fn plan(&self) -> Arc<Plan> {
        self.local.plan()
    }

    /// Changes the plan, durably, unless a start of the node would [undo](Change::is_passing) it anyway. Returns when that is on the
    /// disk; blocks until then.
    ///
    /// # Errors
    /// Why nothing of it has changed.
    pub fn propose(&self, proposal: Proposal) -> Result<Applied, MetaError> {
        self.local.propose(proposal, Vec::new())
    }

    /// The same for a task: what is returned resolves once it is on the disk, or refused.
    pub fn send(&self, proposal: Proposal) -> oneshot::Receiver<Result<Applied, MetaError>> {
        self.local.send_proposal(proposal)
    }

    /// Returns once the plan as it is now is on the disk, with all that need not be; blocks until then.
    pub fn keep(&self) -> Result<(), MetaError> {
        self.local.keep()
    }

    /// The incarnations that have changed since this was asked last, once there are any. Nothing is lost if the future is dropped.
    pub async fn changed(&self) -> BTreeSet<IncarnationId> {
        self.local.changed().await
    }

    /// Forgets an incarnation, whose log and snapshot go after that. Where the disk is full it is forgotten first and that is written when
    /// there is room: until then the next start finds a record whose log is gone, and computes it again. Blocks until it is done.
    pub fn forget(&self, id: IncarnationId) -> impl FnOnce() -> Result<(), MetaError> + '_ {
        let forget = move || Proposal::of([Change::Forget(id)]);
        let sent = self.local.send_proposal(forget());
        move || match sent.blocking_recv().unwrap_or(Err(MetaError::Stopping)) {
            Err(error) if error.is_full() => {
                let outcome = self.local.send_passing(forget()).blocking_recv();
                outcome.unwrap_or(Err(MetaError::Stopping)).map(drop)
            }
            outcome => outcome.map(drop),
        }
    }

    /// Says that the node has started, which is the first thing that it says.
    pub fn up(&self) -> Result<(), MetaError> {
        let boot = self.boot() + 1;
        self.propose(Proposal::of([Change::Up { node: ALONE, boot }])).map(drop)
    }

    /// The number of this start of the node, once it has said that.
    pub fn boot(&self) -> u64 {
        self.plan().node(ALONE).map_or(0, |node| node.boot)
    }

    /// Keeps what a deployment changes, with what the component said of itself.
    pub fn deploy(&self, proposal: Proposal, described: Option<(Digest, &Described)>) -> Result<(), MetaError> {
        let described = described.map(|(digest, described)| {
            let json = serde_json::to_vec(described).expect("descriptions are plain values");
            Beside::Description(digest, Some(json))
        });
        self.local.propose(proposal, described.into_iter().collect()).map(drop)
    }

    /// Forgets versions of components.
    pub fn undeploy(&self, digests: &BTreeSet<Digest>) -> Result<(), MetaError> {
        let forget = digests.iter().map(|digest| Beside::Description(*digest, None)).collect();
        let proposal = Proposal::of(digests.iter().map(|digest| Change::Undeploy { digest: *digest }));
        self.local.propose(proposal, forget).map(drop)
    }

    /// Removes the row of a cursor that cannot be read.
    pub fn remove_unreadable_cursor(&self, name: &str) -> Result<(), MetaError> {
        self.beside(Beside::Unreadable(Some(Entity::Cursor(name.to_owned()))))
    }

    /// Keeps under which start of the machine this is open.
    pub fn put_boot(&self, boot: u64) -> Result<(), MetaError> {
        self.beside(Beside::Boot(boot))
    }

    /// Removes a stream that had come to that epoch, if one is given, these incarnations and these cursors of derived streams: all or nothing.
    /// The cursors of the stream itself go with it, and so do all incarnations that have read it.
    pub fn remove(
        &self,
        stream: Option<(StreamId, u64)>,
        incarnations: &[IncarnationId],
        cursors: Vec<String>,
    ) -> Result<(), MetaError> {
        let beside = stream.map(|(_, epoch)| Beside::Epoch(epoch));
        let cursors = cursors.into_iter().map(|cursor| Change::Delete { cursor });
        let removed: Vec<Change> = match stream {
            Some((stream, _)) => vec![Change::Remove { stream }],
            None => incarnations.iter().map(|id| Change::Forget(*id)).collect(),
        };
        self.local.propose(Proposal::of(cursors.chain(removed)), beside.into_iter().collect()).map(drop)
    }

    /// The epoch that a stream begins in, which no stream had that is removed.
    pub fn first_epoch(&self) -> Result<u64, MetaError> {
        let last = self.local.store().read(|transaction| {
            let header = transaction.open_table(HEADER)?;
            Ok(header.get(tables::EPOCH)?.map_or(0, |epoch| epoch.value()))
        })?;
        Ok(last.saturating_add(1))
    }

    /// Copies all tables, as they are at one moment, into a new database.
    ///
    /// # Panics
    /// If there is a table that this does not know of.
    pub fn copy(&self, file: &Path) -> Result<(), MetaError> {
        Ok(copy::copy(self.local.store(), file)?)
    }

    fn beside(&self, row: Beside) -> Result<(), MetaError> {
        self.local.propose(Proposal::default(), vec![row]).map(drop)
    }
}

/// A deployment as a proposal: what becomes current, if it is not yet, and what its limits are from now on.
pub(crate) fn deployment(
    plan: &Plan,
    digest: Digest,
    current: Option<(&str, String, dag_model::Timestamp, history::How)>,
    limits: Option<&LimitSettings>,
) -> Proposal {
    let mut proposal = Proposal::default();
    if let Some((component, version, at, how)) = current {
        let entity = Entity::Component(component.to_owned());
        let revision = plan.revision_of(&entity);
        proposal = proposal.on(entity, revision);
        let named = Named { component: component.to_owned(), version };
        proposal.changes.push(Change::Deploy { digest, named, how, at });
    }
    if let Some(limits) = limits {
        let settings = serde_json::to_string(limits).expect("settings are plain values");
        proposal.changes.push(Change::Limit { digest, settings });
    }
    proposal
}

fn open_store(file: &Path) -> Result<Store, MetaError> {
    Metadata::check(file)?;
    let newer = |found| MetaError::Newer { file: file.to_owned(), found };
    let path = file.to_owned();
    let store = Store::new(move || open(&path));
    store.write(|transaction| match prepare(transaction)? {
        FORMAT => Ok(()),
        found if found > FORMAT => Err(newer(found)),
        older => {
            migrate::rewrite(transaction, older)?;
            transaction
                .open_table(HEADER)
                .map_err(redb::Error::from)?
                .insert(FORMAT_ROW, FORMAT)
                .map_err(redb::Error::from)?;
            Ok(())
        }
    })?;
    Ok(store)
}

fn open(path: &Path) -> Result<Database, DatabaseError> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE);
    #[cfg(feature = "armed")]
    return builder.create_with_backend(crate::armed::Database::open(path)?);
    #[cfg(not(feature = "armed"))]
    builder.create(path)
}

fn data(store: &Store) -> Result<u64, redb::Error> {
    store.read(|transaction| Ok(transaction.open_table(HEADER)?.get(DATA)?.map_or(0, |data| data.value())))
}

/// All that is kept.
fn read(store: &Store) -> Result<(Plan, Kept), MetaError> {
    let mut described = BTreeMap::new();
    let (rows, boot) = store.read(|transaction| {
        for row in transaction.open_table(tables::DESCRIPTIONS)?.iter()? {
            let (digest, json) = row?;
            // Without it the component is asked once more.
            if let Some(read) = Described::read(json.value()) {
                described.insert(Digest(*digest.value()), read);
            }
        }
        let boot = transaction.open_table(HEADER)?.get(tables::BOOT)?.map(|boot| boot.value());
        Ok((tables::rows(transaction)?, boot))
    })?;
    let (plan, unreadable) = tables::plan(rows)?;
    Ok((plan, Kept { described, boot, unreadable }))
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
        use redb::ReadableDatabase;
        let header = match database.begin_read()?.open_table(HEADER) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            opened => opened?,
        };
        Ok(header.get(FORMAT_ROW)?.map(|format| format.value()))
    };
    Ok(read()?)
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
    let format = found_or(FORMAT_ROW, FORMAT)?;
    found_or(DATA, new_number())?;
    drop(header);
    tables::make(transaction)?;
    Ok(format)
}
