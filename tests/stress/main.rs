//! Nobody waits for another: one computation whose start does not come to an end, one stream whose disk hangs, and one operator that does
//! not answer when it is bound, while others publish, subscribe, leave, make streams and look.
//!
//! The [`work`] goes on all the time, and each piece of it has its [`clock`]; a [`trouble`] is what one of the three does. What is asserted
//! is that each kind of work gets on while all three last, which is until the test ends them. How long each took is only printed.
//!
//! | variable | |
//! |---|---|
//! | `DAG_TESTS_STRESS=60` | so many seconds of each, instead of a few |

mod clock;
mod trouble;
mod work;

use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dag_tests::hostile::transforms;
use dag_tests::{Node, Options, Pace, crew, data_folder, until};

use clock::Clocks;
use trouble::Trouble;
use work::Client;

/// How long the short form takes with trouble, and without.
const SHORT: Duration = Duration::from_secs(6);

/// For how many ticks a kind of work may stand still at most: ten seconds where nobody else is at work.
const STILL: u64 = 500;

#[test]
fn nobody_waits_for_a_start_a_disk_or_an_operator_of_others() {
    let asked = env::var("DAG_TESTS_STRESS").ok().map(|text| text.parse().expect("a number of seconds"));
    let span = asked.map_or(SHORT, Duration::from_secs);
    let orders = data_folder();
    let file = orders.path().join("orders");
    let arguments = ["--operator-time", "1h", "--snapshot-interval", "1s"].map(str::to_owned).to_vec();
    let environment = vec![("DAG_FAULT_DISK", file.to_str().expect("it is UTF-8").to_owned())];
    let mut node = Node::with(Options { arguments, environment, linger: "0s", ..Options::default() });
    let component = std::fs::read(transforms()).expect("it was built");
    assert_eq!(node.http().post("components", &[], "application/wasm", &component).status, 200);
    let client = Client::of(&node);
    work::prepare(&client);
    let trouble = Trouble::prepare(&node, &client, &file);
    let (over, clocks) = (AtomicBool::new(false), Clocks::default());
    let pace = Pace::on(orders.path());
    crew::scope(|crew| {
        let ticks = crew.spawn("the clock", || clocks.tick(&pace, &over));
        let workers = work::start(crew, &client, &clocks, &over);
        thread::sleep(span / 2);
        let troubled = trouble.begin(crew, &client);
        clocks.disturb();
        let begun = Instant::now();
        let has_moved = || work::KINDS.iter().all(|kind| clocks.moved(kind));
        while begun.elapsed() < span || !has_moved() {
            for kind in work::KINDS {
                let still = clocks.still(kind);
                assert!(still < STILL, "`{kind}` stands still for {still} ticks");
            }
            thread::sleep(Duration::from_millis(50));
            crew.check();
        }
        assert!(troubled.lasts(), "the trouble is over before the test ends it");
        let refused = troubled.refused();
        assert!(refused > 0, "of six hundred who ask an operator that does not answer, some are told not to wait");
        over.store(true, Ordering::SeqCst);
        workers.into_iter().chain([ticks]).for_each(crew::ScopedHand::join);
        println!("{:>12} | {:>12} | {:>12}", "p99", "undisturbed", "troubled");
        work::KINDS.iter().for_each(|kind| println!("{kind:>12} | {}", clocks.row(kind)));
        troubled.end();
    });
    until("the node is well again", Duration::from_secs(60), || {
        (client.http.publish(trouble::HUNG, &[], "{\"value\":1}\n").status == 200).then_some(())
    });
    let stopped = node.stop();
    let locks = stopped.stderr.lines().filter(|line| line.contains("held for at most"));
    locks.for_each(|line| println!("{line}"));
}
