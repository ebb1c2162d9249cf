//! What other nodes say about metadata.

use bytes::Bytes;
use dag_fuzz::fuzz;
use dag_fuzz::mutation::{mutated, mutations};
use dag_model::NodeId;
use dag_plan::{Change, Proposal, Revision};
use dag_raft::Group;
use dag_raft::limits::{MAX_GROUPED, MAX_PROPOSAL, MAX_SEATS};
use dag_raft::message::{self, Part, Request, SnapshotHead};
use proptest::prelude::*;

/// Numbers as they lie in messages.
fn numbers(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn group() -> Group {
    let up = |boot| Proposal::of([Change::Up { node: NodeId(1), boot }]);
    Group::encode([&up(1), &up(2)]).unwrap()
}

/// A message that appends each kind of entry, and others.
fn requests() -> Vec<Vec<u8>> {
    let proposal = Proposal::of([Change::Up { node: NodeId(1), boot: 1 }]).encode().unwrap();
    let Part::Changes(..) = changes() else { unreachable!() };
    let group = changes().encode();
    // Behind the head of a part with changes lies the group with its length.
    let group = &group[1 + 8 + 2 + 8 + 8..];
    let vote = [&numbers(&[3, 1])[..], &[1]].concat();
    let entry = |index, rest: &[u8]| [&numbers(&[3, 1, index])[..], rest].concat();
    let members = [&[2, 1, 2][..], &numbers(&[1, 2]), &[2], &numbers(&[1, 7, 0, 2, 8, 0])].concat();
    let entries = [entry(5, &[0]), entry(6, &[&[1][..], group].concat()), entry(7, &members)].concat();
    let append = [&[1, 1][..], &vote, &[1], &numbers(&[3, 1, 4]), &[0], &[3, 0], &entries].concat();
    let elect = [&[1, 2][..], &vote, &[1], &numbers(&[2, 1, 4])].concat();
    vec![append, elect, [&[1, 3, 1][..], &proposal].concat(), vec![1, 4, 0]]
}

fn changes() -> Part {
    Part::Changes(9, vec![message::Change { index: 8, revision: Revision(3), group: group() }])
}

fn parts() -> Vec<Part> {
    let pulse = Part::Pulse { next: 9, agrees: true, voters: vec![NodeId(1), NodeId(2)] };
    vec![Part::Rows(Bytes::from_static(b"rows")), Part::Whole(7), changes(), pulse]
}

#[test]
fn no_request_is_taken_that_does_not_mean_one_thing() {
    let seeds = requests();
    for seed in &seeds {
        assert_eq!(Request::decode(seed).unwrap().encode(), seed[..]);
    }
    fuzz((0..seeds.len(), mutations()), |(seed, mutations)| {
        let Ok(request) = Request::decode(&mutated(&seeds[seed], &mutations)) else { return };
        if let Request::Propose { proposal, .. } = &request {
            assert!(proposal.len() <= MAX_PROPOSAL);
        }
        let bytes = request.encode();
        assert_eq!(Request::decode(&bytes).unwrap().encode(), bytes);
    });
}

#[test]
fn no_part_of_a_plan_that_is_followed_is_larger_than_it_may_be() {
    let seeds: Vec<Bytes> = parts().iter().map(Part::encode).collect();
    fuzz((0..seeds.len(), mutations()), |(seed, mutations)| {
        let Ok(part) = Part::decode(&mutated(&seeds[seed], &mutations)) else { return };
        match &part {
            Part::Changes(_, changes) => assert!(changes.len() <= MAX_GROUPED),
            Part::Pulse { voters, .. } => assert!(voters.len() <= MAX_SEATS),
            Part::Rows(_) | Part::Whole(_) => {}
        }
        assert_eq!(Part::decode(&part.encode()), Ok(part));
    });
}

#[test]
fn no_bytes_are_an_answer_or_a_head_by_chance() {
    let snapshot = [&[1, 1][..], &numbers(&[3, 1]), &[1, 1], &numbers(&[3, 1, 9]), &[0, 0, 0]].concat();
    let head = SnapshotHead::decode(&snapshot).unwrap();
    assert_eq!(head.encode(), snapshot[..]);
    fuzz((mutations(), any::<Vec<u8>>()), |(mutations, bytes)| {
        if let Ok(head) = SnapshotHead::decode(&mutated(&snapshot, &mutations)) {
            assert_eq!(SnapshotHead::decode(&head.encode()), Ok(head));
        }
        for bytes in [&bytes[..], &[&[1, 1][..], &bytes].concat()] {
            drop((message::appended(bytes), message::elected(bytes), message::went(bytes)));
            drop((message::agreed(bytes), message::follow(bytes), Group::of_bytes(bytes)));
            drop((Request::decode(bytes), Part::decode(bytes), SnapshotHead::decode(bytes)));
        }
    });
}
