//! A crash at each step of a switch: what is ahead is in the plan, so that it goes on, at one place.

use dag_tests::{Node, Options, Process};

use crate::kit::*;

/// What moves; the second one reads the first.
const STREAMS: [&str; 2] = ["mark(x)", "steps(mark(x))"];

/// The moments in which the node dies, counted from a start at which both go on: around changes of the plan, the mark in the source, and the mark in
/// what each writes. Where it comes to none of them, it is killed once all have moved.
const MOMENTS: [&str; 10] = [
    "sync meta.redb:9",
    "sync meta.redb:10",
    "sync meta.redb:11",
    "sync meta.redb:12",
    "write sources/1/:1",
    "write sources/1/:2",
    "write derived/1/:1",
    "write derived/1/:2",
    "write derived/2/:1",
    "write derived/2/:2",
];

fn publish(node: &Node, first: i64) {
    let record = |second: i64| format!("{{\"time\":{second},\"value\":{second}}}\n");
    let records: String = (first..first + 10).map(record).collect();
    let answer = node.http().publish("x", &[], &records);
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn wherever_a_crash_comes_a_switch_goes_on_at_its_mark_and_each_record_is_of_one_version() {
    let (one, two) = (ONE.steps(BY, "value"), TWO.steps(BY, "value"));
    let mut died = 0;
    for moment in MOMENTS {
        let environment = vec![("DAG_FAULT_KILL", moment.to_owned())];
        let arguments = ["--snapshot-interval", "1h"].map(str::to_owned).to_vec();
        let options = |environment| Options { arguments: arguments.clone(), environment, ..Options::default() };
        let mut node = Node::with(options(Vec::new()));
        node.create("x", "value int64", &[]);
        node.dag(&["deploy", &one]).success();
        publish(&node, 0);
        let mut readers = STREAMS.map(|stream| read(&node, stream, "earliest"));
        // In time order the last second waits for more.
        let mut records: Vec<Vec<Record>> = vec![Vec::new(); 2];
        for (reader, (records, count)) in readers.iter_mut().zip(records.iter_mut().zip([10, 9])) {
            records.extend(reader.take(count).iter().map(|line| record(line)));
        }
        drop(readers);
        let go_on = |node: &Node| -> Vec<Process> {
            let from = |records: &Vec<Record>, stream: &str| format!("{}:{}", run(stream), records.len());
            STREAMS.iter().zip(&records).map(|(stream, records)| read(node, stream, &from(records, stream))).collect()
        };
        node.crash_into(options(environment));
        let readers = go_on(&node);
        died += usize::from(node.dag(&["deploy", &two]).code != Some(0));
        drop(readers);
        node.crash_into(options(Vec::new()));
        // It may have died before the version was current.
        node.dag(&["deploy", &two]).success();
        let readers = go_on(&node);
        STREAMS
            .iter()
            .zip(["mark", "steps"])
            .for_each(|(stream, operator)| has_moved_of(&node, operator, &[run(stream)]));
        publish(&node, 10);
        assert_eq!(node.http().publish("x", &[("seal", "true")], "").status, 200);
        for (reader, records) in readers.into_iter().zip(&mut records) {
            records.extend(reader.finish().success().lines().map(record));
        }
        let expected = |second: i64| second + if second < 10 { 0 } else { TWO.offset };
        let marked: Vec<i64> = records[0].iter().map(|record| record.value).collect();
        assert_eq!(marked, (0..20).map(expected).collect::<Vec<_>>(), "moment {moment}");
        let steps: Vec<i64> = records[1].iter().map(|record| record.value % TWO.offset).collect();
        assert_eq!(steps, (1..=20).collect::<Vec<_>>(), "moment {moment}");
        let moved = records[1].iter().position(|record| record.value > TWO.offset);
        // The last second before the mark waited for what came behind that.
        assert_eq!(moved, Some(9), "moment {moment}");
        for records in &records {
            let positions: Vec<u64> = records.iter().map(|record| record.position).collect();
            assert_eq!(positions, (0..20).collect::<Vec<_>>(), "moment {moment}");
        }
    }
    assert!(died > MOMENTS.len() / 2, "it died in {died} of these moments only");
}

/// The incarnation of a stream.
fn run(stream: &str) -> u64 {
    if stream == STREAMS[0] { 1 } else { 2 }
}
