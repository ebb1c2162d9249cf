//! Whoever reads a mirror sees what a reader of its origin sees, whatever becomes of the origins meanwhile.

mod common;

use std::sync::Arc;

use common::*;
use dag_log::{Committer, Log, Publish, ReadError, Retention, Source, Start};
use dag_mirror::{Here, Mirrors, Origin, Unsteady};
use dag_model::{Frontier, Timestamp};
use proptest::prelude::*;

/// What happens to a stream, or to who reads it.
#[derive(Clone, Debug)]
enum Step {
    /// Records with texts of that length, some of them late.
    Publish(Vec<i64>, usize),
    Heartbeat(i64),
    Epoch,
    Mark,
    /// Retention keeps what comes, and goes as far as it may.
    Trim,
    /// The other origin is as far as the first is now, or that many appends behind.
    Copy(u64),
    /// Another reader begins there, of a hundred.
    Reader(u64),
    /// What has come is read.
    Read,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let times = proptest::collection::vec(0..200i64, 1..40);
    let step = prop_oneof![
        5 => (times.clone(), prop_oneof![Just(0usize), Just(300), Just(4_000)]).prop_map(|(times, length)| Step::Publish(times, length)),
        1 => (0..200i64).prop_map(Step::Heartbeat),
        1 => Just(Step::Epoch),
        1 => Just(Step::Mark),
        1 => Just(Step::Trim),
        2 => (0..4u64).prop_map(Step::Copy),
        2 => (0..100u64).prop_map(Step::Reader),
        4 => Just(Step::Read),
    ];
    proptest::collection::vec(step, 1..30)
}

/// A stream, what is mirrored of it, and its readers.
struct World {
    folder: tempfile::TempDir,
    committer: Committer,
    source: Source,
    other: Exchanged,
    copies: Vec<Source>,
    mirrors: Mirrors,
    origins: Vec<Arc<dyn Origin>>,
    /// A reader of a mirror beside one of the log itself.
    readers: Vec<(Log, dag_log::Reader, dag_log::Reader)>,
    number: u64,
}

impl World {
    fn new(seed: u64) -> World {
        let (folder, committer) = (tempfile::tempdir().unwrap(), Committer::new());
        let keep_little = Retention { age: None, bytes: Some(1) };
        let source = Source::create(&folder.path().join("log"), &schema(), options(keep_little), &committer).unwrap();
        let other = Exchanged::new(source.log());
        let unsteady =
            |origin: Arc<dyn Origin>, seed| -> Arc<dyn Origin> { Arc::new(Unsteady::over(origin, seed, 400_000)) };
        let origins = vec![
            unsteady(Arc::new(Here::new(source.log().clone())), seed),
            unsteady(Arc::new(other.clone()), seed + 1),
        ];
        let mirrors = Mirrors::start(&folder.path().join("mirrors"), committer.clone(), limits()).unwrap();
        World { folder, committer, source, other, copies: Vec::new(), mirrors, origins, readers: Vec::new(), number: 1 }
    }

    fn number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    fn step(&mut self, step: Step) {
        let log = self.source.log().clone();
        match step {
            Step::Publish(times, length) => publish(&self.source, &times, length),
            Step::Heartbeat(time) => {
                let request = Publish { heartbeat: Some(Timestamp(time)), ..Publish::default() };
                self.source.publish(request, NOW).unwrap();
            }
            Step::Epoch => {
                let epoch = self.source.epoch() + 1 + self.number() % 3;
                self.source.begin_epoch(epoch, NOW).unwrap();
            }
            Step::Mark => {
                let revision = self.number();
                self.source.mark(revision, NOW).unwrap();
            }
            Step::Trim => {
                // So that what is compared is what both can see.
                self.read();
                self.source.trim(NOW).unwrap();
            }
            Step::Copy(behind) => {
                let number = self.number();
                let folder = self.folder.path().join(format!("copy-{number}"));
                let committed = log.visible().index.saturating_sub(behind);
                let copy = replica(&log, &folder, committed, &self.committer);
                self.other.exchange(copy.log());
                self.copies.push(copy);
            }
            Step::Reader(percent) => {
                let (earliest, end) = (log.earliest().sequence, log.visible().end);
                let from = earliest + (end - earliest) * percent / 100;
                let mirror = self.mirrors.open("log", &self.origins, from).unwrap();
                wait_for(&mirror, |mirror| mirror.visible().end >= from);
                let readers =
                    (mirror.reader(Start::Sequence(from)).unwrap(), log.reader(Start::Sequence(from)).unwrap());
                self.readers.push((mirror, readers.0, readers.1));
            }
            Step::Read => self.read(),
        }
    }

    /// Every reader reads all that is there, and compares.
    fn read(&mut self) {
        let log = self.source.log().clone();
        for (mirror, mirrored, own) in &mut self.readers {
            follow(mirror, &log);
            let (found, expected) = (rest(mirrored).unwrap(), rest(own).unwrap());
            let both = |entries: &[dag_log::Entry]| entries.iter().map(seen).collect::<Vec<_>>();
            assert_eq!(both(&found), both(&expected));
            for (found, expected) in found.iter().zip(&expected) {
                let (found, expected) = (mirror.load(found).unwrap(), log.load(expected).unwrap());
                assert_eq!(contents(&found), contents(&expected));
            }
            assert_eq!((mirrored.sequence(), mirrored.frontier()), (own.sequence(), own.frontier()));
            let (seen, expected) = (mirror.visible(), log.visible());
            assert_eq!((seen.index, seen.end, seen.frontier), (expected.index, expected.end, expected.frontier));
            assert_eq!(seen.max_time, expected.max_time);
            assert_eq!(mirror.epochs().last(), log.epochs().last());
        }
    }

    /// Going back in a mirror leads to what going back in the log leads to, or to where that is trimmed.
    fn go_back(&self) {
        let log = self.source.log();
        let earliest = log.earliest().sequence;
        let kept: Vec<_> = all(log);
        for (mirror, ..) in &self.readers {
            let again = all(mirror);
            let begins = again.first().map_or(0, |entry| entry.index);
            let expected: Vec<_> = kept.iter().filter(|entry| entry.index >= begins).map(seen).collect();
            let since = kept.first().map_or(u64::MAX, |entry| entry.index);
            let found: Vec<_> = again.iter().filter(|entry| entry.index >= since).map(seen).collect();
            assert_eq!(found, expected);
            for entry in again.iter().filter(|entry| entry.count > 0) {
                match mirror.load(entry) {
                    Ok(loaded) => assert_eq!(loaded.batch.num_rows(), entry.count as usize),
                    Err(ReadError::Trimmed { asked, earliest: left }) => {
                        assert_eq!(asked, entry.first);
                        assert!(entry.first < earliest && left <= earliest, "{entry:?}, {left}, {earliest}");
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            if since > begins {
                // It has seen more than is left, and finds a time there.
                continue;
            }
            let times = |log: &Log, time| {
                let mut reader = log.reader(Start::Time(Timestamp(time))).unwrap();
                rest(&mut reader).unwrap().iter().filter(|entry| entry.index >= begins).map(seen).collect::<Vec<_>>()
            };
            assert_eq!(times(mirror, 150), times(log, 150));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_mirror_is_read_like_its_origin_however_origins_drop_and_are_switched(steps in steps(), seed in 0..1_000_000u64) {
        let mut world = World::new(seed);
        publish(&world.source, &[1, 2, 3], 10);
        world.step(Step::Reader(0));
        steps.into_iter().for_each(|step| world.step(step));
        world.source.publish(Publish { seal: true, ..Publish::default() }, NOW).unwrap();
        world.read();
        prop_assert!(world.readers.iter().all(|(mirror, ..)| mirror.visible().frontier == Frontier::Empty));
        world.go_back();
    }
}
