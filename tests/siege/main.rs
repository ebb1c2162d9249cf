//! A node under siege: sixteen clients throw at it all that has ever ended a node, starved one or made one lose a record, in random order,
//! while one publisher and three dashboards go on with their work.
//!
//! Each file of [`attack`] is a kind of attack. A [`client`] makes one after the other; the [`publisher`] and the [`dashboard`]s notice what
//! that does to others, and [`clock`] how long they wait. What is asserted is what noise cannot change: the node is the same process, its
//! memory has a bound, each record counts once, and every dashboard goes on. How long requests took is only printed.
//!
//! | variable | |
//! |---|---|
//! | `DAG_TESTS_SIEGE=600` | so many seconds, instead of a few |
//! | `DAG_TESTS_SEED=42` | the order of the attacks, instead of one by the clock |
//! | `DAG_TESTS_ATTACK=windows` | only the attacks of that name |

mod attack;
mod client;
mod clock;
mod dashboard;
mod publisher;

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dag_tests::{Node, Options, crew};

use clock::Times;
use dashboard::Dashboard;
use publisher::Publisher;

/// How many attack.
const CLIENTS: u64 = 16;

/// The most memory that the node may ever have.
const MEMORY: u64 = 1 << 30;

/// How long the short form takes.
const SHORT: Duration = Duration::from_secs(25);

/// How long the dashboards have the node to themselves before, of all the time.
const UNDISTURBED: u32 = 5;

/// The longest that a dashboard may stand still.
const STILL: Duration = Duration::from_secs(10);

/// The same where other tests run on the machine, which is no siege of the node.
const STILL_BESIDE_TESTS: Duration = Duration::from_secs(60);

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not `{text}`")))
}

/// A node whose limits are within [`MEMORY`], all together.
fn node() -> Node {
    let operators = ["--operator-time", "2s", "--operator-memory", "32MiB", "--operator-output", "8MiB"];
    let others = ["--memory", "384MiB", "--request-memory", "128MiB", "--snapshot-interval", "1s"];
    let mut arguments: Vec<String> = operators.into_iter().chain(others).map(str::to_owned).collect();
    let folder = env::temp_dir().to_str().expect("the folder of temporary files has a name in UTF-8").to_owned();
    arguments.extend(["--backup-dir".to_owned(), folder]);
    Node::with(Options { arguments, linger: "0s", ..Options::default() })
}

#[test]
fn a_besieged_node_is_not_ended_nor_starved_and_loses_nothing() {
    let asked = number("DAG_TESTS_SIEGE").map(Duration::from_secs);
    let (span, still) = (asked.unwrap_or(SHORT), if asked.is_some() { STILL } else { STILL_BESIDE_TESTS });
    let by_clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seed = number("DAG_TESTS_SEED").unwrap_or_else(by_clock);
    println!("DAG_TESTS_SEED={seed}, {} s, {CLIENTS} clients", span.as_secs());

    let mut node = node();
    attack::prepare(node.http());
    let pid = node.pid();
    let (over, besieged) = (AtomicBool::new(false), Arc::new(AtomicBool::new(false)));
    let (published, seen) = crew::scope(|crew| {
        let publisher = Publisher::start(crew, &node, besieged.clone());
        let dashboards = Dashboard::start_all(crew, &node, &publisher, besieged.clone());
        let status = clock::status(crew, &node, besieged.clone(), &over);
        let begun = Instant::now();
        thread::sleep(span / UNDISTURBED);
        besieged.store(true, Ordering::SeqCst);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (url, over) = (node.url().to_owned(), &over);
                crew.spawn(format!("client {number}"), move || client::attack(&url, number, seed, over))
            })
            .collect();
        while begun.elapsed() < span {
            let standing = dashboards.iter().map(Dashboard::still).max().expect("there are three");
            assert!(standing < still, "a dashboard stands still for {standing:?}; attacked by {:?}", client::now());
            assert!(node.memory_peak() < MEMORY, "{} MiB; attacked by {:?}", node.memory_peak() >> 20, client::now());
            thread::sleep(Duration::from_millis(200));
            crew.check();
        }
        let published = publisher.finish();
        let seen: Vec<_> = dashboards.into_iter().map(Dashboard::finish).collect();
        over.store(true, Ordering::SeqCst);
        let status = status.join();
        assert_eq!(node.status()["pid"], pid, "it is the same process");
        println!("{:>12} | {:>12} | {:>12}", "p99", "undisturbed", "besieged");
        let rows = [("publish", published.times()), ("subscribe", seen[0].times()), ("status", &status)];
        rows.iter().for_each(|(what, times)| println!("{what:>12} | {}", Times::row(times)));
        println!("memory at most {} MiB, {} records", node.memory_peak() >> 20, published.records());
        // Whoever still waits for an answer has none to wait for.
        node.kill();
        let attacks = clients.into_iter().map(crew::ScopedHand::join).sum::<u64>();
        println!("{attacks} attacks: {}", client::counts());
        (published, seen)
    });
    for seen in seen {
        seen.judge(published.records());
    }
}
