//! The writer of a node that is alone: one thread, behind a bounded queue. Whatever waits is applied and shares one transaction;
//! who proposed it is answered once it is durable.
//!
//! The plan in memory is replaced after the transaction is on the disk. Where the disk does not take it, everybody whose proposal was in it
//! is told so, the plan is as it was, and the next proposals are tried anew: so memory and disk are one truth.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;

use dag_plan::{Applied, Entity, Plan, Proposal, apply};
use redb::WriteTransaction;
use tokio::sync::oneshot;

use super::beside::Beside;
use super::store::Store;
use super::{MetaError, tables};

/// The most proposals that wait for the writer; others are told to come back.
const QUEUE: usize = 4096;

/// The most proposals of one transaction.
const GROUP: usize = 512;

/// What is to be written, and who waits for it.
struct Job {
    proposal: Proposal,
    beside: Vec<Beside>,
    answer: Answer,
}

/// Where the outcome goes. An error means that whoever waited is gone.
enum Answer {
    Thread(SyncSender<Outcome>),
    Task(oneshot::Sender<Outcome>),
}

/// What a proposal came to.
pub(super) type Outcome = Result<Applied, MetaError>;

impl Answer {
    fn give(self, outcome: Outcome) {
        match self {
            Answer::Thread(waiting) => drop(waiting.send(outcome)),
            Answer::Task(waiting) => drop(waiting.send(outcome)),
        }
    }
}

/// The writer, and the plan as it is on the disk.
pub(super) struct Local {
    shared: Arc<Shared>,
    /// None while it is dropped.
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    store: Store,
    /// Guards which plan there is; the plan itself is replaced as a whole. Held for no longer than that takes.
    plan: RwLock<Arc<Plan>>,
}

impl Local {
    /// Starts the writer of a store with that plan.
    pub fn start(store: Store, plan: Plan) -> std::io::Result<Local> {
        let shared = Arc::new(Shared { store, plan: RwLock::new(Arc::new(plan)) });
        let (queue, jobs) = sync_channel(QUEUE);
        let writer = shared.clone();
        let thread = dag_alarm::thread("metadata", move || writer.write_all(&jobs))?;
        Ok(Local { shared, queue: Some(queue), thread: Some(thread) })
    }

    pub fn plan(&self) -> Arc<Plan> {
        self.shared.plan.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn store(&self) -> &Store {
        &self.shared.store
    }

    /// Proposes, and waits for the outcome.
    pub fn propose(&self, proposal: Proposal, beside: Vec<Beside>) -> Outcome {
        dag_lock::may_wait("metadata");
        let (answer, outcome) = sync_channel(1);
        self.send(Job { proposal, beside, answer: Answer::Thread(answer) })?;
        outcome.recv().unwrap_or(Err(MetaError::Stopping))
    }

    /// Proposes; the outcome comes to a task.
    pub fn send_proposal(&self, proposal: Proposal) -> oneshot::Receiver<Outcome> {
        let (answer, outcome) = oneshot::channel();
        // Where it is refused, the answer is given at once.
        let sent = self.send(Job { proposal, beside: Vec::new(), answer: Answer::Task(answer) });
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

impl Shared {
    fn write_all(&self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let more = std::iter::from_fn(|| jobs.try_recv().ok());
            let group: Vec<Job> = std::iter::once(first).chain(more).take(GROUP).collect();
            dag_alarm::work("metadata", || self.write(group));
        }
    }

    fn write(&self, group: Vec<Job>) {
        let before = self.plan.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut plan = (*before).clone();
        let (mut touched, mut beside, mut outcomes) = (BTreeSet::new(), Vec::new(), Vec::new());
        for job in group {
            let outcome = apply(&mut plan, &job.proposal).map_err(MetaError::Refused);
            if let Ok(applied) = &outcome {
                touched.extend(applied.touched.iter().cloned());
                beside.extend(job.beside);
            }
            outcomes.push((job.answer, outcome));
        }
        if touched.is_empty() && beside.is_empty() {
            outcomes.into_iter().for_each(|(answer, outcome)| answer.give(outcome));
            return;
        }
        dag_fault::count("entities", touched.len() + beside.len());
        let written = self.store.write(|transaction| put(transaction, &plan, touched, &beside));
        if let Err(error) = written {
            let error = MetaError::from(error);
            tracing::error!(%error, "metadata cannot be written");
            outcomes.into_iter().for_each(|(answer, _)| answer.give(Err(error.clone())));
            return;
        }
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
        outcomes.into_iter().for_each(|(answer, outcome)| answer.give(outcome));
    }
}

/// Writes the rows of what was touched.
fn put(
    transaction: &WriteTransaction,
    plan: &Plan,
    touched: impl IntoIterator<Item = Entity>,
    beside: &[Beside],
) -> Result<(), redb::Error> {
    for key in touched.into_iter().map(Some).chain([None]) {
        tables::put(transaction, &key, plan.row(&key).as_deref())?;
    }
    beside.iter().try_for_each(|row| row.put(transaction))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::{io, thread};

    use dag_plan::{Change, Refusal};
    use redb::{Database, StorageBackend};

    use super::*;
    use crate::metadata;

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
        store.write(|transaction| metadata::prepare(transaction).map(drop)).unwrap();
        let (plan, _) = metadata::read(&store).unwrap();
        (Local::start(store, plan).unwrap(), told)
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
        let (plan, _) = metadata::read(local.store()).unwrap();
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
        let (plan, _) = metadata::read(local.store()).unwrap();
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
        store.write(|transaction| metadata::prepare(transaction).map(drop)).unwrap();
        let local = Local::start(store, Plan::default()).unwrap();
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
        use std::time::{Duration, Instant};

        let folder = tempfile::tempdir_in(".").unwrap();
        let file = folder.path().join("meta.redb");
        let record = |id: u64| dag_plan::Incarnation::<dag_plan::LogId> {
            id: dag_model::IncarnationId(id),
            stream: format!("avg(filter(measurements,host='web{id}'),5m)"),
            ran: vec![dag_plan::Ran::first(dag_model::Digest([7; 32]))],
            inputs: vec![dag_plan::InputStart {
                legs: vec![dag_plan::Leg { log: dag_plan::LogId::Source("measurements".to_owned()), sequence: id }],
                from: dag_model::Timestamp(0),
                late: false,
            }],
            began: dag_plan::Began::Next,
            until: None,
            shards: 1,
            windowing: 2,
            limits: dag_plan::Limits { memory: 1 << 28, call: Duration::from_secs(10), output: 1 << 26 },
            skipped: Vec::new(),
        };
        let (metadata, _) = metadata::Metadata::open(&file).unwrap();
        let rows = (1..=10_000)
            .map(|id| Beside::Record(dag_model::IncarnationId(id), postcard::to_stdvec(&record(id)).unwrap()));
        metadata.local.propose(Proposal::default(), rows.collect()).unwrap();
        drop(metadata);
        let begun = Instant::now();
        let (metadata, kept) = metadata::Metadata::open(&file).unwrap();
        println!("opened with {} incarnations in {:?}", kept.incarnations.records.len(), begun.elapsed());
        drop(metadata);
    }
}
