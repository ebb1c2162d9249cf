//! The log, and what this node has promised, in redb: one file, written by one thread in the order in which it is told.
//!
//! ```text
//! table     key                            value
//! header    "format"                       u64: 1
//! state     "vote"                         vote: what this node has promised last
//!           "committed"                    place: up to where the cluster had agreed, as far as this node knew; it may lie behind
//!           "purged"                       place: up to where entries are removed, which a snapshot has
//! entries   u64, the entry's index         entry
//! ```
//!
//! The values are drawn in [`crate::form`]. All but `committed` is on the disk when it is said to be; after a write that failed nothing
//! more is taken, since nobody knows what is there.

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{AnyError, LogState, RaftLogReader, StorageIOError};
use redb::{
    Builder, Database, Durability, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition, WriteTransaction,
};
use tokio::sync::oneshot;

use crate::form::{self, FormError, Reader, Write};
use crate::limits::MAX_ENTRIES;
use crate::types::{Entry, LogId, StorageError, Types, Vote};

const HEADER: TableDefinition<'static, &str, u64> = TableDefinition::new("header");
const STATE: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("state");
const ENTRIES: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("entries");

const FORMAT_ROW: &str = "format";
const VOTE: &str = "vote";
const COMMITTED: &str = "committed";
const PURGED: &str = "purged";

/// The version of the tables.
const FORMAT: u64 = 1;

/// How much of the file is kept in memory.
const CACHE: usize = 8 << 20;

/// The writes that wait for the thread. Raft has one under way.
const QUEUE: usize = 16;

/// Why the log cannot be read or written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogError {
    /// The database can't be read or written.
    #[error("the log of the metadata: {0}")]
    Database(Arc<redb::Error>),
    /// A newer node wrote it.
    #[error(
        "the log of the metadata was written by a newer dag: its format is {0}, and this dag reads {FORMAT}; start the dag that wrote it"
    )]
    Newer(u64),
    /// An entry or a value is damaged.
    #[error("the log of the metadata is damaged: {what}: {why}")]
    Damaged {
        /// Of what.
        what: String,
        /// What is wrong with it.
        why: FormError,
    },
    /// An entry is not there.
    #[error("the log of the metadata is damaged: entry {0} is missing")]
    Missing(u64),
    /// A write before it has failed.
    #[error("the log of the metadata takes no more: {0}")]
    Failed(Arc<str>),
    /// There is no thread to write it.
    #[error("the log of the metadata has no writer: {0}")]
    Thread(Arc<io::Error>),
}

impl<E: Into<redb::Error>> From<E> for LogError {
    fn from(error: E) -> LogError {
        LogError::Database(Arc::new(error.into()))
    }
}

/// What is to be written.
enum Order {
    Entries(Vec<(u64, Vec<u8>)>),
    Vote(Vec<u8>),
    Committed(Option<Vec<u8>>),
    /// Removes entries from an index on.
    Truncate(u64),
    /// Removes entries up to a place.
    Purge(u64, Vec<u8>),
}

struct Job {
    order: Order,
    done: oneshot::Sender<Result<(), LogError>>,
}

/// The log. Clones are the same one.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
}

struct Shared {
    database: Arc<Database>,
    /// None while it is dropped.
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // An error means that it panicked, and told so.
            let _ = thread.join();
        }
    }
}

impl Log {
    /// Opens the log in that file, or makes it. It gets its name when it is a database, durably: what a power cut leaves of its making is
    /// made anew.
    pub fn open(file: &Path) -> Result<Log, LogError> {
        if !file.exists() {
            let making = file.with_extension("making");
            let made = || {
                drop(File::create(&making)?);
                prepare(&Builder::new().create(&making).map_err(io::Error::other)?).map_err(io::Error::other)?;
                std::fs::rename(&making, file)?;
                let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
                File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
            };
            made().map_err(redb::Error::Io)?;
        }
        Log::start(Builder::new().set_cache_size(CACHE).create(file)?)
    }

    /// The same on other storage than a file.
    pub fn on(storage: impl StorageBackend) -> Result<Log, LogError> {
        Log::start(Builder::new().set_cache_size(CACHE).create_with_backend(storage)?)
    }

    fn start(database: Database) -> Result<Log, LogError> {
        prepare(&database)?;
        let database = Arc::new(database);
        let (queue, jobs) = sync_channel(QUEUE);
        let written = database.clone();
        let thread = dag_alarm::thread("log of the metadata", move || write_all(&written, &jobs));
        let thread = Some(thread.map_err(|error| LogError::Thread(Arc::new(error)))?);
        Ok(Log { shared: Arc::new(Shared { database, queue: Some(queue), thread }) })
    }

    async fn write(&self, order: Order) -> Result<(), LogError> {
        let (done, outcome) = oneshot::channel();
        let gone = || LogError::Failed("its writer is gone".into());
        let queue = self.shared.queue.as_ref().ok_or_else(gone)?;
        // Raft waits for one write before the next: the queue has room.
        queue.try_send(Job { order, done }).map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?
    }

    fn state<T>(
        &self,
        row: &'static str,
        take: impl FnOnce(&mut Reader<'_>) -> Result<T, FormError>,
    ) -> Result<Option<T>, LogError> {
        let table = self.shared.database.begin_read()?.open_table(STATE)?;
        let found = table.get(row)?;
        let taken = found.map(|bytes| form::whole(bytes.value(), take)).transpose();
        taken.map_err(|why| LogError::Damaged { what: row.to_owned(), why })
    }

    /// Entries in their order, none left out, until one has been taken behind which there are more than so many bytes.
    fn entries(&self, range: impl RangeBounds<u64>, most: usize) -> Result<Vec<Entry>, LogError> {
        let table = self.shared.database.begin_read()?.open_table(ENTRIES)?;
        let (mut entries, mut bytes) = (Vec::new(), 0);
        let mut expected = None;
        for row in table.range((range.start_bound().cloned(), range.end_bound().cloned()))? {
            let (index, value) = row?;
            let index = index.value();
            if let Some(missing) = expected.replace(index + 1).filter(|expected| *expected != index) {
                return Err(LogError::Missing(missing));
            }
            bytes += value.value().len();
            if bytes > most && !entries.is_empty() {
                break;
            }
            let entry = form::whole(value.value(), Reader::entry);
            entries.push(entry.map_err(|why| LogError::Damaged { what: format!("entry {index}"), why })?);
        }
        Ok(entries)
    }

    fn last(&self) -> Result<Option<LogId>, LogError> {
        let table = self.shared.database.begin_read()?.open_table(ENTRIES)?;
        let Some((index, value)) = table.last()? else { return Ok(None) };
        let entry = form::whole(value.value(), Reader::entry);
        let index = index.value();
        let entry = entry.map_err(|why| LogError::Damaged { what: format!("entry {index}"), why })?;
        Ok(Some(entry.log_id))
    }
}

fn prepare(database: &Database) -> Result<(), LogError> {
    let transaction = database.begin_write()?;
    {
        let mut header = transaction.open_table(HEADER)?;
        let found = header.get(FORMAT_ROW)?.map(|format| format.value());
        match found {
            Some(FORMAT) => {}
            Some(found) => return Err(LogError::Newer(found)),
            None => drop(header.insert(FORMAT_ROW, FORMAT)?),
        }
        transaction.open_table(STATE)?;
        transaction.open_table(ENTRIES)?;
    }
    transaction.commit()?;
    Ok(())
}

fn write_all(database: &Database, jobs: &Receiver<Job>) {
    let mut failed: Option<Arc<str>> = None;
    while let Ok(Job { order, done }) = jobs.recv() {
        let outcome = match &failed {
            Some(why) => Err(LogError::Failed(why.clone())),
            None => dag_alarm::work("log of the metadata", || write_one(database, order)),
        };
        if let (Err(error), None) = (&outcome, &failed) {
            tracing::error!(%error, "the log of the metadata cannot be written");
            failed = Some(error.to_string().into());
        }
        // An error means that whoever waited is gone.
        let _ = done.send(outcome);
    }
}

fn write_one(database: &Database, order: Order) -> Result<(), LogError> {
    let mut transaction = database.begin_write()?;
    if matches!(order, Order::Committed(_)) {
        // It is a hint, and goes to the disk with the next entry.
        transaction.set_durability(Durability::None).map_err(redb::Error::from)?;
    }
    put(&transaction, order)?;
    transaction.commit()?;
    Ok(())
}

fn put(transaction: &WriteTransaction, order: Order) -> Result<(), LogError> {
    let mut state = transaction.open_table(STATE)?;
    match order {
        Order::Entries(entries) => {
            let mut table = transaction.open_table(ENTRIES)?;
            for (index, bytes) in entries {
                table.insert(index, bytes.as_slice())?;
            }
        }
        Order::Vote(vote) => drop(state.insert(VOTE, vote.as_slice())?),
        Order::Committed(Some(place)) => drop(state.insert(COMMITTED, place.as_slice())?),
        Order::Committed(None) => drop(state.remove(COMMITTED)?),
        Order::Truncate(from) => transaction.open_table(ENTRIES)?.retain_in(from.., |_, _| false)?,
        Order::Purge(to, place) => {
            state.insert(PURGED, place.as_slice())?;
            transaction.open_table(ENTRIES)?.retain_in(..=to, |_, _| false)?;
        }
    }
    Ok(())
}

fn reading(error: LogError) -> StorageError {
    StorageIOError::read_logs(AnyError::new(&error)).into()
}

fn writing(error: LogError) -> StorageError {
    StorageIOError::write_logs(AnyError::new(&error)).into()
}

impl RaftLogReader<Types> for Log {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + Send>(
        &mut self,
        range: R,
    ) -> Result<Vec<Entry>, StorageError> {
        self.entries(range, usize::MAX).map_err(reading)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, StorageError> {
        let entries = self.entries((Bound::Included(start), Bound::Excluded(end)), MAX_ENTRIES).map_err(reading)?;
        match entries.first() {
            Some(first) if first.log_id.index == start => Ok(entries),
            None if start >= end => Ok(entries),
            _ => Err(reading(LogError::Missing(start))),
        }
    }
}

impl RaftLogStorage<Types> for Log {
    type LogReader = Log;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, StorageError> {
        let last_purged_log_id = self.state(PURGED, |reader| reader.place()).map_err(reading)?;
        let last_log_id = self.last().map_err(reading)?.or(last_purged_log_id);
        Ok(LogState { last_purged_log_id, last_log_id })
    }

    async fn get_log_reader(&mut self) -> Log {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), StorageError> {
        self.write(Order::Vote(form::bytes(|bytes| bytes.put_vote(vote)))).await.map_err(writing)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, StorageError> {
        self.state(VOTE, |reader| reader.vote()).map_err(reading)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), StorageError> {
        let place = committed.map(|place| form::bytes(|bytes| bytes.put_place(&place)));
        self.write(Order::Committed(place)).await.map_err(writing)
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, StorageError> {
        self.state(COMMITTED, |reader| reader.place()).map_err(reading)
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<Types>) -> Result<(), StorageError>
    where
        I: IntoIterator<Item = Entry> + Send,
        I::IntoIter: Send,
    {
        let rows = entries.into_iter().map(|entry| (entry.log_id.index, form::bytes(|bytes| bytes.put_entry(&entry))));
        let written = self.write(Order::Entries(rows.collect())).await;
        callback.log_io_completed(written.clone().map_err(io::Error::other));
        written.map_err(writing)
    }

    async fn truncate(&mut self, place: LogId) -> Result<(), StorageError> {
        self.write(Order::Truncate(place.index)).await.map_err(writing)
    }

    async fn purge(&mut self, place: LogId) -> Result<(), StorageError> {
        let order = Order::Purge(place.index, form::bytes(|bytes| bytes.put_place(&place)));
        self.write(order).await.map_err(writing)
    }
}
