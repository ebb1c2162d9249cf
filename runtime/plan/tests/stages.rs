//! With which version of its component a copy goes on, up to which mark, by value.

#[path = "apply/kit.rs"]
#[expect(dead_code, reason = "the tests of changes need more of it")]
mod kit;

use dag_model::Digest;
use dag_plan::{By, Change, Course, Plan, Ran, Revision, Stage, Taken, Turn};

use kit::{done, id, nested, turn};

/// A version that took over at that mark, or where its predecessor failed, behind so many records.
fn ran(version: u8, mark: Option<u64>, output: u64, by: By) -> Ran {
    Ran { mark: mark.map(Revision), output, by, ..Ran::first(Digest([version; 32])) }
}

/// A course that ran these, with a turn to the version 9 at the mark 90.
fn course(later: &[Ran]) -> Course {
    let mut course = Course::clone(nested().incarnation(id(1)).expect("it is there"));
    course.record.ran.extend_from_slice(later);
    course.turns.push(Turn { mark: Revision(90), to: Digest([9; 32]), replay: true });
    course
}

/// The version with which a copy goes on whose snapshot was taken of that version, at or after that mark and behind so many records; whether from
/// the snapshot, and where that version stops.
fn goes_on(course: &Course, version: u8, mark: u64, output: u64) -> (usize, bool, Option<u64>) {
    shown(course, course.stage(Some(&Taken { digest: Digest([version; 32]), mark: Revision(mark), output })))
}

fn shown(course: &Course, Stage { version, resumes }: Stage) -> (usize, bool, Option<u64>) {
    (version, resumes, course.stop_of(version).map(|mark| mark.0))
}

#[test]
fn a_copy_that_begins_before_a_mark_runs_the_earlier_version_up_to_it_and_then_the_next_one() {
    let course = course(&[ran(2, Some(50), 800, By::State), ran(1, Some(60), 900, By::State)]);
    assert_eq!(goes_on(&course, 1, 0, 500), (0, true, Some(50)));
    // As many records lie before the mark as before the snapshot, and it may have been taken before it all the same.
    assert_eq!(goes_on(&course, 1, 0, 800), (0, true, Some(50)));
    assert_eq!(goes_on(&course, 1, 50, 800), (1, true, Some(60)), "it stands at the mark: the next one takes over");
    assert_eq!(goes_on(&course, 2, 50, 800), (1, true, Some(60)));
    assert_eq!(goes_on(&course, 2, 60, 900), (2, true, Some(90)));
    assert_eq!(goes_on(&course, 1, 60, 950), (2, true, Some(90)));
    assert_eq!(goes_on(&course, 1, 90, 990), (2, true, Some(90)), "what comes of the turn there is not known yet");
}

#[test]
fn a_copy_without_a_snapshot_begins_where_a_version_began_without_the_state_of_another() {
    let all_state = course(&[ran(2, Some(50), 800, By::State), ran(3, Some(60), 900, By::State)]);
    assert_eq!(shown(&all_state, all_state.stage(None)), (0, false, Some(50)));
    let replayed = course(&[ran(2, Some(50), 800, By::Replay), ran(3, Some(60), 900, By::State)]);
    assert_eq!(shown(&replayed, replayed.stage(None)), (1, false, Some(60)));
    assert_eq!(shown(&replayed, Stage::anew(&replayed.record)), (2, false, Some(90)));
    // It stands at the mark where the state was not taken.
    assert_eq!(goes_on(&replayed, 1, 50, 800), (1, false, Some(60)));
    // Nobody knows of what version that is.
    assert_eq!(goes_on(&replayed, 7, 50, 850), (1, false, Some(60)));
}

#[test]
fn where_a_version_took_over_from_one_that_had_failed_nobody_gets_with_the_one_that_fails() {
    let course =
        course(&[ran(2, Some(50), 800, By::State), ran(3, None, 850, By::State), ran(4, Some(60), 900, By::State)]);
    assert_eq!(goes_on(&course, 1, 0, 500), (0, true, Some(50)));
    assert_eq!(goes_on(&course, 2, 50, 820), (2, false, Some(60)), "it fails again");
    assert_eq!(goes_on(&course, 2, 50, 850), (2, true, Some(60)), "the place where it failed");
    assert_eq!(goes_on(&course, 3, 50, 870), (2, true, Some(60)));
    assert_eq!(course.record.mark_of(2), Revision(50));
}

#[test]
fn what_was_recorded_before_marks_were_goes_on_with_the_last_version_as_it_did() {
    let course = course(&[ran(2, None, 800, By::State), ran(1, None, 900, By::State)]);
    assert_eq!(goes_on(&course, 1, 0, 950), (2, true, Some(90)));
    assert_eq!(goes_on(&course, 2, 0, 900), (2, true, Some(90)), "the snapshot at the place where it took over");
    assert_eq!(shown(&course, course.stage(None)), (2, false, Some(90)));
}

#[test]
fn marks_are_handed_on_to_those_who_read_a_copy_until_its_output_has_them() {
    let mut plan: Plan = nested();
    done(&mut plan, [turn(2, 50, &[2])]);
    done(&mut plan, [turn(3, 60, &[1, 2])]);
    let marks = |version, known| -> Vec<(u64, bool)> {
        plan.marks(id(1), version, Revision(known)).into_iter().map(|(mark, stops)| (mark.0, stops)).collect()
    };
    assert_eq!(marks(0, 0), [(50, false), (60, true)]);
    assert_eq!(marks(0, 50), [(60, true)]);
    assert_eq!(marks(0, 60), [(60, true)], "it stops there also where its output has the mark from before a crash");
    let mut plan = plan.clone();
    let to = Some(Ran { mark: Some(Revision(60)), ..Ran::first(Digest([3; 32])) });
    done(&mut plan, [Change::Switch { incarnation: id(1), mark: Revision(60), to }]);
    let marks: Vec<_> = plan.marks(id(1), 1, Revision(0)).into_iter().map(|(mark, stops)| (mark.0, stops)).collect();
    assert_eq!(marks, [(50, false), (60, false)]);
    assert_eq!(plan.marks(id(2), 0, Revision(0)), [(Revision(50), true)]);
}
