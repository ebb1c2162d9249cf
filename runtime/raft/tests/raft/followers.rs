//! Nodes that follow the plan without a vote.

use std::time::Duration;

use dag_model::NodeId;
use dag_raft::limits::RECENT;

use crate::support::changes::{bytes, create, epoch, policy};
use crate::support::town::Town;
use crate::support::{PATIENCE, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_does_not_vote_has_the_plan_proposes_and_turns_to_another_voter() {
    let mut town = Town::of(4).await;
    let [one, two, three] = town.three_voters().await;
    one.door().await.propose(&create("x")).await.unwrap();
    let four = town.node(4, &[1, 2, 3]);
    let follower = four.follow(&[2]);
    let door = follower.door(PATIENCE).await.unwrap();
    assert!(door.plan().stream_named("x").is_some(), "a snapshot comes first");
    let applied = door.propose(&epoch(1)).await.unwrap();
    assert_eq!(door.plan().revision(), applied.revision, "then what changes it");
    one.door().await.propose(&policy("seen")).await.unwrap();
    soon(async {
        while door.plan().policy("seen").is_none() || follower.voters().len() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_eq!(follower.voters()[0], NodeId(2));
    town.kill(two).await;
    soon(async { while door.propose(&policy("without it")).await.is_err() {} }).await;
    let one = one.door().await;
    soon(async {
        while bytes(&door.plan()) != bytes(&one.plan()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert_ne!(follower.voters()[0], NodeId(2));
    assert!(follower.silence().is_some());
    drop(three);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_for_long_gets_a_snapshot_again() {
    let mut town = Town::of(2).await;
    let one = town.voter(1, &[2]).await;
    one.voter().begin().await.unwrap();
    let voter = one.door().await;
    let two = town.node(2, &[1]);
    let follower = two.follow(&[1]);
    let door = follower.door(PATIENCE).await.unwrap();
    town.cut(2);
    // More than is kept of what was agreed on last.
    let each = 60 << 10;
    for number in 0..RECENT.0 / each + 2 {
        let name = format!("{number}{}", "x".repeat(each));
        voter.propose(&policy(name)).await.unwrap();
    }
    town.heal(2);
    soon(async {
        while bytes(&door.plan()) != bytes(&voter.plan()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    door.propose(&policy("and goes on")).await.unwrap();
    one.stop().await;
}
