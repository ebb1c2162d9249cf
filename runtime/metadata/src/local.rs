//! The writer of a node that is alone: one thread, behind a bounded queue. Whatever waits is applied and shares one transaction;
//! who proposed it is answered once it is durable. What a start of the node undoes anyway waits for no disk.
//!
//! The plan in memory is replaced after the transaction is on the disk. Where the disk does not take it, everybody whose proposal was in it
//! is told so, the plan is as it was, and the next proposals are tried anew: so memory and disk are one truth.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use dag_model::IncarnationId;
use dag_plan::{Applied, Change, Entity, Plan, Proposal, apply};
use redb::WriteTransaction;
use tokio::sync::oneshot;

use crate::beside::Beside;
use crate::changes::Changes;
use crate::error::MetaError;
use crate::store::Store;
use crate::tables;

/// The most proposals that wait for the writer; others are told to come back.
const QUEUE: usize = 4096;

/// The most proposals of one transaction.
const GROUP: usize = 512;

/// What is to be written, and who waits for it.
struct Job {
    proposal: Proposal,
    /// Whether nothing of it has to be on the disk.
    is_passing: bool,
    /// Whether all that is applied before it has to be.
    keeps: bool,
    beside: Vec<Beside>,
    answer: Answer,
}

/// Where the outcome goes. An error means that whoever waited is gone.
enum Answer {
    Thread(SyncSender<Outcome>),
    Task(oneshot::Sender<Outcome>),
}

/// What a proposal came to.
pub type Outcome = Result<Applied, MetaError>;

impl Answer {
    fn give(self, outcome: Outcome) {
        match self {
            Answer::Thread(waiting) => drop(waiting.send(outcome)),
            Answer::Task(waiting) => drop(waiting.send(outcome)),
        }
    }
}

/// The writer, and the plan as it is on the disk.
pub struct Local {
    shared: Arc<Shared>,
    /// None while it is dropped.
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    store: Store,
    /// Guards which plan there is; the plan itself is replaced as a whole. Held for no longer than that takes.
    plan: RwLock<Arc<Plan>>,
    changes: Changes,
}

impl Local {
    /// Starts the writer of a store with that plan.
    pub fn start(store: Store, plan: Plan) -> std::io::Result<Local> {
        let shared = Arc::new(Shared { store, plan: RwLock::new(Arc::new(plan)), changes: Changes::default() });
        let (queue, jobs) = sync_channel(QUEUE);
        let writer = shared.clone();
        let thread = dag_alarm::thread("metadata", move || writer.write_all(&jobs))?;
        Ok(Local { shared, queue: Some(queue), thread: Some(thread) })
    }

    /// The plan as it is on the disk, but for what [need not be](Change::is_passing).
    pub fn plan(&self) -> Arc<Plan> {
        self.shared.plan.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The incarnations that have changed since this was asked last, once there are any.
    pub async fn changed(&self) -> BTreeSet<IncarnationId> {
        self.shared.changes.next().await
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// Proposes, and waits for the outcome.
    pub fn propose(&self, proposal: Proposal, beside: Vec<Beside>) -> Outcome {
        dag_lock::may_wait("metadata");
        let (answer, outcome) = sync_channel(1);
        let is_passing = is_passing(&proposal, &beside);
        self.send(Job { proposal, is_passing, keeps: false, beside, answer: Answer::Thread(answer) })?;
        outcome.recv().unwrap_or(Err(MetaError::Stopping))
    }

    /// Waits until all that is applied is on the disk.
    pub fn keep(&self) -> Result<(), MetaError> {
        dag_lock::may_wait("metadata");
        let (answer, outcome) = sync_channel(1);
        let (proposal, beside, answer) = (Proposal::default(), Vec::new(), Answer::Thread(answer));
        self.send(Job { proposal, is_passing: false, keeps: true, beside, answer })?;
        outcome.recv().unwrap_or(Err(MetaError::Stopping)).map(drop)
    }

    /// Proposes; the outcome comes to a task.
    pub fn send_proposal(&self, proposal: Proposal) -> oneshot::Receiver<Outcome> {
        let is_passing = is_passing(&proposal, &[]);
        self.send_as(proposal, is_passing)
    }

    /// The same of what need not be on the disk; the outcome waits for nothing.
    pub fn send_passing(&self, proposal: Proposal) -> oneshot::Receiver<Outcome> {
        self.send_as(proposal, true)
    }

    fn send_as(&self, proposal: Proposal, is_passing: bool) -> oneshot::Receiver<Outcome> {
        let (answer, outcome) = oneshot::channel();
        // Where it is refused, the answer is given at once.
        let beside = Vec::new();
        let sent = self.send(Job { proposal, is_passing, keeps: false, beside, answer: Answer::Task(answer) });
        match sent {
            Ok(()) => outcome,
            Err(error) => {
                let (answer, outcome) = oneshot::channel();
                Answer::Task(answer).give(Err(error));
                outcome
            }
        }
    }

    fn send(&self, job: Job) -> Result<(), MetaError> {
        // Bounded before it waits: the queue's limit is one of memory only then.
        job.proposal.encode()?;
        match self.queue.as_ref().map(|queue| queue.try_send(job)) {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_))) => Err(MetaError::Busy { most: QUEUE }),
            Some(Err(TrySendError::Disconnected(_))) | None => Err(MetaError::Stopping),
        }
    }
}

impl Drop for Local {
    /// Ends the writer once it has written what waits.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // An error means that it panicked, and told so.
            let _ = thread.join();
        }
    }
}

fn is_passing(proposal: &Proposal, beside: &[Beside]) -> bool {
    beside.is_empty() && proposal.changes.iter().all(Change::is_passing)
}

impl Shared {
    fn write_all(&self, jobs: &Receiver<Job>) {
        let mut unwritten = BTreeSet::new();
        while let Ok(first) = jobs.recv() {
            let more = std::iter::from_fn(|| jobs.try_recv().ok());
            let group: Vec<Job> = std::iter::once(first).chain(more).take(GROUP).collect();
            dag_alarm::work("metadata", || self.write(group, &mut unwritten));
        }
    }

    /// Applies a group. What need not be durable is written with the next that has to be, so that the file has the plan as it was at
    /// some revision; until then it is `unwritten`.
    fn write(&self, group: Vec<Job>, unwritten: &mut BTreeSet<Entity>) {
        let before = self.plan.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut plan = (*before).clone();
        let (mut touched, mut is_durable, mut done) = (BTreeSet::new(), false, Vec::new());
        let keeps = group.iter().any(|job| job.keeps);
        for job in group {
            let outcome = apply(&mut plan, &job.proposal).map_err(MetaError::Refused);
            if let Ok(applied) = &outcome {
                is_durable |= !job.is_passing && (!applied.touched.is_empty() || !job.beside.is_empty());
                touched.extend(applied.touched.iter().cloned());
            }
            done.push((job, outcome));
        }
        if is_durable || keeps && !(unwritten.is_empty() && touched.is_empty()) {
            let keys: BTreeSet<Entity> = unwritten.iter().chain(&touched).cloned().collect();
            tracing::trace!(target: "metadata", entities = keys.len(), "written");
            let beside = done.iter().filter(|(_, outcome)| outcome.is_ok()).flat_map(|(job, _)| &job.beside);
            if let Err(error) = self.store.write(|transaction| put(transaction, &plan, keys, beside)) {
                return self.refuse(done, &MetaError::from(error), unwritten);
            }
            unwritten.clear();
        } else {
            unwritten.extend(touched.iter().cloned());
        }
        if !touched.is_empty() {
            *self.plan.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
            self.changes.announce(&touched);
        }
        done.into_iter().for_each(|(job, outcome)| job.answer.give(outcome));
    }

    /// The disk does not take a group: whoever waits for it is told so, and what needs no disk is applied without the rest.
    fn refuse(&self, done: Vec<(Job, Outcome)>, error: &MetaError, unwritten: &mut BTreeSet<Entity>) {
        tracing::error!(%error, "metadata cannot be written");
        let (passing, others): (Vec<Job>, Vec<Job>) =
            done.into_iter().map(|(job, _)| job).partition(|job| job.is_passing);
        others.into_iter().for_each(|job| job.answer.give(Err(error.clone())));
        self.write(passing, unwritten);
    }
}

/// Writes the rows of what was touched.
fn put<'a>(
    transaction: &WriteTransaction,
    plan: &Plan,
    touched: impl IntoIterator<Item = Entity>,
    mut beside: impl Iterator<Item = &'a Beside>,
) -> Result<(), redb::Error> {
    for key in touched.into_iter().map(Some).chain([None]) {
        tables::put(transaction, &key, plan.row(&key).as_deref())?;
    }
    beside.try_for_each(|row| row.put(transaction))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::time::Duration;
    use std::{io, thread};

    use dag_model::{Digest, NodeId, StreamId, Timestamp};
    use dag_plan::{Began, Draft, InputStart, Leg, Limits, LogId, Origin, Refusal, Which};
    use redb::{Database, StorageBackend};

    use super::*;

    /// A disk that counts its syncs, and is full or does not sync as long as it is told so.
    #[derive(Debug)]
    struct Disk {
        file: redb::backends::FileBackend,
        told: Arc<Told>,
    }

    #[derive(Debug, Default)]
    struct Told {
        full: AtomicBool,
        stands: AtomicBool,
        syncs: AtomicU64,
    }

    impl Disk {
        fn room(&self) -> io::Result<()> {
            if self.told.full.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }
    }

    impl StorageBackend for Disk {
        fn len(&self) -> io::Result<u64> {
            self.file.len()
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.file.read(offset, out)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            self.room()?;
            self.file.set_len(len)
        }

        fn sync_data(&self) -> io::Result<()> {
            self.room()?;
            while self.told.stands.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            self.told.syncs.fetch_add(1, Ordering::SeqCst);
            self.file.sync_data()
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.room()?;
            self.file.write(offset, data)
        }
    }

    /// A writer over such a disk.
    fn local(folder: &tempfile::TempDir) -> (Local, Arc<Told>) {
        let (path, told) = (folder.path().join("redb"), Arc::<Told>::default());
        let disk = told.clone();
        let store = Store::new(move || {
            let file = std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let file = redb::backends::FileBackend::new(file.map_err(redb::StorageError::Io)?)?;
            Database::builder().create_with_backend(Disk { file, told: disk.clone() })
        });
        (start(store), told)
    }

    fn start(store: Store) -> Local {
        store.write(tables::make).unwrap();
        let plan = read(&store);
        Local::start(store, plan).unwrap()
    }

    fn read(store: &Store) -> Plan {
        tables::plan(store.read(tables::rows).unwrap()).unwrap().0
    }

    fn policy(stream: impl Into<String>) -> Proposal {
        Proposal::of([Change::Policy { stream: stream.into(), skip: true }])
    }

    fn bytes(plan: &Plan) -> Vec<u8> {
        plan.snapshot().flatten().collect()
    }

    #[test]
    fn what_waits_shares_a_transaction_and_what_the_file_has_is_what_memory_has() {
        let folder = tempfile::tempdir().unwrap();
        let (local, told) = local(&folder);
        local.propose(policy("first"), Vec::new()).unwrap();
        let one = told.syncs.swap(0, Ordering::SeqCst);
        told.stands.store(true, Ordering::SeqCst);
        let held = local.send_proposal(policy("held"));
        let outcomes: Vec<_> = (0..400).map(|number| local.send_proposal(policy(format!("x{number}")))).collect();
        assert!(local.plan().policy("held").is_none(), "it is not on the disk yet");
        told.stands.store(false, Ordering::SeqCst);
        held.blocking_recv().unwrap().unwrap();
        outcomes.into_iter().for_each(|outcome| drop(outcome.blocking_recv().unwrap().unwrap()));
        assert!(told.syncs.load(Ordering::SeqCst) <= 3 * one, "{} syncs", told.syncs.load(Ordering::SeqCst));
        let plan = read(local.store());
        assert_eq!(bytes(&plan), bytes(&local.plan()));
        assert_eq!(plan.policies_len(), 402);
    }

    #[test]
    fn a_full_disk_answers_who_proposed_and_nothing_is_lost_or_half_there() {
        let folder = tempfile::tempdir().unwrap();
        let (local, told) = local(&folder);
        local.propose(policy("before"), Vec::new()).unwrap();
        let before = bytes(&local.plan());
        told.full.store(true, Ordering::SeqCst);
        for stream in ["one", "two"] {
            let error = local.propose(policy(stream), Vec::new()).unwrap_err();
            assert!(error.is_full(), "{error}");
        }
        assert_eq!(bytes(&local.plan()), before);
        told.full.store(false, Ordering::SeqCst);
        local.propose(policy("after"), Vec::new()).unwrap();
        let plan = read(local.store());
        assert_eq!(bytes(&plan), bytes(&local.plan()));
        let known = ["before", "one", "two", "after"].map(|stream| plan.policy(stream).is_some());
        assert_eq!(known, [true, false, false, true]);
    }

    #[test]
    fn what_is_refused_is_answered_so_and_costs_no_sync() {
        let folder = tempfile::tempdir().unwrap();
        let (local, told) = local(&folder);
        told.syncs.store(0, Ordering::SeqCst);
        let refused = local.propose(Proposal::of([Change::Delete { cursor: "c".to_owned() }]), Vec::new());
        assert!(matches!(refused, Err(MetaError::Refused(Refusal::Missing(_)))), "{refused:?}");
        let large = Proposal::of([Change::Policy { stream: "x".repeat(2 << 20), skip: true }]);
        assert!(matches!(local.propose(large, Vec::new()), Err(MetaError::Proposal(_))));
        assert_eq!(told.syncs.load(Ordering::SeqCst), 0);
    }

    /// A plan in which the node 1 of boot 1 holds the incarnation 1.
    fn held(local: &Local) {
        let log = LogId::Source(StreamId(1));
        let draft = Draft {
            stream: "count(x)".to_owned(),
            digest: Digest([7; 32]),
            inputs: vec![InputStart { legs: vec![Leg { log, sequence: 0 }], from: Timestamp(0), late: false }],
            began: Began::Next,
            until: None,
            shards: 1,
            windowing: 2,
            limits: Limits { memory: 0, call: Duration::ZERO, output: 0 },
        };
        let create = Change::Create { name: "x".to_owned(), origin: Origin::Published, settings: "{}".to_owned() };
        let made = Change::Made { stream: StreamId(1) };
        let begun = [Change::Up { node: NodeId(1), boot: 1 }, create, made, Change::Begin(draft)];
        local.propose(Proposal::of(begun.into_iter().chain([hold(Which::New(3), 1, true)])), Vec::new()).unwrap();
    }

    fn hold(incarnation: Which, number: u64, held: bool) -> Change {
        Change::Hold { incarnation, node: NodeId(1), boot: 1, number, held }
    }

    #[test]
    fn what_the_next_start_undoes_anyway_costs_no_sync_and_is_written_with_what_does() {
        let folder = tempfile::tempdir().unwrap();
        let (local, told) = local(&folder);
        held(&local);
        let on_disk = || bytes(&read(local.store()));
        let before = on_disk();
        told.syncs.store(0, Ordering::SeqCst);
        let there = Which::There(IncarnationId(1));
        let let_go = local.propose(Proposal::of([hold(there, 2, false)]), Vec::new()).unwrap();
        let elapsed = Change::Elapsed { incarnation: IncarnationId(1), idle: let_go.revision };
        local.propose(Proposal::of([elapsed]), Vec::new()).unwrap();
        assert_eq!(local.plan().live().count(), 0);
        assert_eq!((told.syncs.load(Ordering::SeqCst), on_disk() == before), (0, true));
        local.propose(policy("x"), Vec::new()).unwrap();
        assert_eq!(on_disk(), bytes(&local.plan()));
    }

    #[test]
    fn on_a_full_disk_what_needs_no_disk_is_taken_although_it_shares_a_group_with_what_does() {
        let folder = tempfile::tempdir().unwrap();
        let (local, told) = local(&folder);
        held(&local);
        told.stands.store(true, Ordering::SeqCst);
        let first = local.send_proposal(policy("first"));
        let refused = local.send_proposal(policy("refused"));
        let let_go = local.send_proposal(Proposal::of([hold(Which::There(IncarnationId(1)), 2, false)]));
        told.full.store(true, Ordering::SeqCst);
        told.stands.store(false, Ordering::SeqCst);
        drop(first.blocking_recv().unwrap());
        assert!(refused.blocking_recv().unwrap().unwrap_err().is_full());
        let_go.blocking_recv().unwrap().unwrap();
        assert_eq!((local.plan().idle().count(), local.plan().policy("refused")), (1, None));
        told.full.store(false, Ordering::SeqCst);
        local.propose(policy("x"), Vec::new()).unwrap();
        assert_eq!(bytes(&read(local.store())), bytes(&local.plan()));
    }

    #[test]
    fn only_so_many_wait() {
        let folder = tempfile::tempdir().unwrap();
        let (local, told) = local(&folder);
        told.stands.store(true, Ordering::SeqCst);
        let outcomes: Vec<_> = (0..QUEUE + GROUP + 2).map(|_| local.send_proposal(policy("x"))).collect();
        told.stands.store(false, Ordering::SeqCst);
        let busy = outcomes.into_iter().map(|outcome| outcome.blocking_recv().unwrap());
        let busy = busy.filter(|outcome| matches!(outcome, Err(MetaError::Busy { .. }))).count();
        assert!(busy > 0, "none was told to come back");
    }

    /// `cargo test --workspace --lib -- --ignored --nocapture changes_a_second`
    #[test]
    #[ignore = "a measurement"]
    fn changes_a_second() {
        let folder = tempfile::tempdir_in(".").unwrap();
        let path = folder.path().join("redb");
        let store = Store::new(move || Database::create(&path));
        let local = start(store);
        for threads in [1_u32, 8, 64, 256] {
            let (begun, each) = (std::time::Instant::now(), 2_048 / threads);
            thread::scope(|scope| {
                for thread in 0..threads {
                    let local = &local;
                    let run = move || {
                        for number in 0..each {
                            local.propose(policy(format!("{thread} {number}")), Vec::new()).unwrap();
                        }
                    };
                    scope.spawn(run);
                }
            });
            let rate = f64::from(threads * each) / begun.elapsed().as_secs_f64();
            println!("{threads:4} who propose: {rate:9.0} changes a second");
        }
    }

    /// `cargo test --workspace --lib -- --ignored --nocapture stored_incarnations`
    #[test]
    #[ignore = "a measurement"]
    fn opening_with_ten_thousand_stored_incarnations() {
        use std::time::Instant;

        let folder = tempfile::tempdir_in(".").unwrap();
        let file = folder.path().join("meta.redb");
        let draft = |id: u64| dag_plan::Draft {
            stream: format!("avg(filter(measurements,host='web{id}'),5m)"),
            digest: dag_model::Digest([7; 32]),
            inputs: vec![dag_plan::InputStart {
                legs: vec![dag_plan::Leg { log: dag_plan::LogId::Source(dag_model::StreamId(1)), sequence: id }],
                from: dag_model::Timestamp(0),
                late: false,
            }],
            began: dag_plan::Began::Next,
            until: None,
            shards: 1,
            windowing: 2,
            limits: dag_plan::Limits { memory: 1 << 28, call: Duration::from_secs(10), output: 1 << 26 },
        };
        let open = || {
            let file = file.clone();
            start(Store::new(move || Database::create(&file)))
        };
        let local = open();
        let (name, origin) = ("measurements".to_owned(), dag_plan::Origin::Published);
        let create = Change::Create { name, origin, settings: "{}".to_owned() };
        local.propose(Proposal::of([create, Change::Made { stream: dag_model::StreamId(1) }]), Vec::new()).unwrap();
        for tenth in 0..10 {
            let begin = (1..=1_000).map(|id| Change::Begin(draft(tenth * 1_000 + id)));
            local.propose(Proposal::of(begin), Vec::new()).unwrap();
        }
        drop(local);
        let begun = Instant::now();
        let local = open();
        println!("opened with {} incarnations in {:?}", local.plan().incarnations().count(), begun.elapsed());
    }
}
