//! What readers of a mirror are told when its origins have no more what they read, and which origin is believed.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::*;
use dag_log::{Committer, Durability, Log, Options, Publish, ReadError, Retention, Source, Start};
use dag_mirror::wire::Told;
use dag_mirror::{Answer, Here, Limits, Mirrors, Next, Origin, Ring};
use dag_model::{Frontier, Timestamp};

/// A stream in a folder, with the mirrors of it.
struct Kit {
    folder: tempfile::TempDir,
    committer: Committer,
    source: Source,
    mirrors: Mirrors,
}

impl Kit {
    fn with(retention: Retention, limits: Limits) -> Kit {
        let (folder, committer) = (tempfile::tempdir().unwrap(), Committer::new());
        let source = Source::create(&folder.path().join("log"), &schema(), options(retention), &committer).unwrap();
        let mirrors = Mirrors::start(&folder.path().join("mirrors"), committer.clone(), limits).unwrap();
        Kit { folder, committer, source, mirrors }
    }

    fn new() -> Kit {
        Kit::with(Retention::default(), limits())
    }

    fn log(&self) -> &Log {
        self.source.log()
    }

    fn replica(&self, name: &str, committed: u64) -> Source {
        replica(self.log(), &self.folder.path().join(name), committed, &self.committer)
    }

    fn mirror(&self, origins: &[Arc<dyn Origin>]) -> Log {
        self.mirrors.open("log", origins, 0).unwrap()
    }
}

/// An origin that is cut off at will, and counts what it is asked.
#[derive(Clone)]
struct Cuttable {
    origin: Exchanged,
    reached: Arc<AtomicBool>,
    /// How often it has been cut off: an answer does not outlive that.
    cuts: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
}

impl Cuttable {
    fn new(log: &Log) -> Cuttable {
        let reached = Arc::new(AtomicBool::new(true));
        Cuttable { origin: Exchanged::new(log), reached, cuts: Arc::default(), asked: Arc::default() }
    }

    fn cut_off(&self) {
        self.reached.store(false, Ordering::SeqCst);
        self.cuts.fetch_add(1, Ordering::SeqCst);
    }

    fn reach(&self) {
        self.reached.store(true, Ordering::SeqCst);
    }

    /// Another log is there from now on.
    fn exchange(&self, log: &Log) {
        self.cut_off();
        self.origin.exchange(log);
        self.reach();
    }
}

struct Cut {
    origin: Cuttable,
    answer: Box<dyn Answer>,
    cuts: usize,
}

impl Origin for Cuttable {
    fn ask(&self, question: Vec<u8>, ring: Ring) -> Box<dyn Answer> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let cuts = self.cuts.load(Ordering::SeqCst);
        Box::new(Cut { origin: self.clone(), answer: self.origin.ask(question, ring), cuts })
    }
}

impl Answer for Cut {
    fn next(&mut self, now: Instant) -> Next {
        let is_whole =
            self.origin.reached.load(Ordering::SeqCst) && self.origin.cuts.load(Ordering::SeqCst) == self.cuts;
        if !is_whole {
            return Next::Dropped("it is cut off".into());
        }
        match self.answer.next(now) {
            // So that it is soon seen to be cut off.
            Next::Wait(_) => Next::Wait(Some(now + Duration::from_millis(2))),
            next => next,
        }
    }
}

/// What reading on leads to, once it leads to an error.
fn told(reader: &mut dag_log::Reader, mirror: &Log) -> ReadError {
    let (sender, moved) = std::sync::mpsc::channel();
    let _watch = mirror.on_visible(Arc::new(move || {
        // An error means that nobody waits any more.
        let _ = sender.send(());
    }));
    loop {
        match rest(reader) {
            Err(error) => return error,
            Ok(_) => moved.recv_timeout(PATIENCE).unwrap(),
        }
    }
}

#[test]
fn where_the_origins_were_cut_readers_past_that_place_are_told_lost_and_others_to_read_again() {
    let kit = Kit::new();
    (0..4).for_each(|time| publish(&kit.source, &[time], 10));
    let other = kit.replica("other", u64::MAX);
    publish(&kit.source, &[7], 10);
    // Another leads, in a later epoch, who has not heard of the last record.
    other.begin_epoch(5, NOW).unwrap();
    other.log().commit(u64::MAX).unwrap();
    let origin = Cuttable::new(kit.log());
    let mirror = kit.mirror(&[Arc::new(origin.clone())]);
    let mut past = mirror.reader(Start::Earliest).unwrap();
    let mut before = mirror.reader(Start::Earliest).unwrap();
    assert_eq!(rest(&mut past).unwrap().len(), 5);
    before.next().unwrap();
    origin.exchange(other.log());
    assert!(matches!(told(&mut past, &mirror), ReadError::Lost { epoch: 1, asked: 5, end: 4 }));
    assert!(matches!(told(&mut before, &mirror), ReadError::Replaced { asked: 1, end: 4 }));
    let again = kit.mirror(&[Arc::new(origin)]);
    follow(&again, other.log());
    assert_eq!(all(&again).iter().map(seen).collect::<Vec<_>>(), all(other.log()).iter().map(seen).collect::<Vec<_>>());
}

#[test]
fn an_epoch_that_goes_on_is_gone_on_with_elsewhere_without_a_repeat_or_a_gap() {
    let kit = Kit::new();
    (0..3).for_each(|time| publish(&kit.source, &[time], 10));
    let other = kit.replica("other", u64::MAX);
    let (first, second) = (Cuttable::new(kit.log()), Cuttable::new(other.log()));
    second.cut_off();
    let mirror = kit.mirror(&[Arc::new(first.clone()), Arc::new(second.clone())]);
    let mut reader = mirror.reader(Start::Earliest).unwrap();
    let mut found = rest(&mut reader).unwrap();
    other.begin_epoch(2, NOW).unwrap();
    first.cut_off();
    second.reach();
    (3..6).for_each(|time| publish_replica(&other, time));
    follow(&mirror, other.log());
    found.extend(rest(&mut reader).unwrap());
    assert_eq!(found.iter().map(seen).collect::<Vec<_>>(), all(other.log()).iter().map(seen).collect::<Vec<_>>());
    assert_eq!(mirror.epochs(), other.log().epochs());
}

/// A record that is committed at once.
fn publish_replica(source: &Source, time: i64) {
    let request = Publish { batch: Some(batch(&[time], 10)), ..Publish::default() };
    source.publish(request, NOW).unwrap();
    source.log().commit(u64::MAX).unwrap();
}

#[test]
fn an_origin_that_is_behind_is_left_and_one_of_an_earlier_epoch_cuts_nobody() {
    let kit = Kit::new();
    (0..3).for_each(|time| publish(&kit.source, &[time], 10));
    let behind = kit.replica("behind", 1);
    // One that goes on in its old epoch, though another leads: it must not be believed.
    let deposed = kit.replica("deposed", u64::MAX);
    deposed.begin_epoch(2, NOW).unwrap();
    kit.source.begin_epoch(9, NOW).unwrap();
    let first = Cuttable::new(kit.log());
    let others = [Cuttable::new(behind.log()), Cuttable::new(deposed.log())];
    others.iter().for_each(|other| other.cut_off());
    let mirror = kit.mirror(&[Arc::new(first.clone()), Arc::new(others[0].clone()), Arc::new(others[1].clone())]);
    follow(&mirror, kit.log());
    (0..9).for_each(|time| publish_replica(&deposed, time));
    others.iter().for_each(|other| other.reach());
    first.cut_off();
    let asked = |count: usize| others.iter().all(|other| other.asked.load(Ordering::SeqCst) >= count);
    let deadline = Instant::now() + PATIENCE;
    while !asked(3) {
        assert!(Instant::now() < deadline, "they are asked again and again");
        std::thread::yield_now();
    }
    publish(&kit.source, &[5], 10);
    first.reach();
    follow(&mirror, kit.log());
    assert_eq!(all(&mirror).iter().map(seen).collect::<Vec<_>>(), all(kit.log()).iter().map(seen).collect::<Vec<_>>());
}

#[test]
fn what_the_origin_has_trimmed_is_told_with_the_earliest_that_it_has() {
    let kit = Kit::with(Retention { age: None, bytes: Some(1) }, limits());
    (0..8).for_each(|time| publish(&kit.source, &[time], 6_000));
    let origin = Cuttable::new(kit.log());
    let mirror = kit.mirror(&[Arc::new(origin.clone())]);
    let mut reader = mirror.reader(Start::Earliest).unwrap();
    let last = all(&mirror).pop().unwrap();
    // It does not hear of what follows, and has no body that lies so far behind the first.
    origin.cut_off();
    (8..20).for_each(|time| publish(&kit.source, &[time], 6_000));
    kit.source.trim(NOW).unwrap();
    let earliest = kit.log().earliest().sequence;
    assert!(earliest > 8, "{earliest}");
    origin.reach();
    let gone = mirror.load(&last).unwrap_err();
    assert!(matches!(gone, ReadError::Trimmed { asked: 7, .. }), "{gone}");
    let end = told(&mut reader, &mirror);
    assert!(matches!(end, ReadError::Trimmed { asked: 8, earliest: left } if left == earliest), "{end}");
}

#[test]
fn a_body_that_no_origin_has_time_for_is_away_and_is_there_when_one_has() {
    let kit = Kit::with(Retention::default(), Limits { patience: Duration::from_millis(50), ..limits() });
    (0..8).for_each(|time| publish(&kit.source, &[time], 6_000));
    let origin = Cuttable::new(kit.log());
    let mirror = kit.mirror(&[Arc::new(origin.clone())]);
    // So far behind the first that it has not been asked for.
    let entry = all(&mirror).pop().unwrap();
    origin.cut_off();
    let away = mirror.load(&entry).unwrap_err();
    assert!(matches!(away, ReadError::Away { asked: 7, .. }), "{away}");
    origin.reach();
    let deadline = Instant::now() + PATIENCE;
    let loaded = loop {
        match mirror.load(&entry) {
            Err(ReadError::Away { .. }) if Instant::now() < deadline => {}
            loaded => break loaded.unwrap(),
        }
    };
    let own = all(kit.log()).pop().unwrap();
    assert_eq!(contents(&loaded), contents(&kit.log().load(&own).unwrap()));
}

#[test]
fn headers_run_ahead_of_bodies_however_many_there_are() {
    let kit = Kit::new();
    // Many times what may be kept and under way.
    (0..100).for_each(|time| publish(&kit.source, &[time], 6_000));
    let mirror = kit.mirror(&[Arc::new(Here::new(kit.log().clone()))]);
    follow(&mirror, kit.log());
    let entries = all(&mirror);
    assert_eq!(entries.len(), 100);
    for entry in entries.iter().rev() {
        assert_eq!(mirror.load(entry).unwrap().batch.num_rows(), 1);
    }
}

#[test]
fn a_derived_log_is_gone_on_with_by_its_records_and_one_that_differs_is_not() {
    let kit = Kit::new();
    let log = |name: &str| {
        let options = Options { durability: Durability::Derived, ..Options::default() };
        Log::create(&kit.folder.path().join(name), &schema(), options, &kit.committer).unwrap()
    };
    let (one, two) = (log("one"), log("two"));
    let append = |log: &Log, time: i64| {
        log.append(&batch(&[time], 10), Frontier::At(Timestamp(time)), NOW).unwrap();
    };
    // The second tells its frontier at other places.
    (1..4).for_each(|time| append(&one, time * 10));
    (1..4).for_each(|time| {
        two.advance(Frontier::At(Timestamp(time * 10 - 5)), NOW).unwrap();
        append(&two, time * 10);
    });
    one.advance(Frontier::At(Timestamp(37)), NOW).unwrap();
    let (first, second) = (Cuttable::new(&one), Cuttable::new(&two));
    second.cut_off();
    let mirror = kit.mirror(&[Arc::new(first.clone()), Arc::new(second.clone())]);
    follow(&mirror, &one);
    first.cut_off();
    second.reach();
    two.advance(Frontier::At(Timestamp(36)), NOW).unwrap();
    two.advance(Frontier::At(Timestamp(38)), NOW).unwrap();
    append(&two, 40);
    two.end(Frontier::Empty, NOW).unwrap();
    wait_for(&mirror, |mirror| mirror.visible().ended);
    let records = |log: &Log| -> Vec<_> {
        let with = all(log).into_iter().filter(|entry| entry.count > 0);
        with.map(|entry| (entry.first, log.load(&entry).unwrap().batch)).collect()
    };
    assert_eq!(records(&mirror), records(&two));
    let frontiers: Vec<_> = all(&mirror).iter().map(|entry| entry.frontier).collect();
    assert!(frontiers.is_sorted(), "{frontiers:?}");

    let other = log("other");
    (1..4).for_each(|time| append(&other, time * 11));
    let origin = Cuttable::new(&one);
    let mirror = kit.mirrors.open("another", &[Arc::new(origin.clone())], 0).unwrap();
    let mut reader = mirror.reader(Start::Earliest).unwrap();
    assert_eq!(rest(&mut reader).unwrap().iter().filter(|entry| entry.count > 0).count(), 3);
    origin.exchange(&other);
    assert!(matches!(told(&mut reader, &mirror), ReadError::Lost { asked: 3, .. }));
}

/// An origin that changes what it tells.
struct Lying(Arc<dyn Origin>, fn(&mut Told));

struct Lie(Box<dyn Answer>, fn(&mut Told));

impl Origin for Lying {
    fn ask(&self, question: Vec<u8>, ring: Ring) -> Box<dyn Answer> {
        Box::new(Lie(self.0.ask(question, ring), self.1))
    }
}

impl Answer for Lie {
    fn next(&mut self, now: Instant) -> Next {
        match self.0.next(now) {
            Next::Part(part) => {
                let mut told = Told::decode(&part).unwrap();
                (self.1)(&mut told);
                Next::Part(told.encode())
            }
            next => next,
        }
    }
}

#[test]
fn an_origin_that_tells_what_cannot_be_is_left() {
    let lies: [fn(&mut Told); 5] = [
        |told| {
            if let Told::Heads(heads) = told {
                heads.reverse();
            }
        },
        |told| {
            if let Told::Heads(heads) = told {
                heads.iter_mut().filter_map(|carried| carried.body.as_mut()).for_each(|body| body[0] ^= 1);
            }
        },
        |told| {
            if let Told::Piece { bytes, .. } = told {
                bytes[0] ^= 1;
            }
        },
        |told| {
            if let Told::Piece { at, .. } = told {
                *at += 8;
            }
        },
        |told| {
            if let Told::Still { age, .. } = told {
                *age = 1 << 40;
            }
        },
    ];
    for lie in lies {
        let kit = Kit::new();
        (0..6).for_each(|time| publish(&kit.source, &[time, time], if time % 2 == 0 { 10 } else { 6_000 }));
        let honest: Arc<dyn Origin> = Arc::new(Here::new(kit.log().clone()));
        let mirror = kit.mirror(&[Arc::new(Lying(honest.clone(), lie)), honest]);
        follow(&mirror, kit.log());
        for (mirrored, own) in all(&mirror).iter().zip(all(kit.log())) {
            let (found, expected) = (mirror.load(mirrored).unwrap(), kit.log().load(&own).unwrap());
            assert_eq!(contents(&found), contents(&expected));
        }
    }
}

#[test]
fn a_reader_that_does_not_wait_is_told_when_the_records_have_come() {
    let kit = Kit::new();
    (0..30).for_each(|time| publish(&kit.source, &[time], 6_000));
    let origin = Cuttable::new(kit.log());
    let mirror = kit.mirror(&[Arc::new(origin.clone())]);
    let (sender, moved) = std::sync::mpsc::channel();
    let _watch = mirror.on_visible(Arc::new(move || {
        // An error means that nobody waits any more.
        let _ = sender.send(());
    }));
    let mut reader = mirror.reader(Start::Sequence(10)).unwrap();
    assert!(!reader.fetch().unwrap(), "nobody has read as far as to before it");
    let mut read = 0;
    while read < 20 {
        if read == 5 {
            origin.cut_off();
            origin.reach();
        }
        if !reader.fetch().unwrap() {
            moved.recv_timeout(PATIENCE).unwrap();
            continue;
        }
        let entry = reader.next().unwrap().unwrap();
        assert_eq!(mirror.load(&entry).unwrap().batch.num_rows(), 1);
        read += 1;
    }
    assert!(reader.fetch().unwrap(), "at the end there is nothing to fetch");
}

#[test]
fn the_files_of_a_mirror_go_with_its_last_reader() {
    let kit = Kit::new();
    publish(&kit.source, &[1], 10);
    let mirror = kit.mirror(&[Arc::new(Here::new(kit.log().clone()))]);
    let shared = kit.mirror(&[Arc::new(Here::new(kit.log().clone()))]);
    let there = || std::fs::read_dir(kit.folder.path().join("mirrors")).unwrap().count();
    assert_eq!(there(), 1, "one for all who read the same");
    drop(mirror);
    assert_eq!(all(&shared).len(), 1);
    drop(shared);
    let deadline = Instant::now() + PATIENCE;
    while there() > 0 {
        assert!(Instant::now() < deadline, "its files are still there");
        std::thread::yield_now();
    }
}
