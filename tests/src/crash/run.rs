//! One run: everybody at work, a node that dies, and the judgement.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde_json::{Value, json};

use super::judge::{judge_values, judge_windows, total};
use super::point::{Point, shuffled};
use super::publisher::{BATCH, JSON, PUBLISHERS, Publisher, VALUES, path};
use super::shared::Shared;
use super::{MortalNode, cursor, deployer, publisher, reader};
use crate::chance::Chance;
use crate::crew::{self, ScopedHand};
use crate::http::Http;
use crate::wait::while_it_moves;

/// What a run is.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many records are published; whole windows of a thousand.
    pub records: u64,
    /// How often the node is killed.
    pub kills: usize,
    /// What chance follows from.
    pub seed: u64,
}

/// What a run that went well was like.
#[derive(Clone, Debug)]
pub struct Report {
    /// How many kills landed where.
    pub kills: BTreeMap<Point, usize>,
    /// How many of them broke off a publish while others were acknowledged.
    pub in_flight: usize,
}

/// The stream that retention takes from.
const SIDE: &str = "side";

/// The bytes that it keeps, in segments of 64 KiB.
const SIDE_BYTES: u64 = 128 << 10;

/// What the node is started with: snapshots often enough that kills fall into them.
const SERVE: [&str; 2] = ["--snapshot-interval", "200ms"];

/// Publishes, computes, deploys and removes while the node is killed as often as the plan says, and judges what everybody was given.
///
/// # Panics
/// If anything is missing, there twice, or different; or a node does not start on what the one before has left.
pub fn run(plan: Plan) -> Report {
    let mut chance = Chance::new(plan.seed);
    let mut node = MortalNode::new();
    let http = node.http();
    node.start(None, &SERVE);
    node.until_listening();
    prepare(&http);
    let cursor = |expression: &str, name: &str| cursor::start(&node.url(), &http, expression, name);
    let cursors = [cursor(VALUES, "values"), cursor("count(x, 1s)", "counts"), cursor("sum(x, 1s)", "sums")];
    node.stop().code(0);
    let shared = &Shared::new(plan);
    let windows = (plan.records / 1_000) as usize;
    crew::scope(|crew| {
        for number in 0..PUBLISHERS {
            let publisher = Publisher { http: http.clone(), shared, number, of: PUBLISHERS };
            crew.spawn(format!("publisher {number}"), move || publisher.publish(plan.records));
        }
        crew.spawn("the deployer", || deployer::deploy(&http, shared));
        crew.spawn("who fills the side stream", || fill_side(&http, shared));
        let read = |expression: &'static str, count: usize| {
            let http = &http;
            crew.spawn(format!("the reader of {expression}"), move || reader::read(http, shared, expression, count))
        };
        let readers = [
            read(VALUES, plan.records as usize),
            read("count(x, 1s)", windows),
            read("sum(x, 1s)", windows),
            read("rms(x, 1s)", windows),
        ];
        let cursors = cursors.map(|process| crew.spawn("a reader with a cursor", move || cursor::read(process)));

        let kills = kill_all(&mut node, shared, &mut chance);
        let [values, counts, sums, roots] = readers.map(ScopedHand::join);
        let [again, counts_again, sums_again] = cursors.map(ScopedHand::join);
        shared.done.store(true, Ordering::SeqCst);
        for values in [values, again] {
            judge_values(&values, plan.records);
        }
        for counts in [counts, counts_again] {
            judge_windows(&counts, windows, |_| json!(1_000));
            assert_eq!(total(&counts), plan.records);
        }
        for sums in [sums, sums_again] {
            judge_windows(&sums, windows, |window| json!((0..1_000).map(|i| window * 1_000 + i).sum::<u64>()));
            assert_eq!(total(&sums), plan.records * (plan.records - 1) / 2);
        }
        judge_windows(&roots, windows, |window| {
            let squares: u64 = (0..1_000).map(|i| (window * 1_000 + i).pow(2)).sum();
            json!((squares as f64 / 1_000.0).sqrt())
        });
        let stream = http.get(&format!("streams/{VALUES}"), &[]).json();
        assert_eq!((&stream["records"], &stream["late"]), (&json!(plan.records), &json!(0)));
        let in_flight = shared.broken_lives();
        Report { kills, in_flight }
    })
}

/// Kills the node as often as the plan says; the last one started lives on.
fn kill_all(node: &mut MortalNode, shared: &Shared, chance: &mut Chance) -> BTreeMap<Point, usize> {
    let mut points = shuffled(shared.plan.kills, chance);
    let mut kills = BTreeMap::new();
    let begun = Instant::now();
    while !points.is_empty() {
        // Retention looks when a node starts, so there has to be something to remove.
        let side = node.data().join("sources/2");
        let next = points.iter().rposition(|point| *point != Point::Retention || segments(&side) > 4);
        let Some(next) = next else {
            node.start(None, &SERVE);
            while_it_moves("the side stream has more than it keeps", || match segments(&side) {
                5.. => Ok(()),
                _ => Err(shared.answers()),
            });
            node.kill();
            node.bury();
            continue;
        };
        let point = points.remove(next);
        let pass = point.pass(shared.plan.records / BATCH / (shared.plan.kills as u64 + 1), chance);
        shared.life.fetch_add(1, Ordering::SeqCst);
        node.start(Some((point, pass)), &SERVE);
        node.until_dead(&format!("pass {pass} of {} kills the node", point.order()), || shared.answers());
        println!("{:6.1} s: pass {pass} of {}", begun.elapsed().as_secs_f64(), point.order());
        node.bury();
        *kills.entry(point).or_insert(0) += 1;
        shared.was_killed();
    }
    shared.life.fetch_add(1, Ordering::SeqCst);
    node.start(None, &SERVE);
    kills
}

fn segments(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|it| it == "seg")))
        .count()
}

fn prepare(http: &Http) {
    let create = |settings: Value| {
        let answer = http.post("streams", &[], "application/json", settings.to_string().as_bytes());
        assert_eq!(answer.status, 201, "{}", answer.body);
    };
    create(json!({
        "name": VALUES, "schema": [{"name": "value", "type": "int64"}], "time": {"unit": "ms"}, "idle": "1h",
    }));
    create(json!({
        "name": SIDE, "schema": [{"name": "text", "type": "utf8"}], "time": null, "retention": {"bytes": SIDE_BYTES},
    }));
    let answer = http.post("components", &[], "application/wasm", &deployer::version(0));
    assert_eq!(answer.status, 200, "{}", answer.body);
    // All of them, before one moves the frontier: none of their records is late.
    for number in 0..PUBLISHERS {
        publisher::join(http, number);
    }
}

/// Publishes what does not compress, about a segment at once.
fn fill_side(http: &Http, shared: &Shared) {
    let mut chance = Chance::new(shared.plan.seed);
    while !shared.done.load(Ordering::SeqCst) {
        let text: String = (0..4_096).map(|_| format!("{:016x}", chance.below(u64::MAX))).collect();
        let _ = http.try_post(&path(SIDE), &[], JSON, format!("{{\"text\":\"{text}\"}}\n").as_bytes());
        shared.pause();
    }
}
