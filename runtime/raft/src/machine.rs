//! What has been agreed on, applied: the plan in memory, and its tables in a file, as of some entry of the log.
//!
//! The file is the one that a node that is alone has ([`dag_metadata::tables`]), row for row, and one table more:
//!
//! ```text
//! table   key          value
//! raft    "applied"    place: up to where the tables have what was agreed on; missing for what a node that was alone has made
//!         "members"    maybe a place; members: who votes, as of then
//! ```
//!
//! A snapshot is that file being brought up to date, in one transaction, with the rows that have changed since the last one: what has been
//! agreed on after it lies in the log. What goes to another node is the plan of that moment, which costs nothing to keep.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as Standing, PoisonError};

use dag_lock::Mutex;
use dag_metadata::{MetaError, Store, tables};
use dag_plan::{Entity, Plan, apply};
use openraft::storage::RaftStateMachine;
use openraft::{AnyError, EntryPayload, ErrorSubject, ErrorVerb, RaftSnapshotBuilder, StorageIOError};
use redb::{TableDefinition, WriteTransaction};

use crate::form::{self, Reader, Write};
use crate::types::{Answers, Entry, Group, LogId, Seat, StorageError, StoredMembers, Types};
use crate::view::{Done, View};

const RAFT: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("raft");
const APPLIED: &str = "applied";
const MEMBERS: &str = "members";

type Snapshot = openraft::Snapshot<Types>;
type Meta = openraft::SnapshotMeta<u64, Seat>;

/// The machine that applies. Clones are the same one.
#[derive(Clone)]
pub struct Machine {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    /// Held while the tables are written, which takes as long as the disk does.
    writing: Standing<()>,
    state: Mutex<State>,
    view: Arc<View>,
}

struct State {
    applied: Option<LogId>,
    members: StoredMembers,
    /// What has changed since the tables were written, each with the entry that did it last.
    unwritten: BTreeMap<Entity, u64>,
    /// What the tables have; none before the first snapshot.
    snapshot: Option<(Meta, Arc<Plan>)>,
    /// The bytes of entries since the last snapshot was begun.
    bytes: u64,
}

impl Machine {
    /// What lies in that store.
    pub fn open(store: Store) -> Result<Machine, MetaError> {
        store.write(|transaction| {
            tables::make(transaction)?;
            transaction.open_table(RAFT).map(drop).map_err(redb::Error::from)
        })?;
        let (rows, applied, members) = store.read(|transaction| {
            let table = transaction.open_table(RAFT)?;
            let row = |key| Ok::<_, redb::Error>(table.get(key)?.map(|row| row.value().to_vec()));
            Ok((tables::rows(transaction)?, row(APPLIED)?, row(MEMBERS)?))
        })?;
        let damaged = |what: &str, why: String| redb::Error::Corrupted(format!("{what}: {why}"));
        let (plan, unreadable) = tables::plan(rows)?;
        if let Some(row) = unreadable.first() {
            // Others would apply to it what this node cannot.
            return Err(damaged(&format!("{} {}", row.table, row.key), row.why.clone()).into());
        }
        let applied = applied.map(|bytes| form::whole(&bytes, Reader::place)).transpose();
        let applied = applied.map_err(|why| damaged("up to where it goes", why.to_string()))?;
        let members = members.map(|bytes| form::whole(&bytes, Reader::stored_members)).transpose();
        let members = members.map_err(|why| damaged("who votes", why.to_string()))?.unwrap_or_default();
        Ok(Machine::of(store, Arc::new(plan), applied, members))
    }

    fn of(store: Store, plan: Arc<Plan>, applied: Option<LogId>, members: StoredMembers) -> Machine {
        let next = applied.map_or(0, |applied| applied.index + 1);
        let snapshot = applied.map(|applied| (meta(applied, &members), plan.clone()));
        let state = State { applied, members, unwritten: BTreeMap::new(), snapshot, bytes: 0 };
        let view = Arc::new(View::of(plan, next));
        let (writing, state) = (Standing::new(()), Mutex::new("machine", state));
        Machine { shared: Arc::new(Shared { store, writing, state, view }) }
    }

    /// The plan, as far as this node has applied what was agreed on.
    pub fn plan(&self) -> Arc<Plan> {
        self.shared.view.plan()
    }

    /// The same, and what has made it so.
    pub(crate) fn view(&self) -> &Arc<View> {
        &self.shared.view
    }

    /// Where the tables are.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// The bytes of entries since the last snapshot was begun.
    pub(crate) fn bytes_since_snapshot(&self) -> u64 {
        self.shared.state.lock().bytes
    }
}

fn meta(applied: LogId, members: &StoredMembers) -> Meta {
    let snapshot_id = format!("{}-{}-{}", applied.leader_id.term, applied.leader_id.node_id, applied.index);
    Meta { last_log_id: Some(applied), last_membership: members.clone(), snapshot_id }
}

impl Shared {
    /// Brings the tables up to a plan, unless they are there or beyond. Blocks.
    fn persist(&self, plan: &Arc<Plan>, meta: &Meta) -> Result<(), MetaError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let index = meta.last_log_id.map_or(0, |place| place.index);
        let keys: Vec<Entity> = {
            let state = self.state.lock();
            if state.snapshot.as_ref().is_some_and(|(kept, _)| kept.last_log_id >= meta.last_log_id) {
                return Ok(());
            }
            state.unwritten.keys().cloned().collect()
        };
        self.store.write(|transaction| {
            for key in keys.into_iter().map(Some).chain([None]) {
                tables::put(transaction, &key, plan.row(&key).as_deref())?;
            }
            put_place(transaction, meta)
        })?;
        let mut state = self.state.lock();
        state.unwritten.retain(|_, changed| *changed > index);
        state.snapshot = Some((meta.clone(), plan.clone()));
        Ok(())
    }

    /// Puts a plan in the place of the one that is there, in the tables first. Blocks.
    fn install(&self, plan: Arc<Plan>, meta: &Meta) -> Result<(), MetaError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.store.write(|transaction| {
            tables::replace(transaction, &plan)?;
            put_place(transaction, meta)
        })?;
        let next = meta.last_log_id.map_or(0, |place| place.index + 1);
        {
            let mut state = self.state.lock();
            state.applied = meta.last_log_id;
            state.members = meta.last_membership.clone();
            state.unwritten.clear();
            state.snapshot = Some((meta.clone(), plan.clone()));
            state.bytes = 0;
        }
        self.view.begin_anew(plan, next);
        Ok(())
    }
}

fn put_place(transaction: &WriteTransaction, meta: &Meta) -> Result<(), redb::Error> {
    let mut table = transaction.open_table(RAFT)?;
    if let Some(place) = &meta.last_log_id {
        table.insert(APPLIED, form::bytes(|bytes| bytes.put_place(place)).as_slice())?;
    }
    table.insert(MEMBERS, form::bytes(|bytes| bytes.put_stored_members(&meta.last_membership)).as_slice())?;
    Ok(())
}

/// On the pool of threads that may wait.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MetaError> + Send + 'static,
) -> Result<T, StorageError> {
    let failed = |error: &(dyn std::error::Error + 'static)| {
        StorageIOError::new(ErrorSubject::StateMachine, ErrorVerb::Write, AnyError::from_dyn(error, None)).into()
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(failed(&error)),
        Err(error) => Err(failed(&error)),
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembers), StorageError> {
        let state = self.shared.state.lock();
        Ok((state.applied, state.members.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Answers>, StorageError>
    where
        I: IntoIterator<Item = Entry> + Send,
        I::IntoIter: Send,
    {
        let mut plan = (*self.plan()).clone();
        let (mut all, mut touched, mut done) = (Vec::new(), BTreeMap::new(), Vec::new());
        let (mut applied, mut members, mut bytes) = (None, None, 0);
        for Entry { log_id, payload } in entries {
            applied = Some(log_id);
            let answers = match payload {
                EntryPayload::Blank => Answers::default(),
                EntryPayload::Membership(now) => {
                    members = Some(StoredMembers::new(Some(log_id), now));
                    Answers::default()
                }
                EntryPayload::Normal(group) => {
                    let answers = apply_group(&mut plan, &group, log_id.index, &mut touched)
                        .map_err(|why| StorageIOError::apply(log_id, AnyError::error(why)))?;
                    bytes += group.0.len() as u64;
                    let revision = plan.revision();
                    done.push(Done { index: log_id.index, group, revision, answers: Arc::new(answers.clone()) });
                    answers
                }
            };
            all.push(answers);
        }
        let Some(applied) = applied else { return Ok(all) };
        {
            let mut state = self.shared.state.lock();
            state.applied = Some(applied);
            if let Some(members) = members {
                state.members = members;
            }
            state.bytes += bytes;
            state.unwritten.extend(touched.iter().map(|(entity, index)| (entity.clone(), *index)));
        }
        self.shared.view.advance(Arc::new(plan), applied.index + 1, done, touched.keys());
        Ok(all)
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        let mut state = self.shared.state.lock();
        state.bytes = 0;
        let meta = state.applied.map(|applied| meta(applied, &state.members));
        Builder { shared: self.shared.clone(), plan: self.plan(), meta: meta.unwrap_or_default() }
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Plan>, StorageError> {
        Ok(Box::default())
    }

    async fn install_snapshot(&mut self, meta: &Meta, snapshot: Box<Plan>) -> Result<(), StorageError> {
        let (shared, meta) = (self.shared.clone(), meta.clone());
        blocking(move || shared.install(Arc::new(*snapshot), &meta)).await
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot>, StorageError> {
        let snapshot = self.shared.state.lock().snapshot.clone();
        Ok(snapshot.map(|(meta, plan)| Snapshot { meta, snapshot: Box::new((*plan).clone()) }))
    }
}

/// Applies each proposal of a group. One that cannot be read ends this node's part in it: others could apply it.
fn apply_group(
    plan: &mut Plan,
    group: &Group,
    index: u64,
    touched: &mut BTreeMap<Entity, u64>,
) -> Result<Answers, String> {
    let mut answers = Vec::new();
    for proposal in group.proposals() {
        let proposal = proposal?;
        let outcome = apply(plan, &proposal);
        if let Ok(applied) = &outcome {
            touched.extend(applied.touched.iter().map(|entity| (entity.clone(), index)));
        }
        answers.push(outcome);
    }
    Ok(Answers(answers))
}

/// Brings the tables up to the plan as it was when this was made.
pub struct Builder {
    shared: Arc<Shared>,
    plan: Arc<Plan>,
    meta: Meta,
}

impl RaftSnapshotBuilder<Types> for Builder {
    async fn build_snapshot(&mut self) -> Result<Snapshot, StorageError> {
        let (shared, plan, meta) = (self.shared.clone(), self.plan.clone(), self.meta.clone());
        blocking(move || shared.persist(&plan, &meta)).await?;
        Ok(Snapshot { meta: self.meta.clone(), snapshot: Box::new((*self.plan).clone()) })
    }
}
