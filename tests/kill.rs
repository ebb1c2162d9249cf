//! `kill -9` at the worst moments, and nothing is lost or repeated.

use std::env;

use dag_tests::crash::{Plan, Point, run};

/// A run with its figures on standard output, and what must hold of those.
fn killed_at_every_point(plan: Plan) {
    println!("seed {}: {} records, {} kills", plan.seed, plan.records, plan.kills);
    let report = run(plan);
    println!("seed {}: kills {:?}, {} of them in flight", plan.seed, report.kills, report.in_flight);
    assert!(Point::ALL.iter().all(|point| report.kills.get(point).is_some_and(|kills| *kills > 0)), "{report:?}");
    assert!(2 * report.in_flight >= plan.kills, "{report:?}");
}

#[test]
fn every_record_counts_exactly_once_however_often_the_node_is_killed() {
    let seed = env::var("DAG_TESTS_SEED").map_or(1, |seed| seed.parse().expect("DAG_TESTS_SEED is a number"));
    match env::var("DAG_TESTS_KILLS") {
        Err(_) => killed_at_every_point(Plan { records: 100_000, kills: Point::ALL.len(), seed }),
        Ok(asked) => {
            let (kills, runs) = asked.split_once('x').expect("DAG_TESTS_KILLS is kills and runs: 20x10");
            let runs: u64 = runs.parse().expect("DAG_TESTS_KILLS is kills and runs: 20x10");
            let kills = kills.parse().expect("DAG_TESTS_KILLS is kills and runs: 20x10");
            (0..runs).for_each(|run| killed_at_every_point(Plan { records: 1_000_000, kills, seed: seed + run }));
        }
    }
}
