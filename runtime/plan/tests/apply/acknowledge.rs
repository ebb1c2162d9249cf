use dag_plan::{Change, Entity, Proposal, Refusal};

use crate::kit::{at, done, place, plan, refused};
use crate::read::{NOW, read, reads};

fn acknowledge(reader: u64, sequence: u64) -> Change {
    Change::Acknowledge { cursor: "c".into(), reader, after: at(1, sequence), at: NOW }
}

#[test]
fn the_newest_reader_moves_it_and_nobody_else() {
    let mut plan = plan();
    let first = reads(&mut plan, read(None, None, place(1, 10)));
    let revision = plan.revision_of(&Entity::Cursor("c".into()));
    done(&mut plan, [acknowledge(first, 14)]);
    assert_eq!(plan.cursor("c").unwrap().place, place(1, 15));
    assert_eq!(plan.revision_of(&Entity::Cursor("c".into())), revision, "nothing is decided on that");
    assert!(done(&mut plan, [acknowledge(first, 12)]).touched.is_empty(), "it was overtaken");
    let second = reads(&mut plan, read(None, None, place(1, 15)));
    assert!(matches!(refused(&mut plan, &Proposal::of([acknowledge(first, 20)])), Refusal::TakenOver { .. }));
    done(&mut plan, [acknowledge(second, 20)]);
}

#[test]
fn what_cannot_have_been_read_is_refused() {
    let mut plan = plan();
    let reader = reads(&mut plan, read(None, None, place(1, 10)));
    let elsewhere = Change::Acknowledge { cursor: "c".into(), reader, after: at(0, 30), at: NOW };
    let refusal = refused(&mut plan, &Proposal::of([elsewhere]));
    assert_eq!(refusal, Refusal::NotRead { cursor: "c".into(), position: at(0, 30) });
}

#[test]
fn who_resets_or_deletes_sends_readers_away_also_their_late_acknowledgements() {
    let mut plan = plan();
    let reader = reads(&mut plan, read(None, None, place(1, 10)));
    done(&mut plan, [Change::Reset { cursor: "c".into(), place: place(1, 0), at: NOW }]);
    assert!(matches!(refused(&mut plan, &Proposal::of([acknowledge(reader, 20)])), Refusal::TakenOver { .. }));
    assert_eq!(plan.cursor("c").unwrap().place, place(1, 0));
    done(&mut plan, [Change::Delete { cursor: "c".into() }]);
    let gone = refused(&mut plan, &Proposal::of([acknowledge(reader, 20)]));
    assert_eq!(gone, Refusal::Missing(Entity::Cursor("c".into())));
}
