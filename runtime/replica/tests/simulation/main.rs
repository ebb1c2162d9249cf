//! The protocol under schedules that are drawn from seeds: crashes, lost and doubled messages, partitions, pauses, failing and forgetting
//! disks, changes of the set. What must hold is in `invariants`, what a seed draws in `profile`, the cluster in `world`. Schedules that
//! once broke a careless design are in `schedules`, written out.
//!
//! `make simulate SEEDS=100000` runs more of them; `DAG_SIMULATE_SEED=17` prints what happens in one.

mod chance;
mod clients;
mod coverage;
mod disk;
mod invariants;
mod metadata;
mod network;
mod planted;
mod profile;
mod schedules;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use coverage::Coverage;
use planted::Planted;

/// How many seeds are run where nothing else is asked for.
const SEEDS: u64 = 10_000;

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}

/// Runs seeds 0.. until all are run or one fails, on two threads. Says what was covered, and the least seed that failed and how.
fn search(seeds: u64, planted: Option<Planted>) -> (Coverage, Option<(u64, String)>) {
    let next = AtomicU64::new(0);
    let end = AtomicU64::new(seeds);
    let found = Mutex::new((Coverage::default(), None::<(u64, String)>));
    let work = || {
        let mut coverage = Coverage::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end.load(Ordering::Relaxed) {
                break;
            }
            let (world, result) = world::run(seed, planted, false);
            coverage.join(&world.coverage);
            // What only does not settle is no find where a promise could be broken.
            if let Err(wrong) = result
                && (planted.is_none() || !wrong.starts_with("it does not settle"))
            {
                end.fetch_min(seed, Ordering::Relaxed);
                let mut found = found.lock().expect("nobody panics with it");
                if found.1.as_ref().is_none_or(|(known, _)| seed < *known) {
                    found.1 = Some((seed, wrong));
                }
            }
        }
        found.lock().expect("nobody panics with it").0.join(&coverage);
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    found.into_inner().expect("nobody panics with it")
}

#[test]
fn every_schedule_keeps_every_promise() {
    let seeds = variable("DAG_SIMULATE_SEEDS").unwrap_or(SEEDS);
    let began = Instant::now();
    let (coverage, found) = search(seeds, None);
    let took = began.elapsed();
    println!(
        "{seeds} seeds in {:.1} s, {:.0} schedules a second\n{coverage}",
        took.as_secs_f64(),
        seeds as f64 / took.as_secs_f64()
    );
    if let Some((seed, wrong)) = found {
        panic!("seed {seed}: {wrong}\nDAG_SIMULATE_SEED={seed} prints what happens");
    }
    for what in coverage::EXPECTED {
        assert!(seeds < SEEDS || coverage.of(what) > 0, "no schedule of {seeds} has: {what}");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in (0..2000).step_by(40) {
        let ((one, ended), (other, ended_too)) = (world::run(seed, None, true), world::run(seed, None, true));
        assert_eq!(ended, ended_too, "seed {seed}");
        assert!(one.trace.as_ref().is_some_and(|trace| trace.len() > 50));
        assert!(one.trace == other.trace, "seed {seed} has two traces");
    }
}

#[test]
fn one_schedule_is_told() {
    let Some(seed) = variable("DAG_SIMULATE_SEED") else { return };
    let planted = variable("DAG_SIMULATE_PLANTED").and_then(|at| planted::ALL.get(usize::try_from(at).ok()?).copied());
    let (world, result) = world::run(seed, planted, true);
    world.trace.iter().flatten().for_each(|line| println!("{line}"));
    result.unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
}

macro_rules! found {
    ($($name:ident: $planted:ident,)*) => {
        $(
            #[test]
            fn $name() {
                let (_, found) = search(SEEDS, Some(Planted::$planted));
                let (seed, wrong) = found.expect("no schedule finds it");
                println!("{:?} is found by seed {seed}: {wrong}", Planted::$planted);
                let (_, result) = world::run(seed, None, false);
                assert_eq!(result, Ok(()), "seed {seed} fails without the bug, too");
            }
        )*

        #[test]
        fn each_planted_bug_has_its_test() {
            assert_eq!(planted::ALL, [$(Planted::$planted),*]);
        }
    };
}

found! {
    an_acknowledgement_before_the_sync_is_found: AcknowledgedBeforeSync,
    an_acknowledgement_without_epoch_is_found: AcknowledgedWithoutEpoch,
    an_unchecked_epoch_is_found: EpochUnchecked,
    a_commit_beyond_what_was_verified_is_found: CommittedBeyondVerified,
    a_cut_to_the_commit_mark_is_found: TruncatedToCommitted,
    an_end_told_as_a_sequence_is_found: EndAsSequence,
    an_append_in_parts_is_found: AppendInParts,
    a_promise_before_the_sync_is_found: PromisedBeforeSync,
    a_promise_that_is_forgotten_is_found: PromiseForgotten,
    a_leader_that_resumes_its_epoch_is_found: ResumedEpoch,
    a_leader_that_mends_in_its_epoch_is_found: MendedInEpoch,
    a_set_that_changes_at_once_is_found: NoJointSet,
    a_vote_of_a_replica_that_is_not_whole_is_found: UnwholeVotes,
    a_repeat_answered_early_is_found: RepeatAnsweredEarly,
    a_catch_up_that_ends_early_is_found: CatchUpEndsEarly,
    a_commit_by_count_is_found: CommittedByCount,
    an_end_that_nobody_confirmed_is_found: UnconfirmedEnd,
    a_batch_of_an_earlier_session_that_is_taken_is_found: SessionUnchecked,
    a_leave_after_any_batch_is_found: LeaveUnnumbered,
}
