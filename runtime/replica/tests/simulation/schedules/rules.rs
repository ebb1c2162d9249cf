//! Rules of the protocol that have no schedule with a number.

use std::time::Duration;

use dag_replica::{Answer, Batch, Epoch, Index, Kind, Limits, Message, Point, Proposal, Standing, Write};

use super::kit::{Cluster, batch, nodes};

#[test]
fn a_leader_whose_write_failed_resigns_and_leads_only_in_another_epoch() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.append(1, batch(1));
    cluster.hang(1);
    let request = cluster.request(1, batch(2));
    cluster.cut(3);
    cluster.settle();
    cluster.fail(1);
    assert_eq!(cluster.answer(request), Some(Answer::Unknown));
    assert!(matches!(cluster.replica(1).standing(), Standing::Follows(_)));
    assert!(cluster.proposed.contains(&(1, Proposal::Resign(Epoch(1)))));
    cluster.release(1);
    cluster.join(3);
    cluster.elect(1);
    assert!(cluster.leads(1));
    // What it had sent stands where it stood, in its epoch.
    assert_eq!(cluster.log(1)[2].header.point, Point::new(1, 3));
    assert_eq!(cluster.append(1, batch(2)), Some(Answer::Repeat));
}

#[test]
fn a_repeat_waits_for_the_commit() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.cut(2);
    cluster.cut(3);
    let first = cluster.request(1, batch(1));
    let again = cluster.request(1, batch(1));
    cluster.pass(Duration::from_secs(1));
    assert_eq!((cluster.answer(first), cluster.answer(again)), (None, None));
    cluster.join(3);
    cluster.pass(Duration::from_secs(1));
    assert!(matches!(cluster.answer(first), Some(Answer::Committed(_))));
    assert_eq!(cluster.answer(again), Some(Answer::Repeat));
}

#[test]
fn a_minority_acknowledges_nothing_and_what_it_took_is_cut_off() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.append(1, batch(1));
    cluster.keep_unaware(1);
    cluster.cut(1);
    let request = cluster.request(1, batch(2));
    cluster.pass(Duration::from_secs(1));
    assert_eq!(cluster.answer(request), None);
    cluster.elect(2);
    assert!(matches!(cluster.append(2, batch(2)), Some(Answer::Committed(_))));
    cluster.join(1);
    cluster.pass(Duration::from_secs(1));
    assert_eq!(cluster.answer(request), Some(Answer::Unknown));
    assert!(cluster.wrote.iter().any(|(node, write)| *node == 1 && matches!(write, Write::Truncate(_))));
    assert_eq!(cluster.log(1), cluster.log(2));
}

#[test]
fn what_an_earlier_epoch_appended_is_committed_only_by_what_is_behind_it() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.cut(3);
    cluster.hang(2);
    cluster.request(1, batch(1));
    cluster.settle();
    cluster.kill(1);
    cluster.release(2);
    assert_eq!(cluster.replica(2).epochs().end(), Point::new(1, 2));
    // B leads and gives C what A appended: a majority has it, and that commits nothing while B's own append is on B alone.
    cluster.limits.message_appends = 1;
    cluster.join(3);
    cluster.elect(2);
    let commits = |cluster: &Cluster| cluster.replica(2).committed();
    assert_eq!(commits(&cluster), Index(3));
    let own = cluster.sent.iter().rposition(|(from, _, message)| {
        *from == 2 && message.appends().iter().any(|append| append.header.point == Point::new(2, 3))
    });
    let shown = cluster.sent.iter().position(|(from, _, message)| {
        *from == 2 && matches!(message, Message::Append { committed, .. } if *committed >= Index(2))
    });
    assert!(own < shown, "what is committed is told after the own append was sent");
}

#[test]
fn a_replica_that_has_less_than_it_acknowledged_is_told_and_filled() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    for number in 1..=4 {
        cluster.append(1, batch(number));
    }
    // Its disk said that it had synced, and had not.
    cluster.kill(3);
    cluster.disk(3).lie(Index(2));
    cluster.cut(2);
    cluster.start(3);
    cluster.pass(Duration::from_millis(20));
    assert!(
        cluster
            .sent
            .iter()
            .any(|(from, to, message)| (*from, *to) == (1, 3) && matches!(message, Message::Lost { .. }))
    );
    assert!(cluster.wrote.iter().any(|(node, write)| *node == 3 && matches!(write, Write::Row(row) if !row.whole)));
    cluster.pass(Duration::from_secs(1));
    assert!(cluster.replica(3).row().whole);
    assert_eq!(cluster.log(3), cluster.log(1));
}

#[test]
fn what_a_replica_said_of_a_log_does_not_count_for_one_that_it_makes_anew() {
    let mut cluster = Cluster::of(&[1]);
    for number in 1..=4 {
        cluster.append(1, batch(number));
    }
    cluster.change(|row| row.joining = nodes(&[2]));
    cluster.pass(Duration::from_secs(1));
    assert_eq!(cluster.log(2), cluster.log(1));
    // The leader does not hear that the other was not to join, and then was to again; nor does it hear of the other.
    cluster.keep_unaware(1);
    cluster.change(|row| row.joining.clear());
    cluster.cut(2);
    cluster.proposed.clear();
    cluster.change(|row| row.joining = nodes(&[2]));
    assert!(cluster.log(2).is_empty());
    cluster.make_aware(1);
    cluster.change(|row| (row.joining, row.next) = (Vec::new(), Some(nodes(&[1, 2]))));
    assert_eq!(cluster.append(1, batch(5)), None, "the other has nothing");
    cluster.join(2);
    cluster.pass(Duration::from_secs(1));
    assert_eq!(cluster.log(2), cluster.log(1));
    assert_eq!(cluster.append(1, batch(5)), Some(Answer::Repeat));
}

#[test]
fn one_replica_becomes_three_while_it_takes_records() {
    let mut cluster = Cluster::of(&[1]);
    for number in 1..=20 {
        cluster.append(1, batch(number));
    }
    cluster.change(|row| row.joining = nodes(&[2, 3]));
    // Those who join do not count: it commits alone.
    cluster.cut(2);
    assert!(matches!(cluster.append(1, batch(21)), Some(Answer::Committed(_))));
    cluster.join(2);
    cluster.pass(Duration::from_millis(500));
    let joint = Proposal::Joint { epoch: cluster.row.epoch, revision: cluster.row.revision };
    assert!(cluster.proposed.contains(&(1, joint)));
    cluster.made();
    cluster.change(|row| (row.joining, row.next) = (Vec::new(), Some(nodes(&[1, 2, 3]))));
    let last = Proposal::Final { epoch: cluster.row.epoch, revision: cluster.row.revision };
    cluster.pass(Duration::from_millis(500));
    assert!(cluster.proposed.contains(&(1, last)));
    cluster.row.replicas = nodes(&[1, 2, 3]);
    cluster.row.next = None;
    cluster.elect(1);
    cluster.kill(1);
    cluster.elect(2);
    assert_eq!(cluster.append(2, batch(21)), Some(Answer::Repeat));
    assert!(matches!(cluster.append(2, batch(22)), Some(Answer::Committed(_))));
}

#[test]
fn who_is_far_behind_is_served_from_disk_and_does_not_hold_up_the_others() {
    let mut cluster = Cluster::limited(
        &[1, 2, 3],
        Limits { recent_bytes: 400, message_appends: 4, in_flight: 8, ..Limits::default() },
    );
    cluster.cut(3);
    for number in 1..=50 {
        assert!(matches!(cluster.append(1, batch(number)), Some(Answer::Committed(_))));
    }
    assert_eq!(cluster.reads, 0);
    cluster.join(3);
    cluster.pass(Duration::from_secs(1));
    assert!(cluster.reads > 0);
    assert_eq!(cluster.log(3), cluster.log(1));
}

#[test]
fn too_much_is_refused_and_what_was_taken_is_kept() {
    let mut cluster = Cluster::limited(&[1, 2, 3], Limits { uncommitted: 4, waiting: 3, ..Limits::default() });
    cluster.append(1, batch(1));
    cluster.cut(2);
    cluster.cut(3);
    let requests: Vec<_> = (2..=6).map(|number| cluster.request(1, batch(number))).collect();
    let answers: Vec<_> = requests.iter().map(|request| cluster.answer(*request)).collect();
    assert_eq!(answers[..3], [None, None, None]);
    assert_eq!(answers[3], Some(Answer::Full));
    cluster.join(2);
    cluster.pass(Duration::from_secs(1));
    assert!(matches!(cluster.answer(requests[2]), Some(Answer::Committed(_))));
}

#[test]
fn what_is_too_large_is_refused() {
    let mut cluster =
        Cluster::limited(&[1], Limits { append_bytes: 100, name_bytes: 4, forgotten: 1, ..Limits::default() });
    let large = cluster.request_of(1, Kind::Note, 101);
    assert_eq!(cluster.answer(large), Some(Answer::TooLarge));
    let long = Batch { publisher: "publisher".to_owned(), session: 1, number: 1 };
    assert_eq!(cluster.append(1, Kind::Records(Some(long))), Some(Answer::TooLarge));
    assert_eq!(cluster.append(1, Kind::Forget(vec!["p".to_owned(), "q".to_owned()])), Some(Answer::TooLarge));
    assert!(matches!(cluster.append(1, Kind::Forget(vec!["p".to_owned()])), Some(Answer::Committed(_))));
}

#[test]
fn an_idle_cluster_says_nothing() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.append(1, batch(1));
    cluster.pass(Duration::from_secs(1));
    cluster.sent.clear();
    cluster.wrote.clear();
    cluster.proposed.clear();
    cluster.pass(Duration::from_secs(60));
    assert!(cluster.sent.is_empty() && cluster.wrote.is_empty() && cluster.proposed.is_empty());
    assert!([1, 2, 3].iter().all(|node| cluster.replica(*node).deadline().is_none()));
}

#[test]
fn what_is_no_request_of_a_publisher_is_void() {
    let mut cluster = Cluster::of(&[1]);
    for kind in [Kind::Epoch, Kind::Set, Kind::Mark(3)] {
        assert_eq!(cluster.append(1, kind), Some(Answer::Void));
    }
}
