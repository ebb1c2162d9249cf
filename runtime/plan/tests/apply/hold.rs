use dag_plan::{Change, Entity, Life, Proposal, Refusal};

use crate::kit::{LIVE, X, begin, bytes, done, hold, hold_new, id, life, nested, plan, refused};

#[test]
fn the_last_who_lets_go_leaves_it_lingering_and_only_that_lingering_elapses() {
    let mut plan = plan();
    done(&mut plan, [begin("a(x)", &[X]), hold_new(0, 1)]);
    let first = done(&mut plan, [hold(1, 2, false)]).revision;
    assert_eq!(life(&plan, 1), Life::Live { idle: Some(first) });
    done(&mut plan, [hold(1, 3, true)]);
    assert_eq!((life(&plan, 1), plan.idle().count()), (LIVE, 0));
    let second = done(&mut plan, [hold(1, 4, false)]).revision;
    let elapsed = |idle| Change::Elapsed { incarnation: id(1), idle };
    assert_eq!(refused(&mut plan, &Proposal::of([elapsed(first)])), Refusal::State(id(1)), "it was used meanwhile");
    done(&mut plan, [elapsed(second)]);
    assert_eq!((life(&plan, 1), plan.live().count()), (Life::Stored, 0));
}

#[test]
fn an_older_word_changes_nothing() {
    let mut plan = plan();
    done(&mut plan, [begin("a(x)", &[X]), hold_new(0, 1)]);
    done(&mut plan, [hold(1, 3, true)]);
    let before = bytes(&plan);
    assert!(done(&mut plan, [hold(1, 2, false)]).touched.is_empty(), "the same, tried again");
    assert!(done(&mut plan, [hold(1, 3, false)]).touched.is_empty());
    assert_eq!(bytes(&plan), before);
}

#[test]
fn holds_commute_and_nothing_that_others_decided_on_moves() {
    let mut plan = plan();
    done(&mut plan, [begin("a(x)", &[X]), hold_new(0, 1)]);
    let of = |plan: &dag_plan::Plan| {
        [Entity::Incarnation(id(1)), Entity::Expression("a(x)".into())].map(|entity| plan.revision_of(&entity))
    };
    let before = of(&plan);
    done(&mut plan, [hold(1, 2, false)]);
    done(&mut plan, [hold(1, 3, true)]);
    assert_eq!(of(&plan), before);
}

#[test]
fn what_is_read_does_not_linger() {
    let mut plan = nested();
    done(&mut plan, [hold(1, 2, true)]);
    done(&mut plan, [hold(1, 3, false)]);
    assert_eq!(life(&plan, 1), LIVE, "the other one reads it");
}

#[test]
fn what_is_held_by_somebody_else_goes_on_when_its_reader_stops() {
    let mut plan = nested();
    done(&mut plan, [hold(1, 2, true)]);
    let idle = done(&mut plan, [hold(2, 3, false)]).revision;
    done(&mut plan, [Change::Elapsed { incarnation: id(2), idle }]);
    assert_eq!((life(&plan, 1), life(&plan, 2)), (LIVE, Life::Stored));
}

#[test]
fn what_is_over_cannot_be_held_and_may_be_let_go() {
    let mut plan = nested();
    done(&mut plan, [Change::End { incarnation: id(2), how: dag_plan::Ending::Finished }]);
    assert_eq!(refused(&mut plan, &Proposal::of([hold(2, 9, true)])), Refusal::State(id(2)));
    assert!(done(&mut plan, [hold(2, 10, false)]).touched.is_empty());
}
