use dag_model::Digest;
use dag_plan::apply::MAX_TURNS;
use dag_plan::{By, Change, Ending, Given, Plan, Proposal, Ran, Refusal, Revision, Turn};

use crate::kit::{begin, done, hold_new, id, nested, new, refused, turn};

fn turns(plan: &Plan, number: u64) -> Vec<(u64, u8)> {
    let turns = &plan.incarnation(id(number)).expect("it is there").turns;
    turns.iter().map(|turn| (turn.mark.0, turn.to.0[0])).collect()
}

fn switch(number: u64, mark: u64, to: Option<Ran>) -> Change {
    Change::Switch { incarnation: id(number), mark: Revision(mark), to }
}

fn state(version: u8, mark: u64) -> Ran {
    Ran { mark: Some(Revision(mark)), by: By::State, ..Ran::first(Digest([version; 32])) }
}

#[test]
fn the_mark_names_the_revision_since_then_and_a_greater_one_than_any_log_has_a_mark_of() {
    let mut plan = nested();
    let before = plan.revision().0;
    assert_eq!(done(&mut plan, [turn(2, 0, &[1, 2])]).given, [Given::Mark(Revision(before + 1))]);
    // A log from elsewhere has a mark of 99.
    let applied = done(&mut plan, [turn(3, 100, &[1])]);
    assert_eq!(
        (applied.revision, plan.revision(), applied.given[0]),
        (Revision(100), Revision(100), Given::Mark(Revision(100)))
    );
    done(&mut plan, [turn(4, 7, &[1])]);
    assert_eq!(turns(&plan, 1), [(before + 1, 2), (100, 3), (101, 4)]);
    assert_eq!(turns(&plan, 2), [(before + 1, 2)]);
}

#[test]
fn who_is_not_live_or_has_too_many_ahead_is_passed_by_and_keeps_nobody_from_theirs() {
    let mut plan = nested();
    done(&mut plan, [begin("c(a(x))", &[crate::kit::there(1)]), hold_new(0, 2), begin("d", &[new(0)])]);
    done(&mut plan, [Change::End { incarnation: id(4), how: Ending::Failed("trap".into()) }]);
    (0..MAX_TURNS).for_each(|_| drop(done(&mut plan, [turn(2, 0, &[1])])));
    let ahead = turns(&plan, 1);
    done(&mut plan, [turn(3, 0, &[1, 2, 4, 9])]);
    assert_eq!((turns(&plan, 1), turns(&plan, 2).len(), turns(&plan, 4)), (ahead, 1, vec![]));
    let before = plan.revision();
    assert!(done(&mut plan, [turn(3, 5_000, &[4, 9])]).touched.is_empty());
    assert_eq!(plan.revision(), before, "nothing has changed");
}

#[test]
fn turns_are_taken_in_their_order_and_a_record_says_what_came_of_each_that_took_over() {
    let mut plan = nested();
    done(&mut plan, [turn(2, 50, &[1])]);
    done(&mut plan, [turn(3, 60, &[1])]);
    assert_eq!(refused(&mut plan, &Proposal::of([switch(1, 60, None)])), Refusal::State(id(1)));
    done(&mut plan, [switch(1, 50, None)]);
    done(&mut plan, [switch(1, 60, Some(state(3, 60)))]);
    assert_eq!(refused(&mut plan, &Proposal::of([switch(1, 60, None)])), Refusal::State(id(1)));
    let course = plan.incarnation(id(1)).unwrap();
    assert_eq!((course.record.ran.len(), course.record.ran[1].mark, course.turns.len()), (2, Some(Revision(60)), 0));
}

#[test]
fn what_is_stored_or_failed_keeps_its_turns_and_what_is_never_computed_again_does_not() {
    let ends = |how: Ending| {
        let mut plan = nested();
        done(&mut plan, [turn(2, 50, &[1])]);
        done(&mut plan, [Change::End { incarnation: id(1), how }]);
        turns(&plan, 1)
    };
    assert_eq!(ends(Ending::Failed("trap".into())), [(50, 2)]);
    assert_eq!(ends(Ending::Quarantined("another sum".into())), []);
    assert_eq!(ends(Ending::Finished), []);
    let mut plan = nested();
    done(&mut plan, [turn(2, 50, &[1])]);
    done(&mut plan, [Change::Up { node: crate::kit::NODE, boot: 2 }]);
    done(&mut plan, [Change::Resume(id(1))]);
    assert_eq!(
        plan.incarnation(id(1)).unwrap().turns,
        [Turn { mark: Revision(50), to: Digest([2; 32]), replay: true }]
    );
}

#[test]
fn what_a_copy_comes_to_again_need_not_be_durable_and_what_it_might_not_has_to_be() {
    let there = state(2, 50);
    assert!(switch(1, 50, Some(there.clone())).is_passing());
    assert!(!switch(1, 50, Some(Ran { by: By::Replay, ..there.clone() })).is_passing(), "a trial may have failed");
    assert!(!switch(1, 50, Some(Ran { mark: None, ..there })).is_passing(), "it took over where the other one failed");
    assert!(!switch(1, 50, None).is_passing());
    assert!(!turn(2, 0, &[1]).is_passing());
}

#[test]
fn a_version_that_somebody_may_have_to_run_is_not_undeployed() {
    let mut plan = nested();
    done(&mut plan, [turn(2, 50, &[1])]);
    done(&mut plan, [switch(1, 50, Some(state(2, 50))), turn(3, 60, &[1])]);
    for version in 1..=3 {
        let undeploy = Change::Undeploy { digest: Digest([version; 32]) };
        assert!(matches!(refused(&mut plan, &Proposal::of([undeploy])), Refusal::Used { .. }), "{version}");
    }
}
