//! What a node finds again: after a restart, a kill, a power cut, a write that was forgotten.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use dag_metadata::Store;
use dag_raft::types::{Entry, LogId, Members, StoredMembers};
use dag_raft::{Group, Log, Machine};
use dag_storage_faults::{Disk, Operation, Random};
use openraft::storage::{RaftLogStorage, RaftLogStorageExt, RaftStateMachine};
use openraft::{CommittedLeaderId, EntryPayload, RaftLogReader, RaftSnapshotBuilder, Vote};
use redb::Database;

use crate::support::changes::{bytes, create, policy};
use crate::support::disk;

fn place(term: u64, index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(term, 1), index)
}

/// An entry that proposes something of its own.
fn entry(term: u64, index: u64) -> Entry {
    let group = Group::encode([&policy(format!("p{}", index % 7)), &create(&format!("s{index}"))]).unwrap();
    Entry { log_id: place(term, index), payload: EntryPayload::Normal(group) }
}

fn block<T>(what: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(what)
}

/// What a log has to have.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    vote: Option<Vote<u64>>,
    purged: Option<LogId>,
    entries: BTreeMap<u64, Entry>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Append(u64, u64),
    Vote(u64),
    Committed(u64),
    Truncate(u64),
    Purge(u64),
}

/// What a voter may be told in its life.
const STEPS: [Step; 12] = [
    Step::Vote(1),
    Step::Append(1, 3),
    Step::Committed(2),
    Step::Append(1, 2),
    Step::Vote(2),
    Step::Truncate(4),
    Step::Append(2, 4),
    Step::Committed(5),
    Step::Purge(3),
    Step::Append(2, 1),
    Step::Vote(3),
    Step::Append(3, 2),
];

impl Step {
    fn change(self, model: &mut Model) {
        let next = model.entries.keys().next_back().map_or(0, |last| last + 1);
        match self {
            Step::Append(term, many) => {
                model.entries.extend((next..next + many).map(|index| (index, entry(term, index))));
            }
            Step::Vote(term) => model.vote = Some(Vote::new(term, 1)),
            Step::Committed(_) => {}
            Step::Truncate(from) => drop(model.entries.split_off(&from)),
            Step::Purge(to) => {
                model.purged = Some(model.entries[&to].log_id);
                model.entries = model.entries.split_off(&(to + 1));
            }
        }
    }

    async fn tell(self, log: &mut Log, before: &Model, after: &Model) -> Result<(), String> {
        let told = match self {
            Step::Append(..) => {
                let new = after.entries.iter().filter(|(index, _)| !before.entries.contains_key(index));
                let new: Vec<Entry> = new.map(|(_, entry)| entry.clone()).collect();
                log.blocking_append(new).await
            }
            Step::Vote(_) => log.save_vote(&after.vote.unwrap()).await,
            Step::Committed(index) => log.save_committed(Some(before.entries[&index].log_id)).await,
            Step::Truncate(from) => log.truncate(before.entries[&from].log_id).await,
            Step::Purge(_) => log.purge(after.purged.unwrap()).await,
        };
        told.map_err(|error| error.to_string())
    }
}

async fn found(log: &mut Log) -> Model {
    let state = log.get_log_state().await.unwrap();
    let entries = log.try_get_log_entries(..).await.unwrap();
    let entries: BTreeMap<u64, Entry> = entries.into_iter().map(|entry| (entry.log_id.index, entry)).collect();
    let last = entries.values().next_back().map(|entry| entry.log_id).or(state.last_purged_log_id);
    assert_eq!(state.last_log_id, last);
    Model { vote: log.read_vote().await.unwrap(), purged: state.last_purged_log_id, entries }
}

/// Tells a log all steps until one fails; says what it had acknowledged, and what it was told last.
async fn live(log: &mut Log) -> (Model, Model) {
    let mut model = Model::default();
    for step in STEPS {
        let before = model.clone();
        step.change(&mut model);
        if step.tell(log, &before, &model).await.is_err() {
            let vote = log.save_vote(&Vote::new(99, 9)).await;
            assert!(vote.is_err(), "after a write that failed nothing is promised");
            return (before, model);
        }
    }
    (model.clone(), model)
}

/// The numbers of the operations on a disk while a log lives on it: all of them, and the syncs.
fn operations() -> (usize, Vec<usize>) {
    let disk = disk::disk();
    block(async { live(&mut disk::log(&disk).unwrap()).await });
    let operations = disk.operations();
    let syncs = operations.iter().enumerate().filter(|(_, operation)| **operation == Operation::Sync);
    (operations.len(), syncs.map(|(number, _)| number).collect())
}

/// What is found of a log that lived on a disk.
fn after(disk: &Disk) -> Model {
    block(async { found(&mut disk::log(disk).unwrap()).await })
}

#[test]
fn what_a_log_acknowledged_is_there_whenever_the_power_goes_off() {
    let (all, _) = operations();
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let disk = disk::disk();
        disk.power_off_at(random.below(all));
        let Ok(mut log) = disk::log(&disk) else { continue };
        let (acknowledged, told) = block(live(&mut log));
        drop(log);
        let found = after(&disk::cut(&disk, &mut random));
        assert!(found == acknowledged || found == told, "seed {seed}: {found:?}\n{acknowledged:?}\n{told:?}");
    }
}

#[test]
fn a_write_that_the_disk_forgot_is_acknowledged_by_nothing_after_it() {
    let (_, syncs) = operations();
    for (seed, sync) in syncs.into_iter().enumerate() {
        let mut random = Random::new(seed as u64);
        let disk = disk::disk();
        disk.forget_at(sync);
        let Ok(mut log) = disk::log(&disk) else { continue };
        let (acknowledged, told) = block(live(&mut log));
        drop(log);
        let found = after(&disk::cut(&disk, &mut random));
        assert!(found == acknowledged || found == told, "sync {sync}: {found:?}\n{acknowledged:?}\n{told:?}");
    }
}

#[test]
fn a_log_is_found_as_it_was_left_and_what_is_missing_in_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.redb");
    block(async {
        let mut log = Log::open(&file).unwrap();
        let (told, _) = live(&mut log).await;
        drop(log);
        let mut log = Log::open(&file).unwrap();
        assert_eq!(found(&mut log).await, told);
        assert_eq!(log.read_committed().await.unwrap(), Some(place(2, 5)), "written with what came after it");
        let all: Vec<u64> = told.entries.keys().copied().collect();
        assert!(log.limited_get_log_entries(0, 3).await.is_err(), "a reader is not told less than there was");
        assert_eq!(log.limited_get_log_entries(all[0], u64::MAX).await.unwrap().len(), all.len());
    });
}

/// Set in the process that is to be killed: where its log is.
const FILE: &str = "DAG_RAFT_TEST_LOG";

/// Nothing in the tests themselves.
#[test]
fn a_log_elsewhere() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let mut log = Log::open(Path::new(&file)).unwrap();
    block(async {
        for index in 0.. {
            log.blocking_append([entry(1, index)]).await.unwrap();
            println!("has {index}");
        }
    });
}

#[test]
fn what_a_process_acknowledged_is_there_after_it_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.redb");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "disks::a_log_elsewhere", "--nocapture"]).env(FILE, &file);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let has = lines.filter_map(|line| line.unwrap().strip_prefix("has ")?.parse::<u64>().ok()).take(40);
    let last = has.last().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let model = block(async { found(&mut Log::open(&file).unwrap()).await });
    assert!(model.entries.len() as u64 > last, "{} entries, and {last} was acknowledged", model.entries.len());
    assert!(model.entries.iter().all(|(index, found)| *found == entry(1, *index)));
}

/// Applies entries up to an index, beginning where the machine is.
async fn apply_to(machine: &mut Machine, from: u64, to: u64) {
    machine.apply((from..=to).map(|index| entry(1, index))).await.unwrap();
}

/// The plans after each entry, as bytes.
fn plans(to: u64) -> Vec<Vec<u8>> {
    let disk = disk::disk();
    let mut machine = Machine::open(disk::store(&disk)).unwrap();
    block(async {
        let mut plans = Vec::new();
        for index in 0..=to {
            apply_to(&mut machine, index, index).await;
            plans.push(bytes(&machine.plan()));
        }
        plans
    })
}

#[test]
fn the_tables_are_those_of_a_snapshot_whenever_the_power_goes_off() {
    let plans = plans(29);
    // Three snapshots, the last of which comes from elsewhere.
    let live = |disk: &Disk| {
        let mut machine = Machine::open(disk::store(disk)).ok()?;
        block(async {
            for to in [9, 19] {
                apply_to(&mut machine, to - 9, to).await;
                if machine.get_snapshot_builder().await.build_snapshot().await.is_err() {
                    return Some(());
                }
            }
            let plan = dag_plan::Plan::of_snapshot(&plans[29]).unwrap();
            let members = StoredMembers::new(Some(place(1, 3)), Members::new(vec![[1].into()], None));
            let meta = openraft::SnapshotMeta {
                last_log_id: Some(place(1, 29)),
                last_membership: members,
                snapshot_id: String::new(),
            };
            drop(machine.install_snapshot(&meta, Box::new(plan)).await);
            Some(())
        })
    };
    let whole = disk::disk();
    live(&whole).unwrap();
    let all = whole.operations().len();
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let disk = disk::disk();
        disk.power_off_at(random.below(all + 1));
        // What was cut off before there was a database is made anew by whoever made it.
        let Some(()) = live(&disk) else { continue };
        let mut machine = Machine::open(disk::store(&disk::cut(&disk, &mut random))).unwrap();
        let (applied, members) = block(machine.applied_state()).unwrap();
        match applied {
            None => assert_eq!(machine.plan().revision().0, 0),
            Some(place) => assert_eq!(bytes(&machine.plan()), plans[place.index as usize], "seed {seed}"),
        }
        assert_eq!(members.log_id().is_some(), applied.is_some_and(|place| place.index == 29));
        seen.insert(applied.map(|place| place.index));
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [None, Some(9), Some(19), Some(29)], "all of them were met");
}

#[test]
fn a_snapshot_is_of_one_moment_while_changes_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("meta.redb");
    let store = || {
        let file = file.clone();
        Store::new(move || Database::create(&file))
    };
    let plans = plans(60);
    let mut machine = Machine::open(store()).unwrap();
    block(async {
        apply_to(&mut machine, 0, 19).await;
        let mut early = machine.get_snapshot_builder().await;
        apply_to(&mut machine, 20, 39).await;
        let mut late = machine.get_snapshot_builder().await;
        apply_to(&mut machine, 40, 59).await;
        let snapshot = late.build_snapshot().await.unwrap();
        assert_eq!(bytes(&snapshot.snapshot), plans[39]);
        let snapshot = early.build_snapshot().await.unwrap();
        assert_eq!(bytes(&snapshot.snapshot), plans[19], "an older one is what it was");
        let current = machine.get_current_snapshot().await.unwrap().unwrap();
        assert_eq!(current.meta.last_log_id, Some(place(1, 39)), "and takes no newer one's place");
        assert_eq!(bytes(&machine.plan()), plans[59]);
    });
    drop(machine);
    let mut machine = Machine::open(store()).unwrap();
    assert_eq!(bytes(&machine.plan()), plans[39]);
    block(async {
        apply_to(&mut machine, 40, 60).await;
        machine.get_snapshot_builder().await.build_snapshot().await.unwrap();
    });
    drop(machine);
    assert_eq!(bytes(&Machine::open(store()).unwrap().plan()), plans[60]);
}

#[test]
fn an_entry_that_cannot_be_read_ends_a_nodes_part_and_changes_nothing() {
    let disk = disk::disk();
    let mut machine = Machine::open(disk::store(&disk)).unwrap();
    let newer = Group::of_bytes(b"\x01\0\x02\0\0\0\xff\xff").unwrap();
    let entry = Entry { log_id: place(1, 0), payload: EntryPayload::Normal(newer) };
    block(async {
        assert!(machine.apply([entry]).await.is_err());
        assert_eq!(machine.applied_state().await.unwrap().0, None);
    });
}
