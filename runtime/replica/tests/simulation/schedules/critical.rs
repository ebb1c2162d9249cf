//! C1 to C8, as far as they concern replicas.

use std::time::Duration;

use dag_replica::{Answer, Kind, Message, Point, Proposal, Standing, Write};

use super::kit::{Cluster, batch, nodes};

#[test]
fn c1_an_append_without_records_that_was_committed_is_fetched_by_whoever_lacks_it() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    assert_eq!(cluster.append(1, batch(1)), Some(Answer::Committed(Point::new(1, 2))));
    // The frontier reaches A and C only.
    cluster.cut(2);
    assert_eq!(cluster.append(1, Kind::Note), Some(Answer::Committed(Point::new(1, 3))));
    cluster.kill(1);
    cluster.join(2);
    cluster.elect(2);
    assert_eq!(cluster.kinds(2), [Kind::Epoch, batch(1), Kind::Note]);
    assert!(matches!(cluster.append(2, batch(2)), Some(Answer::Committed(_))));
    assert_eq!(cluster.kinds(2), [Kind::Epoch, batch(1), Kind::Note, Kind::Epoch, batch(2)]);
    assert_eq!(cluster.log(3), cluster.log(2));
}

#[test]
fn c1_an_acknowledged_seal_stays() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.cut(2);
    assert_eq!(cluster.append(1, Kind::Seal(None)), Some(Answer::Committed(Point::new(1, 2))));
    cluster.kill(1);
    cluster.join(2);
    cluster.elect(2);
    assert!(matches!(cluster.append(2, batch(1)), Some(Answer::Refused(_))));
}

#[test]
fn c2_an_append_travels_as_a_whole_however_large_it_is() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    let large = cluster.limits.message_bytes * 3;
    let requests: Vec<_> = (1..=3).map(|number| cluster.request_of(1, batch(number), large)).collect();
    for request in requests {
        assert!(matches!(cluster.answer(request), Some(Answer::Committed(_))));
    }
    assert_eq!(cluster.log(2), cluster.log(1));
    for (_, _, message) in &cluster.sent {
        assert!(message.appends().len() <= 1 || message.size() < large, "what is large goes alone");
        assert!(
            message.appends().iter().all(|append| append.body.0.len() != large || append.header.kind.has_records())
        );
    }
}

#[test]
fn c3_a_leader_that_starts_again_does_not_lead_in_its_epoch() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.append(1, batch(1));
    // It sends the next batch to B before it has synced it, and is killed.
    cluster.hang(1);
    cluster.cut(3);
    cluster.request(1, batch(2));
    cluster.settle();
    cluster.kill(1);
    let of_b = cluster.log(2);
    assert_eq!(of_b.len(), 3);
    cluster.start(1);
    cluster.join(3);
    assert!(matches!(cluster.replica(1).standing(), Standing::Follows(_)), "the plan names its former start");
    assert_eq!(cluster.append(1, batch(2)), Some(Answer::NotLeader));
    // In a new epoch it may, and finds out what it had begun.
    cluster.cut(3);
    cluster.elect(1);
    assert!(cluster.leads(1));
    assert_eq!(cluster.log(1)[..3], of_b[..]);
    assert_eq!(cluster.append(1, batch(2)), Some(Answer::Repeat));
}

#[test]
fn c4_the_final_set_waits_for_a_commit_in_both_sets_of_what_came_after_the_leader_knew() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.append(1, batch(1));
    cluster.change(|row| row.joining = nodes(&[4, 5]));
    cluster.pass(Duration::from_secs(1));
    assert!(cluster.proposed.iter().any(|(node, what)| *node == 1 && matches!(what, Proposal::Joint { .. })));
    // The plan says joint, and A does not know: it commits with the old set, and D and E have all that they were to have.
    cluster.keep_unaware(1);
    cluster.change(|row| (row.joining, row.next) = (Vec::new(), Some(nodes(&[1, 4, 5]))));
    cluster.cut(4);
    cluster.cut(5);
    assert!(matches!(cluster.append(1, batch(2)), Some(Answer::Committed(_))));
    cluster.pass(Duration::from_secs(1));
    assert!(!cluster.proposed.iter().any(|(_, what)| matches!(what, Proposal::Final { .. })));
    // Now it knows, and D and E have not got what it commits: nothing is committed by the old set alone.
    cluster.make_aware(1);
    assert_eq!(cluster.append(1, batch(3)), None);
    assert!(!cluster.proposed.iter().any(|(_, what)| matches!(what, Proposal::Final { .. })));
    cluster.join(4);
    cluster.pass(Duration::from_millis(500));
    let last = Proposal::Final { epoch: cluster.row.epoch, revision: cluster.row.revision };
    assert!(cluster.proposed.contains(&(1, last)));
    // A and B die with the old set; D has all.
    cluster.change(|row| (row.replicas, row.next, row.made) = (nodes(&[1, 4, 5]), None, nodes(&[1, 4, 5])));
    cluster.kill(1);
    cluster.join(5);
    cluster.elect(4);
    assert_eq!(cluster.append(4, batch(3)), Some(Answer::Repeat));
}

#[test]
fn c4_the_old_set_goes_on_where_those_who_join_are_dead() {
    let mut cluster = Cluster::of(&[1]);
    cluster.append(1, batch(1));
    cluster.change(|row| row.joining = nodes(&[2, 3]));
    cluster.kill(2);
    cluster.kill(3);
    cluster.change(|row| (row.joining, row.next) = (Vec::new(), Some(nodes(&[1, 2, 3]))));
    assert_eq!(cluster.append(1, batch(2)), None);
    cluster.row.next = None;
    cluster.elect(1);
    assert!(cluster.leads(1));
    assert!(
        matches!(cluster.append(1, batch(2)), Some(Answer::Repeat)),
        "it was in the log, and is committed in the new epoch"
    );
}

#[test]
fn c5_a_mark_is_appended_once_by_whoever_leads() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.change(|row| row.mark = 7);
    assert_eq!(cluster.replica(2).shown().marked, 7);
    cluster.elect(2);
    cluster.append(2, batch(1));
    let marks = |cluster: &Cluster| cluster.kinds(2).iter().filter(|kind| matches!(kind, Kind::Mark(_))).count();
    assert_eq!(marks(&cluster), 1, "the first counts");
    // One that was not committed and is lost is appended by the next leader.
    cluster.cut(2);
    cluster.change(|row| row.mark = 9);
    cluster.kill(2);
    cluster.elect(3);
    assert_eq!((cluster.replica(3).shown().marked, cluster.replica(1).shown().marked), (9, 9));
}

#[test]
fn c8_a_log_that_is_listed_and_not_there_votes_for_nobody_until_it_is_filled() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.append(1, batch(1));
    cluster.cut(2);
    assert!(matches!(cluster.append(1, batch(2)), Some(Answer::Committed(_))));
    // C's log is lost; A dies before C is filled.
    cluster.kill(3);
    cluster.disk(3).lose();
    cluster.kill(1);
    cluster.start(3);
    assert!(!cluster.replica(3).row().whole);
    cluster.join(2);
    cluster.elect(2);
    cluster.pass(Duration::from_secs(2));
    assert_eq!(cluster.replica(2).standing(), Standing::Stands(cluster.row.epoch));
    assert!(cluster.proposed.contains(&(2, Proposal::Unpromised(cluster.row.epoch))));
    // A is back, has all, and fills both; then C votes again.
    cluster.start(1);
    cluster.elect(1);
    cluster.pass(Duration::from_secs(2));
    assert!(cluster.replica(3).row().whole);
    assert_eq!(cluster.log(3), cluster.log(1));
    cluster.kill(1);
    cluster.elect(2);
    assert!(cluster.leads(2));
}

#[test]
fn c8_nothing_is_taken_before_a_majority_has_made_its_logs() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.change(|row| row.made = nodes(&[1]));
    assert_eq!(cluster.append(1, batch(1)), Some(Answer::NotMade));
    cluster.change(|row| row.made = nodes(&[1, 3]));
    assert!(matches!(cluster.append(1, batch(1)), Some(Answer::Committed(_))));
}

#[test]
fn c8_a_replica_that_makes_its_log_late_counts_when_it_is_filled() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.append(1, batch(1));
    let mut cluster = {
        cluster.change(|row| (row.replicas, row.made) = (nodes(&[1, 2, 4]), nodes(&[1, 2])));
        cluster
    };
    let first = cluster.wrote.iter().find_map(|(node, write)| match write {
        Write::Row(row) if *node == 4 => Some(row.whole),
        _ => None,
    });
    assert_eq!(first, Some(false));
    cluster.pass(Duration::from_secs(1));
    assert!(cluster.replica(4).row().whole);
    assert!(cluster.proposed.contains(&(4, Proposal::Made)));
    assert!(!cluster.sent.iter().any(|(from, _, message)| *from == 4 && matches!(message, Message::Promise { .. })));
}
