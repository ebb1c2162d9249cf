use dag_model::{Position, StreamId, Timestamp};
use dag_plan::{Change, Entity, Given, Place, Plan, Proposal, Refusal, Revision};

use crate::kit::{at, done, place, plan, refused};

pub const NOW: Timestamp = Timestamp(5_000_000_000);

pub fn read(reader: Option<u64>, after: Option<Position>, place: Place) -> Change {
    let (cursor, stream) = ("c".to_owned(), "x".to_owned());
    Change::Read { cursor, stream, source: Some(StreamId(1)), reader, after, place, at: NOW }
}

#[track_caller]
pub fn reads(plan: &mut Plan, change: Change) -> u64 {
    match done(plan, [change]).given[..] {
        [Given::Reader(reader)] => reader,
        ref given => panic!("{given:?}"),
    }
}

#[test]
fn readers_get_numbers_and_the_newest_has_the_cursor() {
    let mut plan = plan();
    let first = reads(&mut plan, read(None, None, place(1, 10)));
    assert_eq!(first, 5_000, "it tells when it came");
    let second = reads(&mut plan, read(None, None, place(1, 10)));
    assert_eq!(second, 5_001);
    let refusal = refused(&mut plan, &Proposal::of([read(Some(first), None, place(1, 10))]));
    assert!(matches!(refusal, Refusal::TakenOver { .. }), "{refusal:?}");
    assert_eq!(reads(&mut plan, read(Some(second), Some(at(1, 29)), place(1, 30))), second, "it comes back as itself");
}

#[test]
fn of_two_that_make_it_at_once_the_second_is_stale() {
    let mut plan = plan();
    let absent = || Proposal::of([read(None, None, place(1, 10))]).on(Entity::Cursor("c".into()), Revision(0));
    dag_plan::apply(&mut plan, &absent()).unwrap();
    assert!(matches!(refused(&mut plan, &absent()), Refusal::Stale { .. }));
}

#[test]
fn what_is_acknowledged_while_a_reader_comes_back_stays_so() {
    let mut plan = plan();
    let reader = reads(&mut plan, read(None, None, place(1, 10)));
    done(&mut plan, [Change::Acknowledge { cursor: "c".into(), reader, after: at(1, 19), at: NOW }]);
    reads(&mut plan, read(Some(reader), None, place(1, 10)));
    assert_eq!(plan.cursor("c").unwrap().place, place(1, 20));
}

#[test]
fn a_cursor_belongs_to_one_stream() {
    let mut plan = plan();
    reads(&mut plan, read(None, None, place(1, 10)));
    let (cursor, stream) = ("c".to_owned(), "y".to_owned());
    let other = Change::Read { cursor, stream, source: None, reader: None, after: None, place: place(3, 0), at: NOW };
    assert_eq!(refused(&mut plan, &Proposal::of([other])), Refusal::Belongs { cursor: "c".into(), stream: "x".into() });
    let nowhere = Place { legs: Vec::new(), ..place(1, 0) };
    assert_eq!(refused(&mut plan, &Proposal::of([read(None, None, nowhere)])), Refusal::Nowhere("c".into()));
}

#[test]
fn there_are_so_many_cursors_and_no_more() {
    let mut plan = plan();
    let make = |name: String| {
        let Change::Read { stream, source, reader, after, place, at, .. } = read(None, None, place(1, 0)) else {
            unreachable!("it is one")
        };
        Change::Read { cursor: name, stream, source, reader, after, place, at }
    };
    let names = (1..dag_plan::apply::MAX_CURSORS).map(|number| format!("c{number}"));
    for some in names.collect::<Vec<_>>().chunks(1000) {
        done(&mut plan, some.iter().cloned().map(make));
    }
    done(&mut plan, [make("last".into())]);
    let more = refused(&mut plan, &Proposal::of([make("more".into())]));
    assert_eq!(more, Refusal::Full { what: "cursors", most: dag_plan::apply::MAX_CURSORS });
    done(&mut plan, [make("c2".into())]);
}
