use dag_model::StreamId;
use dag_plan::{Change, Ending, Entity, Given, Life, Proposal, Refusal, Revision};

use crate::kit::{X, begin, create, done, hold_new, id, life, nested, place, plan, refused};

const STREAM: StreamId = StreamId(1);

fn read(cursor: &str, stream: &str, source: Option<StreamId>) -> Change {
    let (cursor, stream, at) = (cursor.to_owned(), stream.to_owned(), dag_model::Timestamp(0));
    Change::Read { cursor, stream, source, reader: None, after: None, place: place(1, 0), at }
}

#[test]
fn a_name_is_of_one_stream_and_numbers_are_given_once() {
    let mut plan = plan();
    assert_eq!(refused(&mut plan, &Proposal::of([create("x")])), Refusal::Exists(Entity::Name("x".into())));
    done(&mut plan, [Change::Remove { stream: STREAM }]);
    assert_eq!(plan.revision_of(&Entity::Name("x".into())), Revision(0));
    assert_eq!(done(&mut plan, [create("x")]).given, [Given::Stream(StreamId(2))]);
}

#[test]
fn a_stream_is_read_once_its_log_is_made() {
    let mut plan = plan();
    done(&mut plan, [create("y")]);
    let y = dag_plan::LogId::Source(StreamId(2));
    let refusal = refused(&mut plan, &Proposal::of([begin("a(y)", &[y])]));
    assert_eq!(refusal, Refusal::Missing(Entity::Stream(StreamId(2))));
    done(&mut plan, [Change::Made { stream: StreamId(2) }, begin("a(y)", &[y])]);
}

#[test]
fn a_stream_that_is_read_is_not_removed() {
    let mut plan = nested();
    let refusal = refused(&mut plan, &Proposal::of([Change::Remove { stream: STREAM }]));
    assert_eq!(refusal, Refusal::Used { what: Entity::Stream(STREAM), by: id(1) });
}

#[test]
fn what_has_read_a_stream_goes_with_it_for_its_name_may_be_another_streams() {
    let mut plan = nested();
    done(&mut plan, [create("y")]);
    done(&mut plan, [read("c", "x", Some(STREAM)), read("d", "y", Some(StreamId(2))), read("e", "a(x)", None)]);
    done(&mut plan, [Change::End { incarnation: id(2), how: Ending::Finished }]);
    let applied = done(&mut plan, [Change::Remove { stream: STREAM }]);
    assert_eq!(plan.incarnations().count(), 0);
    assert_eq!(plan.cursors().map(|(name, _)| name).collect::<Vec<_>>(), ["d", "e"]);
    let touched = [Entity::Stream(STREAM), Entity::Name("x".into()), Entity::Cursor("c".into())];
    assert!(touched.iter().all(|entity| applied.touched.contains(entity)));
}

#[test]
fn an_epoch_in_which_something_is_lost_ends_all_that_has_read_the_stream() {
    let mut plan = nested();
    done(&mut plan, [begin("c(x)", &[X]), hold_new(0, 2)]);
    done(&mut plan, [Change::End { incarnation: id(3), how: Ending::Finished }]);
    assert_eq!(done(&mut plan, [Change::BeginEpoch { stream: STREAM, lost: None }]).given, [Given::Epoch(1)]);
    assert!(plan.live().count() == 2, "nothing was lost");
    let lost = Change::BeginEpoch { stream: STREAM, lost: Some("1:900 to 1:999 of `x`".into()) };
    assert_eq!(done(&mut plan, [lost]).given, [Given::Epoch(2)]);
    let expected = Life::Lost("1:900 to 1:999 of `x`".into());
    assert!([1, 2, 3].into_iter().all(|number| life(&plan, number) == expected), "also what had come to its end");
    assert_eq!(refused(&mut plan, &Proposal::of([Change::Resume(id(1))])), Refusal::State(id(1)));
}

#[test]
fn settings_and_policies_are_replaced() {
    let mut plan = plan();
    let revision = plan.revision_of(&Entity::Stream(STREAM));
    let alter =
        || Proposal::of([Change::Alter { stream: STREAM, settings: "1".into() }]).on(Entity::Stream(STREAM), revision);
    dag_plan::apply(&mut plan, &alter()).unwrap();
    assert_eq!(plan.stream(STREAM).unwrap().settings, "1");
    assert!(matches!(refused(&mut plan, &alter()), Refusal::Stale { .. }));
    done(&mut plan, [Change::Policy { stream: "a(x)".into(), skip: true }]);
    assert!(plan.policy("a(x)").unwrap().skip && plan.policy("b(x)").is_none());
}
