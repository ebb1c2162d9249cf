//! What one more subscriber, publisher or look costs does not depend on how much a node has already.
//!
//! A node gets a hundredth of its [`size`], and each kind of [`probe`] is made; then the rest, and the same again. What is asserted is what they
//! touch: entities of the plan, transactions, syncs, counted by the node. How long they take is only printed.
//!
//! | variable | |
//! |---|---|
//! | `DAG_TESTS_SCALE=1` | 4,000 sources, 3,000 computations, 4,000 subscribers, instead of a tenth of each; 10,000 stored runs when it starts again |

mod counts;
mod metadata;
mod probe;
mod size;

use std::fs;
use std::time::{Duration, Instant};

use dag_tests::{Node, Options, data_folder};

use counts::Counts;
use probe::{KINDS, Probe};
use size::{Filled, Size, store};

/// The most resident memory for each computation and its subscriber.
const EACH: u64 = 200 << 10;

/// How long the node is watched, twice, when nobody asks it anything. Once a minute it looks for what is too old, which takes some of one of these.
const IDLE: Duration = Duration::from_secs(5);

#[test]
fn one_more_costs_the_same_however_many_there_are() {
    let folder = data_folder();
    let counts = Counts::at(folder.path().join("counts"));
    // Snapshots and what is stored go on by the clock, and would be counted by chance.
    let arguments = ["--snapshot-interval", "1h"].iter().chain(&Counts::ARGUMENTS).map(|it| (*it).to_owned()).collect();
    let environment = vec![("DAG_FAULT_COUNT", counts.path())];
    let node = Node::with(Options { arguments, environment, linger: "0s", ..Options::default() });
    let size = Size::asked();
    let mut filled = Filled::default();

    let begun = Instant::now();
    filled.fill(&node, size.hundredth());
    let few = Probe::of(&node, &counts, "few");
    let before = node.rss();
    filled.fill(&node, size);
    let each = (node.rss() - before) / (size.computations - size.hundredth().computations) as u64;
    println!("{size}: there after {:?}, {} KiB for each computation", begun.elapsed(), each >> 10);
    let many = Probe::of(&node, &counts, "many");

    println!("{:>12} | {:>55} | {:>55} | ratio", "median, cost", size.hundredth().to_string(), size.to_string());
    for kind in KINDS {
        let (few, many) = (few.cost(kind), many.cost(kind));
        println!("{kind:>12} | {few:>55} | {many:>55} | {:.2}", many.time.as_secs_f64() / few.time.as_secs_f64());
    }
    for kind in KINDS {
        let (few, many) = (few.cost(kind), many.cost(kind));
        assert_eq!(few.counted, many.counted, "`{kind}` at a hundredth and at {size}");
    }
    assert!(each < EACH, "{} KiB for each computation", each >> 10);

    let used = idle(&node).min(idle(&node));
    println!("idle: {used:?} of processor time in {IDLE:?}");
    assert!(used < IDLE / 50, "{used:?} of processor time in {IDLE:?}, while nobody asks for anything");
    let files = fs::read_dir(format!("/proc/{}/fd", node.pid())).expect("the node runs").count();
    println!("{files} open files");

    metadata::changes(&node, &counts, size);
    drop(filled);
    let stored = size.computations + store(&node, size);
    let listed = |node: &Node| node.http().get("streams", &[]).json()["streams"].as_array().map(Vec::len);
    let before = listed(&node);
    let (begun, mut node) = (Instant::now(), node);
    node.restart();
    let (there, used) = (begun.elapsed(), node.cpu_time());
    println!("{stored} stored runs: stopped and there again after {there:?}, with {used:?} of processor time since");
    assert_eq!(listed(&node), before, "streams that are listed");
}

/// The processor time that a node uses when nobody asks it anything.
fn idle(node: &Node) -> Duration {
    let before = node.cpu_time();
    std::thread::sleep(IDLE);
    node.cpu_time() - before
}
