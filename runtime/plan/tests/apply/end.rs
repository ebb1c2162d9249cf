use dag_plan::{Change, Ending, Given, Life, LogId, Proposal, Ran, Refusal, Skipped};

use crate::kit::{LIVE, X, begin, done, hold_new, id, life, nested, plan, refused, there, turn};

fn end(incarnation: u64, how: Ending) -> Change {
    Change::End { incarnation: id(incarnation), how }
}

#[test]
fn a_failure_ends_what_reads_it_and_what_only_that_has_read() {
    let mut plan = nested();
    done(&mut plan, [begin("c", &[X]), begin("join(b, c)", &[there(2), crate::kit::new(0)]), hold_new(1, 2)]);
    done(&mut plan, [end(1, Ending::Failed("trap".into()))]);
    let failed = || Life::Failed("trap".into());
    assert_eq!([1, 2, 3, 4].map(|number| life(&plan, number)), [failed(), failed(), Life::Stored, failed()]);
    assert_eq!(refused(&mut plan, &Proposal::of([end(1, Ending::Finished)])), Refusal::State(id(1)));
}

#[test]
fn what_is_finished_is_read_on() {
    let mut plan = nested();
    done(&mut plan, [end(1, Ending::Finished)]);
    assert_eq!((life(&plan, 1), life(&plan, 2)), (Life::Finished, LIVE));
    assert_eq!(
        refused(&mut plan, &Proposal::of([Change::Forget(id(1))])),
        Refusal::Used { what: dag_plan::Entity::Incarnation(id(1)), by: id(2) }
    );
}

#[test]
fn what_is_quarantined_stays_so_and_its_readers_fail() {
    let mut plan = nested();
    done(&mut plan, [end(1, Ending::Quarantined("another sum".into()))]);
    assert_eq!(life(&plan, 1), Life::Quarantined("another sum".into()));
    assert_eq!(life(&plan, 2), Life::Failed("`a(x)` is quarantined: another sum".into()));
    assert_eq!(refused(&mut plan, &Proposal::of([Change::Resume(id(1))])), Refusal::State(id(1)));
}

#[test]
fn what_has_read_what_is_lost_ends_for_ever_with_all_that_read_it_live_or_not() {
    let mut plan = nested();
    done(&mut plan, [begin("c", &[X]), hold_new(0, 2)]);
    done(&mut plan, [end(1, Ending::Finished)]);
    let lose = |incarnation| Change::Lose { incarnation: id(incarnation), why: "gone".into() };
    done(&mut plan, [lose(1)]);
    let lost = || Life::Lost("gone".into());
    assert_eq!([1, 2, 3].map(|number| life(&plan, number)), [lost(), lost(), LIVE]);
    assert_eq!(refused(&mut plan, &Proposal::of([Change::Resume(id(2))])), Refusal::State(id(2)));
    assert!(matches!(refused(&mut plan, &Proposal::of([lose(9)])), Refusal::Missing(_)));
}

#[test]
fn what_has_never_begun_is_as_if_it_had_not_and_its_number_is_gone() {
    let mut plan = nested();
    done(&mut plan, [end(1, Ending::NeverBegun)]);
    assert_eq!(plan.incarnations().count(), 0);
    done(&mut plan, [begin("a(x)", &[X])]);
    assert!(plan.incarnation(id(3)).is_some());
}

#[test]
fn what_is_forgotten_is_not_live_and_its_number_is_gone() {
    let mut plan = nested();
    assert_eq!(refused(&mut plan, &Proposal::of([Change::Forget(id(2))])), Refusal::State(id(2)));
    done(&mut plan, [end(2, Ending::Failed("trap".into()))]);
    done(&mut plan, [Change::Forget(id(1)), Change::Forget(id(2))]);
    assert_eq!(plan.incarnations().count(), 0);
    assert_eq!(plan.counters().incarnation, 3);
}

#[test]
fn a_record_is_only_appended_to() {
    let mut plan = plan();
    done(&mut plan, [begin("a(x)", &[X]), hold_new(0, 1)]);
    let before = plan.incarnation(id(1)).unwrap().record.clone();
    let to = Ran { output: 40, ..Ran::first(dag_model::Digest([2; 32])) };
    let given = done(&mut plan, [turn(2, 0, &[1])]).given;
    let [Given::Mark(mark)] = given[..] else { panic!("{given:?}") };
    let record = Skipped { input: 0, log: LogId::Source(dag_model::StreamId(1)), sequence: 9, why: "trap".into() };
    let on = |change| {
        Proposal::of([change])
            .on(dag_plan::Entity::Incarnation(id(1)), plan.revision_of(&dag_plan::Entity::Incarnation(id(1))))
    };
    let (switch, skip) = (
        on(Change::Switch { incarnation: id(1), mark, to: Some(to.clone()) }),
        on(Change::Skip { incarnation: id(1), record: record.clone() }),
    );
    dag_plan::apply(&mut plan, &switch).unwrap();
    assert!(matches!(refused(&mut plan, &skip), Refusal::Stale { .. }), "it was decided of the version before");
    done(&mut plan, [Change::Skip { incarnation: id(1), record: record.clone() }]);
    let mut expected = before;
    expected.ran.push(to);
    expected.skipped.push(record);
    assert_eq!(plan.incarnation(id(1)).unwrap().record, expected);
}
