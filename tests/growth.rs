//! A node that runs for long does not grow: not by computations that come and go, not by those that are idle, not by load.
//!
//! `DAG_TESTS_GROWTH=1000x100` runs the long forms: so many computations and cycles, a thousand idle ones, ten minutes of load.

use std::time::{Duration, Instant};
use std::{env, fs, thread};

use dag_tests::feed::Feed;
use dag_tests::{DEADLINE, Node, Options, until};

const KIB: u64 = 1 << 10;

/// How long nothing happens in a node that has come to rest: longer than memory that nothing is in stays with it.
const REST: Duration = Duration::from_secs(12);

/// How many computations and cycles are asked for; none for the short form.
fn asked() -> Option<(usize, i64)> {
    let asked = env::var("DAG_TESTS_GROWTH").ok()?;
    let parts = asked.split_once('x').and_then(|(first, then)| Some((first.parse().ok()?, then.parse().ok()?)));
    Some(parts.expect("DAG_TESTS_GROWTH is computations and cycles: 1000x100"))
}

/// One of two sizes: of the test that always runs, and of the long one.
fn size<T>(short: T, long: T) -> T {
    if asked().is_some() { long } else { short }
}

/// What a node holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    memory: u64,
    threads: u64,
    files: u64,
}

impl Held {
    /// What it holds once it holds no more than a moment ago.
    fn by(node: &Node) -> Held {
        let count = |what: &str| {
            let entries = fs::read_dir(format!("/proc/{}/{what}", node.pid())).expect("the node runs");
            entries.count() as u64
        };
        // Threads that have nothing to do stay for some seconds, and memory that nothing is in.
        let mut last = None;
        until("the node has come to rest", 6 * DEADLINE, || {
            let now = Some((node.cpu_time(), node.rss(), count("task")));
            thread::sleep(REST);
            (std::mem::replace(&mut last, now) == now).then_some(())
        });
        Held { memory: node.rss(), threads: count("task"), files: count("fd") }
    }

    /// Whether it is hardly more than before: a twentieth, or one where a twentieth of them is less than one.
    #[track_caller]
    fn is_no_more_than(self, before: Held, what: &str) {
        let pairs = [
            ("memory", before.memory, self.memory),
            ("threads", before.threads, self.threads),
            ("files", before.files, self.files),
        ];
        for (name, before, now) in pairs {
            assert!(now <= before + (before / 20).max(1), "{name}, {what}: {before} became {now}; {self:?}");
        }
    }
}

/// A node with a source `x` that time goes on in with [`publish`].
fn node() -> Node {
    let node = Node::with(Options { linger: "0s", ..Options::default() });
    node.create("x", "host utf8, value float64", &["--idle", "1h"]);
    node
}

/// Publishes a record at each of these seconds.
#[track_caller]
fn publish(node: &Node, seconds: std::ops::Range<i64>) {
    let line = |second: i64| format!("{{\"time\":{second},\"host\":\"h{}\",\"value\":{second}}}\n", second % 7);
    let answer = node.http().publish("x", &[("history", "true")], &seconds.map(line).collect::<String>());
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// One of many streams, of all kinds; whoever comes back to a filter of a source gets another run than before.
fn expression(number: usize) -> String {
    match number % 6 {
        0 => format!("sum(filter(x, value > {number}), 10s)"),
        1 => format!("avg(x, {number}s)"),
        2 => format!("sum(map(x, host, value + {number} as value), 10s, by=host)"),
        3 => format!("count(x, session={number}s, by=host)"),
        4 => format!("delta(max(x, {number}s))"),
        _ => format!("filter(x, value > {number})"),
    }
}

#[track_caller]
fn subscribe(node: &Node, number: usize) -> Feed {
    let parameters = [("expr", expression(number)), ("from", "latest".to_owned())];
    let parameters = parameters.each_ref().map(|(name, value)| (*name, value.as_str()));
    Feed::open(node.url(), &parameters).expect("the node is there").expect("it is subscribed to")
}

#[test]
fn computations_that_come_and_go_leave_nothing_behind() {
    let (computations, cycles) = asked().unwrap_or((200, 10));
    let node = node();
    let mut third = None;
    for cycle in 1..=cycles {
        publish(&node, cycle * 60..(cycle + 1) * 60);
        let feeds: Vec<Feed> = (1..=computations).map(|number| subscribe(&node, number)).collect();
        publish(&node, (cycle + 1) * 60..(cycle + 1) * 60 + 1);
        drop(feeds);
        node.until_subscribers(0);
        node.until_computing(&[], DEADLINE);
        if cycle == 3 || cycle == cycles {
            let held = Held::by(&node);
            eprintln!("cycle {cycle}: {held:?}");
            held.is_no_more_than(*third.get_or_insert(held), "between the third cycle and the last");
        }
    }
}

#[test]
fn idle_computations_take_little_memory_and_hardly_any_time() {
    let computations = size(200, 1_000);
    let node = node();
    publish(&node, 0..60);
    drop(subscribe(&node, 1));
    let before = Held::by(&node);
    let feeds: Vec<Feed> = (1..=computations).map(|number| subscribe(&node, number)).collect();
    let during = Held::by(&node);
    let running = node.computations().len() as u64;
    let each = (during.memory - before.memory) / running;
    let (start, used) = (Instant::now(), node.cpu_time());
    thread::sleep(size(Duration::from_secs(5), Duration::from_secs(60)));
    let (span, used) = (start.elapsed(), node.cpu_time() - used);
    eprintln!("{running} computations: {} KiB each, {used:?} of processor time in {span:?}, {during:?}", each / KIB);
    assert!(each < 300 * KIB, "{} KiB for each of {running}", each / KIB);
    assert!(during.threads <= before.threads + before.threads / 2, "{before:?} became {during:?}");
    let connections = computations as u64;
    assert!(during.files <= before.files + connections + 2 * running, "{before:?} became {during:?}");
    assert!(used < span / 50, "{used:?} of processor time in {span:?}");
    drop(feeds);
}

#[test]
fn memory_is_flat_under_load() {
    let span = size(Duration::from_secs(20), Duration::from_secs(600));
    let node = node();
    let mut feeds: Vec<Feed> = (1..=10).map(|number| subscribe(&node, number)).collect();
    // In each third of the time; in the first, pools and caches fill.
    let mut most = [0; 3];
    let (start, mut second) = (Instant::now(), 0);
    while let Some(most) = most.get_mut((start.elapsed().as_millis() * 3 / span.as_millis()) as usize) {
        publish(&node, second..second + 1_000);
        second += 1_000;
        for feed in &mut feeds {
            while feed.line(Duration::ZERO).is_some() {}
        }
        *most = node.rss().max(*most);
    }
    eprintln!("{second} records: in each third of the time at most {:?} KiB", most.map(|most| most / KIB));
    let [_, before, after] = most;
    assert!(after <= before + before / 20, "{} KiB became {} KiB", before / KIB, after / KIB);
}
