//! H1, H2 and H10.

use std::time::Duration;

use dag_replica::{Answer, Held, Kind, Message, Point, Question};

use super::kit::{Cluster, batch, named};

#[test]
fn h1_a_deposed_leader_tells_no_end() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.append(1, batch(1));
    // A is stopped for a while, or cut off; B leads and commits more.
    cluster.keep_unaware(1);
    cluster.cut(1);
    cluster.elect(2);
    assert_eq!(cluster.append(2, batch(2)), Some(Answer::Committed(Point::new(2, 4))));
    let questions = [cluster.ask(1, Question::End), cluster.ask(1, Question::Publisher("p".to_owned()))];
    cluster.pass(Duration::from_secs(3));
    assert_eq!(questions.map(|id| cluster.answer(id)), [None, None]);
    cluster.join(1);
    cluster.pass(Duration::from_secs(1));
    assert_eq!(questions.map(|id| cluster.answer(id)), [Some(Answer::NotLeader), Some(Answer::NotLeader)]);
    let question = cluster.ask(2, Question::End);
    assert_eq!(cluster.answer(question), Some(Answer::End(Point::new(2, 4))));
}

#[test]
fn h1_a_deposed_leader_refuses_nothing_by_what_it_remembers() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.append(1, batch(1));
    cluster.keep_unaware(1);
    cluster.cut(1);
    cluster.elect(2);
    cluster.append(2, batch(2));
    // The third batch is no gap, but A cannot know.
    let request = cluster.request(1, batch(3));
    cluster.pass(Duration::from_secs(1));
    assert_eq!(cluster.answer(request), None);
    cluster.join(1);
    cluster.pass(Duration::from_secs(1));
    assert_eq!(cluster.answer(request), Some(Answer::NotLeader));
    assert!(matches!(cluster.append(2, batch(3)), Some(Answer::Committed(_))));
}

#[test]
fn h1_one_round_serves_all_who_ask_meanwhile() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.append(1, batch(1));
    cluster.sent.clear();
    let questions: Vec<_> = (0..1000).map(|_| cluster.ask(1, Question::End)).collect();
    for question in questions {
        assert_eq!(cluster.answer(question), Some(Answer::End(Point::new(1, 2))));
    }
    // The first asks at once, all others share the round after it: two messages to two followers, and their answers.
    assert!(cluster.sent.len() <= 8, "{} messages", cluster.sent.len());
}

#[test]
fn h1_a_new_leader_tells_nothing_before_its_epoch_has_a_commit() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.append(1, batch(1));
    cluster.cut(3);
    cluster.hang(2);
    cluster.request(1, batch(2));
    cluster.settle();
    cluster.kill(1);
    cluster.release(2);
    cluster.join(3);
    cluster.hang(3);
    cluster.elect(2);
    let question = cluster.ask(2, Question::End);
    assert_eq!(cluster.answer(question), None);
    cluster.release(3);
    cluster.pass(Duration::from_millis(200));
    assert_eq!(cluster.answer(question), Some(Answer::End(Point::new(2, 4))));
}

#[test]
fn h2_a_reader_goes_on_into_a_later_epoch_unless_its_own_was_cut() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.append(1, batch(1));
    // The second batch reaches nobody but A.
    cluster.cut(1);
    cluster.request(1, batch(2));
    cluster.settle();
    cluster.elect(2);
    cluster.append(2, batch(2));
    cluster.join(1);
    cluster.pass(Duration::from_secs(1));
    for node in [1, 2, 3] {
        let epochs = cluster.replica(node).epochs();
        assert_eq!(epochs.held(Point::new(1, 2)), Held::Here);
        assert_eq!(epochs.held(Point::new(1, 3)), Held::Lost);
        assert_eq!(epochs.held(Point::new(2, 4)), Held::Here);
        // A position ahead of what a node knows is waited for (M13).
        assert_eq!(epochs.held(Point::new(2, 9)), Held::Ahead);
    }
}

#[test]
fn h10_who_is_forgotten_is_so_on_each_replica_at_the_same_append() {
    let mut cluster = Cluster::of(&[1, 2, 3]);
    cluster.append(1, batch(1));
    cluster.append(1, Kind::Leave(named(1)));
    cluster.append(1, Kind::Forget(vec!["p".to_owned()]));
    cluster.elect(3);
    let question = cluster.ask(3, Question::Publisher("p".to_owned()));
    assert_eq!(cluster.answer(question), Some(Answer::Publisher(None)));
    let tables: Vec<_> = [1, 2, 3].map(|node| cluster.replica(node).shown().publishers.clone()).into();
    assert!(tables.iter().all(std::collections::BTreeMap::is_empty));
    assert!(!cluster.sent.iter().any(|(_, _, message)| matches!(message, Message::Refused { .. })));
}
