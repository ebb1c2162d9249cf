use dag_model::NodeId;
use dag_plan::{Change, Life, Proposal, Refusal, Which, wanted, wanted_of};

use crate::kit::{LIVE, NODE, done, hold, id, life, nested, refused};

#[test]
fn a_start_ends_what_only_the_former_start_held() {
    let mut plan = nested();
    done(&mut plan, [Change::Up { node: NODE, boot: 2 }]);
    assert_eq!((life(&plan, 1), life(&plan, 2)), (Life::Stored, Life::Stored));
    assert_eq!(refused(&mut plan, &Proposal::of([hold(2, 99, true)])), Refusal::Boot(NODE), "of the former start");
    assert_eq!(refused(&mut plan, &Proposal::of([Change::Up { node: NODE, boot: 2 }])), Refusal::Boot(NODE));
}

#[test]
fn what_lingered_when_the_node_ended_does_not_linger_on() {
    let mut plan = nested();
    done(&mut plan, [hold(2, 2, false)]);
    done(&mut plan, [Change::Up { node: NODE, boot: 2 }]);
    assert_eq!((life(&plan, 2), plan.idle().count()), (Life::Stored, 0));
}

#[test]
fn what_another_node_holds_goes_on() {
    let mut plan = nested();
    let other = NodeId(2);
    done(&mut plan, [Change::Up { node: other, boot: 5 }]);
    let theirs = Change::Hold { incarnation: Which::There(id(2)), node: other, boot: 5, number: 1, held: true };
    done(&mut plan, [theirs]);
    done(&mut plan, [Change::Up { node: NODE, boot: 2 }]);
    assert_eq!((life(&plan, 1), life(&plan, 2)), (LIVE, LIVE));
}

#[test]
fn a_start_is_wanted_to_run_what_is_live_and_a_former_one_nothing() {
    let mut plan = nested();
    let ids = |plan: &dag_plan::Plan, boot| wanted(plan, NODE, boot).map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(ids(&plan, 1), [id(1), id(2)]);
    done(&mut plan, [Change::Up { node: NodeId(2), boot: 1 }]);
    assert_eq!((ids(&plan, 2), wanted_of(&plan, NODE, 2, id(1))), (vec![], None));
    assert!(wanted_of(&plan, NODE, 1, id(1)).is_some());
}
