//! M10, M11, M17 and M18.

use std::time::Duration;

use dag_model::{NodeId, StreamId};
use dag_replica::{
    Action, Answer, Append, Assignment, Body, Command, Epoch, Epochs, Found, Frame, Header, Held, Index, Kind, Limits,
    Message, Moment, Opened, Point, Prefix, Proposal, Replicas, Row, Write,
};

use super::kit::{Cluster, batch, named, nodes};

fn trimmed(cluster: &mut Cluster) {
    for number in 1..=8 {
        cluster.append(1, batch(number));
    }
    cluster.elect(1);
    assert!(matches!(cluster.append(1, batch(9)), Some(Answer::Committed(_))));
    assert!(matches!(cluster.append(1, Kind::Trim(Index(6))), Some(Answer::Committed(_))));
}

fn found(row: Row) -> Found {
    Found { row, epochs: Epochs::default(), checkpoint: Prefix::default(), tail: Vec::new(), durable: Index(0) }
}

#[test]
fn m10_of_the_table_of_epochs_stays_what_lies_behind_the_trim() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    trimmed(&mut cluster);
    for node in [1, 2, 3] {
        let epochs = cluster.replica(node).epochs();
        assert_eq!((epochs.base(), epochs.len()), (Point::new(1, 6), 2));
        assert_eq!(epochs.held(Point::new(1, 3)), Held::Trimmed);
        assert_eq!(epochs.held(Point::new(1, 7)), Held::Here);
    }
}

#[test]
fn m10_a_replica_that_ends_before_the_trim_begins_anew_there() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.append(1, batch(1));
    cluster.cut(3);
    for number in 2..=8 {
        cluster.append(1, batch(number));
    }
    cluster.append(1, Kind::Trim(Index(6)));
    cluster.join(3);
    cluster.pass(Duration::from_secs(1));
    assert!(cluster.wrote.iter().any(|(node, write)| *node == 3 && matches!(write, Write::Rebase(_))));
    assert_eq!(cluster.replica(3).epochs(), cluster.replica(1).epochs());
    assert_eq!(cluster.replica(3).shown(), cluster.replica(1).shown());
    // It can lead, and knows what lies before where it begins.
    cluster.kill(1);
    cluster.elect(3);
    assert_eq!(cluster.append(3, batch(8)), Some(Answer::Repeat));
    assert_eq!(cluster.append(3, batch(2)), Some(Answer::Repeat));
}

#[test]
fn m11_the_trim_does_not_go_back_at_a_takeover() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    trimmed(&mut cluster);
    cluster.kill(1);
    cluster.elect(2);
    assert_eq!((cluster.replica(2).epochs().base().index, cluster.replica(2).shown().trimmed), (Index(6), Index(6)));
    assert_eq!(cluster.append(2, Kind::Trim(Index(3))), Some(Answer::Void), "it is behind the trim");
    assert_eq!(cluster.append(2, Kind::Trim(Index(99))), Some(Answer::Void), "it is not committed");
}

#[test]
fn m17_a_takeover_of_a_settled_stream_writes_no_append_before_somebody_wants_something() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.append(1, batch(1));
    cluster.wrote.clear();
    cluster.elect(2);
    cluster.pass(Duration::from_secs(1));
    assert!(cluster.leads(2));
    assert!(!cluster.wrote.iter().any(|(_, write)| matches!(write, Write::Append(_))));
    assert_eq!(cluster.append(2, batch(2)), Some(Answer::Committed(Point::new(2, 4))));
    assert_eq!(cluster.kinds(2)[2..], [Kind::Epoch, batch(2)]);
}

#[test]
fn m17_promises_of_all_streams_are_one_transaction_and_those_who_are_waited_for_come_first() {
    let mut replicas = Replicas::new(NodeId(1), 1, Limits::default());
    let streams: Vec<StreamId> = (1..=1000).map(StreamId).collect();
    for stream in &streams {
        replicas.open(*stream, Opened::There(found(Row { promised: Epoch(1), whole: true })));
    }
    let all = nodes(&[1, 2, 3]);
    let row = Assignment {
        epoch: Epoch(2),
        revision: 1,
        leader: NodeId(1),
        boot: 1,
        replicas: all.clone(),
        joining: Vec::new(),
        next: None,
        made: all,
        mark: 0,
    };
    let rows = streams.iter().map(|stream| (*stream, row.clone())).collect();
    replicas.assign(Moment(0), rows, |stream| stream == StreamId(777));
    let actions = replicas.actions();
    let transactions: Vec<usize> = actions
        .iter()
        .filter_map(|action| if let Action::Rows(rows) = action { Some(rows.len()) } else { None })
        .collect();
    assert_eq!(transactions, [1000]);
    let frames: Vec<(u64, StreamId, usize)> =
        actions
            .iter()
            .filter_map(|action| {
                if let Action::Send(to, frame) = action { Some((to.0, frame.0[0].0, frame.0.len())) } else { None }
            })
            .collect();
    assert_eq!(frames, [(2, StreamId(777), 1000), (3, StreamId(777), 1000)]);
}

#[test]
fn m17_an_append_of_a_new_epoch_comes_after_the_transaction_that_promises_it() {
    let mut replicas = Replicas::new(NodeId(1), 1, Limits::default());
    replicas.open(StreamId(1), Opened::There(found(Row { promised: Epoch(1), whole: true })));
    let append = Append { header: Header { point: Point::new(2, 1), kind: Kind::Epoch }, body: Body::default() };
    let (epoch, prev) = (Epoch(2), Point::default());
    let message = Message::Append { epoch, round: 0, prev, appends: vec![append], committed: Index(0), target: None };
    replicas.receive(Moment(0), NodeId(2), Frame(vec![(StreamId(1), message)]));
    let actions = replicas.actions();
    let number = |action: &Action| match action {
        Action::Rows(rows) => Some(rows[0].1),
        Action::Of(_, Command::Write { number, .. }) => Some(*number),
        _ => None,
    };
    assert_eq!(actions.iter().filter_map(number).collect::<Vec<u64>>(), [1, 2]);
    assert!(matches!(actions[0], Action::Rows(_)));
    // Nothing is said before both are durable.
    assert!(!actions.iter().any(|action| matches!(action, Action::Send(..))));
    replicas.done(Moment(0), StreamId(1), 2);
    assert!(matches!(&replicas.actions()[..], [Action::Send(NodeId(2), _)]));
}

#[test]
fn m18_a_leave_that_comes_late_is_void() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.append(1, batch(1));
    cluster.append(1, batch(2));
    // A slow gateway delivers what was said after the first batch.
    assert_eq!(cluster.append(1, Kind::Leave(named(1))), Some(Answer::Void));
    assert_eq!(cluster.append(1, Kind::Seal(Some(named(1)))), Some(Answer::Void));
    assert!(!cluster.replica(1).shown().publishers["p"].gone);
    assert!(matches!(cluster.append(1, Kind::Leave(named(2))), Some(Answer::Committed(_))));
    assert!(cluster.replica(2).shown().publishers["p"].gone);
    assert!(!cluster.proposed.iter().any(|(_, what)| matches!(what, Proposal::Resign(_))));
}
