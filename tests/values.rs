//! What the standard operators give, value by value. E(i) is a record with time i seconds.

use dag_tests::records::{counting, csv, seconds_and_values};
use dag_tests::{DEADLINE, Node, until};

/// A node with a sealed stream `x` of these records.
fn sealed(records: &str) -> Node {
    let node = Node::start();
    node.create("x", "value float64", &[]);
    node.publish("x", records, &["--seal"]);
    node
}

#[test]
fn tumbling_windows_average_what_lies_in_them() {
    let found = seconds_and_values(&sealed(&counting(0..60)).csv("avg(x, 5s)"));
    let expected: Vec<_> = (0..12).map(|window| (window * 5, (window * 5 + 2) as f64)).collect();
    assert_eq!(found, expected);
}

#[test]
fn nested_windows_align() {
    let found = seconds_and_values(&sealed(&counting(0..60)).csv("avg(avg(x, 5s), 30s)"));
    assert_eq!(found, [(0, 14.5), (30, 44.5)]);
}

#[test]
fn hopping_windows_reach_before_the_first_record() {
    let found = seconds_and_values(&sealed(&counting(0..60)).csv("avg(x, 10s, every=5s)"));
    let full = (0..11).map(|window| (window * 5, window as f64 * 5.0 + 4.5));
    let expected: Vec<_> = [(-5, 2.0)].into_iter().chain(full).chain([(55, 57.0)]).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_session_ends_after_a_gap_that_is_longer_than_it() {
    let node = sealed(&csv([0, 1, 2, 5, 9].map(|second| (second, 1.0))));
    assert_eq!(
        node.csv("sum(x, session=3s)"),
        "time,start,end,value\n\
         1970-01-01T00:00:05Z,1970-01-01T00:00:00Z,1970-01-01T00:00:05Z,4.0\n\
         1970-01-01T00:00:09Z,1970-01-01T00:00:09Z,1970-01-01T00:00:09Z,1.0\n"
    );
}

#[test]
fn without_a_window_every_record_gives_the_result_so_far() {
    let found = seconds_and_values(&sealed(&counting(0..60)).csv("count(x)"));
    let expected: Vec<_> = (0..60).map(|second| (second, (second + 1) as f64)).collect();
    assert_eq!(found, expected);
}

#[test]
fn an_alarm_fires_at_every_nth_record_over_the_limit_in_a_row() {
    let node = sealed(&csv((1..=6).map(|second| (second, (90 + second) as f64))));
    assert_eq!(seconds_and_values(&node.csv("above(x, 90, times=3)")), [(3, 93.0), (6, 96.0)]);
}

#[test]
fn a_difference_has_the_later_time() {
    let node = sealed(&csv([(0, 1.0), (1, 4.0), (2, 2.0)]));
    assert_eq!(seconds_and_values(&node.csv("delta(x)")), [(1, 3.0), (2, -2.0)]);
}

#[test]
fn the_greatest_of_negative_values_is_negative() {
    let node = sealed(&csv([(0, -3.0), (1, -1.0), (2, -2.0)]));
    assert_eq!(seconds_and_values(&node.csv("max(x, 5s)")), [(0, -1.0)]);
}

#[test]
fn without_values_there_is_no_record() {
    // Nothing from 5 to 10 seconds, and nothing but a null from 10 to 15.
    let node = sealed("time,value\n0,-1\n12,\n16,-2\n");
    assert_eq!(seconds_and_values(&node.csv("max(x, 5s)")), [(0, -1.0), (15, -2.0)]);
}

#[test]
fn an_outer_window_waits_for_what_the_inner_one_may_still_give() {
    let node = Node::start();
    node.create("x", "value float64", &[]);
    let mut outer = node.spawn(&["subscribe", "avg(avg(x, 5s), 7s)", "--from", "earliest", "--format", "csv"]);
    assert_eq!(outer.line().text, "time,value");
    let answer = node.http().post(
        "streams/x/records",
        &[("heartbeat", "1970-01-01T00:00:07Z")],
        "text/csv",
        csv([(2, 10.0)]).as_bytes(),
    );
    assert_eq!((answer.status, answer.json()["frontier"].as_str()), (200, Some("1970-01-01T00:00:07Z")));
    until("the inner frontier is 5 s", DEADLINE, || {
        let status = node.status();
        let inner = status["computations"].as_array()?.iter().find(|it| it["stream"] == "avg(x,5s)")?.clone();
        let frontier = inner["frontier"].as_str()?.to_owned();
        assert!(frontier.as_str() <= "1970-01-01T00:00:05Z", "a window from 5 s on is open");
        (frontier == "1970-01-01T00:00:05Z").then_some(())
    });

    let summary = node.publish("x", &csv([(8, 30.0)]), &["--seal"]);
    assert_eq!((&summary["accepted"], &summary["late"]), (&1.into(), &0.into()));
    assert_eq!(outer.take(1), ["1970-01-01T00:00:00Z,20.0"], "the inner results at 0 and at 5 are in it");
    assert_eq!(outer.finish().success(), "");
}
