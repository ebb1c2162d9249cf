use dag_model::{IncarnationId, StreamId};
use dag_plan::{Change, Entity, Given, Life, LogId, Proposal, Refusal, Revision, Which};

use crate::kit::{LIVE, X, begin, done, hold_new, id, life, nested, new, plan, refused, there};

#[test]
fn incarnations_get_numbers_and_name_one_another_by_their_place() {
    let mut plan = plan();
    let applied = done(&mut plan, [begin("a(x)", &[X]), begin("b(a(x))", &[new(0)]), hold_new(1, 1)]);
    assert_eq!(applied.given[..2], [1, 2].map(|number| Given::Incarnation(IncarnationId(number))));
    let record = &plan.incarnation(id(2)).unwrap().record;
    assert_eq!(record.inputs[0].legs[0].log, LogId::Derived(id(1)));
    assert_eq!((life(&plan, 1), life(&plan, 2)), (LIVE, LIVE));
    let touched = ["a(x)", "b(a(x))"].map(|name| Entity::Expression(name.to_owned()));
    assert!(touched.iter().all(|entity| applied.touched.contains(entity)), "{applied:?}");
    assert_eq!(plan.revision_of(&touched[0]), applied.revision);
}

#[test]
fn of_two_that_start_the_same_stream_the_second_is_stale() {
    let mut plan = plan();
    let absent =
        || Proposal::of([begin("a(x)", &[X]), hold_new(0, 1)]).on(Entity::Expression("a(x)".into()), Revision(0));
    dag_plan::apply(&mut plan, &absent()).unwrap();
    let stale = refused(&mut plan, &absent());
    assert_eq!(stale, Refusal::Stale { entity: Entity::Expression("a(x)".into()), revision: plan.revision() });
}

#[test]
fn a_proposal_applies_as_a_whole_or_not_at_all() {
    let mut plan = plan();
    let no_source = LogId::Source(StreamId(9));
    let refusal = refused(&mut plan, &Proposal::of([begin("a(x)", &[X]), begin("b(y)", &[no_source])]));
    assert_eq!(refusal, Refusal::Missing(Entity::Stream(StreamId(9))));
    assert_eq!(plan.incarnations().count(), 0);
    done(&mut plan, [begin("a(x)", &[X])]);
    assert!(plan.incarnation(id(1)).is_some(), "the number was not given");
}

#[test]
fn a_place_that_begins_nothing_before_is_refused() {
    let mut plan = plan();
    assert_eq!(refused(&mut plan, &Proposal::of([begin("a", &[new(0)])])), Refusal::Place(0));
    let later = Proposal::of([begin("b", &[new(1)]), begin("a", &[X])]);
    assert_eq!(refused(&mut plan, &later), Refusal::Place(1));
    assert_eq!(refused(&mut plan, &Proposal::of([begin("a", &[])])), Refusal::Inputs("a".to_owned()));
}

#[test]
fn nothing_begins_on_what_is_not_computed_any_more() {
    let mut plan = nested();
    let failed = dag_plan::Ending::Failed("trap".to_owned());
    done(&mut plan, [Change::End { incarnation: id(1), how: failed }]);
    assert_eq!(refused(&mut plan, &Proposal::of([begin("c", &[there(1)])])), Refusal::State(id(1)));
}

#[test]
fn what_nobody_uses_lingers_from_the_start() {
    let mut plan = plan();
    let applied = done(&mut plan, [begin("a(x)", &[X])]);
    assert_eq!(life(&plan, 1), Life::Live { idle: Some(applied.revision) });
    assert_eq!(plan.idle().collect::<Vec<_>>(), [(id(1), applied.revision)]);
}

#[test]
fn a_stored_one_goes_on_with_what_it_reads() {
    let mut plan = nested();
    done(&mut plan, [crate::kit::hold(2, 2, false)]);
    let Life::Live { idle: Some(idle) } = life(&plan, 2) else { panic!("it lingers") };
    done(&mut plan, [Change::Elapsed { incarnation: id(2), idle }]);
    assert_eq!((life(&plan, 1), life(&plan, 2)), (Life::Stored, Life::Stored), "its input goes with it at once");
    assert_eq!(refused(&mut plan, &Proposal::of([Change::Resume(id(2))])), Refusal::State(id(1)));
    let hold =
        Change::Hold { incarnation: Which::There(id(2)), node: crate::kit::NODE, boot: 1, number: 3, held: true };
    done(&mut plan, [Change::Resume(id(1)), Change::Resume(id(2)), hold]);
    assert_eq!((life(&plan, 1), life(&plan, 2)), (LIVE, LIVE));
}
